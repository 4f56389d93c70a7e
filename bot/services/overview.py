"""What happened in a stretch of time, cut into hours or days, for the supervisors' page: every part adds up to the whole.

A conversation counts where it began; a resolution, and its rating, where it was resolved; a handoff where it was.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from bot.clock import Clock
from bot.conversation import AssigneeKind
from bot.records.conversations import Conversation, ConversationKind
from bot.records.handoffs import Cause, Handoff
from bot.store.base import Between, In, Store

KEPT_SECONDS = 10.0
"""For so long what was counted of today is shown again: many open pages cost one count."""
KEPT_LONGER_SECONDS = 60.0
"""The same for several days, which cost more to count and change less."""
_PEOPLE = In([AssigneeKind.QUEUE, AssigneeKind.OPERATOR])
_WITH_PEOPLE = In([ConversationKind.CUSTOMER, ConversationKind.CALL])
_AT_ONCE = 500
_MOST_KEPT = 32


@dataclass
class Figures:
    """What happened between two moments."""

    begins: datetime
    ends: datetime
    conversations: int = 0
    passed: int = 0
    """Of them, those that came to people of ours, then or later."""
    cost_micros: int = 0
    """What they have cost in all, in millionths of a US dollar."""
    resolved: int = 0
    first_responses: list[float] = field(default_factory=list)
    """Minutes until a person of ours first answered."""
    resolutions: list[float] = field(default_factory=list)
    """Minutes from the beginning to the end, of what was resolved then."""
    ratings: Counter[int] = field(default_factory=Counter)
    """Stars -> how many gave them."""

    @property
    def contained(self) -> int:
        """What the AI served alone."""
        return self.conversations - self.passed

    @property
    def containment(self) -> float | None:
        """The share that the AI served alone, from 0 to 1."""
        return self.contained / self.conversations if self.conversations else None

    @property
    def rated(self) -> int:
        return self.ratings.total()

    @property
    def rating(self) -> float | None:
        return sum(stars * count for stars, count in self.ratings.items()) / self.rated if self.rated else None

    @property
    def cost_each(self) -> float | None:
        """Millionths of a US dollar, of one conversation on the average."""
        return self.cost_micros / self.conversations if self.conversations else None


@dataclass(frozen=True, slots=True)
class Overview:
    """A stretch of time in parts, beside the one before it."""

    parts: Sequence[Figures]
    whole: Figures
    before: Figures
    """The same stretch, a day, a week or a month earlier."""
    causes: Mapping[Cause, int]
    """Why conversations came from the AI to people, the commonest first."""
    hours: Sequence[int]
    """How many conversations began in each hour of the day, 0 to 23, by the clock of the zone."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of the values that so large a share of them does not exceed (nearest rank); None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-len(ordered) * round(share * 100) // 100) - 1))] if ordered else None


def hours_of_today(now: datetime, zone: tzinfo) -> list[datetime]:
    """From the midnight before, hour by hour, up to now."""
    begins = _midnight(now, zone, 0)
    edges = [begins + timedelta(hours=number) for number in range(26)]
    return [*(edge for edge in edges if edge < now), now]


def days_until(now: datetime, zone: tzinfo, count: int) -> list[datetime]:
    """So many days, today the last of them, from midnight to midnight on the clock of the zone, up to now."""
    return [*(_midnight(now, zone, number) for number in range(count - 1, -1, -1)), now]


def _midnight(now: datetime, zone: tzinfo, days_ago: int) -> datetime:
    local = now.astimezone(zone) - timedelta(days=days_ago)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(now.tzinfo)


class Overviews:
    """Counts; every question is served by an index, and what can be added up in the store is."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: dict[tuple[int, str], tuple[float, Overview]] = {}
        self._counting = asyncio.Lock()
        """Whoever comes while somebody else's count runs gets that one."""

    async def lately(self, days: int, zone: tzinfo) -> Overview:
        """So many days up to now; of one, by the hour. It may be `KEPT_SECONDS` old, of several days `KEPT_LONGER_SECONDS`."""
        key, age = (days, str(zone)), KEPT_SECONDS if days == 1 else KEPT_LONGER_SECONDS
        async with self._counting:
            kept = self._kept.get(key)
            if kept is not None and self._clock.monotonic() - kept[0] < age:
                return kept[1]
            moment = self._clock.now()
            edges = hours_of_today(moment, zone) if days == 1 else days_until(moment, zone, days)
            found = await self.between(edges, zone, timedelta(days=days))
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = self._clock.monotonic(), found
            return found

    async def between(self, edges: Sequence[datetime], zone: tzinfo, back: timedelta) -> Overview:
        """What happened from the first moment to the last, cut at those between; ascending, two at least.

        `back` says how much earlier what it is compared with lies: the whole stretch at least.
        """
        begins, ends = edges[0], edges[-1]
        before, gap = Figures(begins - back, ends - back), Figures(ends - back, begins)
        parts = [Figures(*pair) for pair in pairwise(edges)]
        place = _placer([before, gap, *parts], [ends - back, begins, *edges[1:]])
        hours = [0] * 24
        await self._count_begun(begins - back, ends, place, lambda at, count: _count_hour(hours, at, count, begins, zone))
        await self._count_passed(begins - back, ends, place)
        await self._count_resolved(begins - back, ends, place)
        for part in (before, *parts):
            await self._count_answers(part)
        return Overview(parts, _added(begins, ends, parts), before, await self._causes(begins, ends), hours)

    async def _count_begun(
        self, begins: datetime, ends: datetime, place: Callable[[datetime], Figures], each: Callable[[datetime, int], None]
    ) -> None:
        where = {"created_at": Between(low=begins, high=ends), "kind": _WITH_PEOPLE}
        for at, count in (await self._store.tally(Conversation, "created_at", where)).items():
            place(at).conversations += int(count)
            each(at, int(count))
        for at, micros in (await self._store.tally(Conversation, "created_at", where, total="cost.micros")).items():
            place(at).cost_micros += int(micros)

    async def _count_passed(self, begins: datetime, ends: datetime, place: Callable[[datetime], Figures]) -> None:
        to_people = {"at": Between(low=begins), "to_kind": _PEOPLE}
        ids = await self._store.distinct(Handoff, "conversation_id", to_people)
        begun = {"created_at": Between(low=begins, high=ends), "kind": _WITH_PEOPLE}
        for first in range(0, len(ids), _AT_ONCE):
            some = {"id": In(ids[first : first + _AT_ONCE]), **begun}
            for at, count in (await self._store.tally(Conversation, "created_at", some)).items():
                place(at).passed += int(count)

    async def _count_answers(self, part: Figures) -> None:
        answered = {"created_at": Between(low=part.begins, high=part.ends), "first_response_time": Between(low=0)}
        found = await self._store.tally(Conversation, "first_response_time", {**answered, "kind": _WITH_PEOPLE})
        part.first_responses = [float(minutes) for minutes, count in found.items() for _ in range(int(count))]

    async def _count_resolved(self, begins: datetime, ends: datetime, place: Callable[[datetime], Figures]) -> None:
        where, after = {"resolved_at": Between(low=begins, high=ends)}, None
        while True:
            page = await self._store.find(Conversation, where, sort=("-resolved_at",), limit=_AT_ONCE, after=after)
            for one in page:
                if one.resolved_at is None or one.created_at is None:
                    continue
                figures = place(one.resolved_at)
                figures.resolved += 1
                figures.resolutions.append((one.resolved_at - one.created_at).total_seconds() / 60)
                if one.customer_satisfaction is not None:
                    figures.ratings[one.customer_satisfaction.rating] += 1
            if len(page) < _AT_ONCE:
                return
            after = page[-1].id

    async def _causes(self, begins: datetime, ends: datetime) -> dict[Cause, int]:
        where = {"at": Between(low=begins, high=ends), "from_kind": AssigneeKind.AGENT, "to_kind": _PEOPLE}
        found = await self._store.tally(Handoff, "cause", where)
        return {Cause(cause): int(count) for cause, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))}


def _placer(parts: Sequence[Figures], ends: Sequence[datetime]) -> Callable[[datetime], Figures]:
    """Finds the part that a moment lies in."""
    return lambda at: parts[min(bisect_right(ends, at), len(parts) - 1)]


def _count_hour(hours: list[int], at: datetime, count: int, begins: datetime, zone: tzinfo) -> None:
    if at >= begins:
        hours[at.astimezone(zone).hour] += count


def _added(begins: datetime, ends: datetime, parts: Sequence[Figures]) -> Figures:
    whole = Figures(begins, ends)
    for part in parts:
        whole.conversations += part.conversations
        whole.passed += part.passed
        whole.cost_micros += part.cost_micros
        whole.resolved += part.resolved
        whole.first_responses += part.first_responses
        whole.resolutions += part.resolutions
        whole.ratings += part.ratings
    return whole
