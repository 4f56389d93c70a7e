"""A telephone that is on: the real site with the real engine behind it, a scripted model, and callers who obey TwiML."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp.test_utils import TestServer

from bot.app import App, assemble
from bot.config import Settings
from bot.records.calls import Call
from bot.records.conversations import Conversation, Message
from bot.testing.llm import ScriptedModel
from bot.testing.processes import free_port
from bot.testing.twilio import ACCOUNT_SID, AUTH_TOKEN, OURS, FakeCaller, Vendor
from bot.vendors import telephone_routes
from bot.web.server import build_site


@dataclass
class Line:
    """Our side and Twilio's."""

    app: App
    model: ScriptedModel
    vendor: Vendor
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
async def opened(folder: Path, *, with_model: bool = True, **settings: Any) -> AsyncIterator[Line]:
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
    used, model = Settings(_env_file=None, **{**given, **settings}), ScriptedModel()
    async with assemble(used, model=model if with_model else None) as app:
        await app.worker.start()
        server = TestServer(build_site(telephone_routes(used, app), app), port=port)
        await server.start_server()
        vendor = Vendor(f"http://127.0.0.1:{port}", public_url=used.public_url)
        try:
            yield Line(app, model, vendor)
        finally:
            await vendor.close()
            await server.close()
            await app.worker.stop()
    model.assert_complete()


@pytest_asyncio.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with opened(tmp_path) as made:
        yield made
