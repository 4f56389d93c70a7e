"""What counts as a code, and what is kept of a message that holds one."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.flows.one_time_code import FLOW, code_in
from bot.message import Address, Choice, Content, InboundMessage, Text

pytestmark = pytest.mark.unit

DIGITS = st.text("0123456789", min_size=6, max_size=6)
SCRIPTS = (0x30, 0x966, 0x660, 0x9E6, 0xFF10)
"""Where the digits of several scripts begin: Latin, Devanagari, Arabic, Bengali, full width."""


def message(content: Content) -> InboundMessage:
    return InboundMessage("m", Address("web", "ours", "v"), content, datetime(2026, 1, 15, tzinfo=UTC))


def code(text: str) -> str | None:
    return code_in(message(Text(text)))


def shown(text: str) -> str:
    return FLOW.veiled(message(Text(text))).content.as_text()


@pytest.mark.parametrize(
    "text",
    [
        "123456",
        " 123 456 ",
        "123-456",
        "1 2 3 4 5 6",
        "12.34.56",
        "my code is 123456",
        "It is 123 456, thanks!",
        "el código es: 123456.",
        "मेरा कोड १२३४५६ है",
        "१२३ ४५६",
        "code for order 42: 123456",
        "123456?",
        "(123456)",
    ],
)
def test_a_code_is_found_however_it_is_written(text: str) -> None:
    assert code(text) == "123456"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "12345",
        "1234567",
        "call me at +1 202 555 0123",
        "+525555550123",
        "TICKET-2026-000001",
        "ten 12 and 34 and 56",
        "2026-01-15",
    ],
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert code(text) is None
    assert shown(text) == text


def test_a_tap_is_no_code_whatever_is_on_the_button() -> None:
    assert code_in(message(Choice("x", "123456"))) is None


def test_of_several_the_first_is_read_and_none_is_shown() -> None:
    assert code("111111, or 22-22-22?") == "111111"
    assert shown("111111, or 22-22-22?") == "••••••, or ••••••?"


@given(DIGITS, st.sampled_from(SCRIPTS), st.sampled_from(["", " ", "-", "."]), st.text("abc ñ,;:!¿\n"), st.text("xyz ?!,\n"))
def test_in_any_script_and_any_groups_among_any_words(digits: str, zero: int, gap: str, before: str, after: str) -> None:
    typed = gap.join(chr(zero + int(digit)) for digit in digits)
    text = f"{before} {typed} {after}"
    assert code(text) == digits
    assert typed not in shown(text)
    assert shown(text).startswith(before)
    assert shown(text).endswith(after)


@given(st.text())
def test_any_text_is_read_and_what_is_shown_holds_no_code_that_was_read(text: str) -> None:
    found = code(text)
    assert found is None or re.fullmatch(r"[0-9]{6}", found)
    assert (shown(text) == text) is (found is None)
