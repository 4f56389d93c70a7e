"""One file per command of `bot`."""
