"""From the operations of a unit to statements, and back to its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.records.base import Record
from bot.store.base import Change, Delete, Insert, Operation, Put, Require
from bot.store.sqlite_jobs import Step
from bot.store.sqlite_query import condition, gather, remember, require_index, update
from bot.store.sqlite_schema import Table, iso
from bot.store.words import require_changeable


def step_of(operation: Operation, table_of: Callable[[type[Record]], Table], stamp: str) -> Step:
    """The statement of one operation. Raises UnindexedQuery, StoreError, RecordError before anything is written."""
    if isinstance(operation, Insert | Put):
        record = operation.record
        table = table_of(type(record))
        if isinstance(operation, Put):
            require_changeable(type(record))
        born = stamp if record.created_at is None else iso(record.created_at)
        if isinstance(operation, Insert):
            return Step(table.collection, table.insert_new, table.row(record, born, stamp, record.version))
        row = table.row(record, born, stamp, record.version + 1)
        row += (record.id, record.version)
        says = f"{table.collection} {record.id}: changed by somebody else since version {record.version} was read"
        return Step(table.collection, table.put, row, expect=1, says=says)
    table = table_of(operation.kind)
    if not isinstance(operation, Require):
        require_changeable(operation.kind)
    if isinstance(operation, Change):
        sql, values = update(table, operation.where, operation.set, operation.inc, operation.push, stamp)
        return Step(table.collection, sql, values, False, operation.must, operation.otherwise)
    shape, values = gather(table, operation.where)
    verb = type(operation).__name__
    sql = table.sql.get((verb, shape)) or remember(table, (verb, shape), _on_matching(table, operation, shape))
    if isinstance(operation, Require):
        return Step(table.collection, sql, values, True, None, operation.otherwise)
    return Step(table.collection, sql, values)


def _on_matching(table: Table, operation: Require | Delete, shape: tuple[Any, ...]) -> str:
    require_index(table, shape)
    verb = "SELECT 1 FROM" if isinstance(operation, Require) else "DELETE FROM"
    sql = f"{verb} {table.name} AS t WHERE {condition(table, shape)}"
    return f"{sql} LIMIT 1" if isinstance(operation, Require) else sql


def needs_savepoint(operations: Sequence[Operation]) -> bool:
    """A unit whose only write comes last has nothing to take back: what fails before it wrote nothing, and neither did it."""
    if any(not isinstance(operation, Require) for operation in operations[:-1]):
        return True
    last = operations[-1]
    return isinstance(last, Change) and last.must is not None and not (last.must == 1 and isinstance(last.where.get("id"), str))
