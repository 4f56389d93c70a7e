"""The web chat as a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.channels.web import WebChannel
from bot.message import Address, Reply
from bot.principal import Strength, strength_of
from bot.testing.channel_contract import ChannelContract, ChannelKit, Heard

pytestmark = pytest.mark.contract


class _Page(WebChannel):
    """What is sent is what a page would read from the timeline."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        self.heard.append(Heard(reply.text, reply.buttons, tracker))
        return f"{await super().send(to, reply, tracker)}.{len(self.heard)}"


class TestContract(ChannelContract):
    @pytest_asyncio.fixture
    async def kit(self) -> AsyncIterator[ChannelKit]:
        page = _Page()
        yield ChannelKit(page, Address("web", "chat", "visitor-1"), heard=lambda: page.heard)
        await page.close()


def test_a_visitor_is_nothing_but_a_claim() -> None:
    assert strength_of(WebChannel.name) is Strength.CLAIMED


async def test_a_reply_sent_twice_under_one_tracker_has_one_id() -> None:
    channel, to = WebChannel(), Address("web", "chat", "visitor-1")
    assert await channel.send(to, Reply("Hello"), "t1") == await channel.send(to, Reply("Hello"), "t1")
