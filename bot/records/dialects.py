"""The seeds' own names: a document in a seed's dialect <-> the document as we store it (C-10).

What each seed calls a collection and its fields is the table in `dialects_s1_s2` and `dialects_s3_s5`; this module only walks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from bot.errors import RecordError
from bot.records import dialects_s1_s2, dialects_s3_s5
from bot.records.dialect import Dialect, Node

Document = Mapping[str, Any]

DIALECTS: dict[tuple[str, str], Dialect] = {
    (dialect.seed, dialect.name): dialect for dialect in (*dialects_s1_s2.TABLE, *dialects_s3_s5.TABLE)
}
"""(seed, its name of a collection) -> how it is written there."""

EMBEDDED = {("S3", "conversations"): "messages"}
"""(seed, collection) -> the list in it whose parts are documents of their own with us."""


class Stored(NamedTuple):
    """A document as we store it (by its camelCase names), and its collection."""

    collection: str
    document: dict[str, Any]


def dialect_of(seed: str, collection: str) -> Dialect:
    """What `seed` (S1 to S5) calls `collection`. Raises RecordError where it has no such collection, or we do not keep it yet."""
    try:
        return DIALECTS[seed, collection]
    except KeyError:
        names = sorted(name for other, name in DIALECTS if other == seed)
        raise RecordError(f"{seed} has no collection {collection!r} that can be moved; it has {', '.join(names)}") from None


def from_seed(seed: str, collection: str, document: Document) -> list[Stored]:
    """A seed's document as ours: mostly one; S3's conversations bring their messages with them, which follow.

    An id that the seed leaves out is left out here too. What is not said is left to the record's defaults.
    Raises RecordError naming what the seed requires and is missing, or a field that it does not have.
    """
    dialect = dialect_of(seed, collection)
    for name in dialect.required:
        if document.get(name) in (None, ""):
            raise RecordError(f"{seed} {collection}.{name}: is required")
    inner = EMBEDDED.get((seed, collection), "")
    known = {key: value for key, value in document.items() if not inner or key != inner}
    stored = {**dialect.constants, **_inward(dialect, dialect.nodes, known)}
    if "_id" not in stored and dialect.key in stored:
        stored["_id"] = stored[dialect.key]
    dialect.complete(stored)
    found = [Stored(dialect.collection, stored)]
    if inner:
        messages = dialect_of(seed, f"{collection}.{inner}")
        for number, part in enumerate(document.get(inner) or ()):
            inside = {**messages.constants, **_inward(messages, messages.nodes, part)}
            inside |= {"_id": f"{stored['_id']}.{number:06d}", "conversationId": stored["_id"]}
            messages.complete(inside)
            found.append(Stored(messages.collection, inside))
    return found


def to_seed(seed: str, collection: str, document: Document, messages: Sequence[Document] = ()) -> dict[str, Any]:
    """One of our documents in a seed's words: only the fields that the seed knows, and of them only what has a value.

    `collection` is the seed's name of it. `messages`, in their order, go into a conversation of S3.
    """
    dialect = dialect_of(seed, collection)
    found = _outward(dialect, dialect.nodes, document)
    inner = EMBEDDED.get((seed, collection))
    if inner:
        part = dialect_of(seed, f"{collection}.{inner}")
        found[inner] = [_outward(part, part.nodes, message) for message in messages]
    return found


def stored_path(seed: str, collection: str, path: str) -> str:
    """Where a seed's dotted field lies in our documents: S5's `start_time` of calls is `startedAt`."""
    nodes: Sequence[Node] = dialect_of(seed, collection).nodes
    steps = []
    for name in path.split("."):
        node = next((node for node in nodes if node.name == name), None)
        steps.append(name if node is None else node.target)
        nodes = () if node is None else node.inside
    return ".".join(steps)


def _inward(dialect: Dialect, nodes: Sequence[Node], document: Document, path: str = "") -> dict[str, Any]:
    by_name = {node.name: node for node in nodes}
    found: dict[str, Any] = {}
    for name, value in document.items():
        node = by_name.get(name)
        if node is None:
            close = get_close_matches(name, by_name, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise RecordError(f"{dialect.seed} {dialect.name}.{path}{name}: there is no such field{hint}")
        if value is not None:
            here = f"{path}{name}"
            if node.inside:
                value = _each(value, lambda part, node=node, here=here: _inward(dialect, node.inside, part, f"{here}."))
            change = dialect.values.get(here)
            _put(found, node.target, change.inward(value) if change else value)
    return found


def _outward(dialect: Dialect, nodes: Sequence[Node], document: Document, path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node, value in _present(nodes, document):
        here = f"{path}{node.name}"
        change = dialect.values.get(here)
        value = change.outward(value) if change else value
        if node.inside and not isinstance(value, bool):
            value = _each(value, lambda part, node=node, here=here: _outward(dialect, node.inside, part, f"{here}."))
        if value is not None:
            found[node.name] = value
    return found


def _present(nodes: Sequence[Node], document: Document) -> Iterator[tuple[Node, Any]]:
    for node in nodes:
        value: Any = document
        for step in node.target.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            yield node, value


def _each(value: Any, translate: Callable[..., Any]) -> Any:
    """A part, or each part of a list; what is neither is left for the record to refuse."""
    if isinstance(value, Mapping):
        return translate(value)
    if isinstance(value, list | tuple):
        return [_each(part, translate) for part in value]
    return value


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        document = document.setdefault(name, {})
    document[last] = value
