"""What supervisors look at: who waits, who holds how much, how fast we are, why people are needed."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from bot.records.handoffs import Cause
from bot.records.users import Presence
from bot.services import reports
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.faults import Invalid
from bot.web.fields import At, Moment
from bot.web.paging import Page
from bot.web.site import Site

VIEW = "view:analytics"
_LONGEST = timedelta(days=366)


class QueueNow(Model):
    skill: str
    count: int
    oldest_since: At | None


class LoadNow(Model):
    """One operator now."""

    user_id: str
    name: str
    status: Presence
    open: int
    resolved: int
    average_response_minutes: float


class Now(Model):
    queues: list[QueueNow]
    loads: list[LoadNow]


class Figures(Model):
    """What happened between two moments; of nothing there is no average: null."""

    begins: At
    ends: At
    conversations: int
    passed_to_people: int
    containment: float | None
    """The share that the AI served alone, from 0 to 1."""
    first_response_minutes: float | None
    resolution_minutes: float | None
    rating: float | None
    ratings: int
    cost_micros: int
    """Millionths of a US dollar."""


class Days(Model):
    days: Annotated[int, Field(ge=1, le=31)] = 7


class Span(Model):
    begins: Moment
    ends: Moment


class CauseCount(Model):
    cause: Cause
    count: int


class HourCount(Model):
    hour: int
    """Of the day, in UTC."""
    count: int


class Report(Model):
    figures: Figures
    causes: list[CauseCount]
    """Why conversations came to people, the commonest first."""
    hours: list[HourCount]
    """When they did."""


class Reports:
    def __init__(self, site: Site) -> None:
        self._reports = site.parts.desk.reports

    @endpoint("GET", "/reports/now", VIEW)
    async def now(self, call: Call) -> Now:
        """Who waits, and who holds how much."""
        return Now(
            queues=[QueueNow(**dataclasses.asdict(one)) for one in await self._reports.queues()],
            loads=[LoadNow(**dataclasses.asdict(one)) for one in await self._reports.loads()],
        )

    @endpoint("GET", "/reports/days", VIEW)
    async def days(self, call: Call, query: Days) -> Page[Figures]:
        """The last so many stretches of 24 hours, the oldest first."""
        return Page(items=[_figures(one) for one in await self._reports.days(query.days)])

    @endpoint("GET", "/reports/period", VIEW)
    async def period(self, call: Call, query: Span) -> Report:
        """A stretch of time: figures, why people were needed, and when."""
        begins, ends = query.begins, query.ends
        if not begins < ends <= begins + _LONGEST:
            raise Invalid(f"query.ends: must lie within {_LONGEST.days} days after begins", field="ends")
        causes = await self._reports.causes(begins, ends)
        hours = await self._reports.hours_of_entry(begins, ends)
        return Report(
            figures=_figures(await self._reports.period(begins, ends)),
            causes=[CauseCount(cause=cause, count=count) for cause, count in causes.items()],
            hours=[HourCount(hour=hour, count=count) for hour, count in sorted(hours.items())],
        )


def _figures(period: reports.Period) -> Figures:
    return Figures(**dataclasses.asdict(period))


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Reports(site))
