"""Training: from settings and data to a run with its history."""
