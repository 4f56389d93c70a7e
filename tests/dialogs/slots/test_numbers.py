"""Numbers and ratings in words and digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.slots.lexicons import english, hindi, spanish
from bot.dialogs.slots.numbers import parse_number, parse_rating
from bot.resources import LANGUAGES

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("es", "3", 3),
        ("es", "quiero 3", 3),
        ("es", "veintidós", 22),
        ("es", "veintidos", 22),
        ("es", "treinta y cinco", 35),
        ("es", "un ticket", 1),
        ("es", "son 1,500 pesos", 1500),
        ("es", "1.500", 1500),
        ("es", "cien", 100),
        ("es", "cero", 0),
        ("es", "cincuenta y nueve", 59),
        ("es", "twenty five", 25),
        ("es", "पाँच", 5),
        ("en", "twenty-five", 25),
        ("en", "twenty five", 25),
        ("en", "I have two", 2),
        ("en", "#12", 12),
        ("en", "forty", 40),
        ("hi", "पाँच", 5),
        ("hi", "पांच", 5),
        ("hi", "२५", 25),
        ("hi", "pachis", 25),
        ("hi", "mujhe teen chahiye", 3),
        ("hi", "चौबीस", 24),
        ("hi", "unsath", 59),
        ("hi", "1,50,000", 150000),
        ("hi", "two", 2),
    ],
)
def test_a_number_is_read(language: str, text: str, number: int) -> None:
    assert parse_number(text, language=language) == number


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", ""),
        ("es", "hola"),
        ("es", "2 o 3"),
        ("es", "3.5"),
        ("es", "TICKET-2026-000001"),
        ("es", "55-5555"),
        ("es", "3/5"),
        ("en", "between two and four"),
        ("en", "please do it"),
        ("en", "none"),
        ("hi", "नमस्ते"),
        ("hi", "do ya teen"),
    ],
)
def test_what_is_not_one_whole_number_is_none(language: str, text: str) -> None:
    assert parse_number(text, language=language) is None


@pytest.mark.parametrize("module", [spanish, english, hindi])
def test_every_language_knows_the_numbers_of_a_clock_and_each_word_once(module: object) -> None:
    numbers: dict[int, str] = module.NUMBERS  # type: ignore[attr-defined]
    assert set(range(60)) <= set(numbers)
    words = [word for phrases in numbers.values() for word in phrases.split(", ")]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("language", "text", "rating"),
    [
        ("es", "5", 5),
        ("es", "cinco", 5),
        ("es", "5 estrellas", 5),
        ("es", "cuatro de cinco", 4),
        ("es", "3/5", 3),
        ("es", "un 4", 4),
        ("es", "le doy un cuatro", 4),
        ("es", "4 de 5", 4),
        ("es", "5, excelente servicio, muy amables", 5),
        ("es", "⭐⭐⭐⭐", 4),
        ("es", "★★★☆☆", 3),
        ("es", "una estrella", 1),
        ("es", "cinco de cinco", 5),
        ("en", "4 out of 5", 4),
        ("en", "five stars", 5),
        ("en", "I give it a 3", 3),
        ("en", "4/5", 4),
        ("en", "one star", 1),
        ("hi", "char star", 4),
        ("hi", "पाँच में से चार", 4),
        ("hi", "paanch mein se teen", 3),
        ("hi", "५", 5),
        ("hi", "चार स्टार", 4),
        ("hi", "4/5", 4),
    ],
)
def test_a_rating_is_read(language: str, text: str, rating: int) -> None:
    assert parse_rating(text, language=language) == rating


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "0"),
        ("es", "6"),
        ("es", "8 de 10"),
        ("es", "9/10"),
        ("es", "esperé 3 horas"),
        ("es", "3 horas esperando"),
        ("es", "hola"),
        ("es", "no sé"),
        ("es", "mi pedido 20264512 no llegó"),
        ("es", "4.5"),
        ("es", "2 o 3"),
        ("es", ""),
        ("en", "I waited 3 hours"),
        ("en", "not good"),
        ("en", "eleven"),
        ("hi", "2 din se band hai"),
        ("hi", "नहीं"),
        ("es", "⭐⭐⭐⭐⭐⭐"),
    ],
)
def test_what_is_no_rating_is_none(language: str, text: str) -> None:
    assert parse_rating(text, language=language) is None


def test_a_rating_has_the_scale_that_was_asked() -> None:
    assert parse_rating("9 de 10", language="es", top=10) == 9
    assert parse_rating("4 de 5", language="es", top=10) is None


@given(st.text(max_size=80), st.sampled_from(LANGUAGES), st.integers(1, 10))
def test_no_text_raises(text: str, language: str, top: int) -> None:
    number = parse_number(text, language=language)
    assert number is None or number >= 0
    rating = parse_rating(text, language=language, top=top)
    assert rating is None or 1 <= rating <= top


@given(st.integers(0, 10**12))
def test_a_number_in_digits_is_that_number(number: int) -> None:
    assert parse_number(str(number), language="es") == number
    assert parse_number(f"{number:,}", language="en") == number
