"""How the alias table (C-10) is written: what a seed calls a collection and its fields, and where they lie in our documents.

A line of fields is written as the seed has it: `name`, `name{inside, ...}` for a part or a list of parts, `name>place` where our
name is another one than the seed's in camelCase. What is not listed inside a field is carried over as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bot.records.dialect_values import Change


class Node(NamedTuple):
    """One field of a dialect."""

    name: str
    target: str
    """Its place among our fields, dotted, from the part that it is in."""
    inside: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Dialect:
    """One collection as one seed writes it."""

    seed: str
    name: str
    """The seed's name of the collection."""
    collection: str
    """Ours."""
    fields: str
    required: tuple[str, ...] = ()
    """What the seed cannot be without, where our own record can."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """What every such document is in our words."""
    values: Mapping[str, Change] = field(default_factory=dict)
    """The seed's dotted field -> how its values change."""
    complete: Callable[[dict[str, Any]], None] = lambda _: None
    """Fills in what we keep and the seed does not say."""
    key: str = ""
    """Our field that serves as the id where the seed has none."""
    nodes: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", read(self.fields))


def read(line: str) -> tuple[Node, ...]:
    """A line of fields, read."""
    nodes, rest = _read(line)
    if rest:
        raise ValueError(f"a line of fields ends too early, before {rest!r}")
    return nodes


def _read(line: str) -> tuple[tuple[Node, ...], str]:
    nodes: list[Node] = []
    while line and not line.startswith("}"):
        end = next((at for at, character in enumerate(line) if character in ",{}"), len(line))
        name, _, target = line[:end].strip().partition(">")
        line = line[end:]
        inside: tuple[Node, ...] = ()
        if line.startswith("{"):
            inside, line = _read(line[1:])
            line = line.removeprefix("}").lstrip()
        nodes.append(Node(name, target or camel(name), inside))
        line = line.removeprefix(",").lstrip()
    return tuple(nodes), line


def camel(name: str) -> str:
    """`created_at` -> `createdAt`; `_id` and names without an underscore stay."""
    first, *others = name.split("_")
    return name if name.startswith("_") else first + "".join(word[:1].upper() + word[1:] for word in others)
