"""The supervisors' page over HTTP: its numbers are the store's, who may see what, and what can be done from it."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from bot.app import App
from bot.records.conversations import Conversation, Priority
from bot.records.tickets import SlaClock, Ticket, TicketSla
from bot.records.users import Role, User
from bot.resources import LANGUAGES
from bot.services.overview import Figures, Overviews
from bot.testing.clock import ManualClock
from bot.testing.web import UserBrowser, added, browser, cookie_of, signed_in
from bot.web.server import build_site
from bot.web.times import zone_of
from tests.web.seeded import HOSTILE, Seeded, resting, seed

pytestmark = pytest.mark.scenario


@pytest_asyncio.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with resting(tmp_path) as joined:
        yield joined


@pytest_asyncio.fixture
async def seeded(app: App) -> Seeded:
    assert isinstance(app.clock, ManualClock)
    return await seed(app, app.clock, days=16)


@pytest_asyncio.fixture
async def url(app: App) -> AsyncIterator[str]:
    async with TestServer(build_site([], app)) as server:
        yield str(server.make_url("/"))


async def came(app: App, url: str, who: UserBrowser, role: Role, **fields: object) -> User:
    user = await added(app, f"{role}@example.org", role, name="Ingrid Vega")
    who.http.cookie_jar.update_cookies(await cookie_of(app, user))
    await who.read_csrf()
    return user


def number(page: str, id_: str) -> str:
    found = re.search(rf'data-number="{id_}">([^<]*)', page)
    assert found, id_
    return html.unescape(found[1]).strip()


def foot(page: str, id_: str) -> list[str]:
    """The last row of a plot's table: the whole."""
    card = page[page.index(f'id="{id_}"') :]
    cells = re.search(r"<tfoot>(.*?)</tfoot>", card, re.S)
    assert cells
    return [html.unescape(cell) for cell in re.findall(r">([^<>]+)</t[hd]>", cells[1])]


def column(page: str, id_: str, place: int) -> list[str]:
    """A column of a plot's table."""
    card = page[page.index(f'id="{id_}"') :]
    body = re.search(r"<tbody>(.*?)</tbody>", card, re.S)
    assert body
    rows = re.findall(r"<tr>(.*?)</tr>", body[1], re.S)
    return [re.findall(r">([^<>]*)</t[hd]>", row)[place] for row in rows]


async def whole_of(app: App, user: User, days: int) -> Figures:
    return (await Overviews(app.store, app.clock).lately(days, zone_of(user))).whole


@pytest.mark.parametrize("days", [1, 7, 30])
async def test_the_numbers_on_the_page_are_those_in_the_store(app: App, seeded: Seeded, url: str, days: int) -> None:
    async with browser(url) as boss:
        user = await came(app, url, boss, Role.SUPERVISOR)
        page = await (await boss.get(f"/supervisor?days={days}")).text()
    whole = await whole_of(app, user, days)
    waiting = [one for one in seeded.conversations if one.status == "waiting"]
    assert number(page, "waiting") == str(len(waiting)) == "3"
    assert whole.containment is not None
    assert number(page, "containment") == f"{round(whole.containment * 100)} %"
    assert foot(page, "arrivals") == ["In all", str(whole.conversations), str(whole.contained), str(whole.passed)]
    for place, total in ((1, whole.conversations), (2, whole.contained), (3, whole.passed)):
        assert sum(map(int, column(page, "arrivals", place))) == total
    assert sum(map(int, column(page, "causes", 1))) == int(foot(page, "causes")[1])
    assert sum(map(int, column(page, "ratings", 1))) == whole.rated
    assert sum(map(int, column(page, "hours", 1))) == whole.conversations
    assert sum(float(cost.lstrip("$")) for cost in column(page, "cost", 2)) == pytest.approx(whole.cost_micros / 1_000_000)


async def test_every_plot_says_what_it_shows_and_has_a_table(app: App, seeded: Seeded, url: str) -> None:
    async with browser(url) as boss:
        await came(app, url, boss, Role.SUPERVISOR)
        for language in LANGUAGES:
            page = await (await boss.get(f"/supervisor?days=7&language={language}")).text()
            assert page.count("<table") == 8
            assert len(re.findall(r'role="img" aria-label="[^"]+"', page)) == 8 + len(seeded.operators)
            assert "style=" not in page
            assert "<script>" not in page


async def test_a_person_can_be_called_anything(app: App, seeded: Seeded, url: str) -> None:
    async with browser(url) as boss:
        await came(app, url, boss, Role.ADMIN)
        for path in ("/supervisor", "/work", "/audit"):
            page = await (await boss.get(path)).text()
            assert HOSTILE not in page
        assert html.escape(HOSTILE) in await (await boss.get("/supervisor")).text()


async def test_who_only_looks_at_figures_sees_no_people_and_a_viewer_does_nothing(app: App, seeded: Seeded, url: str) -> None:
    async with browser(url) as manager, browser(url) as viewer:
        await came(app, url, manager, Role.MANAGER)
        page = await (await manager.get("/supervisor")).text()
        assert "Madhav" not in page
        assert "Who waits" not in page
        await came(app, url, viewer, Role.VIEWER)
        page = await (await viewer.get("/supervisor")).text()
        assert "Madhav" in page
        assert 'name="to"' not in page


async def test_numbers_are_whole_only_for_who_manages_customers_and_the_log_is_an_administrators(
    app: App, seeded: Seeded, url: str
) -> None:
    waiting = next(one for one in seeded.conversations if one.status == "waiting")
    assert waiting.customer_id is not None
    nameless = {"first_name": None, "last_name": None, "phone_number": "+12025550177"}
    await app.people.update(waiting.customer_id, nameless, by="test")
    granted = ["update:customers", "read:audit"]
    await added(app, "some@example.org", Role.VIEWER, permissions=granted)
    async with signed_in(url, "some@example.org") as some, browser(url) as boss:
        page = await (await some.get("/supervisor")).text()
        assert "+1202•••0177" in page
        assert "+12025550177" not in page
        assert (await some.get("/audit")).status == 403
        await came(app, url, boss, Role.SUPERVISOR)
        assert "+12025550177" in await (await boss.get("/supervisor")).text()


async def test_an_empty_house_says_so(app: App, url: str) -> None:
    async with browser(url) as boss:
        await came(app, url, boss, Role.SUPERVISOR)
        page = await (await boss.get("/supervisor?days=nonsense")).text()
    assert "Nobody waits" in page
    assert "Nothing in this period yet" in page
    assert number(page, "cost") == "–"


async def conversation(app: App, id_: str) -> Conversation:
    found = await app.store.get(Conversation, id_)
    assert found is not None
    return found


async def test_somebody_who_waits_is_assigned_reprioritised_and_pulled(app: App, seeded: Seeded, url: str) -> None:
    nadia, waits = seeded.operators[0], "c900001"
    async with browser(url) as boss:
        user = await came(app, url, boss, Role.SUPERVISOR)
        answer = await boss.post(f"/supervisor/{waits}/priority", {"priority": "urgent", "days": "7"})
        assert answer.headers["Location"] == "/supervisor?days=7&done=priority"
        assert (await conversation(app, waits)).priority is Priority.URGENT
        assert (await boss.post(f"/supervisor/{waits}/assign", {"to": nadia.id})).status == 303
        assert (await conversation(app, waits)).assigned_agent == nadia.id
        page = await (await boss.get("/supervisor")).text()
        assert number(page, "waiting") == "2"
        assert "2 of 10" in page
        assert (await boss.post(f"/supervisor/{waits}/pull")).status == 303
        assert (await conversation(app, waits)).assigned_agent == user.id


async def test_what_cannot_be_done_is_said_in_one_sentence(app: App, seeded: Seeded, url: str) -> None:
    async with browser(url) as boss:
        await came(app, url, boss, Role.SUPERVISOR)
        for what, fields, said in (
            ("assign", {"to": ""}, "Choose who is to get it."),
            ("assign", {"to": "nobody"}, "there is no active user nobody"),
            ("priority", {"priority": "huge"}, "Conversation.priority"),
        ):
            answer = await boss.post(f"/supervisor/c900001/{what}", fields)
            assert answer.status == 422
            assert said in html.unescape(await answer.text())
        assert (await boss.post("/supervisor/none/pull")).status == 404


async def test_a_ticket_that_is_later_than_promised_burns(app: App, seeded: Seeded, url: str) -> None:
    now = app.clock.now()
    late = SlaClock(target_minutes=60, breached_at=now - timedelta(minutes=1))
    values = {"id": "t1", "ticket_id": "TICKET-2026-000001", "customer_id": "p1", "subject": "Late", "description": "It is late"}
    sla = TicketSla(resolution=late)
    ticket = {**values, "category": "billing", "created_at": now, "last_activity_at": now, "sla": sla}
    await app.store.load([Ticket.model_validate(ticket)])
    async with browser(url) as boss:
        await came(app, url, boss, Role.SUPERVISOR)
        assert "Open tickets that are later than promised: 1." in await (await boss.get("/supervisor")).text()
