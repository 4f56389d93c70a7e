"""The telephone as a channel: a reply is said once it is on the timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.channels.voice.caller import language_of, shown_number
from bot.channels.voice.channel import LIMIT, VoiceChannel
from bot.message import Address, Reply
from bot.testing.channel_contract import LONG_TEXTS, ChannelContract, ChannelKit, Heard

pytestmark = pytest.mark.contract


class _Call(VoiceChannel):
    """What is sent is what a call would read from the timeline."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        self.heard.append(Heard(reply.text, reply.buttons, tracker))
        return f"{await super().send(to, reply, tracker)}.{len(self.heard)}"


class TestContract(ChannelContract):
    @pytest_asyncio.fixture
    async def kit(self) -> AsyncIterator[ChannelKit]:
        call = _Call()
        yield ChannelKit(call, Address("voice", "+12025550100", "CA1"), heard=lambda: call.heard)
        await call.close()


@pytest.mark.parametrize("name", LONG_TEXTS)
def test_no_piece_is_longer_than_what_twilio_says_in_one_go(name: str) -> None:
    assert max(len(piece.text) for piece in VoiceChannel().shape(Reply(LONG_TEXTS[name]))) <= LIMIT


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        ("+12025550123", "+12025550123"),
        ("+5215555550123", "+525555550123"),
        ("+266696687", ""),
        ("+86282452253", ""),
        ("sip:ana@example.com", ""),
        ("client:ana", ""),
        ("Anonymous", ""),
        ("+1202", ""),
        ("", ""),
    ],
)
def test_only_what_is_a_number_counts_as_shown(shown: str, number: str) -> None:
    assert shown_number(shown) == number


@pytest.mark.parametrize(
    ("number", "language"),
    [
        ("+525555550123", "es"),
        ("+34915550123", "es"),
        ("+50255501234", "es"),
        ("+919876543210", "hi"),
        ("+12025550123", "en"),
        ("+447700900123", "en"),
        ("+4930123456", "hi"),
        ("", "hi"),
    ],
)
def test_a_stranger_is_spoken_to_in_the_language_of_their_country_else_in_ours(number: str, language: str) -> None:
    assert language_of(None, number, "hi") == language
