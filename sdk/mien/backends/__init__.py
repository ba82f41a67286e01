"""Session: one file per engine."""
