"""The desk over HTTP: what its page holds, who may open it, what open desks are told."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestServer

from bot.app import App, assemble
from bot.config import Settings
from bot.conversation import Queue
from bot.message import Address
from bot.records.conversations import Conversation
from bot.records.handoffs import Cause
from bot.records.people import Customer
from bot.records.users import Role, User
from bot.resources import LANGUAGES
from bot.store.base import Unit
from bot.testing.clock import ManualClock
from bot.testing.web import UserBrowser, added, browser, signed_in
from bot.web.desk.connection import EXPIRED
from bot.web.server import build_site

pytestmark = pytest.mark.scenario

ANA, BOSS, VERA, MIA = "ana@example.org", "boss@example.org", "vera@example.org", "mia@example.org"
SOON = 10.0
DATA = re.compile(r'<script type="application/json" id="desk-data">(.*?)</script>', re.DOTALL)
SCRIPT = re.compile(r"<script(?![^>]*(?:src=|application/json))")


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[App, str]]:
    """The program with an agent, a supervisor, a viewer and a marketer. No worker runs: what is there is put there."""
    settings = Settings(_env_file=None, BOT_DATA_DIR=tmp_path, BOT_DEFAULT_LANGUAGE="en")
    async with assemble(settings, clock=ManualClock(), channels={}) as app, TestServer(build_site([], app)) as server:
        await added(app, ANA, Role.AGENT, name="Ana Ruiz")
        await added(app, BOSS, Role.SUPERVISOR, name="The Boss")
        await added(app, VERA, Role.VIEWER)
        await added(app, MIA, Role.MANAGER)
        yield app, str(server.make_url("/"))


async def waits(app: App, key: str) -> Conversation:
    """Somebody who waits in the general queue."""
    address = Address("web", "chat", key)
    customer = Customer(id=f"customer-{key}", first_name=key.title(), phone_number="+12025550123" if key == "lucia" else None)
    await app.store.insert([customer])
    conversation = await app.conversations.current(customer, address)
    unit = Unit()
    app.conversations.assign(unit, conversation, Queue("general"), by="system", reason="", cause=Cause.ASKED)
    await app.store.commit(unit)
    app.live.tell(address.lane)
    return await app.desk.transfers.get(conversation.id)


class Seat:
    """A desk as our script speaks."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.raw: list[str] = []

    async def send(self, **frame: Any) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def until(self, fits: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first frame, of those that came and those that come, for which this is so."""
        async with asyncio.timeout(SOON):
            while True:
                found = next((frame for frame in self.frames if fits(frame)), None)
                if found is not None:
                    return found
                raw = await self.socket.receive()
                assert raw.type is WSMsgType.TEXT, raw
                self.raw.append(raw.data)
                self.frames.append(json.loads(raw.data))


@asynccontextmanager
async def seat(user: UserBrowser) -> AsyncIterator[Seat]:
    async with user.socket("/desk/live") as socket:
        opened = Seat(socket)
        await opened.until(lambda frame: frame["type"] == "hello")
        yield opened


async def data_of(user: UserBrowser, path: str = "/desk") -> dict[str, Any]:
    page = await (await user.get(path)).text()
    found = DATA.search(page)
    assert found is not None
    data: dict[str, Any] = json.loads(html.unescape(found[1]))
    return data


async def test_the_page_holds_the_first_rows_and_who_waits_longest(site: tuple[App, str]) -> None:
    app, url = site
    first = await waits(app, "lucia")
    for number in range(60):
        await waits(app, f"somebody-{number}")
    async with signed_in(url, ANA) as ana:
        data = await data_of(ana)
    waiting = data["lists"]["waiting"]
    assert len(waiting["items"]) == 50
    assert waiting["next"]
    assert data["counts"]["waiting"] == 61
    assert data["open"]["conversation"]["id"] == waiting["items"][0]["id"] == first.id
    assert data["open"]["timeline"]["items"][-1]["kind"] == "handoff"
    assert data["me"]["may"] == {"write": True, "assign": False, "tickets": True, "call": False}


async def test_the_conversation_in_the_address_is_opened_and_one_that_is_not_there_is_none(site: tuple[App, str]) -> None:
    app, url = site
    await waits(app, "first")
    second = await waits(app, "second")
    async with signed_in(url, ANA) as ana:
        assert (await data_of(ana, f"/desk?c={second.id}"))["open"]["conversation"]["id"] == second.id
        assert (await data_of(ana, "/desk?c=nothing"))["open"] is None


async def test_what_people_write_cannot_leave_the_data_of_the_page(site: tuple[App, str]) -> None:
    app, url = site
    customer = await waits(app, "hostile")
    hostile = "</script><script>alert(1)</script>"
    await app.store.change(Conversation, {"id": customer.id}, set={"tags": [hostile]})
    async with signed_in(url, ANA) as ana:
        answer = await ana.get("/desk")
        page = await answer.text()
    assert hostile not in page
    assert not SCRIPT.search(page)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style=" not in page


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_speaks_our_languages(site: tuple[App, str], language: str) -> None:
    _, url = site
    async with signed_in(url, ANA) as ana:
        page = await (await ana.get(f"/desk?language={language}")).text()
    assert f'<html lang="{language}">' in page


async def test_only_who_may_read_conversations_has_a_desk(site: tuple[App, str]) -> None:
    _, url = site
    async with browser(url) as nobody:
        assert (await nobody.get("/desk")).status == 303
        with pytest.raises(WSServerHandshakeError, match="401"):
            await nobody.socket("/desk/live").__aenter__()
    async with signed_in(url, MIA) as mia:
        assert (await mia.get("/desk")).status == 403
        with pytest.raises(WSServerHandshakeError, match="403"):
            await mia.socket("/desk/live").__aenter__()


async def test_a_page_of_another_site_opens_no_socket(site: tuple[App, str]) -> None:
    _, url = site
    async with signed_in(url, ANA) as ana:
        with pytest.raises(WSServerHandshakeError, match="403"):
            await ana.http.ws_connect(ana.url + "/desk/live", origin="https://elsewhere.example")


async def test_open_desks_are_told_of_what_changes_with_the_same_bytes(site: tuple[App, str]) -> None:
    app, url = site
    async with (
        signed_in(url, ANA) as ana,
        signed_in(url, BOSS) as boss,
        signed_in(url, VERA) as vera,
        seat(ana) as one,
        seat(vera) as other,
        seat(boss) as third,
    ):
        conversation = await waits(app, "lucia")
        for there in (one, other, third):
            frame = await there.until(lambda frame: frame["type"] == "row" and frame["row"]["holder"]["kind"] == "queue")
            assert frame["row"]["id"] == conversation.id
        rows = [next(raw for raw in there.raw if '"kind":"queue"' in raw) for there in (one, other, third)]
        assert rows[0] == rows[1]
        assert "+12025550123" not in rows[0]
        assert "+12025550123" in rows[2], "who manages customers sees numbers whole"
        await one.until(lambda frame: frame["type"] == "queues" and frame["waiting"] == 1)


async def test_a_take_over_reaches_who_looks_and_a_closed_conversation_is_told_of_too(site: tuple[App, str]) -> None:
    app, url = site
    conversation = await waits(app, "lucia")
    async with signed_in(url, ANA) as ana, seat(ana) as there:
        await there.send(type="open", id=conversation.id)
        await there.send(type="beat")
        app.live.tell(conversation.lane)
        await there.until(lambda frame: frame["type"] == "timeline" and frame["id"] == conversation.id)
        user = await _user(app, ANA)
        status, _ = await ana.api("POST", f"/conversations/{conversation.id}/take-over")
        assert status == 200
        held = await there.until(lambda frame: frame["type"] == "row" and frame["row"]["holder"]["kind"] == "operator")
        assert held["row"]["holder"] == {"kind": "operator", "id": user.id, "name": "Ana Ruiz"}
        await app.desk.closing.close(conversation.id, user)
        await there.until(lambda frame: frame["type"] == "row" and frame["row"]["status"] == "closed")


async def test_who_types_is_told_to_the_person_and_what_to_who_looks_too(site: tuple[App, str]) -> None:
    app, url = site
    conversation = await waits(app, "lucia")
    async with signed_in(url, ANA) as ana, signed_in(url, BOSS) as boss, seat(ana) as one, seat(boss) as other:
        await one.send(type="open", id=conversation.id)
        await other.send(type="open", id=conversation.id)
        app.live.tell(conversation.lane)
        await other.until(lambda frame: frame["type"] == "timeline")
        await one.send(type="typing", id=conversation.id, text="Hello Lucía, I")
        typing = await other.until(lambda frame: frame["type"] == "typing")
        assert typing == {
            "type": "typing",
            "id": conversation.id,
            "who": typing["who"],
            "name": "Ana Ruiz",
            "draft": "Hello Lucía, I",
        }
        assert list(app.desk.typing.who(conversation.lane).values()) == ["Ana Ruiz"]
        await one.send(type="open", id="")
        await other.until(lambda frame: frame["type"] == "typing" and frame["draft"] == "")
        assert app.desk.typing.who(conversation.lane) == {}
        app.desk.typing.types(conversation.lane, "person")
        await other.until(lambda frame: frame["type"] == "typing" and frame["who"] == "person")


async def test_a_visitor_and_an_operator_see_each_other_type(site: tuple[App, str]) -> None:
    app, url = site
    async with signed_in(url, ANA) as ana, ana.http.ws_connect(f"{ana.url}/chat/live", origin=ana.url) as chat:
        await chat.send_json({"type": "hello"})
        while (frame := await chat.receive_json(timeout=SOON))["type"] != "state":
            pass
        [lane] = [topic for topic in app.live._listeners if topic.startswith("web:chat:")]
        conversation = await waits(app, lane.rpartition(":")[2])
        async with seat(ana) as there:
            await there.send(type="open", id=conversation.id)
            app.live.tell(lane)
            await there.until(lambda frame: frame["type"] == "timeline")
            await chat.send_json({"type": "typing"})
            await there.until(lambda frame: frame["type"] == "typing" and frame["who"] == "person")
            await there.send(type="typing", id=conversation.id, text="Hello")
            while not (frame := await chat.receive_json(timeout=SOON)).get("typing"):
                pass
            assert frame == {"type": "state", "holder": "nobody", "typing": True}


async def test_an_open_desk_makes_an_operator_present_and_a_viewer_not(site: tuple[App, str]) -> None:
    app, url = site
    async with signed_in(url, ANA) as ana, signed_in(url, VERA) as vera, seat(ana), seat(vera):
        assert (await _user(app, ANA)).status == "online"
        assert (await _user(app, VERA)).status == "offline"


async def test_a_viewer_types_nothing(site: tuple[App, str]) -> None:
    app, url = site
    conversation = await waits(app, "lucia")
    async with signed_in(url, VERA) as vera, seat(vera) as there:
        await there.send(type="open", id=conversation.id)
        await there.send(type="typing", id=conversation.id, text="Hello")
        app.live.tell(conversation.lane)
        await there.until(lambda frame: frame["type"] == "timeline")
        assert app.desk.typing.who(conversation.lane) == {}


@pytest.mark.parametrize(
    "sent",
    [
        "no json",
        "{}",
        '{"type":"row"}',
        '{"type":"open"}',
        '{"type":"open","id":1}',
        '{"type":"typing","id":"a","text":"' + "x" * 400 + '"}',
    ],
)
async def test_what_no_desk_of_ours_sends_ends_the_connection(site: tuple[App, str], sent: str) -> None:
    _, url = site
    async with signed_in(url, ANA) as ana, ana.socket("/desk/live") as socket:
        await socket.send_str(sent)
        async with asyncio.timeout(SOON):
            while (await socket.receive()).type is WSMsgType.TEXT:
                pass
        assert socket.close_code == aiohttp.WSCloseCode.UNSUPPORTED_DATA


async def test_a_desk_whose_session_is_over_is_closed_with_a_code_of_its_own(
    site: tuple[App, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = site
    monkeypatch.setattr("bot.web.desk.connection._CHECK_SECONDS", 0.05)
    async with signed_in(url, ANA) as ana, ana.socket("/desk/live") as socket:
        await ana.post("/logout")
        async with asyncio.timeout(SOON):
            while (await socket.receive()).type is WSMsgType.TEXT:
                pass
        assert socket.close_code == EXPIRED


async def _user(app: App, email: str) -> User:
    (found,) = await app.store.find(User, {"email": email}, limit=1)
    return found
