"""What a log line holds, and what it never does."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import NotFound, StoreUnavailable
from bot.logs import renderer, without_words

pytestmark = pytest.mark.unit

WORDS = "my card is 4111 1111"


def fails(words: str) -> None:
    unsaid = words.upper()
    try:
        raise ValueError(unsaid)
    except ValueError:
        raise NotFound(unsaid) from None


def written(error: Exception, *, at_terminal: bool) -> str:
    event: Any = without_words(None, "error", {"event": "turn failed", "level": "error", "exc_info": error})
    return str(renderer(at_terminal=at_terminal)(None, "error", event))


def caught(words: str = WORDS) -> Exception:
    try:
        fails(words)
    except NotFound as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("at_terminal", [True, False])
def test_an_exception_is_told_by_type_and_frames_without_message_or_local_variables(at_terminal: bool) -> None:
    line = written(caught(), at_terminal=at_terminal)
    assert "bot.errors.NotFound" in line
    assert "in fails" in line
    assert "4111" not in line


@pytest.mark.parametrize("given", [True, "tuple"])
def test_the_exception_at_hand_and_a_tuple_are_read_alike(given: object) -> None:
    try:
        fails(WORDS)
    except NotFound as error:
        given = (type(error), error, error.__traceback__) if given == "tuple" else given
        told = without_words(None, "error", {"exc_info": given})["exception"]
    assert told.endswith("bot.errors.NotFound")


def test_causes_and_parts_of_a_group_are_told_without_their_messages() -> None:
    try:
        try:
            raise ExceptionGroup(WORDS, [KeyError(WORDS), caught()])
        except ExceptionGroup as error:
            raise RuntimeError(WORDS) from error
    except RuntimeError as error:
        told = without_words(None, "error", {"exc_info": error})["exception"]
    assert "4111" not in told
    names = ("KeyError", "bot.errors.NotFound", "ExceptionGroup", "RuntimeError")
    assert [name for name in names if name not in told.splitlines()] == []


def test_a_trouble_with_the_disk_keeps_its_message() -> None:
    assert "disk full" in written(StoreUnavailable("disk full"), at_terminal=False)


def test_a_line_without_an_exception_stays_as_it_is() -> None:
    assert without_words(None, "info", {"event": "x", "exc_info": None}) == {"event": "x"}
