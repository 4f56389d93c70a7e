"""What people answer, read without a model: times, choices, numbers, names, addresses, yes and no. Pure functions of the text."""
