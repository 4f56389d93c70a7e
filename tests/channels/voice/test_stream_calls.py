"""Calls over Media Streams from end to end: a real websocket, the real call object, the real engine and store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, assemble
from bot.channels.voice.lines import Lines
from bot.channels.voice.scripted import ScriptedRecogniser
from bot.channels.voice.stream import Answering, Streams
from bot.clock import SystemClock
from bot.config import Settings
from bot.records.calls import Call, CallDirection, NextKind
from bot.records.conversations import Direction, Message
from bot.testing.llm import Said, ScriptedModel
from tests.channels.voice.caller import ACCOUNT, CALL, Caller, Humming, Loudness

pytestmark = pytest.mark.scenario

COUNTED = "One two three four five six seven eight nine ten eleven twelve."
OURS, THEIRS = "+12025550100", "+12025550101"


class Trunk:
    """The program, with a line to it."""

    def __init__(
        self, app: App, model: ScriptedModel, recogniser: ScriptedRecogniser, client: TestClient[web.Request, web.Application]
    ) -> None:
        self.app = app
        self.model = model
        self.recogniser = recogniser
        self._client = client

    async def ring(self) -> Caller:
        """A call that has begun; whoever calls hears whatever they are told as soon as it is there."""
        begun = await self.app.phone_calls.begin(
            CALL, ours=OURS, theirs=THEIRS, direction=CallDirection.INBOUND, agent="support", language="en"
        )
        caller = Caller(await self._client.ws_connect("/stream"))
        await caller.start(customParameters={"call": begun.call.id})
        return caller

    async def messages(self) -> list[str]:
        """What stands on the timeline of ours."""
        found = await self.app.store.find(Message, {"conversation_id": (await self.call()).conversation_id})
        ours = [message for message in found if message.direction is Direction.OUTBOUND]
        return [message.content for message in sorted(ours, key=lambda message: (message.timestamp, message.id))]

    async def call(self) -> Call:
        call = await self.app.phone_calls.by_sid(CALL)
        assert call is not None
        return call

    async def ended(self) -> None:
        """Waits until the process leads no call any more."""
        async with asyncio.timeout(10):
            while self.app.calls.live.by_sid(CALL) is not None:
                await asyncio.sleep(0.002)


@asynccontextmanager
async def trunk_of(folder: Path, voice: Humming) -> AsyncIterator[Trunk]:
    model, recogniser, clock = ScriptedModel(), ScriptedRecogniser(), SystemClock()
    settings = Settings(_env_file=None, BOT_DATA_DIR=folder)
    async with assemble(settings, model=model, channels={}) as app:
        lines = Lines(ACCOUNT, app.store, clock, app.phone_calls, app.calls)
        answering = Answering(lines.of_stream, app.calls.live.open, lines.over)
        streams = Streams(voice, recogniser, Loudness, clock, answering)
        site = web.Application()
        site.add_routes([web.get("/stream", streams.serve)])
        async with TestClient(TestServer(site)) as client:
            yield Trunk(app, model, recogniser, client)
            await streams.close()
            await app.calls.close()


@pytest.fixture
async def trunk(tmp_path: Path) -> AsyncIterator[Trunk]:
    async with trunk_of(tmp_path, Humming(80)) as trunk:
        yield trunk


async def test_a_call_is_greeted_answered_and_written_down(trunk: Trunk) -> None:
    trunk.model.will(Said("Your ticket is open. A technician comes tomorrow."))
    trunk.recogniser.will("where is my ticket")
    caller = await trunk.ring()
    await caller.hear(3)  # the opening: two sentences of disclosure, one of invitation
    greeting = len(caller.sound)
    await caller.say()
    await caller.hear(2)
    assert len(caller.sound) - greeting == 8 * 80
    await caller.stop()
    await trunk.ended()
    assert (await trunk.messages())[-1] == "Your ticket is open. A technician comes tomorrow."
    asked = trunk.model.requests[0].messages
    assert "where is my ticket" in str(asked[-1]["content"])


async def test_what_was_not_heard_is_not_told_to_the_model(tmp_path: Path) -> None:
    voice = Humming(80)
    async with trunk_of(tmp_path, voice) as trunk:
        trunk.model.will(Said(COUNTED), Said("All right."))
        trunk.recogniser.will("count, please", "that is enough for me thank you")
        caller = await trunk.ring()
        await caller.hear(3)
        voice.size = 1600  # from here on a word lasts 200 ms
        await caller.say()
        await caller.until("media")
        await asyncio.sleep(0.7)  # they listen
        await caller.say()
        await caller.until("clear")
        await caller.hear(1)
        await caller.stop()
        await trunk.ended()
        told = str(trunk.model.requests[1].messages)
        assert "One two" in told
        assert "twelve" not in told
        heard, answered = (await trunk.messages())[-2:]
        assert COUNTED.startswith(heard)
        assert answered == "All right."


async def test_a_voice_that_is_down_hands_the_call_on(trunk: Trunk) -> None:
    trunk.model.will(Said("It is down now."))
    trunk.recogniser.will("where is my ticket")
    caller = await trunk.ring()
    await caller.hear(3)
    await caller.say()
    assert await caller.closed(marks=True) == 1000
    await trunk.ended()
    assert (await trunk.call()).next_step is None  # the action URL goes on by gather


async def test_after_hanging_up_the_record_says_so_before_the_provider_asks(trunk: Trunk) -> None:
    caller = await trunk.ring()
    await caller.hear(3)
    call = trunk.app.calls.live.by_sid(CALL)
    assert call is not None
    call.leave("")
    assert await caller.closed(marks=True) == 1000
    step = (await trunk.call()).next_step
    assert step is not None
    assert step.kind is NextKind.HANG_UP
