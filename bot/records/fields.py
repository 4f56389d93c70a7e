"""Kinds of fields that several records share: their shape, and an example for whoever gets it wrong."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"),
    Field(examples=["ana@example.org"]),
]
"""Kept in lower case."""

Phone = Annotated[str, Field(pattern=r"^\+?\(?(?:[\s().\-/]*[0-9]){7,15}\s*$", examples=["+52 55 5555 0123"])]
"""As somebody typed it: 7 to 15 digits with the usual punctuation (C-25)."""

E164 = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", examples=["+525555550123"])]
"""A normalised number: plus, country code, digits."""

BcryptHash = Annotated[
    str,
    Field(pattern=r"^\$2[aby]\$[0-9]{2}\$\S+$", max_length=255, examples=["$2b$12$" + "N" * 53]),
]
"""Never the password itself."""

TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:00"])]

Timezone = Annotated[str, Field(pattern=r"^[A-Za-z_]+([/+\-][A-Za-z0-9_+\-]+)*$", examples=["America/Mexico_City"])]
"""An IANA name."""

DayOfYear = Annotated[
    str,
    Field(
        pattern=r"^((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$",
        examples=["03-15"],
    ),
]
"""Month and day (C-01): the fifteenth of March is 03-15."""

CalendarDay = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", examples=["2026-01-15"])]

HexColour = Annotated[str, Field(pattern=r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$", examples=["#1A2B3C"])]

Rating = Annotated[int, Field(ge=1, le=5, examples=[5])]

Unit = Annotated[float, Field(ge=0, le=1, examples=[0.9])]
"""A confidence or a probability."""

SentimentScore = Annotated[Decimal, Field(ge=-1, le=1, max_digits=3, decimal_places=2, examples=["0.85"])]

Count = Annotated[int, Field(ge=0, examples=[0])]


class Sentiment(StrEnum):
    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


def _moment_or_as_it_is(value: object) -> object:
    """A text that is a moment in exactly the form in which the stores write one is that moment."""
    if isinstance(value, str) and len(value) == _STORED_LENGTH and value.endswith("Z") and value[10] == "T":
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


_STORED_LENGTH = len("2026-01-15T10:00:00.000Z")

CustomValue = Annotated[
    str | bool | int | Annotated[float, Field(allow_inf_nan=False)] | datetime,
    BeforeValidator(_moment_or_as_it_is),
    Field(examples=["Value1"]),
]
"""A lead's custom field keeps its type: text, number, true or false, a moment (S4-022)."""
