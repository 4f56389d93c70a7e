"""A call that we place, whole: over Twilio's REST API and its webhooks, with everybody joined who acts on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from bot.app import App, assemble
from bot.config import Settings
from bot.records.calls import Call, CallStatus
from bot.records.settings import SystemSetting
from bot.services.calling_facts import To
from bot.services.dialling import State
from bot.testing.clock import ManualClock
from bot.testing.llm import Said, ScriptedModel
from bot.testing.processes import free_port
from bot.testing.twilio import ACCOUNT_SID, AUTH_TOKEN, OURS, FakeCaller, Vendor
from bot.testing.twilio_rest import FakeRest
from bot.vendors import telephone_routes
from bot.web.server import build_site

pytestmark = pytest.mark.scenario

THEIRS = "+442079460123"
"""In London, where the test's clock shows ten in the morning."""


@dataclass
class World:
    """Our side, Twilio's, and its REST API."""

    app: App
    model: ScriptedModel
    vendor: Vendor
    twilio: FakeRest
    clock: ManualClock

    async def places(self, about: str = "your fibre", language: str = "en") -> FakeCaller:
        """Calls them; who picks up."""
        await self.app.consents.record(THEIRS, "calls", source="form", by="test")
        placed = await self.app.calling.dialling.place(To(number=THEIRS), by="user:1", about=about, language=language)
        assert placed.state is State.PLACED, placed.detail
        assert placed.call is not None
        form = self.twilio.placed[-1]
        return FakeCaller(
            self.vendor,
            THEIRS,
            direction="outbound-api",
            sid=placed.call.external_call_id or "",
            url=str(form["Url"]).removeprefix(self.vendor.public_url),
        )

    async def call(self) -> Call:
        [call] = await self.app.store.find(Call, {"dialed_number": THEIRS})
        return call


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    port, clock, model = free_port(), ManualClock(), ScriptedModel()
    async with FakeRest(clock) as twilio:
        settings = Settings(
            _env_file=None,
            BOT_DATA_DIR=tmp_path,
            BOT_DEFAULT_LANGUAGE="en",
            BOT_COMPANY="Acme Fibre",
            BOT_PUBLIC_URL=f"http://127.0.0.1:{port}",
            TWILIO_ACCOUNT_SID=ACCOUNT_SID,
            TWILIO_AUTH_TOKEN=AUTH_TOKEN,
            TWILIO_FROM_NUMBER=OURS,
            TWILIO_API_URL=twilio.url,
        )
        async with assemble(settings, model=model, clock=clock) as app:
            await app.worker.start()
            routes = telephone_routes(settings, app, lambda _: None)
            server = TestServer(build_site(routes, app), port=port)
            await server.start_server()
            vendor = Vendor(settings.public_url, clock=clock)
            try:
                yield World(app, model, vendor, twilio, clock)
            finally:
                await vendor.close()
                await server.close()
                await app.worker.stop()
    model.assert_complete()


async def test_who_picks_up_hears_who_calls_that_it_is_a_program_why_and_how_to_be_called_no_more(world: World) -> None:
    ana = await world.places()
    await ana.calls()
    heard = " ".join(ana.heard)
    parts = ("this is Acme Fibre", "a program and not a person", "calling about this: your fibre", "press 9")
    assert [part in heard for part in parts] == [True] * 4, heard
    assert sorted(parts, key=heard.index) == list(parts)
    world.model.will(Said("It will be there on Monday."))
    await ana.says("And when does it come?")
    await ana.hears("on Monday")
    assert "You have called them, about" in str(world.model.requests[-1].messages[0]["content"])
    await ana.hangs_up()
    call = await world.call()
    assert (call.status, call.external_call_id) == (CallStatus.COMPLETED, ana.sid)


async def test_who_presses_9_is_never_called_again(world: World) -> None:
    ana = await world.places()
    await ana.calls()
    await ana.presses("9")
    assert ana.is_over
    entry = await world.app.calling.do_not_call.listed(THEIRS)
    assert entry is not None
    assert entry.call_id == (await world.call()).id
    again = await world.app.calling.dialling.place(To(number=THEIRS), by="user:1")
    assert (again.state, again.verdict.rule) == (State.REFUSED, "do_not_call")
    assert len(world.twilio.placed) == 1


@pytest.mark.parametrize(("answered_by", "ended"), [("human", False), ("machine_start", True), ("fax", True)])
async def test_a_machine_that_picks_up_is_hung_up_on_and_a_person_goes_on(world: World, answered_by: str, ended: bool) -> None:
    ana = await world.places()
    await ana.calls()
    assert (await ana.tells_machine(answered_by)).status == 204
    assert world.twilio.updates == ([(ana.sid, {"Status": "completed"})] if ended else [])
    assert (await world.call()).answered_by == answered_by
    await ana.hangs_up()


async def test_a_machine_is_told_what_it_was_about_where_that_is_set(world: World) -> None:
    line = {"ring_seconds": 30, "most_minutes": 30, "machine": "message"}
    await world.app.store.upsert([SystemSetting(id="calling_line", key="calling_line", value=line)])
    await world.clock.advance(3)  # a setting counts within two seconds
    ana = await world.places()
    assert world.twilio.placed[0]["MachineDetection"] == "DetectMessageEnd"
    await ana.calls()
    await ana.tells_machine("machine_end_beep")
    [(sid, form)] = world.twilio.updates
    assert sid == ana.sid
    assert form["Twiml"].startswith('<Response><Say language="en-US">Hello, this is the AI assistant of Acme Fibre. ')
    assert "We called about your fibre." in form["Twiml"]
    await ana.hangs_up()
