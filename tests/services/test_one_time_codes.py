"""Codes that follow from a key and a token."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.one_time_codes import OneTimeCodes

pytestmark = pytest.mark.unit

CODES = OneTimeCodes(b"k" * 32)


@given(st.text())
def test_a_code_is_six_digits_and_always_the_same(token: str) -> None:
    code = CODES.code(token)
    assert len(code) == 6
    assert code.isascii()
    assert code.isdigit()
    assert OneTimeCodes(b"k" * 32).code(token) == code
    assert CODES.is_right(token, code)


@given(st.text(), st.text())
def test_nothing_else_is_right(token: str, typed: str) -> None:
    assert CODES.is_right(token, typed) is (typed == CODES.code(token))


def test_another_key_or_token_gives_another_code() -> None:
    tokens = [f"token-{number}" for number in range(1000)]
    other = OneTimeCodes(b"o" * 32)
    assert sum(CODES.code(token) == other.code(token) for token in tokens) <= 2
    assert len({CODES.code(token) for token in tokens}) >= 995


def test_every_digit_is_as_likely_as_another_in_every_place() -> None:
    codes = [CODES.code(f"token-{number}") for number in range(20_000)]
    for place in range(6):
        counted = Counter(code[place] for code in codes)
        assert set(counted) == set("0123456789")
        assert all(1800 < number < 2200 for number in counted.values())


def test_a_pseudonym_is_stable_tells_addresses_apart_and_is_no_code() -> None:
    assert CODES.pseudonym("email:ana@example.org") == CODES.pseudonym("email:ana@example.org")
    assert CODES.pseudonym("email:ana@example.org") != CODES.pseudonym("email:bo@example.org")
    assert CODES.pseudonym("x") != OneTimeCodes(b"o" * 32).pseudonym("x")
    assert "ana" not in CODES.pseudonym("email:ana@example.org")
