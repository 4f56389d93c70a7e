"""The ways in and out. Each channel is one module or folder here, and knows no other."""
