"""What a bundle is worth: one file per part of the evaluation (see training/evaluate.py)."""
