"""Whatever the person does, at whatever moment: nothing is left of the call, and the timeline holds what was heard."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dialogs.llm import ModelRequest, ModelStep
from bot.records.conversations import Direction, MessageStatus
from bot.records.work import JournalKind, JournalRow
from bot.testing.llm import Called, Said, ScriptedModel
from bot.testing.scene import Scene, open_scene
from tests.channels.voice.calls import Phone, on_the_phone

pytestmark = pytest.mark.scenario

ANSWER = "We are open until eight. On Sundays we open at ten, and we close at two. Is there anything else?"

STEPS = st.one_of(
    st.tuples(
        st.just("says"), st.sampled_from(["Until when are you open?", "aha", "stop", "", "no, wait, what about Sundays", "hola"])
    ),
    st.tuples(st.just("hearing"), st.sampled_from(["", "no wait", "mhm"])),
    st.tuples(st.just("interrupted"), st.floats(0, 1)),
    st.tuples(st.just("words"), st.sampled_from(["we are open until", "hello you are talking to", "nothing of this"])),
    st.tuples(st.just("plays"), st.integers(1, 4)),
    st.tuples(st.just("pressed"), st.sampled_from("0129#*")),
    st.tuples(st.just("passes"), st.sampled_from([0.3, 1.6, 3.5, 11.0])),
    st.tuples(st.just("yields"), st.integers(0, 30)),
    st.tuples(st.just("rests"), st.just(0)),
)


class EverAnswering(ScriptedModel):
    """Answers whatever it is asked, now and then after a tool."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        is_first = request.messages[-1]["role"] == "user"
        self.will(
            Called("create_ticket", subject="Hours", description="Asks")
            if is_first and len(self.requests) % 3 == 2
            else Said(ANSWER)
        )
        async for item in super().stream(request):
            yield item


async def do(phone: Phone, step: tuple[str, object]) -> None:
    match step:
        case "says", str(words):
            phone.says(words)
        case "hearing", str(words):
            phone.call.hearing(words)
        case "interrupted", float(fraction):
            phone.line.is_interrupted(fraction)
        case "words", str(words):
            phone.call.interrupted(phone.line.stop(), words)
        case "plays", int(clauses):
            phone.line.plays(clauses)
        case "pressed", str(digit):
            phone.call.pressed(digit)
        case "passes", float(seconds):
            await phone.passes(seconds)
        case "yields", int(rounds):
            for _ in range(rounds):
                await asyncio.sleep(0)
        case _:
            await asyncio.sleep(0.01)


async def check_timeline(scene: Scene, phone: Phone) -> None:
    """Every message of ours is the beginning of what was said; every turn has an end; nothing waits to be sent."""
    messages = await phone.messages()
    given = " ".join(phone.line.said)
    for message in messages:
        if message.direction is Direction.OUTBOUND:
            assert message.status is MessageStatus.SENT
            assert message.content == "" or _words(message.content)[0] in _words(given)
            assert (message.end_time or 0) >= (message.start_time or 0)
    turns = {message.turn_id for message in messages if message.direction is Direction.INBOUND}
    for turn in turns:
        rows = await scene.app.store.find(JournalRow, {"turn_id": turn})
        assert any(row.kind is JournalKind.END for row in rows) or not rows
    assert len({message.id for message in messages}) == len(messages)


def _words(text: str) -> list[str]:
    return text.split()


async def play(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(Path(folder), model=EverAnswering()) as scene:
            async with on_the_phone(scene, opening=False) as phone:
                for step in steps:
                    await do(phone, step)
            await check_timeline(scene, phone)
            heard = [message.content for message in await phone.messages() if message.direction is Direction.OUTBOUND]
            assert all(isinstance(words, str) for words in heard)


@settings(max_examples=500, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_a_hang_up_at_any_moment_leaves_nothing(steps: list[tuple[str, object]]) -> None:
    asyncio.run(play(steps))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 200), st.booleans())
def test_an_interruption_and_a_hang_up_at_any_moment_of_an_answer(rounds: int, hangs_up: bool) -> None:
    async def at_that_moment() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with open_scene(Path(folder), model=EverAnswering()) as scene:
                async with on_the_phone(scene) as phone:
                    phone.says("Until when are you open?")
                    for number in range(rounds):
                        await asyncio.sleep(0 if number % 4 else 0.0002)
                    phone.line.plays()
                    if not hangs_up:
                        phone.line.is_interrupted(0.5)
                        phone.says("And on Sundays?")
                        await phone.rests()
                        heard = [message.content for message in await phone.messages() if message.turn_id]
                        asked = [words for _, words in phone.asked()]
                        assert set(asked) <= set(heard)  # the last one written is not asked about yet
                await check_timeline(scene, phone)

    asyncio.run(at_that_moment())
