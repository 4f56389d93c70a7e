"""In which of our languages somebody writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.language import guess_language

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hola, no tengo internet desde ayer", "es"),
        ("¿Cuándo abren los sábados?", "es"),
        ("QUIERO HABLAR CON ALGUIEN", "es"),
        ("mi factura está mal", "es"),
        ("My internet does not work", "en"),
        ("I want to talk to a person", "en"),
        ("hello", "en"),
        ("hi", "en"),
        ("thanks!", "en"),
        ("मेरा इंटरनेट नहीं चल रहा है", "hi"),
        ("मुझे order 77 चाहिए, कृपया जल्दी", "hi"),
        ("", None),
        ("👍", None),
        ("12345", None),
        ("ok", None),
        ("no", None),
        ("No!", None),
        ("Zoe", None),
        ("TICKET-2026-000001", None),
    ],
)
def test_a_text_is_told_by_its_script_or_its_commonest_words(text: str, language: str | None) -> None:
    assert guess_language(text) == language


@given(st.text(max_size=200))
def test_any_text_gives_one_of_ours_or_nothing(text: str) -> None:
    assert guess_language(text) in {"es", "en", "hi", None}
