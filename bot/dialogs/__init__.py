"""How answers come about: the agent's loop, the model's port, prompts, and what serves without a model."""
