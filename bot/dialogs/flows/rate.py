"""Takes a rating from 1 to 5 and a comment, of a ticket that they name or else of this conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.form import Form
from bot.dialogs.slot import TICKET_NUMBER, Here, Matched, Stars, Words
from bot.message import Button


class Rate(Form):
    """What it says goes to `rate_ticket` or `rate_conversation`."""

    name = "rate"
    slots = (
        Matched("number", pattern=TICKET_NUMBER),
        Stars("rating", "ask_rating"),
        Words("comment", "ask_comment", is_optional=True),
    )

    async def options(self, turn: FlowTurn, slot: str) -> tuple[Button, ...]:
        return tuple(Button(str(number), "⭐" * number) for number in (5, 3, 1)) if slot == "rating" else ()

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        arguments = {"rating": int(values["rating"]), "comment": str(values.get("comment") or "")}
        if values.get("number"):
            return Move(call=("rate_ticket", {"number": values["number"], **arguments}))
        return Move(call=("rate_conversation", arguments))


FLOW = Rate()
