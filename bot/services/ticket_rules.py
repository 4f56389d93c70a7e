"""What may be set on a ticket, by whom, and how it is said that it may not."""

from __future__ import annotations

import re

from bot.errors import MoveRefused, NotFound
from bot.records.tickets import CUSTOMER_MOVES, TICKET_MOVES, Ticket, TicketStatus

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
CUSTOMER = "customer"
"""Stands as the author of a note that the customer gave themselves."""

DONE = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
FIXED = {
    "ticket_id": "it is the ticket's number",
    "customer_id": "merge customers instead",
    "status": "move, resolve or reopen the ticket",
    "notes": "add a note",
    "attachments": "attach or detach a file",
    "resolution": "resolve the ticket",
    "resolution_time": "resolve the ticket",
    "customer_feedback": "use feedback",
    "escalated": "escalate the ticket",
    "escalated_to": "escalate the ticket",
    "escalated_at": "escalate the ticket",
    "escalation_reason": "escalate the ticket",
    "escalations": "escalate the ticket",
    "assigned_agent": "assign the ticket",
    "parent_ticket": "set the parent",
    "related_tickets": "relate the tickets",
    "closed_at": "move the ticket to closed",
    "last_activity_at": "it moves by itself",
    "first_response_time": "it is counted",
    "sla": "it follows from the level and the priority",
}


def is_team(by: str) -> bool:
    """Whether somebody of ours does it; an agent does what the customer asks for."""
    return not by.startswith(("person:", "agent:"))


def moves_of(ticket: Ticket, by: str) -> list[TicketStatus]:
    """What it can become at these hands, in the order of the statuses; `resolved` by resolving it."""
    allowed = TICKET_MOVES[ticket.status]
    return [status for status in TicketStatus if status in allowed and (is_team(by) or status in CUSTOMER_MOVES)]


def check_move(ticket: Ticket, to: TicketStatus, by: str) -> None:
    """Raises MoveRefused."""
    if to not in TICKET_MOVES[ticket.status]:
        can = ", ".join(sorted(TICKET_MOVES[ticket.status]))
        raise MoveRefused(f"ticket {ticket.ticket_id} cannot go from {ticket.status} to {to}; from there it can go to {can}")
    if to not in moves_of(ticket, by):
        raise MoveRefused(f"ticket {ticket.ticket_id} becomes {to} at the team's hands only")


def clean(text: str) -> str:
    """A person's text without control characters; line breaks (all as newlines) and tabs stay."""
    return _CONTROL.sub("", re.sub("\r\n?", "\n", text))


def no_ticket(named: str) -> NotFound:
    return NotFound(f"there is no ticket {named}; a number looks like TICKET-2026-000001")
