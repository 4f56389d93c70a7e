"""Versions of the program that work on one database at the same time, as they do while an upgrade rolls through the machines.

What keeps them apart:
- A field that is only added needs no new shape: who does not know it keeps it, also in whole-record writes.
- Whatever an older version could misread is a new shape (`@record(..., upgrades=...)`). An older version refuses such a document
  (DataTooNew), gives back its lane for a newer one to take, and goes on with everything else.
- Fields that are set one by one (`Change`) keep their names and meaning for one release after they have been replaced.
- The newest version that has opened the database says what its indexes and validators are; older ones add and drop nothing.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

VERSION = version("switchboard")
NAME = f"{socket.gethostname()}, pid {os.getpid()}"
"""This process, for people to read."""

Doing = Callable[[], Mapping[str, int]]
"""What a process has done and has in hand, by name."""


@dataclass(frozen=True, slots=True)
class Process:
    """One that has the database open to work on it, or to take webhooks for those who do."""

    name: str
    """Host and pid."""
    version: str
    """Empty for one from before versions were told."""
    shapes: Mapping[str, int] = field(default_factory=dict)
    """Collection -> the number of the shape that it writes; those at their first shape are left out."""
    doing: Mapping[str, int] = field(default_factory=dict)
    """What it has done and has in hand; empty for one that does not work."""


def number_of(version: str) -> tuple[int, ...]:
    """What versions are compared by: `0.10.1` -> (0, 10, 1). No version at all is the oldest; `0.2.0rc1` counts as 0.2.0."""
    leading = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()


def older_than(version: str, processes: Sequence[Process]) -> list[Process]:
    """Those that run an older version."""
    return [process for process in processes if number_of(process.version) < number_of(version)]
