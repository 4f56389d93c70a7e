"""Names, as people give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.slots.names import parse_name
from bot.resources import LANGUAGES

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("language", "text", "full"),
    [
        ("es", "Ana Ruiz", "Ana Ruiz"),
        ("es", "ana ruiz", "Ana Ruiz"),
        ("es", "ANA RUIZ", "Ana Ruiz"),
        ("es", "Ana", "Ana"),
        ("es", "me llamo Ana Ruiz", "Ana Ruiz"),
        ("es", "Hola, me llamo Ana Ruiz.", "Ana Ruiz"),
        ("es", "soy Ana", "Ana"),
        ("es", "Ana Ruiz, 55 5555 0123, ana@example.org", "Ana Ruiz"),
        ("es", "buenas tardes, soy José Luis Pérez", "José Luis Pérez"),
        ("es", "mi nombre es maría de la torre", "María de la Torre"),
        ("es", "Mi nombre completo es Juan Carlos Ortiz Vega", "Juan Carlos Ortiz Vega"),
        ("es", "Nombre: Ana Ruiz", "Ana Ruiz"),
        ("es", "me llamo Ana y quiero un ticket", "Ana"),
        ("es", "a nombre de Luis Gómez, por favor", "Luis Gómez"),
        ("es", "me llamo Domingo", "Domingo"),
        ("es", "Ana-Sofía Ruiz", "Ana-Sofía Ruiz"),
        ("es", "Íñigo Núñez", "Íñigo Núñez"),
        ("es", "sí, soy Ana Ruiz, gracias", "Ana Ruiz"),
        ("en", "my name is Ana Ruiz", "Ana Ruiz"),
        ("en", "My name's Sean O'Neill", "Sean O'Neill"),
        ("en", "I'm Ravi", "Ravi"),
        ("en", "I am Ravi Kumar", "Ravi Kumar"),
        ("en", "this is Mary Jane Watson speaking", "Mary Jane Watson"),
        ("en", "hi, it's John", "John"),
        ("en", "call me Al", "Al"),
        ("en", "my name is Will Smith", "Will Smith"),
        ("en", "Dr. Jane Smith", "Jane Smith"),
        ("hi", "mera naam Ana hai", "Ana"),
        ("hi", "Mera naam Ravi Kumar hai ji", "Ravi Kumar"),
        ("hi", "main Priya Sharma bol rahi hoon", "Priya Sharma"),
        ("hi", "मेरा नाम रवि कुमार है", "रवि कुमार"),
        ("hi", "मैं प्रिया हूँ", "प्रिया"),
        ("hi", "नमस्ते, मेरा नाम रवि है", "रवि"),
        ("hi", "रवि शर्मा", "रवि शर्मा"),
        ("hi", "my name is Ravi", "Ravi"),
        ("hi", "naam Ravi Verma", "Ravi Verma"),
    ],
)
def test_a_name_is_read(language: str, text: str, full: str) -> None:
    name = parse_name(text, language=language)
    assert name is not None
    assert name.full == full


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("Ana", "Ana", None),
        ("Ana Ruiz", "Ana", "Ruiz"),
        ("Ana Ruiz López", "Ana", "Ruiz López"),
        ("Juan Carlos Ortiz Vega", "Juan Carlos", "Ortiz Vega"),
        ("María de la Torre", "María", "de la Torre"),
        ("रवि कुमार", "रवि", "कुमार"),
    ],
)
def test_a_name_is_parted_into_given_name_and_surname(full: str, first: str, last: str | None) -> None:
    name = parse_name(full, language="es")
    assert name is not None
    assert (name.first, name.last) == (first, last)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", ""),
        ("es", "hola"),
        ("es", "buenas tardes"),
        ("es", "sí"),
        ("es", "no"),
        ("es", "gracias"),
        ("es", "123"),
        ("es", "Ana 123"),
        ("es", "soy cliente"),
        ("es", "soy de México"),
        ("es", "soy el dueño"),
        ("es", "quiero abrir un ticket"),
        ("es", "mi internet no funciona"),
        ("es", "mañana a las cinco"),
        ("es", "el lunes"),
        ("es", "cinco"),
        ("es", "¿Por qué?"),
        ("es", "stop"),
        ("es", "una persona"),
        ("es", "ana@ejemplo.com"),
        ("es", "😀"),
        ("es", "A"),
        ("es", "no quiero dar mi nombre"),
        ("es", "me llamo"),
        ("es", "55 5555 0123"),
        ("es", "<script>alert(1)</script>"),
        ("en", "hello"),
        ("en", "yes please"),
        ("en", "I am angry"),
        ("en", "I'm waiting"),
        ("en", "call me tomorrow"),
        ("en", "call me back"),
        ("en", "this is not good"),
        ("en", "what is this"),
        ("en", "good morning"),
        ("en", "the first one"),
        ("en", "I can't find my card, it's gone."),
        ("en", "Something went wrong, I was charged twice?"),
        ("en", "Cash withdrawal still pending"),
        ("en", "my name is"),
        ("hi", "नमस्ते"),
        ("hi", "नहीं"),
        ("hi", "haan ji"),
        ("hi", "mujhe madad chahiye"),
        ("hi", "kal shaam"),
        ("hi", "मेरा ऑर्डर कहाँ है"),
        ("hi", "main pareshan hoon"),
        ("hi", "theek hai"),
    ],
)
def test_what_is_no_name_is_none(language: str, text: str) -> None:
    assert parse_name(text, language=language) is None


@given(st.text(max_size=120), st.sampled_from(LANGUAGES))
def test_no_text_raises_and_a_name_has_no_digits(text: str, language: str) -> None:
    name = parse_name(text, language=language)
    if name is not None:
        assert name.full == f"{name.first} {name.last}" if name.last else name.first
        assert not any(c.isdecimal() for c in name.full)
