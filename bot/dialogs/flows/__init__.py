"""One file per flow; each has a FLOW."""
