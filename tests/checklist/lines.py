"""The lines of the checklist, and what they say, parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SOURCE = ROOT.parent / "shared" / "checklist" / "SEED_CHECKLIST.json"
WITHOUT = f"the checklist is not here ({SOURCE}): nothing of it can be run"

PARSED = ("FIELDS", "REQUIRED", "ENUM", "DEFAULT", "RANGE", "MAXLEN", "FORMAT", "LIMIT", "INDEX")
"""The kinds of lines that run; the others are shown by tests that are named for them."""


@dataclass(frozen=True)
class Line:
    """One demand of one seed."""

    id: str
    seed: str
    kind: str
    parts: tuple[str, ...]

    @property
    def collection(self) -> str:
        """The seed's name of the collection it is about."""
        return self._subject.partition(".")[0]

    @property
    def path(self) -> str:
        """The field it is about, inside the collection; empty where it is about the whole."""
        return self._subject.partition(".")[2]

    @property
    def _subject(self) -> str:
        return re.sub(r" \(.*?\)| value types", "", self.parts[0]).replace("[]", "").strip()

    @property
    def demand(self) -> str:
        return self.parts[1] if len(self.parts) > 1 else ""

    @property
    def note(self) -> str:
        return " | ".join(self.parts[2:])

    @property
    def is_open_set(self) -> bool:
        """Whether the values are examples."""
        return "open set" in self.parts[0]

    def __str__(self) -> str:
        return f"{self.id} {self.kind} {self.parts[0]}"


@lru_cache
def lines() -> tuple[Line, ...]:
    """All lines; none where the checklist is not here."""
    if not SOURCE.exists():
        return ()
    found = json.loads(SOURCE.read_text())
    return tuple(Line(line["id"], line["seed"], line["kind"], tuple(line["parts"])) for line in found)


def split(text: str) -> list[str]:
    """At commas that stand in no bracket."""
    pieces, depth, begin = [], 0, 0
    for at, character in enumerate(text):
        depth += (character in "({[<") - (character in ")}]" or (character == ">" and text[at - 1] != "-"))
        if character == "," and depth == 0:
            pieces.append(text[begin:at])
            begin = at + 1
    return [piece.strip() for piece in (*pieces, text[begin:]) if piece.strip()]


def fields(demand: str, prefix: str = "") -> Iterator[str]:
    """The dotted paths of a FIELDS line, leaves and parts: `a, b{c, d[]}` -> a, b, b.c, b.d."""
    for piece in split(demand):
        name = re.match(r"[A-Za-z_]\w*", piece)
        if name is None:  # `[key]: string`: the keys are free
            continue
        yield prefix + name[0]
        rest = piece[name.end() :].lstrip("?[]")
        if rest.startswith("{"):
            yield from fields(rest[1 : rest.rindex("}")], f"{prefix}{name[0]}.")


def values(demand: str) -> list[str]:
    """The values of an ENUM line."""
    return [re.sub(r"\s*\(.*?\)", "", piece).strip().strip('"') for piece in split(demand)]


def required(demand: str) -> list[str]:
    """The fields of a REQUIRED line."""
    return [piece.strip() for piece in re.split("[,;]", demand)]


def lengths(line: Line) -> dict[str, int]:
    """Field -> its greatest length."""
    if line.path:
        return {line.path: int(line.demand)}
    named = (re.match(r"(\w+) (\d+)", piece) for piece in split(line.demand))
    return {found[1]: int(found[2]) for found in named if found}


def bounds(line: Line) -> tuple[int, int]:
    """The lowest and the highest value of a RANGE line."""
    low, _, high = line.demand.partition("-")
    return int(low), int(high)


def default(demand: str) -> Any:
    """The value of a DEFAULT line."""
    word = demand.lower() if demand in ("TRUE", "FALSE") else demand
    try:
        return json.loads(word)
    except ValueError:
        return demand


def keys(line: Line) -> dict[str, Any]:
    """The keys of an INDEX line: field -> 1, -1 or "text"."""
    return dict(json.loads(line.demand))
