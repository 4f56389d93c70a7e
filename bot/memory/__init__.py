"""What fits the model: the recent turns."""

from bot.config import spare_threads

spare_threads()  # numpy is used in this package only, and is imported after this
