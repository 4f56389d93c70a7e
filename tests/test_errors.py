"""The tree of errors is the one that is drawn, and none is blank."""

from __future__ import annotations

import inspect
import re

import pytest

from bot import errors
from bot.errors import BotError, Duplicate, SendDelayed

pytestmark = pytest.mark.unit

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, BotError)]


def drawn() -> dict[str, str | None]:
    """Class -> its parent, as the docstring draws it."""
    stack: list[tuple[int, str]] = []
    parents: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ │├└─]*)([A-Z]\w+)(?: {2,}|$)", line)
        if not found or not (found[1].endswith("─ ") or found[2] == "BotError"):
            continue
        depth = len(found[1])
        while stack and stack[-1][0] >= depth:
            stack.pop()
        parents[found[2]] = stack[-1][1] if stack else None
        stack.append((depth, found[2]))
    return parents


def real() -> dict[str, str | None]:
    hidden = {"SendError"}  # the common part of the three kinds of failed sends

    def parent(kind: type[BotError]) -> str | None:
        base = kind.__bases__[0]
        while base.__name__ in hidden:
            base = base.__bases__[0]
        return base.__name__ if issubclass(base, BotError) else None

    return {kind.__name__: parent(kind) for kind in CLASSES if kind.__name__ not in hidden}


def test_the_tree_that_is_drawn_is_the_one_there_is() -> None:
    assert drawn() == real()


def test_what_is_drawn_as_retryable_is_so() -> None:
    marked = set(re.findall(r"── (\w+).*\(retryable\)", errors.__doc__ or ""))
    assert marked == {kind.__name__ for kind in CLASSES if kind.retryable}


@pytest.mark.parametrize("kind", CLASSES)
def test_no_error_is_ever_blank(kind: type[BotError]) -> None:
    assert str(kind()).strip()
    assert "\n" not in str(kind())
    assert str(kind("")) == str(kind())
    assert str(kind("the disk is full")) == "the disk is full"


def test_errors_carry_what_their_readers_need() -> None:
    error = SendDelayed("busy", code="130429", wait=3)
    assert (str(error), error.code, error.wait, error.retryable) == ("busy", "130429", 3, True)
    taken = Duplicate(collection="tickets", key="ticket_id")
    assert (str(taken), taken.collection, taken.key) == ("tickets: ticket_id is taken already", "tickets", "ticket_id")
