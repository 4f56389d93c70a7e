"""Short numbers of records, to be read out and typed: ten letters and digits, made of the record's id and found by it again.

An id begins with its millisecond and ends with a count (`bot.clock`): eight characters hold the millisecond and two tell apart up
to 1024 records that were made within it. What somebody else gave an id of their own (an imported record) has that for a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from bot.records.base import Record
from bot.store.base import Between, Store

R = TypeVar("R", bound=Record)

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing that is taken for something else when it is read out or typed."""
_VALUES = {letter: value for value, letter in enumerate(_LETTERS)} | {"O": 0, "I": 1, "L": 1}
_OUR_ID = re.compile(r"[0-9a-f]{32}")
_BEGINNING = 1_735_689_600_000
"""Milliseconds from 1970 to 2025: eight characters last from then on until 2059."""
_MOMENT, _COUNT = 8, 2
_RANDOM_BITS = 80


def number_of(record: Record) -> str:
    """What people call a record by."""
    return number_of_id(record.id)


def number_of_id(id_: str) -> str:
    """The number of the record with this id; an id that is not one of ours is its own number."""
    if not _OUR_ID.fullmatch(id_):
        return id_
    whole = int(id_, 16)
    since = (whole >> _RANDOM_BITS) - _BEGINNING
    if not 0 <= since < 32**_MOMENT:
        return id_
    return _written(since, _MOMENT) + _written(whole % 32**_COUNT, _COUNT)


async def by_number(store: Store, kind: type[R], number: str, where: Mapping[str, Any] | None = None) -> R | None:
    """The record with this number, among those that `where` leaves; None where there is none. However it is typed."""
    typed = number.strip()
    within = _ids_of(typed)
    # By the id alone: with more to go by, a store might look at everything that the rest leaves.
    near = await store.find(kind, {"id": within}) if within is not None else []
    id_ = next((record.id for record in near if number_of(record) == _normal(typed)), typed)
    found = await store.find(kind, {**(where or {}), "id": id_}, limit=1)
    return next((record for record in found if number_of(record) in (_normal(typed), typed)), None)


def _ids_of(number: str) -> Between | None:
    """The ids of the millisecond that a number names; None where it is none of ours."""
    letters = _normal(number)
    if len(letters) != _MOMENT + _COUNT or not set(letters) <= set(_LETTERS):
        return None
    moment = _BEGINNING + _read(letters[:_MOMENT])
    return Between(_first_id(moment), _first_id(moment + 1))


def _normal(number: str) -> str:
    plain = number.upper().replace("-", "").replace(" ", "")
    return "".join(_LETTERS[_VALUES[letter]] if letter in _VALUES else letter for letter in plain)


def _first_id(moment: int) -> str:
    return f"{moment << _RANDOM_BITS:032x}"


def _written(value: int, length: int) -> str:
    return "".join(_LETTERS[value >> 5 * place & 31] for place in reversed(range(length)))


def _read(letters: str) -> int:
    value = 0
    for letter in letters:
        value = value << 5 | _VALUES[letter]
    return value
