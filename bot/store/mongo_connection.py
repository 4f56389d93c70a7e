"""Reaching the server, and its errors in our words. No message shows the password in MONGODB_URI."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from bot.errors import BotError, Duplicate, RecordError, SettingsError, StoreError, StoreUnavailable

SELECT_SECONDS = 5.0
"""How long a server is looked for before the store counts as unreachable."""
_LOOK_SECONDS = 0.002
_SCHEMES = ("mongodb://", "mongodb+srv://")
_NO_REPLICA_SET = (
    "MONGODB_URI: this MongoDB has no replica set, which transactions need: start mongod with --replSet rs0 and run "
    "rs.initiate(); Atlas has one"
)
_WRONG_USER, _NOT_ALLOWED, _INVALID = 18, 13, 121
_ATLAS_WRONG_USER = 8000
_DUPLICATE = 11000
_TRANSIENT = "TransientTransactionError"
_UNKNOWN = "UnknownTransactionCommitResult"

Client = AsyncMongoClient[dict[str, Any]]


def client_of(uri: str) -> Client:
    """A client that has not connected yet. Raises SettingsError where the address cannot be read."""
    try:
        if not uri.startswith(_SCHEMES):
            raise InvalidURI
        return AsyncMongoClient(
            uri,
            serverSelectionTimeoutMS=int(SELECT_SECONDS * 1000),
            connectTimeoutMS=int(SELECT_SECONDS * 1000),
            appname="switchboard",
            tz_aware=True,
        )
    except (InvalidURI, ConfigurationError, ValueError, TypeError):  # their words may hold a piece of the password
        raise SettingsError(
            "MONGODB_URI: this is no address of a MongoDB; for example mongodb://user:password@host:27017/?replicaSet=rs0 "
            "(in user and password, @ is written %40, : %3A and / %2F)"
        ) from None


def place_of(uri: str) -> str:
    """The address without user, password and options."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('/')[0].partition('?')[0]}"


async def require_replica_set(client: Client, place: str) -> int:
    """The server's wire version.

    Raises StoreUnavailable, with what to do, where the server cannot be reached, refuses us or has no transactions.
    """
    try:
        hello = await client.admin.command("hello")
    except ServerSelectionTimeoutError:
        kinds = {server.server_type_name for server in client.topology_description.server_descriptions().values()}
        if "RSGhost" in kinds:
            raise StoreUnavailable(
                f"MONGODB_URI: {place} belongs to a replica set that was never begun: run rs.initiate() there"
            ) from None
        raise StoreUnavailable(
            f"MONGODB_URI: no server answers at {place} within {SELECT_SECONDS:g} s; is it running, is the address right?"
        ) from None
    except ConfigurationError:  # the names of a mongodb+srv:// address
        raise StoreUnavailable(f"MONGODB_URI: {place} cannot be looked up; is the address right?") from None
    except PyMongoError as error:
        raise in_our_words(error, place) from None
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StoreUnavailable(_NO_REPLICA_SET)
    return int(hello["maxWireVersion"])


async def time_of(client: Client) -> datetime:
    """The server's time, in UTC. Raises PyMongoError."""
    moment: datetime = (await client.admin.command("hello"))["localTime"]
    # The answer to a command is in UTC and does not say so, whatever the client's options; read as local it is hours off.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Translated:
    """`with translated:` turns the driver's errors into the store's, and counts what is under way."""

    def __init__(self, place: str, path_of: Callable[[str, str], str]) -> None:
        self.place = place
        self._path_of = path_of
        self._under_way = 0

    def __enter__(self) -> None:
        self._under_way += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._under_way -= 1
        if isinstance(error, PyMongoError | BSONError | OverflowError):
            raise self.said(error) from None

    def said(self, error: BaseException) -> BotError:
        """The driver's error in our words."""
        return in_our_words(error, self.place, self._path_of)

    async def idle(self) -> None:
        """Waits until nothing is under way."""
        while self._under_way:
            await asyncio.sleep(_LOOK_SECONDS)


def is_transient(error: BaseException) -> bool:
    """Whether the whole transaction may be run again."""
    return isinstance(error, PyMongoError) and error.has_error_label(_TRANSIENT)


def is_unknown(error: BaseException) -> bool:
    """Whether a commit may or may not have happened; committing again tells."""
    return isinstance(error, PyMongoError) and error.has_error_label(_UNKNOWN)


def in_our_words(error: BaseException, place: str, path_of: Callable[[str, str], str] = lambda _, stored: stored) -> BotError:
    """The driver's error as one of ours, in one line."""
    if isinstance(error, BulkWriteError):
        return _of_bulk(error, place, path_of)
    if isinstance(error, DuplicateKeyError):
        return duplicate(error.details or {}, path_of)
    if isinstance(error, OperationFailure):
        return _of_failure(error, error.code, error.details or {}, place)
    if isinstance(error, InvalidOperation):
        return StoreUnavailable(f"{place}: the store is not open")
    if isinstance(error, DocumentTooLarge | BSONError | OverflowError):
        return RecordError(f"this cannot be stored: {error}")
    if isinstance(error, ServerSelectionTimeoutError):
        return StoreUnavailable(f"{place}: no server answers; try again")
    if isinstance(error, ConnectionFailure):
        return StoreUnavailable(f"{place}: the connection was lost, nobody knows whether the last write arrived; try again")
    return StoreError(f"{place}: {_first_line(str(error))}")


def _of_bulk(error: BulkWriteError, place: str, path_of: Callable[[str, str], str]) -> BotError:
    failed = error.details.get("writeErrors") or [{}]
    first = failed[0]
    if first.get("code") == _DUPLICATE:
        return duplicate(first, path_of)
    return _of_failure(error, first.get("code"), first, place)


def _of_failure(error: PyMongoError, code: int | None, details: Mapping[str, Any], place: str) -> BotError:
    if code in (_WRONG_USER, _ATLAS_WRONG_USER):
        return StoreUnavailable(f"MONGODB_URI: {place} does not know this user or password")
    if code == _NOT_ALLOWED:
        return StoreUnavailable(f"MONGODB_URI: {place} does not allow this user to do that; it needs readWrite and dbAdmin")
    if code == _INVALID:
        return refused(details)
    if code == _DUPLICATE:
        return duplicate(details, lambda _, stored: stored)
    if isinstance(error, ExecutionTimeout | WriteConcernError):
        return StoreUnavailable(f"{place}: a majority of the servers did not confirm it in time; try again")
    if is_transient(error) or error.has_error_label("RetryableWriteError"):
        return StoreUnavailable(f"{place}: the server could not do it just now; try again")
    return StoreError(f"{place}: {_first_line(str(details.get('errmsg', error)))} (code {code})")


def refused(details: Mapping[str, Any]) -> RecordError:
    """What the database's own validator said, by field and rule; no values."""
    said = details.get("errInfo", {}).get("details", {})
    clauses = [said, *(clause.get("details", {}) for clause in said.get("clausesNotSatisfied", ()))]
    rules = [rule for clause in clauses for rule in clause.get("schemaRulesNotSatisfied", ())]
    named = [
        f"{field.get('propertyName')} ({', '.join(detail.get('operatorName', '?') for detail in field.get('details', ()))})"
        for rule in rules
        for field in rule.get("propertiesNotSatisfied", ())
    ]
    named += [f"{name} (missing)" for rule in rules for name in rule.get("missingProperties", ())]
    named += [f"{name} (unknown)" for rule in rules for name in rule.get("additionalProperties", ())]
    return RecordError(f"the database refuses this document: {', '.join(named) or 'it breaks the declared schema'}")


def duplicate(details: Mapping[str, Any], path_of: Callable[[str, str], str]) -> Duplicate:
    """`E11000 duplicate key error collection: db.customers index: ...` -> Duplicate of customers, phone_number."""
    said = str(details.get("errmsg", ""))
    found = re.search(r"collection: [^.\s]+\.(\S+)", said)
    collection = found[1] if found else ""
    names = ("id" if name == "_id" else path_of(collection, name) for name in details.get("keyPattern") or ())
    return Duplicate(collection=collection, key=", ".join(names))


def _first_line(text: str) -> str:
    lines = text.partition(", full error:")[0].splitlines()
    return lines[0][:300] if lines else "it failed"
