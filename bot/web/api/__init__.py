"""The subjects of the JSON API: a module each, found when the server starts."""
