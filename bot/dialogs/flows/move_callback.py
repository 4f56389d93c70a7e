"""Moves a call to another time: which one, if there are several, and when; read back before it is moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.dialogs.callbacks import CallbackForm, chosen, time_of
from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.slot import Here, Pick, Slot, When
from bot.resources import moment, say


class MoveCallback(CallbackForm):
    """What it says goes to `move_callback`, whose own question it asks."""

    name = "move_callback"
    slots = (Pick("number", "ask_which_callback"), When("when", "ask_new_time"))

    async def opened(self, turn: FlowTurn, about: str, here: Here) -> dict[str, Any]:
        values = await super().opened(turn, about, here)
        slot = self.slots[1]
        when = slot.read(about, here, await self.known(turn, values, slot, here))
        return {**values, "when": when} if when else values

    async def known(self, turn: FlowTurn, values: Mapping[str, Any], slot: Slot, here: Here) -> Any:
        """A new time is told by the old one: "to six" is on the same day, "an hour later" is after it."""
        if slot.name != "when" or values.get("when") or not values.get("number"):
            return values.get(slot.name)
        booked = (await chosen(turn, values)).at.astimezone(here.zone)
        return [[f"{booked:%Y-%m-%d %H:%M}", here.now.isoformat(), here.language]]

    async def read_back(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> str:
        callback = await chosen(turn, values)
        return say(here.language, "confirm_move_callback", when=moment(here.language, time_of(values, here), callback.zone))

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        arguments = {"number": values["number"], "requested_time": time_of(values, here).isoformat()}
        return Move(call=("move_callback", arguments))


FLOW = MoveCallback()
