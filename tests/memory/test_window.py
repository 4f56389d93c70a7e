"""What of a conversation the model gets to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import new_id
from bot.conversation import Heard, Turn
from bot.memory.tokens import bytes_on_the_wire, estimate_tokens, tokens_on_the_wire
from bot.memory.window import MAX_MESSAGES, MAX_TOKENS, fit, heard, recent
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


async def test_what_was_spoken_over_from_its_first_word_is_not_shown(past: Past) -> None:
    await past.said(MessageSender.CUSTOMER, "When are you open?")
    await past.said(MessageSender.AI, "")
    assert await past.shown() == [("user", "When are you open?")]


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


SYSTEM = {"role": "system", "content": "Be kind."}


def said(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def called(id: str, result: str) -> list[dict[str, Any]]:
    """A step with two tool calls, and their results."""
    calls = [{"id": f"{id}{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in range(2)]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": result} for call in calls]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *results]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400) | st.builds(lambda n: 'ठ"\n' * n, st.integers(0, 800))
BLOCKS = st.one_of(
    st.builds(lambda text: [said("user", text)], TEXTS),
    st.builds(lambda text: [said("assistant", text)], TEXTS),
    st.builds(called, st.uuids().map(str), TEXTS),
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[list[dict[str, Any]], int]:
    """The messages of a request, and where the person's newest words are."""
    history = [message for block in draw(st.lists(BLOCKS, max_size=8)) for message in block]
    turn = [message for n in range(draw(st.integers(0, 4))) for message in called(f"now{n}-", draw(TEXTS))]
    return [SYSTEM, *history, said("user", draw(TEXTS)), *turn], len(history) + 1


def ids(messages: Sequence[Any]) -> tuple[list[str], list[str]]:
    """The ids of the calls, and of the results."""
    calls = [call["id"] for message in messages for call in message.get("tool_calls", ())]
    return calls, [message["tool_call_id"] for message in messages if message["role"] == "tool"]


def is_least(message: Any) -> bool:
    return message["role"] != "tool" or len(message["content"].encode()) <= 200 + len(" … (shortened)".encode())


@given(requests(), st.integers(0, 4000), st.integers(0, 300))
@settings(max_examples=200, deadline=None)
def test_what_does_not_fit_goes_and_the_rest_stays_in_order(
    request: tuple[list[dict[str, Any]], int], context: int, answer: int
) -> None:
    messages, newest = request
    before = bytes_on_the_wire(messages)
    shown = fit(messages, (), context=context, answer=answer)
    fits = tokens_on_the_wire(shown) <= context - answer
    history, turn = shown[1 : newest - len(messages)], shown[newest - len(messages) :]
    assert shown[0] == SYSTEM
    assert turn[0] == messages[newest]
    assert [{**message, "content": 0} for message in turn] == [{**message, "content": 0} for message in messages[newest:]]
    assert list(history) == messages[newest - len(history) : newest]  # the newest part of it, untouched
    assert ids(shown)[0] == ids(shown)[1]
    for cut, whole in zip(turn, messages[newest:], strict=True):
        if cut != whole:
            assert whole["role"] == "tool"
            assert whole["content"].startswith(cut["content"].removesuffix(" … (shortened)"))
            assert not history
    assert fits or (not history and all(map(is_least, turn)))
    assert bytes_on_the_wire(messages) == before


def test_a_request_that_fits_is_handed_back_as_it_is() -> None:
    messages = [SYSTEM, said("user", "Hi"), said("assistant", "Hello"), said("user", "How are you?")]
    assert fit(messages, (), context=128_000, answer=1024) is messages


def test_no_more_history_goes_than_has_to() -> None:
    messages = [SYSTEM, *(said("user", f"{n}" * 300) for n in range(5)), said("user", "And now?")]
    assert [message["content"][0] for message in fit(messages, (), context=450, answer=50)] == ["B", "2", "3", "4", "A"]


def test_the_tools_of_a_request_take_room_too() -> None:
    messages = [SYSTEM, said("user", "x" * 300), said("user", "And now?")]
    tools = [{"type": "function", "function": {"name": "f", "description": "y" * 900}}]
    assert len(fit(messages, (), context=300, answer=0)) == 3
    assert len(fit(messages, tools, context=300, answer=0)) == 2


def test_the_oldest_result_of_the_turn_is_shortened_first() -> None:
    messages = [SYSTEM, said("user", "Look it up"), *called("a", "x" * 900), *called("b", "y" * 900)]
    shown = fit(messages, (), context=1300, answer=100)
    results = [len(message["content"]) for message in shown if message["role"] == "tool"]
    assert results[0] < 900
    assert results[1:] == [900] * 3
