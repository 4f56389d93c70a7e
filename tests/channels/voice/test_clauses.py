"""Words become clauses: early, at breaths, losing nothing; and what is read out is what can be spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.voice.clauses import LONG, Clauses

pytestmark = pytest.mark.unit

PIECES = st.sampled_from(
    [
        *("Sure", ", ", ". ", "! ", "? ", "… ", "\n", "\n- ", "। ", " ", "Dr. ", "p.m. ", "3.5", "1,000"),
        *("हाँ", "नौ बजे", "ocho", "¿Sí", "a" * 60),
    ]
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(PIECES, max_size=80).map("".join))


def cut(text: str, sizes: list[int]) -> list[str]:
    """The clauses of a text that comes in pieces of these sizes, again and again."""
    clauses, place, number = Clauses(), 0, 0
    pieces: list[str] = []
    while place < len(text):
        size = sizes[number % len(sizes)]
        pieces += clauses.feed(text[place : place + size])
        place, number = place + size, number + 1
    return [*pieces, clauses.flush()]


@given(TEXTS, st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_no_letter_is_lost(text: str, sizes: list[int]) -> None:
    assert "".join(cut(text, sizes)) == text


@given(TEXTS)
def test_what_is_cut_does_not_depend_on_how_it_came(text: str) -> None:
    assert cut(text, [1]) == cut(text, [1, 7, 3])


@given(TEXTS)
def test_no_word_is_broken(text: str) -> None:
    words = [word for piece in cut(text, [1]) for word in piece.split()]
    assert words == text.split() or "।" in text or "॥" in text


@given(st.lists(st.sampled_from(["eight", "until", "we"]), min_size=100, max_size=200))
def test_a_flood_of_words_is_spoken_in_pieces(words: list[str]) -> None:
    assert max(map(len, cut(" ".join(words), [5]))) <= LONG + 1


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Sure, I can. Come by.", ["Sure, I can.", " Come by."]),
        ("Of course, we are open.", ["Of course,", " we are open."]),
        ("At 8.30 p.m. we close, and Dr. Ruiz leaves.", ["At 8.30 p.m. we close,", " and Dr. Ruiz leaves."]),
        ("It costs 1,250.50 pesos. Fine?", ["It costs 1,250.50 pesos.", " Fine?"]),
        ("See www.example.com. Bye!", ["See www.example.com.", " Bye!"]),
        ("हाँ। हम नौ बजे खुलते हैं।", ["हाँ।", " हम नौ बजे खुलते हैं।"]),
        ("Sí. Son las 3. Le espero.", ["Sí.", " Son las 3. Le espero."]),
        ("1. Call us\n2. Write", ["1. Call us\n", "2. Write"]),
        ("He said “yes.” And left.", ["He said “yes.”", " And left."]),
        ("Wait... what?", ["Wait...", " what?"]),
    ],
)
def test_a_clause_ends_where_a_speaker_breathes(text: str, clauses: list[str]) -> None:
    assert [piece for piece in cut(text, [3]) if piece] == clauses
