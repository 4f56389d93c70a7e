"""Opens a ticket: what happened, of which kind if they say so, how urgent only if they say so; read back before it is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.form import Form
from bot.dialogs.slot import Here, Pick, Words
from bot.message import Button
from bot.policy import plain, plain_words
from bot.records.conversations import Priority
from bot.records.tickets import TicketCategory
from bot.resources import say
from bot.tools.base import clip

_SUBJECT_LENGTH = 120
_DESCRIPTION_LENGTH = 8000
_SHOWN = 300
_CATEGORIES = (TicketCategory.TECHNICAL_SUPPORT, TicketCategory.BILLING, TicketCategory.COMPLAINT, TicketCategory.OTHER)
_PART = re.compile(r"(?<=[.,;:!?।\n])\s*")
_WISH_WORDS = 9
"""A part of a sentence with so many words is more than the mere wish for a ticket."""
_LEAST_WORDS = 3


class OpenTicket(Form):
    """What it says goes to `create_ticket`."""

    name = "open_ticket"
    slots = (
        Words("description", "ask_description", most=_DESCRIPTION_LENGTH),
        Pick("category", "ask_category", is_optional=True),
    )
    remarks = "description"

    async def options(self, turn: FlowTurn, slot: str) -> tuple[Button, ...]:
        if slot != "category":
            return ()
        return tuple(Button(str(category), say(turn.context.language, f"category_{category}")) for category in _CATEGORIES)

    async def opened(self, turn: FlowTurn, about: str, here: Here) -> dict[str, Any]:
        problem = _problem(about)
        return {"description": problem} if problem else {}

    async def read_back(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> str:
        what = clip(_on_one_line(values), _SHOWN)
        if not values.get("category"):
            return say(here.language, "confirm_open_ticket", what=what)
        category = say(here.language, f"category_{values['category']}")
        return say(here.language, "confirm_open_ticket_of", what=what, category=category)

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        description = str(values["description"])
        arguments: dict[str, Any] = {"subject": clip(_on_one_line(values), _SUBJECT_LENGTH), "description": description}
        if values.get("category"):
            arguments["category"] = values["category"]
        if _is_urgent(description):
            arguments["priority"] = str(Priority.URGENT)
        return Move(call=("create_ticket", arguments))


def _on_one_line(values: Mapping[str, Any]) -> str:
    return "; ".join(line.strip(" .;।") for line in str(values["description"]).splitlines() if line.strip())


def _problem(about: str) -> str:
    """What happened, without the parts that only ask for a ticket; empty where nothing much is left."""
    parts = [part for part in _PART.split(about) if part.strip()]
    kept = [part for part in parts if not _is_mere_wish(part)]
    problem = " ".join(part.strip() for part in kept) if len(kept) < len(parts) else about.strip()
    return problem if len(problem.split()) >= _LEAST_WORDS else ""


def _is_mere_wish(part: str) -> bool:
    said = plain(part).split()
    return len(said) < _WISH_WORDS and not plain_words("ticket_wish_words").isdisjoint(said)


def _is_urgent(description: str) -> bool:
    said = f" {plain(description)} "
    urgent = any(f" {word} " in said for word in plain_words("urgent_words"))
    return urgent and not any(f" {word} " in said for word in plain_words("not_urgent_words"))


FLOW = OpenTicket()
