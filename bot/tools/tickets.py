"""Tools on the person's own tickets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.principal import Strength
from bot.records.conversations import Priority
from bot.records.tickets import Ticket, TicketCategory, TicketStatus
from bot.resources import say
from bot.services.ticket_rules import CUSTOMER
from bot.tools.base import Result, ToolContext, clip, tool

Number = Annotated[str, Field(description="The ticket's number, like TICKET-2026-000001.", min_length=1, max_length=40)]
Why = Annotated[str, Field(description="Why, in the person's own words, if they say so.", max_length=500)]

_DONE = (TicketStatus.RESOLVED, TicketStatus.CLOSED)


@tool(write=True)
async def create_ticket(
    context: ToolContext,
    subject: Annotated[str, Field(description="The problem in one short line.", min_length=1, max_length=200)],
    description: Annotated[str, Field(description="What happened, in the person's own words.", min_length=1, max_length=8000)],
    category: Annotated[TicketCategory, Field(description="What kind of problem it is.")] = TicketCategory.GENERAL_INQUIRY,
    priority: Annotated[Priority, Field(description="Only if the person says how urgent it is.")] = Priority.MEDIUM,
) -> Result:
    """Opens a ticket for the person you are talking to, so that the team looks after their problem.

    Tell them the number it gives back.
    """
    ticket = await context.services.tickets.create(
        context.unit,
        customer_id=context.customer_id,
        conversation_id=context.conversation.id,
        subject=subject,
        description=description,
        category=category,
        priority=priority,
        by=context.by,
    )
    return Result(f"opened ticket {ticket.ticket_id}")


@tool(needs=Strength.SIGNED)
async def list_my_tickets(context: ToolContext) -> Result:
    """Lists the tickets of the person you are talking to, the newest first, with their numbers and status."""
    tickets = await context.services.tickets.of_customer(context.customer_id)
    if not tickets:
        return Result("the person has no tickets")
    lines = (
        say(
            context.language,
            "ticket_line",
            ticket_id=ticket.ticket_id,
            subject=ticket.subject,
            status=say(context.language, f"status_{ticket.status}"),
        )
        for ticket in tickets
    )
    return Result("\n".join(lines))


@tool(write=True, needs=Strength.SIGNED)
async def update_ticket(
    context: ToolContext,
    number: Number,
    text: Annotated[str, Field(description="What they add, in their own words.", min_length=1, max_length=4000)],
) -> Result:
    """Adds what the person says to one of their tickets, for the team to see.

    Use it instead of opening a second ticket on the same problem.
    """
    ticket = await _own(context, number)
    await context.services.tickets.add_note(
        ticket.ticket_id, text, agent=CUSTOMER, by=context.by, internal=False, unit=context.unit
    )
    added = f"added to {ticket.ticket_id}"
    return Result(f"{added}, which is {ticket.status}; offer to reopen it" if ticket.status in _DONE else added)


async def _ask_close(context: ToolContext, number: str, reason: str = "") -> str:
    ticket = await _own(context, number)
    return say(context.language, "confirm_close_my_ticket", ticket_id=ticket.ticket_id, subject=clip(ticket.subject, 80))


@tool(write=True, needs=Strength.SIGNED, confirm=_ask_close)
async def close_my_ticket(context: ToolContext, number: Number, reason: Why = "") -> Result:
    """Closes one of the person's tickets, when they say that it is solved or no longer needed.

    The system asks for their yes before it does.
    """
    ticket = await _own(context, number)
    if ticket.status is TicketStatus.CLOSED:
        return Result(f"{ticket.ticket_id} was closed already")
    await context.services.tickets.move(ticket.ticket_id, TicketStatus.CLOSED, by=context.by, reason=reason, unit=context.unit)
    return Result(f"closed {ticket.ticket_id}")


@tool(write=True, needs=Strength.SIGNED)
async def reopen_ticket(context: ToolContext, number: Number, reason: Why = "") -> Result:
    """Opens one of the person's resolved or closed tickets again, when the problem is still there or has come back."""
    ticket = await _own(context, number)
    if ticket.status not in _DONE:
        return Result(f"{ticket.ticket_id} is not closed, it is {ticket.status}; nothing had to be done")
    await context.services.tickets.move(ticket.ticket_id, TicketStatus.OPEN, by=context.by, reason=reason, unit=context.unit)
    return Result(f"reopened {ticket.ticket_id}")


@tool(write=True, needs=Strength.SIGNED)
async def rate_ticket(
    context: ToolContext,
    number: Number,
    rating: Annotated[int, Field(description="From 1 (very bad) to 5 (very good), as they say it; never guess it.", ge=1, le=5)],
    comment: Annotated[str, Field(description="What they say about it, if anything.", max_length=2000)] = "",
) -> Result:
    """Keeps what the person thinks of how one of their tickets was handled."""
    ticket = await _own(context, number)
    await context.services.tickets.feedback(
        ticket.ticket_id, rating, by=context.by, comment=comment.strip() or None, unit=context.unit
    )
    return Result(f"rated {ticket.ticket_id} with {rating} of 5")


async def _own(context: ToolContext, number: str) -> Ticket:
    return await context.services.tickets.own(context.customer_id, number)
