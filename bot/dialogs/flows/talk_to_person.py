"""Hands the conversation to a person. Nothing is asked: whoever wants a person gets one, or is told when there is one again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.form import Form
from bot.dialogs.slot import Here

_REASON_LENGTH = 300


class TalkToPerson(Form):
    """The runtime says that they are being connected, and when the team is not there."""

    name = "talk_to_person"

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        about = " ".join(str(turn.state.slots.get("about", "")).split())[:_REASON_LENGTH]
        return Move(call=("hand_to_person", {"reason": about or "asked for a person"}))


FLOW = TalkToPerson()
