"""What an operator does on the desk, one thing after the other, in a real browser; the program runs in this process, so that what
is stored can be looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from bot.app import App, assemble
from bot.config import Settings
from bot.conversation import Queue
from bot.message import Address
from bot.records.conversations import Conversation
from bot.records.handoffs import Cause
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.users import Presence, Role, User
from bot.store.base import Unit
from bot.testing.web import added, cookie_of
from bot.web.server import build_site
from tests.end_to_end.browser import chromium, fresh_page, needs_chromium

pytestmark = [pytest.mark.end_to_end, needs_chromium]

SOON = 10_000


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[App, str]]:
    settings = Settings(_env_file=None, BOT_DATA_DIR=tmp_path, BOT_DEFAULT_LANGUAGE="en")
    async with assemble(settings, channels={}) as app, TestServer(build_site([], app)) as server:
        yield app, str(server.make_url("/")).rstrip("/")


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


@pytest_asyncio.fixture
async def ana(site: tuple[App, str]) -> User:
    return await added(site[0], "ana@example.org", Role.AGENT, name="Ana Ruiz")


async def waits(app: App, key: str, channel: str = "web") -> Conversation:
    """Somebody who wrote and waits for a person."""
    address = Address(channel, "ours", key)
    customer = Customer(id=f"customer-{key}", first_name=key.title(), last_name="Robledal", phone_number=None)
    await app.store.insert([customer])
    conversation = await app.conversations.current(customer, address)
    unit = Unit()
    app.conversations.assign(unit, conversation, Queue("general"), by="system", reason="", cause=Cause.ASKED)
    await app.store.commit(unit)
    now = app.clock.now()
    await app.store.change(Conversation, {"id": conversation.id}, set={"waiting_since": now, "last_customer_message": now})
    return await app.desk.transfers.get(conversation.id)


async def held(app: App, user: User, key: str = "lucia", channel: str = "web") -> Conversation:
    conversation = await waits(app, key, channel)
    return await app.desk.transfers.take_over(conversation.id, user)


async def opened(browser: Browser, site: tuple[App, str], user: User, complaints: list[str] | None = None) -> Page:
    app, url = site
    page = await fresh_page(browser, complaints, viewport={"width": 1440, "height": 900})
    page.set_default_timeout(SOON)
    await page.context.add_cookies(
        [{"name": name, "value": value, "url": url} for name, value in (await cookie_of(app, user)).items()]
    )
    await page.goto(f"{url}/desk")
    await expect(page.locator("[data-me]")).to_contain_text("Online")
    return page


async def presses(page: Page, key: str) -> None:
    """A key, outside of every field."""
    await page.locator("[data-timeline]").focus()
    await page.keyboard.press(key)


async def test_a_closed_window_says_so_and_notes_still_work(site: tuple[App, str], browser: Browser, ana: User) -> None:
    app, _ = site
    conversation = await held(app, ana, "12025550101", "whatsapp")
    long_ago = app.clock.now() - timedelta(hours=30)
    await app.store.change(Conversation, {"id": conversation.id}, set={"last_customer_message": long_ago, "waiting_since": None})
    page = await opened(browser, site, ana)
    await expect(page.locator("[data-gate]")).to_contain_text("24-hour window is closed")
    await expect(page.get_by_role("tab", name="Reply")).to_be_disabled()
    await page.locator("#composer-text").fill("Will write when they do")
    await page.get_by_role("button", name="Keep the note").click()
    await expect(page.locator(".note")).to_contain_text("Will write when they do")


async def test_the_queue_comes_in_as_one_scrolls(site: tuple[App, str], browser: Browser, ana: User) -> None:
    app, _ = site
    for number in range(120):
        await waits(app, f"somebody-{number}")
    page = await opened(browser, site, ana)
    assert await page.locator(".rowitem").count() == 50
    await expect(page.locator("#group-waiting")).to_contain_text("120")
    for _ in range(2):
        await page.locator("[data-list]").evaluate("(list) => list.scrollTo(0, list.scrollHeight)")
        await page.wait_for_timeout(300)
    await expect(page.locator(".rowitem")).to_have_count(120)
    names = await page.locator(".rowitem .who").all_text_contents()
    assert names[:2] == ["Somebody-0 Robledal", "Somebody-1 Robledal"], "who waits longest comes first"


async def test_filing_passing_on_and_snoozing_are_really_done(site: tuple[App, str], browser: Browser, ana: User) -> None:
    app, _ = site
    complaints: list[str] = []
    tom = await added(app, "tom@example.org", Role.AGENT, name="Tomás Vega")
    await app.store.change(User, {"id": tom.id}, set={"status": Presence.ONLINE, "last_seen_at": app.clock.now()})
    conversation = await held(app, ana)
    page = await opened(browser, site, ana, complaints)
    await page.get_by_label("Priority").select_option("urgent")
    await expect(page.locator(".rowitem")).to_contain_text("Urgent")
    await page.get_by_label("Category").select_option("billing")
    await expect(page.locator(".rowitem")).to_contain_text("Billing")
    await presses(page, "#")
    await page.get_by_role("dialog").get_by_label("Tags").fill("vip, #moves")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.locator(".rowitem")).to_contain_text("moves")
    stored = await app.desk.transfers.get(conversation.id)
    assert (stored.priority, stored.category, stored.tags) == ("urgent", "billing", ["vip", "moves"])

    await presses(page, "z")
    await page.get_by_role("dialog").get_by_role("button", name="Snooze").click()
    await expect(page.locator("#group-snoozed")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#group-snoozed")).to_have_count(0)

    await presses(page, "x")
    await page.get_by_label("To whom").select_option(f"user:{tom.id}")
    await page.get_by_label("A note for whoever").fill("She speaks Spanish")
    await page.get_by_role("dialog").get_by_role("button", name="Transfer").click()
    await expect(page.locator("[data-gate]")).to_contain_text("Tomás Vega holds this")
    await expect(page.locator(".event").last).to_contain_text("She speaks Spanish")
    assert (await app.desk.transfers.get(conversation.id)).assigned_agent == tom.id
    assert complaints == []


async def test_a_ticket_is_made_and_moved_along_beside_the_conversation(
    site: tuple[App, str], browser: Browser, ana: User
) -> None:
    app, _ = site
    await held(app, ana)
    page = await opened(browser, site, ana)
    await page.get_by_role("button", name="New ticket").click()
    await page.get_by_label("Subject").fill("Dented dishwasher")
    await page.get_by_label("What it is about").fill("Left side")
    await page.get_by_role("button", name="Create").click()
    await page.get_by_role("button", name="Dented dishwasher").click()
    await page.get_by_role("dialog").get_by_label("Status").select_option("in_progress")
    await page.get_by_role("dialog").get_by_label("Note").fill("Asked the warehouse")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("[data-person]")).to_contain_text("In progress")
    (ticket,) = await app.store.find(Ticket, {"customer_id": "customer-lucia"})
    assert ticket.subject == "Dented dishwasher"
    assert ticket.conversation_id is not None


async def test_canned_replies_come_with_a_slash_and_are_filled_in(site: tuple[App, str], browser: Browser, ana: User) -> None:
    app, _ = site
    await held(app, ana)
    await app.desk.canned.save(ana, "hello", "Greeting", "Hello {name}, this is {operator}.", language="en")
    page = await opened(browser, site, ana)
    await page.locator("#composer-text").press_sequentially("One moment. /he")
    await expect(page.locator("[data-canned] [role=option]")).to_contain_text("/hello")
    await page.keyboard.press("Tab")
    await expect(page.locator("#composer-text")).to_have_value("One moment. Hello Lucia, this is Ana Ruiz.")


async def test_people_are_found_with_ctrl_k(site: tuple[App, str], browser: Browser, ana: User) -> None:
    app, _ = site
    await held(app, ana)
    other = await waits(app, "owen")
    page = await opened(browser, site, ana)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("owen")
    await expect(page.locator("dialog [role=option]")).to_contain_text("Owen Robledal")
    await page.keyboard.press("Enter")
    await expect(page.locator("#talk-title")).to_have_text("Owen Robledal")
    assert page.url.endswith(f"?c={other.id}")
    await page.go_back()
    await expect(page.locator("#talk-title")).to_have_text("Lucia Robledal")


async def test_single_keys_can_be_switched_off_and_are_text_in_a_field(
    site: tuple[App, str], browser: Browser, ana: User
) -> None:
    app, _ = site
    await held(app, ana)
    page = await opened(browser, site, ana)
    await page.locator("#composer-text").press_sequentially("tbxzen")
    await expect(page.locator("#composer-text")).to_have_value("tbxzen")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await presses(page, "?")
    await page.get_by_label("Single keys work").uncheck()
    await page.keyboard.press("Escape")
    await presses(page, "e")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await presses(page, "?")
    await page.get_by_label("Single keys work").check()
    await page.keyboard.press("Escape")
    await presses(page, "e")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_a_talk_is_begun_with_a_person_who_has_written_lately(site: tuple[App, str], browser: Browser, ana: User) -> None:
    app, _ = site
    conversation = await waits(app, "12025550102", "whatsapp")
    page = await opened(browser, site, ana)
    await page.get_by_role("button", name="Write to them").click()
    await page.get_by_role("dialog").get_by_label("Message").fill("Are you at home?")
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await expect(page.locator(".msg[data-from=op]")).to_contain_text("Are you at home?")
    assert (await app.desk.transfers.get(conversation.id)).assigned_agent == ana.id
