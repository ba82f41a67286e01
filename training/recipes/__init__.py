"""One file per default bundle: what `python -m training.train NAME` does."""
