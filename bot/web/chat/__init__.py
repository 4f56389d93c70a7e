"""The web chat: who visits, how much they may, what they see of their conversation, and the open pages."""
