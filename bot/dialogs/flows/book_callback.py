"""Books a call: when, read back before it is booked, and about what if they like.

On a call on which nobody could be put through it begins with the offer to call back, and asks for a number that does not show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.dialogs.callbacks import time_of
from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.flows.confirmation import Said, said
from bot.dialogs.form import Form
from bot.dialogs.slot import Here, Telephone, When, Words
from bot.message import Button, Reply
from bot.records.conversations import ConversationKind
from bot.resources import moment, say
from bot.services.callbacks import CALLBACK_FLOW, OFFERED

_OFFERED = (
    "Nobody of the team could be put through, and the system has offered to call the person back. They did not answer that with "
    "a yes or a no. Answer what they say now; book a call if they want one."
)


class BookCallback(Form):
    """What it says goes to `book_callback`, whose own question it asks."""

    name = CALLBACK_FLOW
    slots = (
        Telephone("number", "ask_number"),
        When("when", "ask_when"),
        Words("topic", "ask_topic", is_optional=True, most=500, finder="about"),
    )
    ended_by = frozenset({"cancel_callback"})

    async def advance(self, turn: FlowTurn) -> Move:
        return await (self._offered(turn) if turn.state.step == OFFERED else super().advance(turn))

    async def _offered(self, turn: FlowTurn) -> Move:
        """They were offered to be called back: a yes, or a time, begins it."""
        text = "\n".join(message.content.as_text() for message in turn.messages)
        here = await self._here(turn)
        match said(turn):
            case Said.NO:
                return Move((Reply(say(here.language, "call_offer_declined")),), outcome="wants no call back")
            case Said.ELSE if turn.now < turn.state.expires_at and turn.guess(text).name != self.name:
                if not any(slot.find(text, here) for slot in self.slots if isinstance(slot, When)):
                    return Move(told=_OFFERED, outcome="something else than a call back")
        begun = turn.state.model_copy(update={"step": "", "slots": {"about": text}})
        return await super().advance(replace(turn, state=begun))

    async def refusal(self, turn: FlowTurn) -> Reply | None:
        """Nobody can be called whose number we do not have; on a call they can say one."""
        context = turn.context
        if await self._has_number(turn) or context.conversation.kind is ConversationKind.CALL:
            return None
        options = (Button(f"choice:{name}", say(context.language, name)) for name in ("option_ticket", "option_person"))
        return Reply(say(context.language, "no_number_to_call"), tuple(options))

    async def opened(self, turn: FlowTurn, about: str, here: Here) -> dict[str, Any]:
        return {"number": ""} if await self._has_number(turn) else {}

    async def read_back(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> str:
        when = moment(here.language, time_of(values, here), here.zone)
        if values.get("number"):
            return say(here.language, "confirm_book_callback_at", when=when, number=str(values["number"]))
        return say(here.language, "confirm_book_callback", when=when)

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        arguments = {"requested_time": time_of(values, here).isoformat(), "timezone": here.zone.key}
        if values.get("topic"):
            arguments["notes"] = str(values["topic"])
        if values.get("number"):
            arguments["said_number"] = str(values["number"])
        return Move(call=("book_callback", arguments))

    async def _has_number(self, turn: FlowTurn) -> bool:
        person = await turn.context.services.people.get(turn.context.customer_id)
        return person.phone_number is not None


FLOW = BookCallback()
