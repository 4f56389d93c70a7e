"""Webhooks over the API: made, shown without their secret, tried, changed, ended; posts looked at and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.records.people import Customer
from bot.records.users import Role
from bot.services.webhook_rules import KEY
from bot.testing.receiver import Receiver, receiver
from bot.testing.scene import Scene
from bot.testing.web import UserBrowser
from tests.scenarios.helpers import set_setting
from tests.web.api.conftest import Team
from tests.web.api.test_records import asked

pytestmark = pytest.mark.scenario


@pytest_asyncio.fixture
async def crm(scene: Scene) -> AsyncIterator[Receiver]:
    rules = {"allow_private": True, "timeout_seconds": 1, "attempts": 1, "disable_after": 25}
    await set_setting(scene, KEY, rules)
    async with receiver() as made:
        yield made


@pytest_asyncio.fixture
async def chief(team: Team) -> UserBrowser:
    return await team.member("Vera", Role.ADMIN)


def to(crm: Receiver, *events: str) -> dict[str, Any]:
    return {"name": "CRM", "url": crm.url, "events": list(events) or ["*"]}


async def test_a_webhook_is_made_tried_and_its_secret_told_once(
    scene: Scene, team: Team, chief: UserBrowser, crm: Receiver
) -> None:
    made = await asked(chief, "POST", "/webhooks", to(crm, "ticket.*"), status=201)
    hook, secret = made["webhook"], made["secret"]
    assert (hook["name"], hook["events"], hook["is_active"], hook["owner"]["name"]) == ("CRM", ["ticket.*"], True, "Vera")
    posting = await asked(chief, "POST", f"/webhooks/{hook['id']}/test", {}, status=201)
    assert (posting["event"], posting["state"], posting["attempts"]) == ("ping", "pending", 0)
    await scene.settle()
    [post] = crm.posts
    assert post.is_signed_with(secret)
    assert post.event["id"] == posting["event_id"]
    [done] = (await asked(chief, "GET", f"/webhooks/{hook['id']}/deliveries"))["items"]
    assert (done["id"], done["state"], done["status"], done["attempts"]) == (posting["id"], "delivered", 200, 1)
    for path in ("/webhooks", f"/webhooks/{hook['id']}"):
        shown = str(await asked(chief, "GET", path))
        assert hook["id"] in shown
        assert secret not in shown
        assert "secret" not in shown
    renewed = await asked(chief, "POST", f"/webhooks/{hook['id']}/secret", {})
    await asked(chief, "POST", f"/webhooks/{hook['id']}/test", {}, status=201)
    await scene.settle()
    assert crm.posts[-1].is_signed_with(renewed["secret"])
    assert not crm.posts[-1].is_signed_with(secret)


async def test_what_was_not_taken_is_seen_page_by_page_and_sent_again(scene: Scene, chief: UserBrowser, crm: Receiver) -> None:
    hook = (await asked(chief, "POST", "/webhooks", to(crm), status=201))["webhook"]
    other = (await asked(chief, "POST", "/webhooks", to(crm, "handoff"), status=201))["webhook"]
    path = f"/webhooks/{hook['id']}/deliveries"
    crm.will(500)
    await scene.app.store.insert([Customer(id="ana")])
    for subject in ("one", "two", "three"):
        await scene.app.ticketing.tickets.open(customer_id="ana", subject=subject, description="x", by="agent:support")
        await scene.settle()
        await scene.clock.advance(60)
    [dead] = (await asked(chief, "GET", f"{path}?state=dead"))["items"]
    assert (dead["event"], dead["status"]) == ("ticket.created", 500)
    first = await asked(chief, "GET", f"{path}?limit=2")
    rest = await asked(chief, "GET", f"{path}?limit=2&after={first['next']}")
    ids = [one["id"] for one in (*first["items"], *rest["items"])]
    assert (len(ids), len(set(ids)), rest["next"], ids[-1]) == (3, 3, None, dead["id"])
    elsewhere = f"/webhooks/{other['id']}/deliveries/{dead['id']}/retry"
    assert (await asked(chief, "POST", elsewhere, {}, status=404))["error"]["code"] == "not_found"
    assert (await asked(chief, "POST", f"{path}/{dead['id']}/retry", {}))["state"] == "pending"
    waiting = await asked(chief, "POST", f"{path}/{dead['id']}/retry", {}, status=422)
    assert "goes out by itself" in waiting["error"]["message"]
    await scene.settle()
    assert (await asked(chief, "GET", f"{path}?state=dead"))["items"] == []
    assert crm.posts[-1].event["id"] == dead["event_id"]


async def test_a_webhook_is_changed_switched_off_and_ended(scene: Scene, chief: UserBrowser, crm: Receiver) -> None:
    hook = (await asked(chief, "POST", "/webhooks", to(crm), status=201))["webhook"]
    path = f"/webhooks/{hook['id']}"
    changed = await asked(chief, "PATCH", path, {"events": ["handoff"], "is_active": False})
    assert (changed["events"], changed["is_active"], changed["name"]) == (["handoff"], False, "CRM")
    off = await asked(chief, "POST", f"{path}/test", {}, status=422)
    assert "switched off" in off["error"]["message"]
    wrong = await asked(chief, "PATCH", path, {"events": ["tickets"]}, status=422)
    assert (wrong["error"]["field"], "there is no event 'tickets'" in wrong["error"]["message"]) == ("events", True)
    nowhere = await asked(chief, "PATCH", path, {"url": "ftp://example.com"}, status=422)
    assert nowhere["error"]["field"] == "url"
    stranger = await asked(chief, "POST", "/webhooks", to(crm) | {"owner": "nobody"}, status=404)
    assert stranger["error"]["message"] == "there is no active user nobody"
    await asked(chief, "DELETE", path, status=204)
    assert (await asked(chief, "GET", "/webhooks"))["items"] == []
    await asked(chief, "GET", path, status=404)
    assert crm.posts == []
