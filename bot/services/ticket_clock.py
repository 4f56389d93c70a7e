"""The clocks of a ticket: how much of what was promised is used, when it is broken, when somebody has to look (S2-175, S2-176).

Plain functions on values: what counts comes in as `Terms`. What was promised when a ticket was opened, or last given another
level or priority, stands: a changed setting is no broken promise.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.records.tickets import SlaClock, Ticket, TicketSla, TicketStatus
from bot.services.hours import BusinessHours
from bot.services.service_levels import Step, Terms
from bot.services.working_time import counted, moment_after

_MILLISECOND = timedelta(milliseconds=1)
DONE = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED})
STILL = DONE | {TicketStatus.WAITING_CUSTOMER}
"""In these the clocks stand still."""


def begun(ticket: Ticket, terms: Terms, now: datetime) -> TicketSla | None:
    """The clocks of a new ticket; None where nothing is promised for one like it."""
    response, resolution = _promised(terms.response_minutes), _promised(terms.resolution_minutes)
    if response is None and resolution is None:
        return None
    fresh = TicketSla(response=response, resolution=resolution, by_business_hours=terms.by_business_hours)
    return _running(fresh, ticket, terms, now)


def followed(before: Ticket, after: Ticket, terms: Terms, now: datetime) -> TicketSla | None:
    """The clocks after a change of the ticket: stopped, going on, with another promise, kept."""
    sla = before.sla
    if sla is None or _clock_facts(before) == _clock_facts(after):
        return sla
    sla = stopped(sla, terms, now)
    if (before.sla_level, before.priority) != (after.sla_level, after.priority):
        response, resolution = (
            _with_target(clock, minutes)
            for clock, minutes in ((sla.response, terms.response_minutes), (sla.resolution, terms.resolution_minutes))
        )
        by_hours = terms.by_business_hours
        sla = sla.model_copy(update={"response": response, "resolution": resolution, "by_business_hours": by_hours})
    has_answer = after.first_response_time is not None
    sla = sla.model_copy(
        update={
            "response": _met(sla.response, now) if has_answer else sla.response,
            "resolution": _met(sla.resolution, now) if after.status in DONE else _unmet(sla.resolution),
        }
    )
    return _running(sla, after, terms, now)


def stopped(sla: TicketSla, terms: Terms, now: datetime) -> TicketSla:
    """What counted until now is added up; whatever is over by then is broken, at the moment at which it was due."""
    if sla.running_since is None:
        return sla
    spent = counted(_hours(sla, terms), sla.running_since, now) // _MILLISECOND
    clocks = {name: _spent(clock, spent) for name, clock in (("response", sla.response), ("resolution", sla.resolution))}
    return sla.model_copy(update={**clocks, "running_since": None})


def looked_at(sla: TicketSla, ticket: Ticket, terms: Terms, now: datetime, *, escalated: int) -> TicketSla:
    """The clocks when their time has come; `escalated` is how often it has been, this one included."""
    later = stopped(sla, terms, now).model_copy(update={"escalation_level": escalated})
    return _running(later, ticket, terms, now)


def due_step(sla: TicketSla, steps: tuple[Step, ...], now: datetime) -> Step | None:
    """Where a late ticket has to go now."""
    at = _step_at(sla, steps)
    return steps[sla.escalation_level] if at is not None and at <= now else None


def broken(sla: TicketSla | None) -> frozenset[str]:
    """The names of the promises that were broken: response, resolution."""
    if sla is None:
        return frozenset()
    clocks = {"response": sla.response, "resolution": sla.resolution}
    return frozenset(name for name, clock in clocks.items() if clock is not None and clock.breached_at is not None)


def _clock_facts(ticket: Ticket) -> tuple[object, ...]:
    return ticket.status, ticket.sla_level, ticket.priority, ticket.first_response_time is None


def _promised(minutes: float) -> SlaClock | None:
    return SlaClock(target_minutes=minutes) if minutes > 0 else None


def _with_target(clock: SlaClock | None, minutes: float) -> SlaClock | None:
    """Another promise; what is kept or broken already stays so, and what was used of the former one is used of this one."""
    if clock is None or clock.met_at is not None or clock.breached_at is not None:
        return clock or _promised(minutes)
    return clock.model_copy(update={"target_minutes": minutes}) if minutes > 0 else None


def _met(clock: SlaClock | None, now: datetime) -> SlaClock | None:
    if clock is None or clock.met_at is not None:
        return clock
    return clock.model_copy(update={"met_at": now, "due_at": None})


def _unmet(clock: SlaClock | None) -> SlaClock | None:
    return clock if clock is None or clock.met_at is None else clock.model_copy(update={"met_at": None})


def _spent(clock: SlaClock | None, more_ms: int) -> SlaClock | None:
    if clock is None or clock.met_at is not None:
        return clock
    spent = clock.spent_ms + more_ms
    is_late = clock.breached_at is None and clock.due_at is not None and spent >= _target_ms(clock)
    late_since = clock.due_at if is_late else clock.breached_at
    return clock.model_copy(update={"spent_ms": spent, "due_at": None, "breached_at": late_since})


def _target_ms(clock: SlaClock) -> int:
    return round(clock.target_minutes * 60_000)


def _running(sla: TicketSla, ticket: Ticket, terms: Terms, now: datetime) -> TicketSla:
    if ticket.status in STILL:
        return sla.model_copy(update={"running_since": None, "next_at": None})
    hours = _hours(sla, terms)
    response, resolution = (_due(clock, hours, now) for clock in (sla.response, sla.resolution))
    going = sla.model_copy(update={"response": response, "resolution": resolution, "running_since": now})
    moments = [clock.due_at for clock in (response, resolution) if clock is not None] + [_step_at(going, terms.steps)]
    return going.model_copy(update={"next_at": min((moment for moment in moments if moment is not None), default=None)})


def _due(clock: SlaClock | None, hours: BusinessHours | None, now: datetime) -> SlaClock | None:
    if clock is None or clock.met_at is not None or clock.breached_at is not None:
        return clock
    left = timedelta(milliseconds=_target_ms(clock) - clock.spent_ms)
    return clock.model_copy(update={"due_at": moment_after(hours, now, left)})


def _step_at(sla: TicketSla, steps: tuple[Step, ...]) -> datetime | None:
    """Only what is still to be done is urged: a late answer that was given is not."""
    owed = [clock.breached_at for clock in (sla.response, sla.resolution) if clock is not None and clock.met_at is None]
    late_since = min((moment for moment in owed if moment is not None), default=None)
    if late_since is None or sla.escalation_level >= len(steps):
        return None
    return late_since + timedelta(minutes=steps[sla.escalation_level].after_minutes)


def _hours(sla: TicketSla, terms: Terms) -> BusinessHours | None:
    return terms.hours if sla.by_business_hours else None
