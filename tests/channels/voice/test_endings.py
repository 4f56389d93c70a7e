"""What words tell of a turn, in three languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.voice.endings import count_words, looks_finished

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("yes", "en"), ("Yes.", "en"), ("Yes, I do.", "en"), ("No, not really, sorry", "en"), ("no thank you", "en"),
        ("that's all", "en"),
        ("sí", "es"), ("Sí, claro.", "es"), ("claro que sí", "es"), ("no", "es"), ("¿Qué?", "es"), ("así es", "es"),
        ("sí quiero", "es"),
        ("हाँ", "hi"), ("जी हाँ", "hi"), ("नहीं", "hi"), ("ठीक है", "hi"), ("haan ji", "hi"), ("पता नहीं", "hi"),
        ("2", "es"), ("dos", "es"), ("one", "en"), ("दो", "hi"), ("4 7", "en"), ("55 5555 1234", "es"), ("five " * 10, "en"),
        ("I want to cancel my order.", "en"), ("can you call me tomorrow please", "en"), ("where is my order?", "en"),
        ("quiero cancelar mi pedido por favor", "es"), ("Necesito hablar con una persona.", "es"), ("¿me puede ayudar?", "es"),
        ("मुझे मदद चाहिए", "hi"), ("मेरा ऑर्डर कहाँ है", "hi"), ("मुझे कल फोन कीजिए", "hi"),
    ],
)  # fmt: skip
def test_a_short_answer_a_choice_and_a_whole_sentence_look_finished(words: str, language: str) -> None:
    assert looks_finished(words, language) is True


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("I would like to", "en"), ("my name is", "en"), ("I want a ticket and", "en"), ("um", "en"), ("because", "en"),
        ("can you", "en"),
        ("I would like to.", "en"), ("well, I", "en"), ("yes but", "en"), ("it is for the...", "en"), ("on Monday,", "en"),
        ("para el", "es"), ("quiero", "es"), ("quiero saber si", "es"), ("mi nombre es", "es"), ("sí pero", "es"), ("este", "es"),
        ("me llamo", "es"), ("es que", "es"), ("el lunes y", "es"), ("necesito un", "es"),
        ("मुझे टिकट चाहिए और", "hi"), ("क्योंकि", "hi"), ("मैं", "hi"), ("मेरे ऑर्डर के बारे में", "hi"), ("mujhe", "hi"),
        ("cinco cinco cinco", "es"), ("5 5 5 5", "en"), ("55 5555", "es"), ("एक दो तीन", "hi"),
    ],
)  # fmt: skip
def test_what_breaks_off_looks_unfinished(words: str, language: str) -> None:
    assert looks_finished(words, language) is False


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("", "en"),
        ("   ", "es"),
        ("...", "es"),
        ("my order", "en"),
        ("mi pedido de zapatos", "es"),
        ("2500", "es"),
        ("Madrid.", "es"),
    ],
)
def test_other_words_do_not_tell(words: str, language: str) -> None:
    assert looks_finished(words, language) is None


@pytest.mark.parametrize("language", ["en-US", "es-MX", "hi-IN"])
def test_a_language_with_its_country_is_the_same_language(language: str) -> None:
    words = {"en": "I would like to", "es": "quiero saber si", "hi": "मुझे टिकट चाहिए और"}[language[:2]]
    assert looks_finished(words, language) is False


def test_words_are_counted_without_their_punctuation() -> None:
    assert [count_words(words) for words in ("", "¿qué?", "don't, please!", "मुझे मदद चाहिए।")] == [0, 1, 2, 3]


@given(words=st.text(max_size=300), language=st.sampled_from(["en", "es", "hi", "xx", ""]))
def test_any_text_is_judged(words: str, language: str) -> None:
    assert looks_finished(words, language) in (True, False, None)
