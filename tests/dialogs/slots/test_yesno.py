"""A plain yes, a plain no."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.slots.yesno import parse_yes_no
from bot.resources import words

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "text", ["sí", "Si", "sí, por favor", "sí sí sí", "Yes!", "ok", "haan ji", "हाँ", "हां", "👍", "👍🏽", "claro que sí"]
)
def test_a_plain_yes_is_yes(text: str) -> None:
    assert parse_yes_no(text) is True


@pytest.mark.parametrize("text", ["no", "No, gracias", "nope", "nahi", "नहीं", "no no", "ji nahi", "👎"])
def test_a_plain_no_is_no(text: str) -> None:
    assert parse_yes_no(text) is False


@pytest.mark.parametrize(
    "text", ["", "sí, pero a las 6", "no sé", "maybe", "sí no", "hola", "gracias", "😀", "yes or no?", "ok?", "sí 👎", "no sé 👍"]
)
def test_anything_else_is_neither(text: str) -> None:
    assert parse_yes_no(text) is None


def test_every_word_of_the_lists_is_read() -> None:
    assert all(parse_yes_no(word) is True for word in words("yes_words"))
    assert all(parse_yes_no(word) is False for word in words("no_words"))


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    assert parse_yes_no(text) in (True, False, None)
