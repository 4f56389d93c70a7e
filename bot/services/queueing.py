"""Somebody waits for a person of ours, and is told the truth: their place, what waits were lately like, when we are back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.conversation import AssigneeKind, ConversationStatus
from bot.errors import RecordError
from bot.records.conversations import QUEUE_RANKS, Conversation, ConversationKind, Priority, Told
from bot.records.handoffs import Handoff
from bot.resources import moment, say
from bot.services.hours import Hours
from bot.services.settings import SystemSettings
from bot.store.base import Between, Change, Store, Unit

_RECENT = 20
"""Waits by which the next one is judged."""
_LATELY = timedelta(hours=12)
_LEAST = 3
"""So many waits have to be known before anything is said of them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands for somebody in a queue."""

    position: int
    """1 is next."""
    wait_minutes: int | None
    """What others waited lately, the median; None where too little is known."""
    opens: datetime | None
    """When people of ours are back; None while they are there, or where it cannot be told."""
    zone: ZoneInfo | None


class Queueing:
    """Tells who waits where. Every question is served by an index."""

    def __init__(self, store: Store, clock: Clock, settings: SystemSettings, hours: Hours) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._hours = hours

    async def standing(self, skill: str, priority: Priority = Priority.MEDIUM, since: datetime | None = None) -> Standing:
        """Of somebody who has waited in this queue since then; of somebody who is about to enter it where no moment is given."""
        opens, zone = await self._opening()
        ahead = await self._ahead(skill, QUEUE_RANKS[priority], since or self._clock.now())
        return Standing(ahead + 1, await self._wait(skill), opens, zone)

    async def of(self, conversation: Conversation) -> Standing | None:
        """None for one that does not wait."""
        if conversation.status is not ConversationStatus.WAITING:
            return None
        since = conversation.waiting_since or conversation.assigned_at
        return await self.standing(conversation.assignee_name, conversation.priority, since)

    async def enter(
        self,
        unit: Unit,
        conversation: Conversation,
        skill: str,
        language: str,
        sentence: str,
        priority: Priority | None = None,
    ) -> str:
        """What somebody is told who enters a queue with this unit: this sentence, and how it stands.

        Empty where they are to be told nothing at all (S2-096). On a call the place is told once somebody is known to be there.
        """
        standing = await self.standing(skill, priority or conversation.priority, conversation.waiting_since)
        if _is_silent(conversation, standing):
            return ""
        self._note(unit, conversation, standing)
        is_short = conversation.kind is ConversationKind.CALL and standing.opens is None
        return sentence if is_short else f"{sentence}\n{words(language, standing)}"

    async def again(self, unit: Unit, conversation: Conversation, language: str) -> str:
        """What somebody is told who writes while they wait: not each time; empty where they were told a short while ago."""
        standing = await self.of(conversation)
        told_at = conversation.told.at if conversation.told else conversation.assigned_at
        if (
            standing is None
            or _is_silent(conversation, standing)
            or (told_at is not None and self._clock.now() - told_at < await self._pause())
        ):
            return ""
        self._note(unit, conversation, standing)
        return " ".join(filter(None, (say(language, "queue_still"), words(language, standing))))

    async def news(self, unit: Unit, conversation: Conversation, language: str) -> str:
        """What somebody is told who has come much further: half the way, or to the front; empty where they have not."""
        told = conversation.told
        if told is None or told.position < _LEAST or self._clock.now() - told.at < await self._pause():
            return ""
        standing = await self.of(conversation)
        if standing is None or standing.opens is not None or standing.position * 2 > told.position:
            return ""
        self._note(unit, conversation, standing)
        return words(language, standing)

    async def waiting(self, skill: str, limit: int) -> list[Conversation]:
        """Who waits in a queue, in its order."""
        where = {"status": ConversationStatus.WAITING, "assignee_name": skill}
        return await self._store.find(Conversation, where, sort=("queue_rank", "waiting_since"), limit=limit)

    async def skills(self) -> list[str]:
        """The queues in which anybody waits."""
        return await self._store.distinct(Conversation, "assignee_name", {"status": ConversationStatus.WAITING})

    async def lengths(self) -> Mapping[str, int]:
        """How many wait, by queue."""
        found = await self._store.tally(Conversation, "assignee_name", {"status": ConversationStatus.WAITING})
        return {str(skill): int(count) for skill, count in found.items()}

    def _note(self, unit: Unit, conversation: Conversation, standing: Standing) -> None:
        told = Told(position=standing.position, at=self._clock.now())
        unit.add(Change(Conversation, {"id": conversation.id}, set={"told": told}))

    async def _ahead(self, skill: str, rank: int, since: datetime) -> int:
        where: dict[str, Any] = {"status": ConversationStatus.WAITING, "assignee_name": skill}
        above = await self._store.count(Conversation, {**where, "queue_rank": Between(high=rank)}) if rank else 0
        return above + await self._store.count(Conversation, {**where, "queue_rank": rank, "waiting_since": Between(high=since)})

    async def _wait(self, skill: str) -> int | None:
        lately = {"from_kind": AssigneeKind.QUEUE, "from_name": skill, "at": Between(low=self._clock.now() - _LATELY)}
        left = await self._store.find(Handoff, lately, sort=("-at",), limit=_RECENT)
        waits = [one.waited_ms for one in left if one.waited_ms is not None and one.to_kind is AssigneeKind.OPERATOR]
        return max(1, round(median(waits) / 60_000)) if len(waits) >= _LEAST else None

    async def _pause(self) -> timedelta:
        rules = await self._settings.value("waiting_news")
        minutes = rules.get("say_again_after_minutes") if isinstance(rules, Mapping) else None
        return timedelta(minutes=minutes if isinstance(minutes, int | float) and minutes >= 0 else 5)

    async def _opening(self) -> tuple[datetime | None, ZoneInfo | None]:
        try:
            hours = await self._hours.hours()
        except RecordError:
            return None, None
        now = self._clock.now()
        return (None if hours.is_open(now) else hours.next_open(now)), hours.zone


def _is_silent(conversation: Conversation, standing: Standing) -> bool:
    """Whether somebody has switched off what is said by itself while nobody is there (`autoResponses`, S2-096)."""
    return standing.opens is not None and not conversation.auto_responses


def words(language: str, standing: Standing) -> str:
    """How it stands, in our sentences: while nobody is there, when somebody is; else their place, and what waits were like."""
    if standing.opens is not None:
        return say(language, "connecting_away", when=moment(language, standing.opens, standing.zone))
    ahead = standing.position - 1
    place = say(language, "queue_ahead", count=ahead) if ahead else say(language, "queue_next")
    if standing.wait_minutes is None:
        return place
    return f"{place} {say(language, 'queue_wait', count=standing.wait_minutes)}"
