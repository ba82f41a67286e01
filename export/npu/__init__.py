"""The NPU proof: do Intel's compilers for two generations of NPU take a model?"""
