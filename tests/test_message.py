"""What comes in survives its way through the inbox unchanged."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.message import (
    Address,
    Button,
    Card,
    Choice,
    Contacts,
    Content,
    InboundMessage,
    Incoming,
    Location,
    Media,
    Notice,
    Reaction,
    Receipt,
    ReceiptStatus,
    Reply,
    Sender,
    Text,
    Unsupported,
    decode_incoming,
    encode_incoming,
)

pytestmark = pytest.mark.unit

text = st.text(max_size=60)
when = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
number = st.floats(-180, 180)
address = st.builds(Address, text, text, text)
contents: st.SearchStrategy[Content] = st.one_of(
    st.builds(Text, text),
    st.builds(Choice, text, text, st.sampled_from(["button", "list", "quick_reply"])),
    st.builds(Media, text, text, text, text, text, text, st.booleans()),
    st.builds(Location, number, number, text, text),
    st.builds(Contacts, st.lists(st.builds(Card, text, st.lists(text, max_size=3).map(tuple)), max_size=3).map(tuple)),
    st.builds(Reaction, text, text),
    st.builds(Unsupported, text, text),
)
incoming: st.SearchStrategy[Incoming] = st.one_of(
    st.builds(InboundMessage, text, address, contents, when, st.builds(Sender, text, text, text), text, st.booleans()),
    st.builds(Receipt, text, address, text, st.sampled_from(ReceiptStatus), when, text, text, text, text),
    st.builds(Notice, text, address, text, when, text),
)


@given(incoming)
def test_what_is_written_is_read_back(item: Incoming) -> None:
    assert decode_incoming(encode_incoming(item)) == item


@given(contents)
def test_every_content_has_some_text_unless_somebody_wrote_none(content: Content) -> None:
    shown = content.as_text()
    assert isinstance(shown, str)
    assert shown or isinstance(content, Text | Choice)


@pytest.mark.parametrize(
    "broken", ["", "{}", "[]", "null", '{"type":"hologram"}', '{"type":"message"}', '{"type":"message","id":7}']
)
def test_what_is_not_ours_is_refused(broken: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_incoming(broken)


def test_an_unknown_field_of_a_newer_version_is_ignored() -> None:
    item = Notice("n", Address("c", "o", "t"), "k", datetime(2026, 1, 1, tzinfo=UTC))
    newer = encode_incoming(item).replace('"kind"', '"colour":"red","kind"')
    assert decode_incoming(newer) == item


def test_a_lane_is_the_channel_our_end_and_theirs() -> None:
    assert Address("whatsapp", "1", "2").lane == "whatsapp:1:2"


def test_a_reply_as_one_text_shows_its_buttons() -> None:
    assert Reply("Which?", (Button("a", "A"), Button("b", "B"))).as_text() == "Which?\n[A]\n[B]"
    assert Reply("Hello").as_text() == "Hello"
