"""What a message wants of a dialogue, whatever it is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.wishes import Correction, cancels, correction_in, denies_person, is_question, skips, wants_person

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "denied", "meant"),
    [
        ("no, Friday", "", "Friday"),
        ("not Ana, Anna", "Ana", "Anna"),
        ("no, not Ana, Anna", "Ana", "Anna"),
        ("not Ana but Anna", "Ana", "Anna"),
        ("no el lunes, sino el martes", "el lunes", "el martes"),
        ("mejor el viernes", "", "el viernes"),
        ("perdón, quise decir el viernes", "", "el viernes"),
        ("नहीं, शुक्रवार", "", "शुक्रवार"),
        ("Ana nahi, Anna", "Ana", "Anna"),
        ("सोमवार नहीं, मंगलवार", "सोमवार", "मंगलवार"),
    ],
)
def test_a_correction_tells_what_is_denied_and_what_is_meant(text: str, denied: str, meant: str) -> None:
    found = correction_in(text)
    assert found is not None
    assert (found.denied, found.meant, found.is_loose) == (denied, meant, False)


@pytest.mark.parametrize("text", ["", "no", "Friday", "my bill", "desde ayer no tengo internet", "haan, shukravar"])
def test_what_corrects_nothing_is_none(text: str) -> None:
    assert correction_in(text) is None


def test_a_sentence_that_begins_with_a_no_is_only_loosely_one() -> None:
    assert correction_in("no tengo internet") == Correction("", "tengo internet", "no tengo internet", is_loose=True)


@pytest.mark.parametrize("text", ["cancel", "Cancel!", "cancelar por favor", "déjalo", "rehne do", "रद्द करें", "never mind"])
def test_a_word_of_leaving_leaves(text: str) -> None:
    assert cancels(text)


@pytest.mark.parametrize("text", ["cancel my callback", "no", "Friday", "quiero cancelar mi contrato"])
def test_a_sentence_that_only_holds_one_does_not(text: str) -> None:
    assert not cancels(text)


@pytest.mark.parametrize("text", ["skip", "no", "nada más", "कुछ नहीं", "no, gracias"])
def test_a_question_is_skipped_by_words(text: str) -> None:
    assert skips(text)


@pytest.mark.parametrize(("text", "asks"), [("¿cuándo", True), ("when?", True), ("when？", True), ("when", False), ("", False)])
def test_a_question_shows_by_its_marks(text: str, asks: bool) -> None:
    assert is_question(text) is asks


def test_who_denies_a_person_does_not_want_one() -> None:
    assert denies_person("no quiero hablar con una persona")
    assert not denies_person("quiero hablar con una persona")
    assert not denies_person("mi factura")


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    for look in (wants_person, denies_person, cancels, skips, is_question):
        assert look(text) in (True, False)
    correction_in(text)
