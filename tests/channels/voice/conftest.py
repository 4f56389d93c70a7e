"""A telephone that is on: the real site with the real engine behind it, a scripted model, and callers who obey TwiML."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp.test_utils import TestServer

from bot.app import App, assemble
from bot.channels.voice.rules import rules_of
from bot.channels.voice.signature import Signatures
from bot.channels.voice.webhook import Handler, routes
from bot.config import Settings
from bot.dialogs.llm import ModelRequest, ModelStep
from bot.records.calls import Call
from bot.records.conversations import Conversation, Message
from bot.testing.clock import ManualClock
from bot.testing.llm import ScriptedModel
from bot.testing.processes import free_port
from bot.testing.twilio import ACCOUNT_SID, AUTH_TOKEN, OURS, FakeCaller, Vendor
from bot.web.server import build_site


class SlowModel(ScriptedModel):
    """Answers once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.was_asked = asyncio.Event()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        self.was_asked.set()
        await self.may_answer.wait()
        async for piece in super().stream(request):
            yield piece


class Acting:
    """Notes what it is told of calls."""

    def __init__(self) -> None:
        self.stopped: list[tuple[str, str]] = []
        self.found: list[tuple[str, str]] = []
        self.recordings: list[Mapping[str, str]] = []
        self.placed_calls: list[tuple[str, str]] = []
        self.voicemail = ""

    async def placed(self, call_id: str, sid: str) -> None:
        self.placed_calls.append((call_id, sid))

    async def answered_by(self, call: Call, answered_by: str) -> str:
        self.found.append((call.id, answered_by))
        return self.voicemail

    async def recorded(self, call: Call, news: Mapping[str, str]) -> None:
        self.recordings.append(news)

    async def do_not_call(self, call_id: str, proof: str) -> None:
        self.stopped.append((call_id, proof))

    async def unanswered(self, call: Call) -> bool:
        return False


@dataclass
class Line:
    """Our side and Twilio's."""

    app: App
    model: SlowModel
    clock: ManualClock
    vendor: Vendor
    hooks: Acting
    callers: list[FakeCaller] = field(default_factory=list)

    def caller(self, number: str, **options: Any) -> FakeCaller:
        """Somebody who is about to call."""
        self.callers.append(FakeCaller(self.vendor, number, **options))
        return self.callers[-1]

    async def call(self, caller: FakeCaller) -> Call:
        found = await self.app.phone_calls.by_sid(caller.sid)
        assert found is not None
        return found

    async def conversation(self, caller: FakeCaller) -> Conversation:
        found = await self.app.store.get(Conversation, (await self.call(caller)).conversation_id or "")
        assert found is not None
        return found

    async def timeline(self, caller: FakeCaller) -> list[Message]:
        """In the order in which it came about."""
        where = {"conversation_id": (await self.conversation(caller)).id}
        return sorted(await self.app.store.find(Message, where), key=lambda message: message.id)


@asynccontextmanager
async def opened(
    folder: Path, *, with_model: bool = True, lines: Mapping[str, Handler] | None = None, **settings: Any
) -> AsyncIterator[Line]:
    """A site with the telephone on, at a port of its own."""
    port = free_port()
    given = {
        "BOT_DATA_DIR": folder,
        "BOT_DEFAULT_LANGUAGE": "en",
        "BOT_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM_NUMBER": OURS,
    }
    used, model = Settings(_env_file=None, **{**given, **settings}), SlowModel()
    clock, hooks = ManualClock(), Acting()
    async with assemble(used, model=model if with_model else None, clock=clock) as app:
        await app.worker.start()
        signatures = Signatures(AUTH_TOKEN, used.public_url)
        server = TestServer(
            build_site(routes(app, signatures, hooks, lines or {}, rules_of(used, is_recorded=used.call_recording)), app),
            port=port,
        )
        await server.start_server()
        vendor = Vendor(f"http://127.0.0.1:{port}", public_url=used.public_url, clock=clock)
        try:
            yield Line(app, model, clock, vendor, hooks)
        finally:
            await vendor.close()
            await server.close()
            await app.worker.stop()
    model.assert_complete()


@pytest_asyncio.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with opened(tmp_path) as made:
        yield made
