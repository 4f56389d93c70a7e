"""Searches as the API asks for them: wrong questions are the caller's mistakes, said by field."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from bot.errors import RecordError, StoreError, StoreUnavailable
from bot.records.base import Record
from bot.store.base import Found
from bot.web.faults import Invalid

R = TypeVar("R", bound=Record)


async def found_by(search: Awaitable[Found[R]]) -> Found[R]:
    """What a search finds. Raises Invalid for nothing to search for, and for a place that no page gave."""
    try:
        return await search
    except RecordError as error:
        raise Invalid(f"query.q: {str(error).removeprefix('search: ')}", field="q") from None
    except StoreUnavailable:
        raise
    except StoreError:
        raise Invalid("query.after: is no place in this list; take what a page gave as next", field="after") from None
