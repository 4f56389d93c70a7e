"""Settings, canned replies, what was set aside and the audit log, over HTTP."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from bot.app import App
from bot.records.audit import AuditEntry
from bot.records.canned import CannedReply
from bot.records.settings import WEEKDAYS
from bot.records.users import Role, User
from bot.records.webhooks import PostState, WebhookDelivery
from bot.records.work import Delivery, DeliveryState, InboxRow
from bot.resources import LANGUAGES
from bot.services.setting_fields import subjects
from bot.services.settings import MAX_AGE, SystemSettings
from bot.testing.clock import ManualClock
from bot.testing.web import UserBrowser, added, browser, cookie_of
from bot.web.server import build_site
from tests.web.seeded import resting, seed

pytestmark = pytest.mark.scenario

ASSIGNMENT = {
    "auto_assignment_enabled": "on",
    "max_conversations_per_agent": "4",
    "assignment_rules.preferred_agent": "on",
    "assignment_rules.anybody_after_minutes": "10",
    "assignment_rules.offline_after_seconds": "90",
}
HOURS = {"timezone": "UTC"} | {f"business_hours.{day}.{end}": "09:00" for day in WEEKDAYS for end in ("start", "end")}
HOURS |= {f"business_hours.{day}.enabled": "on" for day in WEEKDAYS}


@pytest_asyncio.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with resting(tmp_path) as joined:
        yield joined


@pytest_asyncio.fixture
async def url(app: App) -> AsyncIterator[str]:
    async with TestServer(build_site([], app)) as server:
        yield str(server.make_url("/"))


@pytest_asyncio.fixture
async def boss(app: App, url: str) -> AsyncIterator[UserBrowser]:
    async with browser(url) as opened:
        await come(app, opened, Role.ADMIN)
        yield opened


async def come(app: App, who: UserBrowser, role: Role) -> User:
    user = await added(app, f"{role}@example.org", role, name="Ingrid Vega")
    who.http.cookie_jar.update_cookies(await cookie_of(app, user))
    await who.read_csrf()
    return user


async def stored(app: App, key: str) -> Any:
    return await SystemSettings(app.store, app.clock).value(key)


async def save(who: UserBrowser, subject: str, fields: Mapping[str, str], status: int = 303) -> str:
    answer = await who.post(f"/settings/{subject}", fields)
    assert answer.status == status
    return html.unescape(await answer.text())


async def test_every_subject_has_its_form_in_every_language(app: App, boss: UserBrowser) -> None:
    for language in LANGUAGES:
        for subject, fields in subjects().items():
            answer = await boss.get(f"/settings?subject={subject}&language={language}")
            page = await answer.text()
            assert answer.status == 200
            assert all(f'name="{field.name}' in page for field in fields)


async def test_a_form_that_is_saved_as_it_is_changes_nothing(app: App, boss: UserBrowser) -> None:
    for subject, fields in subjects().items():
        form: dict[str, str] = {}
        for field in fields:
            value: Any = await stored(app, field.key)
            for step in field.path:
                value = value[step]
            if field.kind == "yes_no":
                form |= {field.name: "on"} if value else {}
            elif field.kind == "several":
                form |= {f"{field.name}.{choice}": "on" for choice in value}
            elif field.kind == "rows":
                form |= {f"{field.name}.{n}.{name}": str(one) for n, row in enumerate(value) for name, one in row.items()}
            else:
                default = "America/Mexico_City" if field.key == "timezone" else ""
                form[field.name] = str(value) if value not in (None, []) else default
        await save(boss, subject, form)
    assert await app.store.count(AuditEntry, {"entity_type": "setting"}) == 0


async def test_a_change_counts_at_once_and_is_written_down(app: App, boss: UserBrowser) -> None:
    running = app.desk.assignment
    assert (await running.rules()).capacity == 10
    await save(boss, "assignment", ASSIGNMENT)
    assert isinstance(app.clock, ManualClock)
    await app.clock.advance(MAX_AGE)
    assert (await running.rules()).capacity == 4
    (entry,) = await app.store.find(AuditEntry, {"entity_type": "setting"})
    assert entry.entity_id == "max_conversations_per_agent"
    assert entry.details["before"] == {"value": 10}
    assert entry.details["after"] == {"value": 4}
    page = await (await boss.get("/settings?subject=assignment")).text()
    assert "changed by Ingrid Vega" in page
    log = await (await boss.get("/audit?kind=setting&id=max_conversations_per_agent")).text()
    assert "Ingrid Vega" in log


@pytest.mark.parametrize(
    ("subject", "fields", "said"),
    [
        (
            "assignment",
            ASSIGNMENT | {"max_conversations_per_agent": "many"},
            "max_conversations_per_agent: must be a whole number",
        ),
        ("assignment", ASSIGNMENT | {"assignment_rules.offline_after_seconds": "1"}, "from 30 to 86,400; for example 90"),
        ("ai", {"ai_max_cost_per_conversation": "-1", "ai_max_cost_per_day": "1", "handoff_summary": "extract"}, "US dollars"),
        (
            "ai",
            {"ai_max_cost_per_conversation": "1", "ai_max_cost_per_day": "1", "handoff_summary": "odd"},
            "handoff_summary: must be",
        ),
        ("hours", HOURS | {"timezone": "Mars/Olympus"}, "timezone: there is no time zone 'Mars/Olympus'"),
        ("hours", HOURS | {"business_hours.friday.end": "6 pm"}, "business_hours.friday.end: '6 pm' is no time of day"),
        ("web", {"web_chat_origins": "javascript:alert(1)"}, "web_chat_origins"),
        (
            "notify",
            {"notify_operators.at_most_every_minutes": "5", "notify_operators.desk_url": "javascript:x"},
            "must begin with https",
        ),
        (
            "handoff",
            {"handoff_rules.unanswered_turns": "2", "handoff_rules.words.0.name": "x"},
            "handoff_rules.words.1.words: must be",
        ),
    ],
)
async def test_what_is_wrong_is_named_with_its_fix_and_nothing_is_written(
    app: App, boss: UserBrowser, subject: str, fields: dict[str, str], said: str
) -> None:
    assert said in await save(boss, subject, fields, 422)
    assert await app.store.count(AuditEntry, {"entity_type": "setting"}) == 0


async def test_rules_by_words_are_rows_of_a_form(app: App, boss: UserBrowser) -> None:
    row = {"name": "refund", "words": "refund, money back", "skill": "", "priority": "high", "channel": ""}
    fields = {f"handoff_rules.words.3.{name}": value for name, value in row.items()}
    await save(boss, "handoff", {"handoff_rules.anger": "on", "handoff_rules.unanswered_turns": "2", **fields})
    (rule,) = (await stored(app, "handoff_rules"))["words"]
    assert rule == {"name": "refund", "words": ["refund", "money back"], "skill": "", "priority": "high", "channel": ""}
    assert "refund, money back" in await (await boss.get("/settings?subject=handoff")).text()


async def test_replies_are_previewed_saved_shared_and_deleted(app: App, boss: UserBrowser, url: str) -> None:
    fields = {"shortcut": "/hello", "title": "Greeting", "text": "Hello {name}, I am {operator}.", "language": "en"}
    shown = await (await boss.post("/replies", fields | {"preview": "1"})).text()
    assert "Hello Ana, I am Ingrid Vega." in shown
    assert await app.store.count(CannedReply, {"owner_id": None}) == 0
    assert (await boss.post("/replies", fields | {"shared": "on"})).status == 303
    assert (await boss.post("/replies", fields | {"shared": "on"})).status == 422
    wrong = await boss.post("/replies", fields | {"shortcut": "other", "text": "Hello {nme}"})
    assert "there is no blank {nme}" in await wrong.text()
    async with browser(url) as agent:
        await come(app, agent, Role.AGENT)
        assert "/hello" in await (await agent.get("/replies")).text()
        assert (await agent.post("/replies", fields | {"shared": "on"})).status == 422
        (shared,) = await app.store.find(CannedReply, {"owner_id": None})
        assert (await agent.post("/replies/delete", {"id": shared.id})).status == 422
    assert (await boss.post("/replies/delete", {"id": shared.id})).status == 303
    assert (await boss.post("/replies/delete", {"id": shared.id})).status == 404


async def test_what_was_set_aside_is_shown_with_its_reason_and_tried_again(app: App, boss: UserBrowser) -> None:
    assert isinstance(app.clock, ManualClock)
    await seed(app, app.clock, days=1, each=2)
    page = await (await boss.get("/work")).text()
    assert "the vendor refused it (131026)" in page
    assert "2 h" in page
    lanes = {one.lane for one in await app.store.find(Delivery, {"state": DeliveryState.DEAD})}
    assert lanes
    assert [lane for lane in lanes if lane in page] == []  # it ends in a number, or in a secret of a browser
    answer = await boss.post("/work/delivery/again", {"id": "dead-2"})
    assert answer.headers["Location"] == "/work?tried=1"
    delivery = await app.store.get(Delivery, "dead-2")
    assert delivery is not None
    assert delivery.state is not DeliveryState.DEAD
    assert (await boss.post("/work/delivery/again", {"id": "dead-2"})).status == 404
    assert (await boss.post("/work/nonsense/again", {"id": "dead-2"})).status == 404
    assert (await boss.post("/work/job/all")).headers["Location"] == "/work?tried=0"
    (entry,) = await app.store.find(AuditEntry, {"action": "tried_again"})
    assert (entry.entity_type, entry.entity_id) == ("work_delivery", "dead-2")
    assert await app.store.get(InboxRow, "dead-1") is not None


async def test_the_audit_log_is_filtered_and_paged(app: App, boss: UserBrowser) -> None:
    for number in range(60):
        await save(boss, "assignment", ASSIGNMENT | {"max_conversations_per_agent": str(100 + number)})
    first = await (await boss.get("/audit?kind=setting")).text()
    assert first.count("setting max_conversations_per_agent") >= 50
    older = html.unescape(first[first.index('class="btn" href="/audit?') :]).split('href="')[1].split('"')[0]
    second = await (await boss.get(older)).text()
    assert second.count('<li class="stack">') == 10
    assert '<li class="stack">' not in await (await boss.get("/audit?kind=setting&to=2020-01-01")).text()
    assert "That is no day" in await (await boss.get("/audit?from=yesterday")).text()
    assert (await boss.get("/audit?after=nonsense")).status == 400
    for query in ("by=system", "action=updated", "by=user:x&action=created&from=2026-01-01", "id=%00%ff"):
        assert (await boss.get(f"/audit?{query}")).status == 200


async def test_an_event_that_no_server_took_is_posted_again(app: App, boss: UserBrowser) -> None:
    now, owner = app.clock.now(), (await app.accounts.users.page("", 1))[0][0].id
    hook, _ = await app.webhooks.register(owner, "CRM", "https://crm.example.com/hooks", ["ticket.*"], by=f"user:{owner}")
    dead = {"id": "e1:w1", "webhook_id": hook.id, "event_id": "e1", "event_type": "ticket.created", "at": now, "due_at": now}
    post = WebhookDelivery.model_validate({**dead, "state": PostState.DEAD, "openness": "closed", "attempts": 8, "error": "502"})
    await app.store.load([post])
    page = await (await boss.get("/work")).text()
    assert "ticket.created" in page
    assert (await boss.post("/work/webhook/again", {"id": "e1:w1"})).headers["Location"] == "/work?tried=1"
    found = await app.store.get(WebhookDelivery, "e1:w1")
    assert found is not None
    assert found.state is PostState.PENDING
    assert (await boss.post("/work/webhook/again", {"id": "e1:w1"})).status == 404
