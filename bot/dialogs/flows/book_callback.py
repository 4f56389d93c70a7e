"""Books a call: when, read back before it is booked, and about what if they like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.dialogs.callbacks import time_of
from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.form import Form
from bot.dialogs.slot import Here, When, Words
from bot.message import Button, Reply
from bot.resources import moment, say


class BookCallback(Form):
    """What it says goes to `book_callback`, whose own question it asks."""

    name = "book_callback"
    slots = (When("when", "ask_when"), Words("topic", "ask_topic", is_optional=True, most=500, finder="about"))
    ended_by = frozenset({"cancel_callback"})

    async def refusal(self, turn: FlowTurn) -> Reply | None:
        """Nobody can be called whose number we do not have."""
        context = turn.context
        person = await context.services.people.get(context.customer_id)
        if person.phone_number is not None:
            return None
        options = (Button(f"choice:{name}", say(context.language, name)) for name in ("option_ticket", "option_person"))
        return Reply(say(context.language, "no_number_to_call"), tuple(options))

    async def read_back(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> str:
        return say(here.language, "confirm_book_callback", when=moment(here.language, time_of(values, here), here.zone))

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        arguments = {"requested_time": time_of(values, here).isoformat(), "timezone": here.zone.key}
        if values.get("topic"):
            arguments["notes"] = str(values["topic"])
        return Move(call=("book_callback", arguments))


FLOW = BookCallback()
