"""ConversationRelay over a real websocket: what Twilio sends, what it gets, and whatever else somebody may send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from bot.channels.voice.base import CallInfo
from bot.channels.voice.live_calls import LiveCalls
from bot.channels.voice.relay import MAX_BYTES, Relay
from bot.channels.voice.relay_messages import Setup
from bot.records.calls import CallDirection
from bot.records.conversations import Message
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.channels.voice.calls import OURS, SID, THEIRS, parts_of, tasks_of_calls

pytestmark = pytest.mark.scenario


Client = TestClient[web.Request, web.Application]

SETUP = {"type": "setup", "sessionId": "VX1", "callSid": SID, "from": THEIRS, "to": OURS, "customParameters": {}}


class Twilio:
    """The other end of the websocket."""

    def __init__(self, scene: Scene, calls: LiveCalls, client: Client, socket: ClientWebSocketResponse) -> None:
        self.scene = scene
        self.calls = calls
        self.client = client
        self.socket = socket

    async def sends(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def gets(self) -> dict[str, Any]:
        """The next message; the clock goes on until there is one."""
        receiving = asyncio.ensure_future(self.socket.receive())
        async with asyncio.timeout(10):
            while not receiving.done():
                await asyncio.sleep(0.002)
                await self.scene.clock.advance(0.1)
        message = receiving.result()
        assert message.type is WSMsgType.TEXT, message
        received: dict[str, Any] = json.loads(message.data)
        return received

    async def is_told(self, text: str) -> dict[str, Any]:
        while True:
            message = await self.gets()
            if text in message.get("token", ""):
                return message

    async def is_closed(self) -> str:
        """The reason, once it is."""
        async with asyncio.timeout(5):
            while True:
                message = await self.socket.receive()
                if message.type is WSMsgType.CLOSE:
                    return str(message.extra)
                if message.type in (WSMsgType.CLOSED, WSMsgType.ERROR, WSMsgType.CLOSING):
                    return ""


@asynccontextmanager
async def relaying(scene: Scene, *, known: bool = True) -> AsyncIterator[Twilio]:
    app, calls = scene.app, LiveCalls(parts_of(scene.app))

    async def begin(setup: Setup) -> CallInfo | None:
        if not known:
            return None
        begun = await app.phone_calls.begin(
            setup.call_sid, ours=setup.to, theirs=setup.from_, direction=CallDirection.INBOUND, agent="support", language="en"
        )
        ids = (begun.call.id, setup.call_sid, begun.conversation.id)
        return CallInfo(*ids, setup.to, setup.from_, CallDirection.INBOUND, "en", app.clock.monotonic())

    listening = app.live.count()
    site = web.Application()
    site.router.add_get("/relay", Relay(calls, begin, app.clock).handle)
    client: Client = TestClient(TestServer(site))
    async with client, client.ws_connect("/relay") as socket:
        yield Twilio(scene, calls, client, socket)
        await socket.close()
        for _ in range(1000):
            if not (len(calls) or tasks_of_calls()):
                break
            await asyncio.sleep(0.002)
        assert (len(calls), tasks_of_calls()) == (0, [])
    assert app.live.count() == listening


async def test_a_call_goes_as_text(scene: Scene) -> None:
    scene.model.will(Said("Until eight."))
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        first = await twilio.gets()
        assert first == {"type": "text", "token": "Hello! ", "last": True, "lang": "en-US"}
        await twilio.is_told("How can I help?")
        await twilio.sends(type="prompt", voicePrompt="Until when are", lang="en-US", last=False)
        await twilio.sends(type="prompt", voicePrompt="Until when are you open?", lang="en-US", last=True)
        await twilio.is_told("Until eight.")


async def test_an_interruption_cuts_what_was_not_heard(scene: Scene) -> None:
    scene.model.will(Said("We are open until eight. On Sundays we open at ten."), Said("At ten."))
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        await scene.clock.advance(20)
        await twilio.sends(type="prompt", voicePrompt="Until when are you open?", lang="en-US", last=True)
        await twilio.is_told("On Sundays")
        await twilio.sends(type="interrupt", utteranceUntilInterrupt="We are open until", durationUntilInterruptMs="460")
        await twilio.sends(type="prompt", voicePrompt="I mean on Sundays", lang="en-US", last=True)
        await twilio.is_told("At ten.")
        asked = [message["content"] for message in scene.model.requests[-1].messages]
        assert asked[-3:] == ["Until when are you open?", "We are open until", "I mean on Sundays"]


async def test_an_interruption_without_a_word_is_followed_by_the_rest(scene: Scene) -> None:
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        await twilio.sends(type="interrupt", utteranceUntilInterrupt="Hello!", durationUntilInterruptMs=300)
        await twilio.is_told("automatic assistant")


async def test_no_more_calls_ends_once_it_is_spoken(scene: Scene) -> None:
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        await twilio.sends(type="dtmf", digit="9")
        await twilio.is_told("I have noted it")
        began = scene.clock.monotonic()
        ended = await twilio.gets()
        assert ended == {"type": "end", "handoffData": '{"reason":"hang_up"}'}
        assert scene.clock.monotonic() - began > 5


async def test_a_transfer_leaves_with_its_reason_and_another_language_is_told(scene: Scene) -> None:
    scene.model.will(Said("Abrimos hasta las ocho."))
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        await twilio.sends(type="prompt", voicePrompt="Hola, buenas tardes, ¿hasta qué hora están?", lang="es-MX")
        assert (await twilio.gets())["ttsLanguage"] == "es-MX"
        call = twilio.calls.by_sid(SID)
        assert call is not None
        await twilio.is_told("Abrimos")
        call.leave("transfer")
        assert json.loads((await twilio.gets())["handoffData"]) == {"reason": "transfer"}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"type":"setup"}', "cannot be read"),
        ('{"type":"prompt","voicePrompt":"hi"}', "setup has to come first"),
        ('{"type":"new"}', "setup has to come first"),
        ('{"type":"setup","callSid":"' + "x" * MAX_BYTES + '"}', ""),
    ],
)
async def test_whatever_comes_in_place_of_a_setup_is_closed(scene: Scene, message: str, why: str) -> None:
    async with relaying(scene) as twilio:
        await twilio.socket.send_str(message)
        assert why in await twilio.is_closed()


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        "null",
        '{"type":"prompt"}',
        '{"type":"prompt","voicePrompt":7}',
        json.dumps(SETUP),
        '{"type":"dtmf"}',
        "x" * (MAX_BYTES + 1),
    ],
)
async def test_what_cannot_be_read_ends_the_line_and_leaves_nothing(scene: Scene, message: str) -> None:
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        await twilio.socket.send_str(message)
        await twilio.is_closed()


async def test_binary_ends_the_line(scene: Scene) -> None:
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        await twilio.socket.send_bytes(b"\x00" * 160)
        await twilio.is_closed()


async def test_a_message_of_a_type_that_is_new_is_passed_over(scene: Scene) -> None:
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        await twilio.sends(type="info", name="agentSpeaking", value="off")
        await twilio.sends(type="error", description="Invalid message received: {}")
        await twilio.sends(type="dtmf", digit="9")
        await twilio.is_told("I have noted it")


async def test_a_websocket_without_a_setup_is_closed(scene: Scene) -> None:
    async with relaying(scene) as twilio:
        await asyncio.sleep(0.05)
        await scene.clock.advance(11)
        assert "no setup" in await twilio.is_closed()


async def test_a_call_that_is_none_of_ours_is_closed(scene: Scene) -> None:
    async with relaying(scene, known=False) as twilio:
        await twilio.sends(**SETUP)
        assert "no such call" in await twilio.is_closed()


async def test_a_second_websocket_for_a_call_is_refused(scene: Scene) -> None:
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        async with twilio.client.ws_connect("/relay") as socket:
            second = Twilio(scene, twilio.calls, twilio.client, socket)
            await second.sends(**SETUP)
            assert "has a line already" in await second.is_closed()
        assert twilio.calls.by_sid(SID) is not None


async def test_who_hangs_up_leaves_what_was_heard(scene: Scene, tmp_path: Path) -> None:
    async with relaying(scene) as twilio:
        await twilio.sends(**SETUP)
        await twilio.is_told("How can I help?")
        call = twilio.calls.by_sid(SID)
        assert call is not None
        await twilio.socket.close()
        await call.ended()
        where = {"conversation_id": call.info.conversation_id}
        found = sorted(await scene.app.store.find(Message, where), key=lambda message: message.id)
        assert found[1].content == ""
