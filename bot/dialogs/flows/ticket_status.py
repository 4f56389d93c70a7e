"""Tells how the person's own tickets stand: one by its number, or the newest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.form import Form, is_sure, unsure
from bot.dialogs.slot import TICKET_NUMBER, Here, Matched
from bot.errors import NotFound
from bot.message import Button, Reply
from bot.records.tickets import Ticket
from bot.resources import say
from bot.tools.base import clip

_MOST = 5
_SHOWN = 100


class TicketStatus(Form):
    """Nothing is asked: who gives no number gets the newest."""

    name = "ticket_status"
    slots = (Matched("number", pattern=TICKET_NUMBER),)

    async def refusal(self, turn: FlowTurn) -> Reply | None:
        return None if is_sure(turn) else unsure(turn)

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        number, tickets = values.get("number"), turn.context.services.tickets
        customer = turn.context.customer_id
        try:
            found = [await tickets.own(customer, number)] if number else await tickets.of_customer(customer, _MOST)
        except NotFound:
            return Move((Reply(say(here.language, "no_such_ticket", number=number)),))
        if not found:
            open_one = Button("choice:ticket", say(here.language, "option_ticket"))
            return Move((Reply(say(here.language, "no_tickets"), (open_one,)),))
        return Move((Reply("\n".join(_line(ticket, here.language) for ticket in found)),))


def _line(ticket: Ticket, language: str) -> str:
    status = say(language, f"status_{ticket.status}")
    return say(language, "ticket_line", ticket_id=ticket.ticket_id, subject=clip(ticket.subject, _SHOWN), status=status)


FLOW = TicketStatus()
