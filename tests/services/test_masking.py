"""Numbers and addresses that are only recognised by who knows them."""

from __future__ import annotations

import pytest

from bot.services.masking import masked_email, masked_phone

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+12025550123", "+1202•••0123"),
        ("+525555550123", "+5255•••0123"),
        ("5550123", "•••0123"),
        ("+1-555-0123", "+1-5•••0123"),
    ],
)
def test_of_a_number_both_ends_are_shown_and_three_at_least_are_not(number: str, shown: str) -> None:
    assert masked_phone(number) == shown
    assert len(number) - len(shown.replace("•", "")) >= 3


@pytest.mark.parametrize(("address", "shown"), [("ana@example.com", "a•••@example.com"), ("a@example.com", "a•••@example.com")])
def test_of_an_address_the_first_letter_and_the_domain_are_shown(address: str, shown: str) -> None:
    assert masked_email(address) == shown
