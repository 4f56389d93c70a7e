"""The supervisors' page and the settings in a real browser: what is seen, done, refused, and read by who does not see."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from bot.app import App
from bot.records.conversations import Conversation
from bot.records.users import Role
from bot.testing.clock import ManualClock
from bot.testing.web import added, cookie_of
from bot.web.server import build_site
from tests.end_to_end.browser import PHONE, chromium, fresh_page, needs_chromium
from tests.end_to_end.test_sign_in import check
from tests.web.seeded import resting, seed

pytestmark = [pytest.mark.end_to_end, needs_chromium]

PATHS = ("/supervisor?days=30", "/settings", "/settings?subject=handoff", "/replies", "/work", "/audit")


@dataclass(frozen=True)
class House:
    """A team with some weeks behind it, served to a browser."""

    app: App
    url: str
    browser: Browser

    async def page(self, complaints: list[str], **context: Any) -> Page:
        """A page of somebody who administers."""
        boss = await added(self.app, f"boss{len(complaints)}@example.org", Role.ADMIN, name="Ingrid Vega")
        page = await fresh_page(self.browser, complaints, **context)
        cookies = await cookie_of(self.app, boss)
        await page.context.add_cookies([{"name": name, "value": value, "url": self.url} for name, value in cookies.items()])
        return page


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with resting(tmp_path) as app, TestServer(build_site([], app)) as server, chromium() as browser:
        assert isinstance(app.clock, ManualClock)
        await seed(app, app.clock, days=40)
        yield House(app, str(server.make_url("/")).rstrip("/"), browser)


async def test_a_supervisor_sees_who_waits_gives_them_to_somebody_and_the_page_follows(house: House) -> None:
    complaints: list[str] = []
    page = await house.page(complaints)
    await page.goto(f"{house.url}/supervisor")
    await expect(page.locator("#burns")).to_contain_text("Madhav Nair has waited 11 min")
    await expect(page.locator("[data-number=waiting]")).to_have_text("3")
    await page.get_by_role("link", name="7 days", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("The team, last 7 days")
    plot = page.get_by_role("img", name=re.compile("conversations began"))
    await expect(plot).to_be_visible()

    card = page.locator("#arrivals")
    await card.get_by_text("As a table").click()
    await expect(card.get_by_role("row")).to_have_count(9)
    await card.get_by_text("As a table").click()

    await page.get_by_label("Assign to: Madhav Nair").select_option(value="u1")
    await page.get_by_role("button", name="Assign: Madhav Nair").click()
    await expect(page.get_by_text("Assigned.")).to_be_visible()
    await expect(page).to_have_url(re.compile("days=7"))
    await expect(page.locator("[data-number=waiting]")).to_have_text("2")
    await page.locator("#load").get_by_label("What they hold: Nadia Okpara").click()
    await page.get_by_role("button", name="Take it: Madhav Nair").click()
    await expect(page.get_by_text("It is yours now.")).to_be_visible()
    held = await house.app.store.get(Conversation, "c900000")
    assert held is not None
    assert held.assignee_kind == "operator"
    assert complaints == []


async def test_what_happens_elsewhere_is_seen_without_a_reload_and_what_is_open_stays_open(house: House) -> None:
    page = await house.page([])
    await page.clock.install(time=datetime(2026, 1, 15, tzinfo=UTC))
    await page.goto(f"{house.url}/supervisor")
    await page.mouse.move(2, 400)
    await page.locator("#arrivals").get_by_text("As a table").click()
    await page.mouse.move(2, 400)
    nadia = await house.app.desk.presence.operators()
    await house.app.desk.transfers.take_over("c900001", nadia[0])
    await page.clock.run_for(16_000)
    await expect(page.locator("[data-number=waiting]")).to_have_text("2")
    await expect(page.locator("#arrivals").get_by_role("table")).to_be_visible()


async def test_a_setting_is_changed_and_a_wrong_one_is_said_beside_what_was_typed(house: House) -> None:
    complaints: list[str] = []
    page = await house.page(complaints)
    await page.goto(f"{house.url}/settings?subject=assignment")
    most = page.get_by_label("Most conversations per operator")
    await most.fill("100000")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("max_conversations_per_agent: must be a whole number from 0 to 1,000")
    await expect(most).to_have_value("100000")
    await expect(most).to_have_attribute("aria-invalid", "true")
    complaints.clear()  # a browser complains of the 422 itself
    await most.fill("6")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved")
    await page.get_by_role("link", name="max_conversations_per_agent").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")
    await page.get_by_text("changed fields: 1").click()
    await expect(page.locator(".changes")).to_contain_text("6")
    assert complaints == []


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_every_page_fits_a_small_phone_and_every_control_has_a_name(house: House, look: str) -> None:
    complaints: list[str] = []
    page = await house.page(complaints, **PHONE, color_scheme=look)
    for language in ("en", "es", "hi"):
        for path in PATHS:
            await page.goto(f"{house.url}{path}{'&' if '?' in path else '?'}language={language}")
            await check(page)
    assert complaints == []
