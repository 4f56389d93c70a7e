"""Kinds of fields that what comes into the API and goes out of it is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, PlainSerializer, StringConstraints, WithJsonSchema

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is required; write some words")
    return text


def _believable(moment: datetime) -> datetime:
    if not _FIRST <= moment < _LAST:
        raise ValueError("must lie between 2000 and 2100")
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


At = Annotated[
    datetime,
    PlainSerializer(_written, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A moment that is told, always as long: such texts sort as the moments do."""
Moment = Annotated[AwareDatetime, AfterValidator(_believable), Field(examples=["2026-11-20T17:00:00Z"])]
"""A moment with its zone; kept in UTC, to the millisecond."""
Words = Annotated[str, StringConstraints(min_length=1, max_length=16_000), AfterValidator(_not_blank), Field(examples=["Hello"])]
"""Something that is said."""
NoteText = Annotated[
    str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_not_blank), Field(examples=["Called back"])
]
Remark = Annotated[str, StringConstraints(max_length=2000)]
"""A line for a colleague; may be empty."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A record's id."""
ClientId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[\w.:-]+$"), Field(examples=["c0ffee-1"])]
"""Made by whoever sends: what comes with the same one again is said once."""
Query = Annotated[str, StringConstraints(max_length=200)]
"""What somebody searches for."""
