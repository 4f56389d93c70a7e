"""Which lines are covered, by what, and which are open, and why."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import yaml

from tests.checklist.lines import HERE, PARSED, ROOT, Line, lines
from tests.checklist.samples import BUILT

COVERED = HERE / "covered.txt"
"""The ids that were covered once: none of them may become open again."""
README = ROOT / "README.md"
BEGIN, END = "<!-- checklist: written by `python -m tests.checklist` -->", "<!-- end of checklist -->"
_DECISIONS = "C"


@lru_cache
def open_lines() -> dict[str, str]:
    """Line -> why it is open."""
    found: dict[str, str] = {}
    for entry in yaml.safe_load((HERE / "open.yaml").read_text()):
        for named in entry["lines"].split(", "):
            for id_ in _ids(named):
                if id_ in found:
                    raise ValueError(f"open.yaml names {id_} twice")
                found[id_] = entry["reason"]
    return found


def _ids(named: str) -> Iterator[str]:
    """`S1-017..020` -> the four ids."""
    first, _, last = named.partition("..")
    seed, number = first.split("-")
    for each in range(int(number), int(last or number) + 1):
        yield f"{seed}-{each:0{len(number)}}"


@lru_cache
def shown_lines() -> dict[str, list[str]]:
    """Line that no check runs -> the tests that show it."""
    found: dict[str, list[str]] = yaml.safe_load((HERE / "covered.yaml").read_text())
    return found


def runs(line: Line) -> bool:
    """Whether the line is checked by running it."""
    return line.kind in PARSED and (line.seed, line.collection) in BUILT and line.id not in open_lines()


def is_demand(line: Line) -> bool:
    """Notes explain and decisions decide: neither can be covered."""
    return line.kind not in ("NOTE", "DECIDE")


def covered() -> list[str]:
    """The ids that are covered now."""
    return [line.id for line in lines() if is_demand(line) and (runs(line) or line.id in shown_lines())]


def table() -> str:
    """Covered / all, per seed and kind, in Markdown."""
    is_covered = frozenset(covered())
    demands = [line for line in lines() if is_demand(line)]
    kinds = list(dict.fromkeys(line.kind for line in demands))
    have = Counter((line.seed, line.kind) for line in demands if line.id in is_covered)
    all_ = Counter((line.seed, line.kind) for line in demands)
    rows = [["seed", *kinds, "covered", "open"]]
    for seed in dict.fromkeys(line.seed for line in demands):
        cells = [f"{have[seed, kind]}/{all_[seed, kind]}" if all_[seed, kind] else "" for kind in kinds]
        done, total = (sum(count[seed, kind] for kind in kinds) for count in (have, all_))
        rows.append([seed, *cells, str(done), str(total - done)])
    sums = [
        f"{sum(have[key] for key in have if key[1] == kind)}/{sum(all_[key] for key in all_ if key[1] == kind)}" for kind in kinds
    ]
    rows.append(["all", *sums, str(sum(have.values())), str(sum(all_.values()) - sum(have.values()))])
    ruled = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def readme_with(table_: str) -> str:
    """The README with this table between the markers. Raises ValueError where there are none."""
    text = README.read_text()
    begin, end = text.index(BEGIN), text.index(END)
    return f"{text[: begin + len(BEGIN)]}\n{table_}\n{text[end:]}"


def once_covered() -> list[str]:
    return COVERED.read_text().split()


def has_test(node: str) -> bool:
    """Whether a node id names a test that is there: a function, a method or a conversation in YAML."""
    name, *inside = node.split("::")
    path = ROOT / name
    if not path.exists():
        return False
    if not inside:
        return path.suffix == ".yaml"
    return _finds(path, tuple(re.sub(r"\[.*", "", part) for part in inside))


@lru_cache
def _module(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _finds(path: Path, names: tuple[str, ...]) -> bool:
    body: list[ast.stmt] = _module(path).body
    for name in names:
        node = next((one for one in body if getattr(one, "name", "") == name), None)
        if node is None:
            return False
        body = getattr(node, "body", [])
    return names[-1].startswith("test_")
