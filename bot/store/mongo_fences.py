"""Raises the fences of many lanes in two round trips, so that a claim costs a share of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from pymongo import UpdateOne

from bot.records.work import Fence
from bot.store.mongo_inserts import Inserts
from bot.store.mongo_units import Place


async def raised(place: Place, inserts: Inserts, ids: Sequence[str], holder: str, now: datetime) -> dict[str, int]:
    """The new number of each; those are missing that somebody else has raised at the same time."""
    _, documents = place
    known = {row["_id"]: int(row["value"]) async for row in documents.find({"_id": {"$in": list(ids)}}, {"value": 1})}
    fresh = [id_ for id_ in ids if id_ not in known]
    risen, begun = await asyncio.gather(_rise(place, known, holder, now), _begin(place, inserts, fresh, holder, now))
    return risen | begun


async def _rise(place: Place, known: dict[str, int], holder: str, now: datetime) -> dict[str, int]:
    if not known:
        return {}
    _, documents = place
    update = {"$inc": {"value": 1}, "$set": {"holder": holder, "updatedAt": now}}
    writes = [UpdateOne({"_id": id_, "value": value}, update) for id_, value in known.items()]
    if (await documents.bulk_write(writes, ordered=False)).matched_count < len(known):
        ours = {row["_id"] async for row in documents.find({"_id": {"$in": list(known)}, "holder": holder}, {"_id": 1})}
        known = {id_: value for id_, value in known.items() if id_ in ours}
    return {id_: value + 1 for id_, value in known.items()}


async def _begin(place: Place, inserts: Inserts, fresh: Sequence[str], holder: str, now: datetime) -> dict[str, int]:
    if not fresh:
        return {}
    fences = [Fence(id=id_, value=1, holder=holder) for id_ in fresh]
    were_new = await inserts.insert([place.collection.document(fence, now, now, 0) for fence in fences])
    return {id_: 1 for id_, was_new in zip(fresh, were_new, strict=True) if was_new}
