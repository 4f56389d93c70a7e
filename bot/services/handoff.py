"""Handing a conversation to a person: one change of assignee, recorded, with its reason."""

from __future__ import annotations

from bot.conversation import Queue

DEFAULT_SKILL = "support"


class Handoffs:
    """Decides into which queue a conversation goes."""

    def queue_for(self, skill: str = "") -> Queue:
        """The queue of a skill; the general one where none is named."""
        return Queue(skill.strip().lower() or DEFAULT_SKILL)
