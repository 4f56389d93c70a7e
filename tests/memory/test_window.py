"""What of a conversation the model gets to see."""

from __future__ import annotations

import pytest

from bot.clock import new_id
from bot.conversation import Heard, Turn
from bot.memory.window import MAX_MESSAGES, MAX_TOKENS, estimate_tokens, heard, recent
from bot.message import Address, Choice, Content, InboundMessage, Text
from bot.records.conversations import Conversation, Direction, Message, MessageSender, MessageStatus
from bot.testing.scene import Scene

pytestmark = pytest.mark.unit

ADDRESS = Address("whatsapp", "1", "2")


class Past:
    """A conversation with a past."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.conversation = Conversation(
            id=new_id(), customer_id="c", lane="l", our_address="1", their_address="2", assignee_name="support"
        )
        message = InboundMessage("now", ADDRESS, Text("now"), scene.clock.now())
        self.turn = Turn(ADDRESS, (Heard("in", new_id(), message),))

    async def said(self, sender: MessageSender, *texts: str, turn: str | None = None, status: str = "sent") -> None:
        customer = sender is MessageSender.CUSTOMER
        for text in texts:
            await self._scene.clock.advance(1)
            message = Message(
                id=new_id(),
                conversation_id=self.conversation.id,
                customer_id="c",
                content=text,
                direction=Direction.INBOUND if customer else Direction.OUTBOUND,
                sender=sender,
                status=MessageStatus(status),
                timestamp=self._scene.clock.now(),
                turn_id=turn,
            )
            await self._scene.app.store.insert([message])

    async def shown(self) -> list[tuple[str, str]]:
        found = await recent(self._scene.app.store, self.conversation, self.turn)
        return [(message["role"], message["content"]) for message in found]


@pytest.fixture
def past(scene: Scene) -> Past:
    return Past(scene)


async def test_everybody_is_shown_in_their_role_in_order(past: Past) -> None:
    await past.said(MessageSender.CUSTOMER, "Hi")
    await past.said(MessageSender.AI, "Hello")
    await past.said(MessageSender.SYSTEM, "We pass you on")
    await past.said(MessageSender.AGENT, "I am Eva")
    assert await past.shown() == [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("assistant", "We pass you on"),
        ("assistant", "(A colleague of the team wrote:) I am Eva"),
    ]


async def test_the_turn_itself_is_not_part_of_its_past(past: Past) -> None:
    await past.said(MessageSender.CUSTOMER, "Before")
    await past.said(MessageSender.CUSTOMER, "now", turn=past.turn.id)
    assert await past.shown() == [("user", "Before")]


async def test_what_was_never_said_is_not_shown(past: Past) -> None:
    await past.said(MessageSender.AI, "Refused", status="failed")
    await past.said(MessageSender.AI, "On its way", status="pending")
    assert await past.shown() == [("assistant", "On its way")]


async def test_only_the_newest_messages_are_shown(past: Past) -> None:
    await past.said(MessageSender.CUSTOMER, *(f"m{number}" for number in range(MAX_MESSAGES + 10)))
    shown = await past.shown()
    assert len(shown) == MAX_MESSAGES
    assert shown[-1] == ("user", f"m{MAX_MESSAGES + 9}")
    assert shown[0] == ("user", "m10")


async def test_only_what_fits_the_budget_is_shown(past: Past) -> None:
    long = "ठीक " * 1000
    await past.said(MessageSender.CUSTOMER, *[long] * 5, "short")
    shown = await past.shown()
    assert shown[-1] == ("user", "short")
    assert sum(estimate_tokens(content) for _, content in shown) <= MAX_TOKENS
    assert 1 < len(shown) < 6


async def test_the_last_problem_is_shown_cut_however_long_it_is(past: Past) -> None:
    await past.said(MessageSender.CUSTOMER, "Before", "ठीक " * 5000)
    await past.said(MessageSender.AI, "Shall I open a ticket?")
    (role, content), last = await past.shown()
    assert (role, last) == ("user", ("assistant", "Shall I open a ticket?"))
    assert ("ठीक " * 5000).startswith(content)
    assert MAX_TOKENS - 2 <= sum(map(estimate_tokens, (content, last[1]))) <= MAX_TOKENS


async def test_the_newest_message_is_shown_cut_however_long_it_is(past: Past) -> None:
    await past.said(MessageSender.CUSTOMER, "Before")
    await past.said(MessageSender.AI, "x" * 100_000)
    [(role, content)] = await past.shown()
    assert role == "assistant"
    assert estimate_tokens(content) <= MAX_TOKENS


@pytest.mark.parametrize(("text", "tokens"), [("", 4), ("abc", 5), ("नमस्ते", 10)])
def test_tokens_are_rather_overcounted(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


async def test_the_messages_of_a_turn_are_lines_of_one(scene: Scene) -> None:
    contents: list[Content] = [Text("Hello"), Text(""), Choice("choice:1", "Yes"), Choice("order-7", "Confirm")]
    messages = [InboundMessage(str(n), ADDRESS, content, scene.clock.now()) for n, content in enumerate(contents)]
    assert heard(messages) == {"role": "user", "content": "Hello\n[empty message]\nYes\nConfirm (button order-7)"}
