"""Method: one file per way of quantizing."""
