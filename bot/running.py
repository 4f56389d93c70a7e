"""Runs a coroutine as the program: on uvloop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import uvloop


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs it to its end, with everything it left behind cancelled."""
    uvloop.run(main)
