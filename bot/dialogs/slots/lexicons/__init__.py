"""The words of times and numbers, as data: one module per language, each with the same tables."""
