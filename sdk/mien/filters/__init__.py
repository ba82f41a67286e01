"""Filter: one file per filter."""
