"""The face network that reads each side of a face from its own half: its data, its training, its long run."""
