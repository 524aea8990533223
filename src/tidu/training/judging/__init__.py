"""What a model is worth: cost, predictions, labels and metrics over a table."""
