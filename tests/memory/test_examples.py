"""The vote of nearest examples: who is named, how sure it is, and what nothing is like."""

from __future__ import annotations

import pytest

from bot.memory.examples import Examples

pytestmark = pytest.mark.unit

SAID = {
    "open_ticket": ["I want to report a problem", "please open a ticket", "something is broken, note it down"],
    "thanks": ["thank you", "thanks a lot", "many thanks"],
    "hours": ["when are you open", "opening hours", "are you open on Sunday"],
}


def examples(**about: str) -> Examples:
    texts = [text for said in SAID.values() for text in said]
    return Examples(texts, [name for name, said in SAID.items() for _ in said], "en", about)


def named(text: str, **about: str) -> str:
    vote = examples(**about).vote(text)
    return "" if vote is None else vote.name


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, said in SAID.items() for text in said])
def test_an_example_itself_has_its_own_name_and_is_sure(name: str, text: str) -> None:
    vote = examples().vote(text)
    assert vote is not None
    assert vote.name == name
    assert vote.confidence > 0.35


@pytest.mark.parametrize(
    ("name", "text"),
    [("open_ticket", "can you open tickets for problems"), ("thanks", "thankyou!!"), ("hours", "R U OPEN on sundays?")],
)
def test_other_words_spellings_and_case_are_understood(name: str, text: str) -> None:
    assert named(text) == name


def test_what_nothing_is_like_is_far_less_sure() -> None:
    near, far = examples().vote("could you open a ticket"), examples().vote("capital of Mongolia")
    assert near is not None
    assert far is None or far.confidence < near.confidence / 3


def test_what_is_said_on_a_name_makes_its_rare_words_count() -> None:
    assert named("which counters are at the Lighthouse") == named("which counters are at the Lighthouse", thanks="")
    assert named("is the lighthouse counter there", hours="The lighthouse counter closes at 9") == "hours"


@pytest.mark.parametrize("text", ["", "😀", "\u200b", "..."])
def test_a_text_without_words_has_no_name(text: str) -> None:
    assert examples().vote(text) is None


def test_without_examples_nobody_is_named() -> None:
    assert Examples([], [], "en").vote("hello") is None


def test_a_single_name_is_named() -> None:
    vote = Examples(["hello"], ["greeting"], "en").vote("hello")
    assert vote is not None
    assert vote.name == "greeting"
