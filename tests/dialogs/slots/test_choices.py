"""A choice among options, as people answer it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.slots.choices import parse_choice
from bot.message import Button
from bot.resources import LANGUAGES

pytestmark = pytest.mark.unit

MENU = {
    "es": ("Abrir un ticket", "Hablar con alguien", "Ver mis tickets"),
    "en": ("Open a ticket", "Talk to someone", "Show my tickets"),
    "hi": ("टिकट खोलें", "किसी से बात करें", "मेरे टिकट देखें"),
}
SIZES = ("1 GB", "2 GB", "5 GB")
HOURS = ("10:00", "2:00", "16:00")


def options(titles: tuple[str, ...]) -> list[Button]:
    return [Button(f"id-{place}", title) for place, title in enumerate(titles, 1)]


def picked(text: str, language: str, titles: tuple[str, ...] | None = None) -> list[int]:
    menu = options(titles or MENU[language])
    found = parse_choice(text, menu, language=language)
    return [menu.index(option) + 1 for option in found.among] if found else []


CHOSEN = {
    "es": [
        ("2", 2),
        ("dos", 2),
        ("la 2", 2),
        ("la segunda", 2),
        ("el segundo, por favor", 2),
        ("opción 3", 3),
        ("la tercera opción", 3),
        ("1ra", 1),
        ("primera", 1),
        ("la última", 3),
        ("quiero la dos", 2),
        ("id-3", 3),
        ("Hablar con alguien", 2),
        ("hablar", 2),
        ("hablar con algien", 2),
        ("abrir", 1),
        ("Abrir ticket", 1),
        ("ver mis tikets", 3),
        ("VER MIS TICKETS", 3),
        ("habl", 2),
        ("2.", 2),
        ("2️⃣", 2),
        ("número 1", 1),
        ("uno", 1),
    ],
    "en": [
        ("the first one", 1),
        ("second", 2),
        ("2nd", 2),
        ("option two", 2),
        ("number 3 please", 3),
        ("the last one", 3),
        ("talk", 2),
        ("i want to talk to someone", 2),
        ("tlak to someone", 2),
        ("show", 3),
        ("open", 1),
        ("one", 1),
        ("#2", 2),
        ("la segunda", 2),
    ],
    "hi": [
        ("दूसरा", 2),
        ("दूसरा वाला", 2),
        ("doosra wala", 2),
        ("dusri wali", 2),
        ("teesra", 3),
        ("pehla wala", 1),
        ("३", 3),
        ("तीन", 3),
        ("do", 2),
        ("option 2", 2),
        ("aakhri wala", 3),
        ("बात", 2),
        ("देखें", 3),
        ("टिकट खोलें", 1),
        ("teen number", 3),
        ("pehle wala", 1),
    ],
}


@pytest.mark.parametrize(("language", "text", "place"), [(language, *row) for language, rows in CHOSEN.items() for row in rows])
def test_an_option_is_chosen(language: str, text: str, place: int) -> None:
    assert picked(text, language) == [place]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "4"),
        ("es", "no"),
        ("es", "ninguna"),
        ("es", "¿cuánto cuesta?"),
        ("es", ""),
        ("es", "😀"),
        ("es", "la"),
        ("es", "mi factura de enero llegó con un ticket equivocado"),
        ("es", "la quinta"),
        ("es", "2 o 3 meses"),
        ("en", "none of them"),
        ("en", "the fourth one"),
        ("en", "what is this?"),
        ("en", "I waited 2 hours"),
        ("hi", "कोई नहीं"),
        ("hi", "nahi"),
        ("hi", "mera internet band hai"),
        ("hi", "10"),
    ],
)
def test_what_fits_no_option_is_none(language: str, text: str) -> None:
    assert picked(text, language) == []


def test_what_fits_several_alike_tells_which() -> None:
    assert picked("ticket", "hi", ("Red ticket", "Blue ticket", "Person")) == [1, 2]
    assert picked("un ticket", "es") == [1, 3]
    found = parse_choice("ticket", options(("Red ticket", "Blue ticket")), language="en")
    assert found is not None
    assert found.one is None


def test_a_number_that_is_in_another_title_is_ambiguous_and_in_its_own_it_is_not() -> None:
    assert picked("5", "es", SIZES) == [3]
    assert picked("2", "es", SIZES) == [2]
    assert picked("2", "en", ("5 GB", "1 GB", "2 GB")) == [2, 3]
    assert picked("10:00", "es", HOURS) == [1]


def test_a_button_of_another_question_is_none() -> None:
    assert picked("confirm:abc:yes", "es") == []


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=5), st.sampled_from(LANGUAGES))
def test_no_answer_raises_and_only_options_are_picked(text: str, titles: list[str], language: str) -> None:
    menu = options(tuple(titles))
    found = parse_choice(text, menu, language=language)
    assert found is None or (found.among and all(option in menu for option in found.among))
