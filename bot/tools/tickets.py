"""Tools on the person's own tickets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.records.conversations import Priority
from bot.records.tickets import TicketCategory
from bot.resources import say
from bot.tools.base import Result, Strength, ToolContext, tool


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
        customer_id=context.principal.customer_id,
        conversation_id=context.conversation.id,
        subject=subject,
        description=description,
        category=category,
        priority=priority,
        by=f"agent:{context.agent}",
    )
    return Result(f"opened ticket {ticket.ticket_id}")


@tool(needs=Strength.SIGNED)
async def list_my_tickets(context: ToolContext) -> Result:
    """Lists the tickets of the person you are talking to, the newest first, with their numbers and status."""
    tickets = await context.services.tickets.of_customer(context.principal.customer_id)
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
