"""What the forms on booked calls share: among which of the person's own they choose, and for when they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.dialogs.flow import FlowTurn
from bot.dialogs.form import Form, is_sure, unsure
from bot.dialogs.slot import Here, spoken
from bot.message import Button, Reply
from bot.records.calls import Callback, CallbackStatus
from bot.resources import moment, say
from bot.services.callbacks import number_of


@dataclass(frozen=True, slots=True)
class Booked:
    """A call as it was booked."""

    at: datetime
    zone: ZoneInfo | None


class CallbackForm(Form):
    """A form on one of the person's own calls; with one there is nothing to choose."""

    async def refusal(self, turn: FlowTurn) -> Reply | None:
        if not is_sure(turn):
            return unsure(turn)
        if await _scheduled(turn):
            return None
        language = turn.context.language
        book = Button("choice:callback", say(language, "option_callback"))
        return Reply(say(language, "no_callbacks"), (book,))

    async def options(self, turn: FlowTurn, slot: str) -> tuple[Button, ...]:
        if slot != "number":
            return ()
        found = ((callback, _booked(callback)) for callback in await _scheduled(turn))
        return tuple(
            Button(number_of(callback), moment(turn.context.language, booked.at, booked.zone)) for callback, booked in found
        )

    async def opened(self, turn: FlowTurn, about: str, here: Here) -> dict[str, Any]:
        found = await _scheduled(turn)
        return {"number": number_of(found[0])} if len(found) == 1 else {}


async def chosen(turn: FlowTurn, values: Mapping[str, Any]) -> Booked:
    """The call that was chosen. Raises NotFound."""
    return _booked(await turn.context.services.callbacks.own(turn.context.customer_id, str(values["number"])))


def time_of(values: Mapping[str, Any], here: Here, name: str = "when") -> datetime:
    """The moment in a slot that is complete."""
    time = spoken(values[name], here)
    if time is None or time.at is None:
        raise RuntimeError(f"slot {name} is read before it is complete")
    return time.at


async def _scheduled(turn: FlowTurn) -> list[Callback]:
    """Those that are still to come, the next one first."""
    found = await turn.context.services.callbacks.of_customer(turn.context.customer_id)
    return [callback for callback in reversed(found) if callback.status is CallbackStatus.SCHEDULED]


def _booked(callback: Callback) -> Booked:
    try:
        zone = ZoneInfo(callback.timezone) if callback.timezone else None
    except (ValueError, OSError, KeyError):  # an imported name that is none
        zone = None
    return Booked(callback.requested_time, zone)
