"""Tools of users on anybody's ticket: a note for the team, another status."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.errors import ToolError
from bot.records.tickets import TicketStatus
from bot.resources import say
from bot.tools.base import Result, ToolContext, clip, tool

Number = Annotated[str, Field(description="The ticket's number, like TICKET-2026-000001.", min_length=1, max_length=40)]


@tool(write=True, permission="manage:tickets")
async def note_on_ticket(
    context: ToolContext,
    number: Number,
    text: Annotated[str, Field(description="The note.", min_length=1, max_length=4000)],
) -> Result:
    """Puts a note on a ticket that only the team sees; the customer is never told of it."""
    card = await context.services.directory.ticket(number)
    ticket = card.ticket.ticket_id
    await context.services.tickets.add_note(ticket, text, agent=context.user.user_id, by=context.by, unit=context.unit)
    return Result(f"noted on {ticket}")


async def _ask_move(context: ToolContext, number: str, status: str, reason: str = "") -> str:
    """What the assistant reads in a customer's words must not move anything without its user knowing."""
    ticket = (await context.services.directory.ticket(number)).ticket
    to, subject = say(context.language, f"status_{status}"), clip(ticket.subject, 80)
    return say(context.language, "confirm_move_ticket", ticket_id=ticket.ticket_id, subject=subject, status=to)


@tool(write=True, permission="manage:tickets", confirm=_ask_move)
async def move_ticket(
    context: ToolContext,
    number: Number,
    status: Annotated[
        Literal["open", "in_progress", "waiting_customer", "waiting_internal", "resolved", "closed"],
        Field(description="What it is to be."),
    ],
    reason: Annotated[str, Field(description="Why; for resolved: what resolved it.", max_length=2000)] = "",
) -> Result:
    """Gives a ticket another status; from resolved or closed back to open reopens it. The system asks your user for their yes."""
    ticket = (await context.services.directory.ticket(number)).ticket
    to = TicketStatus(status)
    if ticket.status is to:
        return Result(f"{ticket.ticket_id} is {to} already")
    tickets, named = context.services.tickets, ticket.ticket_id
    if to is not TicketStatus.RESOLVED:
        await tickets.move(named, to, by=context.by, reason=reason, unit=context.unit)
    elif reason.strip():
        await tickets.resolve(named, reason, by=context.by, unit=context.unit)
    else:
        raise ToolError(f"move_ticket.reason: say what resolved {named}; ask your user")
    return Result(f"{named} is {to} now")
