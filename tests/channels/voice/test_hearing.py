"""What was heard, by a fraction or by the provider's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.voice.hearing import beginning, find_words

pytestmark = pytest.mark.unit

SPOKEN = ["We are open until eight.", "On Sundays we open at ten,", "and we close at two."]


@given(st.text(max_size=80), st.floats(0, 1))
def test_what_was_heard_are_whole_words_from_the_beginning(text: str, fraction: float) -> None:
    heard = beginning(text, fraction)
    assert text.strip().startswith(heard)
    assert heard.split() == text.split()[: len(heard.split())]


@pytest.mark.parametrize(("fraction", "heard"), [(0, ""), (0.5, "We are"), (0.999, "We are open"), (1, "We are open today")])
def test_a_word_that_broke_off_was_not_heard(fraction: float, heard: str) -> None:
    assert beginning(" We are open today ", fraction) == heard


@pytest.mark.parametrize(
    ("words", "clause", "heard"),
    [
        ("We are open", 0, "We are open"),
        ("we are open until eight on sundays we", 1, "On Sundays we"),
        ("On Sundays we open at", 1, "On Sundays we open at"),
        ("we are open until 8 on sundays we open", 1, "On Sundays we open"),
        ("We are open until eight. On Sundays we open at ten, and we close at two.", 2, "and we close at two."),
    ],
)
def test_words_are_found_in_another_spelling(words: str, clause: int, heard: str) -> None:
    found = find_words(words, SPOKEN, near=1)
    assert found is not None
    assert found[0] == clause
    assert beginning(SPOKEN[clause], found[1]) == heard


def test_of_two_places_the_nearer_one_counts() -> None:
    twice = ["Press one.", "Press one.", "Press one."]
    assert find_words("press one", twice, near=1) == (1, 1.0)


@pytest.mark.parametrize("words", ["", "nothing of all this", "…"])
def test_words_that_were_never_said_are_nowhere(words: str) -> None:
    assert find_words(words, SPOKEN, near=0) is None


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=5), st.integers(0, 5))
def test_whatever_is_told_there_is_a_place_or_none(words: str, spoken: list[str], near: int) -> None:
    found = find_words(words, spoken, near)
    assert found is None or (0 <= found[0] < len(spoken) and 0 < found[1] <= 1)
