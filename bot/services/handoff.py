"""Handing a conversation to a person: one change of assignee, recorded, with its reason."""

from __future__ import annotations

from collections.abc import Collection

from bot.conversation import Queue

DEFAULT_SKILL = "support"


class Handoffs:
    """Decides into which queue a conversation goes. `skills` are those there are: nobody looks into a queue of another name."""

    def __init__(self, skills: Collection[str] = ()) -> None:
        self._skills = frozenset(skills)

    def queue_for(self, skill: str = "") -> Queue:
        """The queue of a skill; the general one where none is named, or one that there is not."""
        wanted = skill.strip().lower()
        return Queue(wanted if wanted in self._skills else DEFAULT_SKILL)
