"""What fits the model: the recent turns."""
