"""Tools on the person's own callbacks: times at which they want to be called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from bot.errors import ToolError
from bot.principal import Strength
from bot.records.calls import Callback, CallbackStatus
from bot.resources import moment, say
from bot.services.callbacks import number_of
from bot.services.phones import normal_phone
from bot.tools.base import Result, ToolContext, clip, tool

When = Annotated[
    datetime,
    Field(
        description="In the future, as ISO 8601 with the zone where they are: 2026-01-16T17:00:00-06:00. Ask if you do not know."
    ),
]
Number = Annotated[str, Field(description="The callback's number, as a tool gave it.", min_length=1, max_length=40)]


_MOST = 5
"""Calls that may be booked at once for one number: whoever only claims a number must not make us ring it all day."""


async def _ask_book(
    context: ToolContext, requested_time: datetime, timezone: str = "", notes: str = "", said_number: str = ""
) -> str:
    when = moment(context.language, requested_time, _zone(timezone))
    if said_number:
        return say(context.language, "confirm_book_callback_at", when=when, number=said_number)
    return say(context.language, "confirm_book_callback", when=when)


async def _ask_move(context: ToolContext, number: str, requested_time: datetime) -> str:
    zone = _zone_of(await _own(context, number))
    return say(context.language, "confirm_move_callback", when=moment(context.language, requested_time, zone))


async def _ask_cancel(context: ToolContext, number: str) -> str:
    callback = await _own(context, number)
    when = moment(context.language, callback.requested_time, _zone_of(callback))
    return say(context.language, "confirm_cancel_callback", when=when)


@tool(write=True, confirm=_ask_book)
async def book_callback(
    context: ToolContext,
    requested_time: When,
    timezone: Annotated[
        str, Field(description="Where they are, as an IANA name like America/Mexico_City, if you know.", max_length=60)
    ] = "",
    notes: Annotated[str, Field(description="What the call is to be about.", max_length=1000)] = "",
    said_number: Annotated[
        str,
        Field(
            description="If not the one on record: the number that they said, with its country code.",
            max_length=40,
        ),
    ] = "",
) -> Result:
    """Books a call by the team to the person you are talking to, at the phone number that is on their record.

    The system reads the time back to them and asks for their yes before it books; do not ask yourself.
    """
    zone = _zone(timezone)
    person = await context.services.people.get(context.customer_id)
    said = normal_phone(said_number) if said_number and said_number != person.phone_number else None
    if person.phone_number is None and said is None:
        raise ToolError(
            "no phone number of the person is on record; ask for one with its country code, or offer a ticket or a person instead"
        )
    callbacks, id_ = context.services.callbacks, person.id
    booked_already = [known for known in await callbacks.of_customer(id_) if known.status is CallbackStatus.SCHEDULED]
    if len(booked_already) >= _MOST:
        raise ToolError("no more calls can be booked for this number; one of those that are booked has to be cancelled or moved")
    for known in booked_already:
        is_theirs_to_know = context.is_sure or known.conversation_id == context.conversation.id
        if is_theirs_to_know and _is_same(known.requested_time, requested_time):
            return Result(f"callback {number_of(known)} is booked for that time already")
    booked = await callbacks.book(
        requested_time,
        by=context.by,
        customer_id=id_,
        conversation_id=context.conversation.id,
        timezone=timezone or None,
        notes="\n".join(filter(None, (f"On the number that they said: {said}" if said else "", notes.strip()))) or None,
        unit=context.unit,
    )
    return Result(f"booked callback {number_of(booked)} for {_words(requested_time, zone)}")


@tool(write=True, needs=Strength.SIGNED, confirm=_ask_move)
async def move_callback(context: ToolContext, number: Number, requested_time: When) -> Result:
    """Moves one of the person's callbacks to another time. The system reads it back and asks for their yes before it does."""
    callback = await _own(context, number)
    await context.services.callbacks.move(callback.id, requested_time, by=context.by, unit=context.unit)
    return Result(f"moved callback {number_of(callback)} to {_words(requested_time, _zone_of(callback))}")


@tool(write=True, needs=Strength.SIGNED, confirm=_ask_cancel)
async def cancel_callback(context: ToolContext, number: Number) -> Result:
    """Cancels one of the person's callbacks: they are not called. The system asks for their yes before it does."""
    callback = await _own(context, number)
    if callback.status is CallbackStatus.CANCELLED:
        return Result(f"callback {number_of(callback)} was cancelled already")
    await context.services.callbacks.cancel(callback.id, by=context.by, unit=context.unit)
    return Result(f"cancelled callback {number_of(callback)}")


@tool(needs=Strength.SIGNED)
async def list_my_callbacks(context: ToolContext) -> Result:
    """Lists the callbacks of the person you are talking to, the latest time first, with their numbers and status."""
    found = await context.services.callbacks.of_customer(context.customer_id)
    if not found:
        return Result("the person has no callbacks")
    return Result("\n".join(_line(callback) for callback in found))


async def _own(context: ToolContext, number: str) -> Callback:
    return await context.services.callbacks.own(context.customer_id, number)


def _line(callback: Callback) -> str:
    about = f": {clip(callback.notes, 120)}" if callback.notes else ""
    return f"{number_of(callback)}, {_words(callback.requested_time, _zone_of(callback))} ({callback.status}){about}"


def _is_same(one: datetime, other: datetime) -> bool:
    return other.tzinfo is not None and one == other


def _zone(name: str) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no such name, or one that is no name at all
        raise ToolError(f"timezone: there is no zone {clip(name, 40)!r}; for example America/Mexico_City") from None


def _zone_of(callback: Callback) -> ZoneInfo | None:
    """The zone that it was booked in; None where none was given, or none that we know (an imported one)."""
    try:
        return _zone(callback.timezone or "")
    except ToolError:
        return None


def _words(at: datetime, zone: ZoneInfo | None) -> str:
    """A time as the model gets it: in the person's zone, or else in that in which it was said."""
    there = at.astimezone(zone) if zone is not None else at
    offset = there.strftime("%z")
    return f"{there.strftime('%A %d %B %Y, %H:%M')} (UTC{offset[:3]}:{offset[3:5]}{f', {zone.key}' if zone else ''})"
