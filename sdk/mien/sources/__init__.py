"""Source: one file per origin of frames."""
