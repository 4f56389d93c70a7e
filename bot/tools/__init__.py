"""What the model may call, one file per subject, each a thin skin over services."""
