"""Recipe: one file per model."""
