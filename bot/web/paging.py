"""Lists in pages that a change in between leaves whole: where the next one begins is a moment and an id, not a number of rows."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Generic, Self, TypeVar

from pydantic import Field

from bot.records.base import Record
from bot.store.base import Between, Store, Where
from bot.web.endpoint import Model
from bot.web.faults import Invalid

R = TypeVar("R", bound=Record)
T = TypeVar("T")

NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands in a mark for a moment that a row does not have."""
_TICK = timedelta(milliseconds=1)
"""What stores keep of a moment."""

Limit = Annotated[int, Field(ge=1, le=200, description="How many, at most.")]
Cursor = Annotated[str, Field(max_length=300, description="What a page before gave as `next`.")]


class Paged(Model):
    """Which page of a list."""

    limit: Limit = 50
    after: Cursor = ""


class Page(Model, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = None
    """Where the next page continues, for `after`; null on the last one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a list: behind the row with this moment and this id."""

    at: datetime
    id: str
    rank: int = 0
    """Of lists in several stretches: which one."""

    def __str__(self) -> str:
        written = f"{self.rank}|{self.at.astimezone(UTC).isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str, field: str = "after") -> Self | None:
        """None for no cursor. Raises Invalid for one that none of our pages gave."""
        if not cursor:
            return None
        try:
            written = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
            rank, at, id_ = written.split("|", 2)
            moment = datetime.fromisoformat(at)
            if moment.utcoffset() != timedelta(0) or not 2000 <= moment.year < 2200 or not 0 <= int(rank) < 100:
                raise ValueError(cursor)
            return cls(moment, id_, int(rank))
        except (ValueError, binascii.Error):
            raise Invalid(f"query.{field}: is no place in this list; take what a page gave as next", field=field) from None


async def stretch(store: Store, kind: type[R], where: Where, by: str, limit: int, mark: Mark | None) -> list[R]:
    """The records behind a mark, in the order of a moment (`-updated_at`: the newest first), ties by id.

    Raises UnindexedQuery, StoreUnavailable.
    """
    name, is_down = by.lstrip("-"), by.startswith("-")
    if mark is None:
        return await store.find(kind, where, sort=(by,), limit=limit)
    of_ids = Between(high=mark.id) if is_down else Between(low=mark.id)
    at_once = {**where, name: None if mark.at == NEVER else mark.at, "id": of_ids}
    same = await store.find(kind, at_once, sort=("-id" if is_down else "id",), limit=limit + 1)
    found = [one for one in same if one.id != mark.id][:limit]
    if len(found) < limit and not (is_down and mark.at == NEVER):
        beyond = Between(high=mark.at) if is_down else Between(low=mark.at + _TICK)
        found += await store.find(kind, {**where, name: beyond}, sort=(by,), limit=limit - len(found))
        if is_down and len(found) < limit:  # those without a moment come last
            found += await store.find(kind, {**where, name: None}, sort=("-id",), limit=limit - len(found))
    return found


def is_behind(at: datetime, id_: str, mark: Mark, is_down: bool) -> bool:
    """Whether a row comes after a mark."""
    return (at, id_) < (mark.at, mark.id) if is_down else (at, id_) > (mark.at, mark.id)


def next_of(rows: Sequence[R], field: str, limit: int, rank: int = 0) -> str | None:
    """Where the page after these continues, if they are one more than the page takes; the caller cuts."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    at: datetime | None = getattr(last, field)
    return str(Mark(at or NEVER, last.id, rank))
