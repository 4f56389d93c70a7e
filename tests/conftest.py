"""What all tests share."""

pytest_plugins = ["bot.testing.plugin", "bot.testing.secantus"]
