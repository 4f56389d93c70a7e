"""Looks after promises on tickets: what is late is written down once, goes up step by step, who has to know is told (S2-175).

When a ticket has to be looked at stands in the ticket itself (`sla.next_at`): it moves and ends with it, in the same write, and a
restart forgets nothing. One recurring job looks for those whose time has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.errors import Conflict, RecordError
from bot.jobs import Again
from bot.records.audit import AuditAction
from bot.records.tickets import Ticket, TicketEscalation, TicketSla
from bot.records.users import SUPERVISORS, Presence, Role, User
from bot.services.notifying import Notifying
from bot.services.service_levels import ServiceLevels, Step
from bot.services.ticket_clock import broken, due_step, looked_at, stopped
from bot.services.tickets import Tickets, escalation_of
from bot.store.base import Between, In, Store, Unit

log = structlog.get_logger()

JOB = "ticket-deadlines"
SECONDS = 60.0
"""How often the job looks by itself; it comes back earlier where a promise ends earlier."""
_PAGE = 100
_MOST_TOLD = 20
"""Supervisors who are told of one ticket at most."""
_TEXTS = {"response": "notice_ticket_response", "resolution": "notice_ticket_resolution"}
_SUBJECT = "notice_ticket_subject"
BY = "system"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_MOMENT = timedelta(milliseconds=1)


class Deadlines:
    """The handler of the job. Several processes may run it at once: what one of them writes, the others find changed."""

    def __init__(self, store: Store, clock: Clock, tickets: Tickets, levels: ServiceLevels, notifying: Notifying) -> None:
        self._store = store
        self._clock = clock
        self._tickets = tickets
        self._levels = levels
        self._notifying = notifying

    async def __call__(self, _: Mapping[str, Any]) -> Again:
        """Looks at those whose time has come, the longest overdue first; seconds until the next one's."""
        until = Between(low=_LONG_AGO, high=self._clock.now() + _MOMENT)
        for ticket in await self._store.find(Ticket, {"sla.next_at": until}, sort=("sla.next_at",), limit=_PAGE):
            await self._look(ticket)
        return Again(await self._wait())

    async def _wait(self) -> float:
        coming = await self._store.find(Ticket, {"sla.next_at": Between(low=_LONG_AGO)}, sort=("sla.next_at",), limit=1)
        if not coming or coming[0].sla is None or coming[0].sla.next_at is None:
            return SECONDS
        return max(1.0, (coming[0].sla.next_at - self._clock.now()).total_seconds())

    async def _look(self, ticket: Ticket) -> None:
        if ticket.sla is None:
            return
        try:
            await self._store.commit(await self._written(ticket, ticket.sla))
        except Conflict:
            return  # it was changed meanwhile: its new deadline counts
        except RecordError as error:  # imported so: it holds up no other, and would come first again
            log.warning("ticket cannot be looked after", ticket=ticket.ticket_id, why=str(error))
            await self._store.change(Ticket, {"id": ticket.id, "version": ticket.version}, set={"sla.next_at": None})

    async def _written(self, ticket: Ticket, sla: TicketSla) -> Unit:
        terms, now, unit = await self._levels.terms(ticket), self._clock.now(), Unit()
        late = broken(stopped(sla, terms, now))
        step = due_step(looked_at(sla, ticket, terms, now, escalated=sla.escalation_level), terms.steps, now)
        level = sla.escalation_level + (step is not None)
        values: dict[str, Any] = {"sla": looked_at(sla, ticket, terms, now, escalated=level)}
        reason = _reason(late, late - broken(sla))
        if step is not None:
            to = await self._next_hands(step)
            escalation = TicketEscalation(level=level, to=to.id if to else None, at=now, reason=reason, by=BY)
            values |= escalation_of(ticket, escalation)
        is_news = step is not None or late != broken(sla)
        if is_news:
            await self._tell(unit, ticket, late - broken(sla), values.get("escalated_to"), level)
            action = AuditAction.ESCALATED if step is not None else AuditAction.UPDATED
            self._tickets.put(unit, ticket, values, action, BY, reason)
        else:  # only the moment of the next look has moved: hours were changed, or the clocks
            unit.put(ticket.model_copy(update=values))
        return unit

    async def _tell(self, unit: Unit, ticket: Ticket, new: frozenset[str], escalated_to: str | None, level: int) -> None:
        """Whoever has it and the supervisors of each promise that was broken, whom it goes up to of that; each once."""
        told = await self._concerned(ticket) if new else []
        for name in sorted(new):
            for user_id in told:
                key = f"{ticket.id}:{name}"
                self._notifying.put_notice(unit, user_id, _SUBJECT, _TEXTS[name], key=key, ticket_id=ticket.ticket_id)
        if escalated_to is not None:
            text, key = "notice_ticket_escalated", f"{ticket.id}:level:{level}"
            self._notifying.put_notice(unit, escalated_to, _SUBJECT, text, key=key, ticket_id=ticket.ticket_id)

    async def _concerned(self, ticket: Ticket) -> list[str]:
        supervisors = await self._users(SUPERVISORS) or await self._users({Role.ADMIN})
        ids = [user.id for user in supervisors[:_MOST_TOLD]]
        return list(dict.fromkeys([ticket.assigned_agent, *ids] if ticket.assigned_agent else ids))

    async def _next_hands(self, step: Step) -> User | None:
        """A user by their id; of a role whoever is there, the one with the least to do; an administrator where it has nobody."""
        if step.to not in list(Role):
            user = await self._store.get(User, step.to)
            return user if user is not None and user.is_active else None
        found = await self._users({Role(step.to)}) or await self._users({Role.ADMIN})
        return found[0] if found else None

    async def _users(self, roles: set[Role] | frozenset[Role]) -> list[User]:
        found = await self._store.find(User, {"role": In(sorted(roles)), "is_active": True})
        return sorted(
            found,
            key=lambda user: (user.status is Presence.OFFLINE, user.statistics.current_active_conversations, user.id),
        )


def _reason(late: frozenset[str], new: frozenset[str]) -> str:
    words = {"response": "first response", "resolution": "resolution"}
    return f"{' and '.join(words[name] for name in sorted(new or late))} overdue"
