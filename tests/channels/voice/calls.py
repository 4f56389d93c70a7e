"""A call through the real engine, over a line that plays what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.app import App
from bot.channels.voice.base import CallInfo
from bot.channels.voice.call import LiveCall
from bot.channels.voice.parts import CallParts
from bot.channels.voice.rules import CallRules
from bot.dialogs.llm import ModelRequest, ModelStep
from bot.records.calls import CallDirection
from bot.records.conversations import Conversation, Message
from bot.services.phone_calls import PhoneCall
from bot.testing.line import RecordingLine
from bot.testing.llm import ScriptedModel, ScriptedStep
from bot.testing.scene import Scene

OURS = "+12025550100"
THEIRS = "+12025550123"
SID = "CA00000000000000000000000000000001"


class PausingModel(ScriptedModel):
    """Stops in the middle of an answer until it is let go on."""

    def __init__(self, *steps: ScriptedStep, after: int, request: int = 1) -> None:
        """Before the word that follows `after` so many, in the answer to this request."""
        super().__init__(*steps)
        self._after = after
        self._request = request
        self.pauses = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        words = 0
        async for item in super().stream(request):
            if words == self._after and len(self.requests) == self._request:
                self.pauses.set()
                await self.goes_on.wait()
            words += 1
            yield item


class NoCallsList:
    """Keeps who wants no more calls; fails as often as it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.failures = 0

    async def do_not_call(self, call_id: str, proof: str) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("not now")
        self.asked.append((call_id, proof))


def parts_of(app: App, no_calls: NoCallsList | None = None, rules: CallRules | None = None) -> CallParts:
    return CallParts(
        engine=app.engine,
        lanes=app.lanes.turns,
        store=app.store,
        phone_calls=app.phone_calls,
        do_not_call=no_calls or NoCallsList(),
        live=app.live,
        clock=app.clock,
        rules=rules or CallRules(),
    )


class Phone:
    """A call, and somebody at the other end."""

    def __init__(self, scene: Scene, call: LiveCall, line: RecordingLine, no_calls: NoCallsList, begun: PhoneCall) -> None:
        self.scene = scene
        self.call = call
        self.line = line
        self.no_calls = no_calls
        self.begun = begun
        self.lane = begun.conversation.lane

    def says(self, text: str, *, confidence: float | None = 0.9) -> None:
        now = self.scene.clock.monotonic()
        self.call.heard(text, start=max(0.0, now - 1), end=now, confidence=confidence)

    async def until(self, is_so: Callable[[], object], within: float = 5.0) -> None:
        """Lets the loop run, the clock standing still, until something is so."""
        async with asyncio.timeout(within):
            while not is_so():
                await asyncio.sleep(0.001)

    async def passes(self, seconds: float) -> None:
        """So much time goes by, in small steps: the store's threads need real time in between."""
        end = self.scene.clock.monotonic() + seconds
        while (left := end - self.scene.clock.monotonic()) > 1e-9:
            await asyncio.sleep(0.003)
            await self.scene.clock.advance(min(left, 0.25))
        await asyncio.sleep(0.003)

    async def comes_to_be(self, is_so: Callable[[], object], within: float = 20.0) -> None:
        """Lets time go by until something is so."""
        async with asyncio.timeout(within):
            while not is_so():
                await self.passes(0.1)

    async def rests(self) -> None:
        """Until the call has nothing more to do for now."""
        await self.until(lambda: not self.call._lead.is_busy)
        await self.call._timeline.settled()

    async def answers(self, text: str) -> list[str]:
        """What is said when the person says this and hears all of it."""
        before = len(self.line.clauses)
        self.says(text)
        await self.rests()
        self.line.plays_all()
        await self.rests()
        return self.line.said[before:]

    async def timeline(self) -> list[tuple[str, str]]:
        """Who said what, without the opening."""
        await self.call._timeline.settled()
        return [(str(message.sender), message.content) for message in (await self.messages())[2:]]

    async def messages(self) -> list[Message]:
        where = {"conversation_id": self.begun.conversation.id}
        found = await self.scene.app.store.find(Message, where)
        return sorted(found, key=lambda message: (message.timestamp, message.id))

    async def conversation(self) -> Conversation:
        found = await self.scene.app.store.get(Conversation, self.begun.conversation.id)
        assert found is not None
        return found

    def asked(self) -> list[tuple[str, str]]:
        """The last request to the model, without its prompt and the opening."""
        messages = self.scene.model.requests[-1].messages
        return [(message["role"], message["content"]) for message in messages[3:]]


def tasks_of_calls() -> list[str]:
    """What still runs of any call."""
    running = (getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks())
    return [code.co_qualname for code in running if code is not None and "/bot/channels/voice/" in code.co_filename]


@asynccontextmanager
async def on_the_phone(
    scene: Scene,
    *,
    direction: CallDirection = CallDirection.INBOUND,
    language: str = "en",
    rules: CallRules | None = None,
    opening: bool = True,
    theirs: str = THEIRS,
) -> AsyncIterator[Phone]:
    """A call that has begun, its opening heard; hung up when the block ends, and nothing is left of it then."""
    app, line, no_calls = scene.app, RecordingLine(), NoCallsList()
    begun = await app.phone_calls.begin(SID, ours=OURS, theirs=theirs, direction=direction, agent="support", language=language)
    info = CallInfo(
        begun.call.id, SID, begun.conversation.id, OURS, theirs, direction, language, answered_at=scene.clock.monotonic()
    )
    listening = app.live.count()
    call = LiveCall(info, line, parts_of(app, no_calls, rules))
    line.call = call
    await call.start()
    phone = Phone(scene, call, line, no_calls, begun)
    await phone.call._timeline.settled()
    if opening:
        line.plays_all()
        await phone.call._timeline.settled()
    try:
        yield phone
    finally:
        call.over("hung_up")
        async with asyncio.timeout(10):
            await call.ended()
    await phone.until(lambda: not tasks_of_calls())
    assert app.live.count() == listening
    async with asyncio.timeout(1):
        await app.lanes.turns.release(await app.lanes.turns.take(phone.lane))
