"""Numbers and addresses as people type them (C-24, C-25, S4-029, S4-030, S4-037)."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import RecordError
from bot.services.phones import PhoneNumber, normal_phone, read_email, read_phone

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("typed", "region", "e164", "dialable"),
    [
        ("+1-555-0123", None, "+15550123", False),
        ("+1-555-0124", None, "+15550124", False),
        ("(555) 012-3456", None, None, False),
        ("(555) 012-3456", "US", "+15550123456", False),
        ("+91 98765 43210", None, "+919876543210", True),
        ("98765 43210", "IN", "+919876543210", True),
        ("55 5555 0123", None, None, False),
        ("55 5555 0123", "MX", "+525555550123", True),
        ("+52 1 55 5555 0123", None, "+525555550123", True),
        ("5215555550123", None, "+525555550123", True),
        ("+1 (202) 555-0123", None, "+12025550123", True),
        ("  +1 202 555 0123 ", None, "+12025550123", True),
        ("+९१ ९८७६५ ४३२१०", None, "+919876543210", True),
    ],
)
def test_a_number_is_kept_as_typed_normalised_and_judged(
    typed: str, region: str | None, e164: str | None, dialable: bool
) -> None:
    """S4-030, C-24, C-25: the seed's own samples are accepted, though no numbering plan knows some of them."""
    number = read_phone(typed, region=region)
    assert (number.e164, number.dialable) == (e164, dialable)


@pytest.mark.parametrize("typed", ["abc", "", "123456", "1234567890123456", "call me", "+", "555-CALL-NOW"])
def test_what_is_no_number_is_refused_with_an_example(typed: str) -> None:
    """S4-030: "abc" is refused."""
    with pytest.raises(RecordError, match=r"^Lead\.phone: must be 7 to 15 digits .*; for example '\+52 55 5555 0123'$"):
        read_phone(typed, field="Lead.phone")


@given(st.text(alphabet=string.digits + " ()-.+/", max_size=22), st.sampled_from([None, "MX", "IN", "US"]))
def test_whatever_is_typed_is_a_number_or_refused(typed: str, region: str | None) -> None:
    try:
        number = read_phone(typed, region=region)
    except RecordError:
        return
    assert number.typed == " ".join(typed.split())
    assert number.e164 is None or (number.e164[0] == "+" and number.e164[1:].isdecimal())
    assert number.e164 is not None or not number.dialable


@given(st.integers(min_value=2_000_000_000, max_value=9_899_999_999))
def test_one_number_has_one_form_however_it_is_written(national: int) -> None:
    """C-11, C-24: spellings of one number are told to be one."""
    text = str(national)
    spellings = (f"+1{text}", f"+1 {text[:3]} {text[3:6]} {text[6:]}", f"+1-{text[:3]}-{text[3:]}", f"+1 ({text[:3]}) {text[3:]}")
    forms = {read_phone(spelling).e164 for spelling in spellings} | {normal_phone(f"1{text}")}
    assert len(forms) == 1


def test_a_number_normalised_again_stays_as_it_is() -> None:
    for typed in ("+52 1 55 5555 0123", "+91 98765 43210"):
        number = read_phone(typed)
        assert number.e164 is not None
        assert read_phone(number.e164) == PhoneNumber(number.e164, number.e164, True)


@pytest.mark.parametrize("typed", ["A@x.com ", " a@X.com", "a@x.COM"])
def test_addresses_that_differ_in_case_and_spaces_are_one(typed: str) -> None:
    """S4-037."""
    assert read_email(typed) == "a@x.com"


@pytest.mark.parametrize("typed", ["not-an-email", "a@b", "a b@x.com", "@x.com", "a@x.", ""])
def test_what_is_no_address_is_refused_with_an_example(typed: str) -> None:
    """S4-029."""
    with pytest.raises(RecordError, match=r"^email: must be an e-mail address; for example 'ana@example\.org'$"):
        read_email(typed)
