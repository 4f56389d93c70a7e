"""The telephone of the front page: the wire of a Media Stream, only on this machine, never beside a real number."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from bot.app import App
from bot.channels.voice.scripted import words_in
from bot.records.calls import Call, CallDirection, CallStatus
from bot.records.people import Customer
from bot.web.simulator.people import somebody
from bot.web.simulator.telephone import CALLS, CAPTIONS, LINE, WORDS
from tests.web.conftest import Client
from tests.web.phone_calls import GREETING, Parrot, telephone_of

pytestmark = pytest.mark.scenario

NORA = somebody("", "en")
FRAME = 160
SILENCE = b"\xff" * FRAME


def own(client: Client) -> dict[str, str]:
    return {"Origin": str(client.make_url("/")).rstrip("/")}


class Page:
    """The page's telephone: what it is told, and what it says."""

    def __init__(self, call: dict[str, Any], line: ClientWebSocketResponse) -> None:
        self.call = call
        self.line = line
        self.told: list[dict[str, Any]] = []
        self.sound = b""
        self.clears = 0
        self._changed = asyncio.Event()

    async def start(self, token: str | None = None) -> None:
        mulaw = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        sid, stream = self.call["sid"], self.call["stream"]
        start = {"accountSid": "ACsim", "callSid": sid, "streamSid": stream, "tracks": ["inbound"], "mediaFormat": mulaw}
        start["customParameters"] = {"token": self.call["token"] if token is None else token}
        await self.line.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await self.say("start", start=start)

    async def say(self, event: str, **more: Any) -> None:
        await self.line.send_json({"event": event, "sequenceNumber": "1", "streamSid": self.call["stream"], **more})

    async def speak(self, sound: bytes, *, silence: int = 80) -> None:
        for at in range(0, len(sound) + silence * FRAME, FRAME):
            payload = base64.b64encode((sound + SILENCE * silence)[at : at + FRAME]).decode()
            await self.say("media", media={"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload})

    async def listen(self) -> None:
        """Plays nothing, and answers each mark at once."""
        async for message in self.line:
            frame = json.loads(message.data)
            if frame["event"] == "media":
                self.sound += base64.b64decode(frame["media"]["payload"])
            elif frame["event"] == "mark":
                await self.say("mark", mark=frame["mark"])
            elif frame["event"] == "clear":
                self.clears += 1
        self._changed.set()

    async def read(self, captions: ClientWebSocketResponse) -> None:
        async for message in captions:
            self.told.append(json.loads(message.data))
            self._changed.set()

    async def until(self, done: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    def events(self, name: str) -> list[dict[str, Any]]:
        return [frame for frame in self.told if frame["event"] == name]


async def begun(client: Client, **form: str) -> Any:
    return await client.post(CALLS, data={"as": NORA.number, "language": "en", **form}, headers=own(client))


@asynccontextmanager
async def calling(client: Client) -> AsyncIterator[Page]:
    call = await (await begun(client)).json()
    origin = own(client)["Origin"]
    async with (
        client.ws_connect(f"{CAPTIONS}?token={call['token']}", origin=origin) as captions,
        client.ws_connect(LINE, origin=origin) as line,
    ):
        page = Page(call, line)
        tasks = [asyncio.create_task(page.listen()), asyncio.create_task(page.read(captions))]
        try:
            await page.start()
            yield page
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def words(client: Client, text: str) -> bytes:
    answer = await client.post(WORDS, data={"text": text, "language": "en"}, headers=own(client))
    assert answer.status == 200
    return await answer.read()


@pytest.fixture
def parrots(app: App) -> list[Parrot]:
    found: list[Parrot] = []
    app.phone_simulator = telephone_of(app, found)
    return found


async def test_what_is_typed_is_heard_as_sound_and_the_answer_is_captioned(
    app: App, client: Client, parrots: list[Parrot]
) -> None:
    async with calling(client) as page:
        await page.until(lambda: page.events("clause"))
        assert page.events("clause")[0]["text"] == GREETING
        await page.speak(await words(client, "When are you open?"))
        await page.until(lambda: len(page.events("clause")) > 1)
        assert [frame["text"] for frame in page.events("heard")] == ["When are you open?"]
        assert page.events("clause")[-1]["text"].startswith("You said: When are you open?")
        await page.until(lambda: any(frame["stage"] == "first_audio" for frame in page.events("took")))
    [call] = await app.store.find(Call, {}, limit=9)
    [person] = await app.store.find(Customer, {"id": call.customer_id})
    assert (call.direction, call.dialed_number, call.caller_number) == (CallDirection.INBOUND, "simulator", f"+{NORA.number}")
    assert person.phone_number == f"+{NORA.number}"


async def test_typing_over_it_clears_what_is_playing_and_tells_what_was_not_heard(client: Client, parrots: list[Parrot]) -> None:
    async with calling(client) as page:
        await page.until(lambda: page.events("clause"))
        await page.speak(await words(client, "Tell me a lot"))
        await page.until(lambda: len(page.events("clause")) > 1)
        await page.speak(await words(client, "Wait, how much is it?"))
        await page.until(lambda: page.events("stopped"))
        await page.until(lambda: len(page.events("heard")) > 1)
    assert page.clears >= 1
    assert 0 <= page.events("stopped")[-1]["fraction"] < 1
    assert any(played is not None for played in parrots[0].interruptions)


async def test_keys_and_hanging_up_arrive_and_the_record_ends(app: App, client: Client, parrots: list[Parrot]) -> None:
    async with calling(client) as page:
        await page.until(lambda: page.events("clause"))
        await page.say("dtmf", dtmf={"track": "inbound_track", "digit": "5"})
        await page.say("stop", stop={"accountSid": "ACsim", "callSid": page.call["sid"]})
        await page.until(lambda: page.events("over"))
    assert (parrots[0].pressed_keys, parrots[0].ended) == (["5"], "hung_up")
    [call] = await app.store.find(Call, {}, limit=9)
    assert (call.status, call.ended_at is not None) == (CallStatus.COMPLETED, True)


async def test_when_the_bot_hangs_up_the_page_is_told(app: App, client: Client, parrots: list[Parrot]) -> None:
    async with calling(client) as page:
        await page.speak(await words(client, "bye"))
        await page.until(lambda: page.events("over") or page.line.closed)
    [call] = await app.store.find(Call, {}, limit=9)
    assert call.status is CallStatus.COMPLETED


async def test_typed_words_are_in_the_sound_to_the_letter(client: Client, parrots: list[Parrot]) -> None:
    for text in ("¿Cuánto cuesta?", "क्या आप इतवार को खुले हैं?", "x"):
        assert words_in(await words(client, text)) == text
    assert await words(client, "  ") == b""


async def test_a_line_without_a_token_of_ours_is_refused(app: App, client: Client, parrots: list[Parrot]) -> None:
    call = await (await begun(client)).json()
    for token in ("", "x", call["token"][:-1] + "x", call["token"].replace(".en.", ".es.")):
        async with client.ws_connect(LINE, origin=own(client)["Origin"]) as line:
            await Page(call, line).start(token)
            assert (await line.receive()).type is WSMsgType.CLOSE
    assert parrots == []
    assert (await app.store.find(Call, {}, limit=9))[0].status is CallStatus.RINGING


async def test_a_call_has_one_line_only(client: Client, parrots: list[Parrot]) -> None:
    async with calling(client) as page:
        await page.until(lambda: page.events("clause"))
        async with client.ws_connect(LINE, origin=own(client)["Origin"]) as second:
            await Page(page.call, second).start()
            assert (await second.receive()).type is WSMsgType.CLOSE
    assert len(parrots) == 1


async def test_only_made_up_people_call(client: Client, parrots: list[Parrot]) -> None:
    assert (await begun(client, **{"as": "14155552671"})).status == 404
    assert (await begun(client, language="fr")).status == 400


@pytest.mark.parametrize(
    "headers", [{"Host": "bot.example.com"}, {"X-Forwarded-For": "203.0.113.7"}, {"Origin": "https://evil.example"}]
)
async def test_nobody_else_may_use_it(client: Client, parrots: list[Parrot], headers: dict[str, str]) -> None:
    for method, path in (("POST", CALLS), ("POST", WORDS), ("GET", LINE), ("GET", CAPTIONS)):
        answer = await client.request(method, path, headers={**own(client), **headers})
        assert answer.status == 403, path


async def test_beside_a_real_number_there_is_no_telephone_and_the_page_says_so(app: App, client: Client) -> None:
    app.phone_simulator = None
    answer = await begun(client)
    assert (answer.status, "nothing is simulated" in await answer.text()) == (403, True)
    assert "a real number is being set up here" in await (await client.get("/", headers={"Accept": "text/html"})).text()


async def test_the_page_may_use_the_microphone_and_no_other_page_may(client: Client, parrots: list[Parrot]) -> None:
    front = await client.get("/", headers={"Accept": "text/html"})
    chat = await client.get("/chat", headers={"Accept": "text/html"})
    assert "microphone=(self)" in front.headers["Permissions-Policy"]
    assert "microphone=()" in chat.headers["Permissions-Policy"]
