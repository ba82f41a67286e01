"""Measured comparisons: each file prints ratios against a peer or a limit in one run and keeps them as JSON."""
