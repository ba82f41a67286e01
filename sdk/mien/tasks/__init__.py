"""Task: one file per capability."""
