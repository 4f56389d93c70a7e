"""Cancels a call: which one, if there are several; asked before it is cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.dialogs.callbacks import CallbackForm, chosen
from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.slot import Here, Pick
from bot.resources import moment, say


class CancelCallback(CallbackForm):
    """What it says goes to `cancel_callback`, whose own question it asks."""

    name = "cancel_callback"
    slots = (Pick("number", "ask_which_callback"),)

    async def read_back(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> str:
        callback = await chosen(turn, values)
        return say(here.language, "confirm_cancel_callback", when=moment(here.language, callback.at, callback.zone))

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        return Move(call=("cancel_callback", {"number": values["number"]}))


FLOW = CancelCallback()
