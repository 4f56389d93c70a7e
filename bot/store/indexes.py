"""The rule that no query may go without an index: what is refused on a laptop would be a slow page in production."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bot.errors import UnindexedQuery
from bot.records.base import Index


class Asked(NamedTuple):
    """One test of a where, as far as indexes go."""

    path: str
    pins: bool
    """Whether it leads to a part of the index; `Not` does not."""
    literal: Any = None
    """The value, where a partial index names it as its condition."""


def require_index(collection: str, indexes: Iterable[Index], tests: Sequence[Asked], sort: Sequence[str] = ()) -> None:
    """Raises UnindexedQuery unless a declared index leads with a field that the where pins down or the sort begins with.

    A partial index whose conditions the where names serves whatever else is asked: it holds those documents alone.
    """
    if not tests and not sort:
        return
    literal = {(test.path, test.literal) for test in tests if test.literal is not None}
    usable = [index for index in indexes if all((path, str(value)) in literal for path, value in index.where.items())]
    if any(index.where for index in usable):
        return
    leads = {"id"} | {index.fields[0] for index in usable}
    if leads & {test.path for test in tests if test.pins} or (sort and sort[0].lstrip("-") in leads):
        return
    asked = ", ".join(test.path for test in tests) or "nothing"
    ordered = f" sorted by {', '.join(sort)}" if sort else ""
    raise UnindexedQuery(f"{collection}: no declared index serves a query by {asked}{ordered}")
