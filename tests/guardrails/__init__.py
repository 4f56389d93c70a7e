"""Whatever gets into the model's head, it reaches the records of the person who writes, and nobody else's."""
