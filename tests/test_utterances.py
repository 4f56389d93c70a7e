"""What the code asks for and what the files hold are the same: no name without a text, no text that nobody says."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import bot
from bot.dialogs.flows import open_ticket
from bot.dialogs.telling import _PLAIN
from bot.dialogs.wanted import SMALLTALK
from bot.records.tickets import TicketStatus
from bot.resources import LANGUAGES, ON_CALL, utterances

pytestmark = pytest.mark.unit

SAYING = {"say", "words", "plain_words", "_phrases", "_over", "_for_a_person"}
"""Functions that take an utterance's name."""

FLOWS = [file.stem for file in Path(open_ticket.__file__).parent.glob("[a-z]*.py") if file.stem != "confirmation"]

FAMILIES: dict[str, Iterable[str]] = {
    "status_*": TicketStatus,
    "news_ticket_*": TicketStatus,
    "category_*": open_ticket._CATEGORIES,
    "language_*": LANGUAGES,
    "field_*": ("first_name", "last_name", "email"),
    "flow_*": FLOWS,
    "offline_*": SMALLTALK,
    "did_*": {*_PLAIN, "book_callback", "move_callback"},
    "code_*_words": ("again", "cancel"),
    "*_words": ("yes", "no"),
    "*_before_words": ("about", "denied"),
    "*_after_words": ("about", "denied"),
}
"""Names that the code puts together, and of what."""


@cache
def nodes() -> list[ast.AST]:
    """The code, piece by piece."""
    return [node for file in Path(bot.__file__).parent.rglob("*.py") for node in ast.walk(ast.parse(file.read_text("utf-8")))]


def literals(node: ast.AST) -> Iterator[str]:
    """The texts in an expression, an f-string with a star for each blank."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*literals(node.body), *literals(node.orelse))


def asked_for() -> set[str]:
    """What is given as a name to who says it, or to a slot as its question."""
    calls = [node for node in nodes() if isinstance(node, ast.Call)]
    saying = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in SAYING]
    names = {name for call in saying for node in call.args[:2] for name in literals(node)}
    return names | {name for call in calls for given in call.keywords if given.arg == "ask" for name in literals(given.value)}


def in_code() -> set[str]:
    """Every text in the code: some names come from a table."""
    return {node.value for node in nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def members() -> set[str]:
    return {family.replace("*", str(one)) for family, ones in FAMILIES.items() for one in ones}


def test_the_names_that_the_code_puts_together_are_those_of_the_families() -> None:
    assert {name for name in asked_for() if "*" in name} == set(FAMILIES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_the_code_says_there_is(language: str) -> None:
    names = {name for name in asked_for() if "*" not in name} | members()
    assert names - set(utterances(language)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_there_that_the_code_never_says(language: str) -> None:
    known = in_code() | members()
    assert set(utterances(language)) - known - {f"{name}{ON_CALL}" for name in known} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_on_a_call_stands_in_for_something(language: str) -> None:
    names = set(utterances(language))
    assert {name for name in names if name.endswith(ON_CALL) and name.removesuffix(ON_CALL) not in names} == set()
