"""The simulated phone of the front page: who holds it, its connection, and the way that a message takes behind it."""
