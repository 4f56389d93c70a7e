"""Notes who is interested in what, for the sales team: the interest, the name, the company if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.form import Form
from bot.dialogs.slot import Here, Who, Words
from bot.dialogs.slots.names import parse_name
from bot.message import Button, Reply
from bot.policy import plain
from bot.resources import say

_LEAST_WORDS = 4
"""A wish with fewer words says little of what somebody is interested in."""


class CaptureLead(Form):
    """What it says goes to `capture_lead`."""

    name = "capture_lead"
    slots = (
        Words("interest", "ask_interest"),
        Who("person", "ask_name"),
        Words("company", "ask_company", is_optional=True, most=100),
    )

    async def refusal(self, turn: FlowTurn) -> Reply | None:
        context = turn.context
        person = await context.services.people.get(context.customer_id)
        if person.phone_number is not None:
            return None
        options = (Button(f"choice:{name}", say(context.language, name)) for name in ("option_ticket", "option_person"))
        return Reply(say(context.language, "no_number_to_call"), tuple(options))

    async def opened(self, turn: FlowTurn, about: str, here: Here) -> dict[str, Any]:
        return {"interest": about.strip()[:1000]} if len(plain(about).split()) >= _LEAST_WORDS else {}

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        arguments = {"interest": _long_enough(str(values["interest"]))}
        name = parse_name(str(values["person"]), language=here.language)
        arguments["first_name"] = (name.first if name else str(values["person"]))[:50]
        if name and name.last:
            arguments["last_name"] = name.last[:50]
        if values.get("company"):
            arguments["company"] = str(values["company"])
        return Move(call=("capture_lead", arguments))


def _long_enough(interest: str) -> str:
    """The tool wants three characters: a "TV" is a wish, too."""
    return interest if len(interest) >= 3 else f"{interest} (?)"


FLOW = CaptureLead()
