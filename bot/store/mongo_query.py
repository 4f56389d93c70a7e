"""From a where, a sort and a change to what MongoDB is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.errors import StoreError
from bot.store.base import Between, In, Not, StartsWith, Where
from bot.store.indexes import Asked, require_index
from bot.store.mongo_documents import Collection, comparable, decimal128, free
from bot.store.words import TOKENS, require_changeable

Filter = dict[str, Any]
_MANY_SHAPES = 2000
_LAST_CHARACTER = "\U0010ffff"


def filter_of(collection: Collection, where: Where) -> tuple[Filter, list[Asked]]:
    """What the where asks for, and what it means for indexes. Raises StoreError for a field that no record has."""
    found: Filter = {}
    asked: list[Asked] = []
    for path, test in where.items():
        name = collection.stored(path)
        kind = type(test)
        if kind is Between:
            found.update(_between(collection, path, test, found))
            asked.append(Asked(path, True))
        elif kind is In:
            values = [_value(collection, path, value) for value in test.values]
            found[name] = values[0] if len(values) == 1 else {"$in": values}  # cheaper to find, and means the same
            asked.append(Asked(path, True))
        elif kind is StartsWith:
            found.update(_begins(collection, path, test.beginning, found))
            asked.append(Asked(path, True))
        elif kind is Not:
            found[name] = {"$ne": _value(collection, path, test.value)}
            asked.append(Asked(path, False))
        else:
            value = _value(collection, path, test)
            named = path in collection.literals and str(test) in collection.literals[path]
            asked.append(Asked(path, True, str(test) if named else None))
            # What another program wrote may lack its version, which then counts as 0.
            found[name] = {"$in": [0, None]} if path == "version" and value == 0 else value
    return found, asked


def _value(collection: Collection, path: str, value: Any) -> Any:
    if type(value) is str or value is None:
        return value
    if path != "id":
        field = collection.field(path)
        if field.is_decimal:
            return decimal128(value)
        if field.type is Any and isinstance(value, datetime | Decimal):
            return free(value)
    return comparable(value)


def _between(collection: Collection, path: str, test: Between, found: Filter) -> Filter:
    bounds = {}
    if test.low is not None:
        bounds.update(_from(collection, path, _value(collection, path, test.low)))
    if test.high is not None:
        bounds["$lt"] = _value(collection, path, test.high)
    return _ranged(collection, path, bounds, found)


def beginning(text: str) -> Filter:
    """What a text has to be to begin so."""
    return {"$gte": text, "$lt": text + _LAST_CHARACTER}


def _begins(collection: Collection, path: str, text: str, found: Filter) -> Filter:
    """MongoDB serves both forms by an index. SecantusDB 0.7.0b3 finds nothing by a pattern through an index over a list, and
    loses the border of a range in one of several fields.
    """
    if path != "id" and collection.field(path).is_list:
        return _ranged(collection, path, beginning(text), found)
    return {collection.stored(path): {"$regex": "^" + re.escape(text)}}


def _ranged(collection: Collection, path: str, bounds: Filter, found: Filter) -> Filter:
    name = collection.stored(path)
    if not bounds:
        return {name: {"$ne": None}}
    field = None if path == "id" else collection.field(path)
    if field is None or not field.is_list:
        return {name: bounds}
    # Of a list one and the same element has to lie between.
    if not field.parts:
        return {name: {"$elemMatch": bounds}}
    return {"$and": [*found.get("$and", ()), {field.parts: {"$elemMatch": {name[len(field.parts) + 1 :]: bounds}}}]}


def _from(collection: Collection, path: str, low: Any) -> Filter:
    """At least `low`. SecantusDB 0.7.0b3 loses the border of `$gte` inside an index of several fields, so where values are whole
    (moments in milliseconds, integers) it is more than the one before: on MongoDB the same, and as well served.
    """
    if isinstance(low, datetime):
        return {"$gt": low - timedelta(milliseconds=1)}
    if type(low) is int and path != "id" and collection.field(path).type is int:
        return {"$gt": low - 1}
    return {"$gte": low}


def asked_for(collection: Collection, where: Where, sort: Sequence[str] = ()) -> Filter:
    """The filter of a where that an index serves. Raises UnindexedQuery, StoreError."""
    found, asked = filter_of(collection, where)
    shape = (tuple(asked), tuple(sort))
    if shape not in collection.served:
        require_index(collection.name, collection.indexes, asked, sort)
        if len(collection.served) >= _MANY_SHAPES:
            collection.served.clear()
        collection.served.add(shape)
    return found


def order_of(collection: Collection, sort: Sequence[str]) -> list[tuple[str, int]]:
    """The order of a find; the id breaks ties, in the direction of the last field."""
    order = [(collection.stored(path.lstrip("-")), -1 if path.startswith("-") else 1) for path in sort]
    if all(name != "_id" for name, _ in order):
        order.append(("_id", order[-1][1] if order else 1))
    return order


def behind(name: str, down: bool, pivot: Any, after: str) -> Filter:
    """What comes behind the document with id `after`, whose sort field holds `pivot`. Null sorts lowest."""
    further = "$lt" if down else "$gt"
    if name == "_id":
        return {"_id": {further: after}}
    if pivot is None:
        tie = {name: None, "_id": {further: after}}
        return tie if down else {"$or": [tie, {name: {"$ne": None}}]}
    either = [{name: {further: pivot}}, {name: pivot, "_id": {further: after}}]
    return {"$or": [*either, {name: None}] if down else either}


def update_of(
    collection: Collection, sets: Mapping[str, Any], incs: Mapping[str, Any], pushes: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The update that changes single fields. Raises StoreError for what must not be, RecordError for what cannot be stored."""
    require_changeable(collection.kind)
    for path in (*sets, *incs, *pushes):
        if path in ("id", "version"):
            raise StoreError(f"{collection.name}: {path} cannot be changed")
    assigned: dict[str, Any] = {}
    removed: dict[str, Any] = {}
    for path, value in sets.items():
        field = collection.field(path)
        if value is None and field.none_is_default:
            removed[field.stored] = True
        else:
            assigned[field.stored] = collection.value(path, value)
    if collection.searched is not None:
        tokens = collection.searched.tokens_after(sets, (*incs, *pushes))
        if tokens is not None:
            assigned[TOKENS] = tokens
    assigned["updatedAt"] = now
    update: dict[str, Any] = {"$set": assigned}
    if removed:
        update["$unset"] = removed
    if incs:
        update["$inc"] = {collection.stored(path): _amount(collection, path, amount) for path, amount in incs.items()}
    if pushes:
        update["$push"] = {collection.stored(path): collection.element(path, value) for path, value in pushes.items()}
    return update


def _amount(collection: Collection, path: str, amount: int | float | Decimal) -> Any:
    if collection.field(path).is_decimal:
        return decimal128(amount)
    return float(amount) if isinstance(amount, Decimal) else amount
