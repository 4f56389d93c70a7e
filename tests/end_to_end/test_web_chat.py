"""The web chat in a real browser against the real program: what a visitor sees, also when the server dies under them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from bot.clock import SystemClock
from bot.records.conversations import Direction, Message
from bot.records.settings import SystemSetting
from bot.services.origins import KEY
from bot.store.sqlite import SqliteStore
from bot.testing.processes import LISTENS, Program, free_port
from tests.end_to_end.browser import PHONE, chromium, fresh_page, needs_chromium

pytestmark = [pytest.mark.end_to_end, needs_chromium]


class Served:
    """`bot serve` without a key, and its data."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.data = folder / "data"
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {"BOT_DATA_DIR": str(self.data), "BOT_PORT": str(self.port), "BOT_QUIET_MS": "50"}
        self.program = Program(["-m", "bot", "serve"], log=folder / "serve.log", environment=settings, says_when_ready=LISTENS)

    async def start(self) -> None:
        await self.program.start().ready()

    async def heard(self) -> list[str]:
        """What people wrote, as the store has it, in order; the server is down then."""
        store = SqliteStore(self.data / "bot.db", SystemClock())
        await store.open()
        try:
            messages = [m for m in await store.find(Message, {}, limit=1000) if m.direction is Direction.INBOUND]
        finally:
            await store.close()
        return [message.content for message in sorted(messages, key=lambda message: message.id)]

    async def allow(self, origin: str) -> None:
        store = SqliteStore(self.data / "bot.db", SystemClock())
        await store.open()
        try:
            await store.insert([SystemSetting(id=KEY, key=KEY, value=[origin])])
        finally:
            await store.close()


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    server = Served(tmp_path)
    await server.start()
    try:
        yield server
    finally:
        server.program.close()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


async def write(page: Page, text: str) -> None:
    await page.get_by_role("textbox").fill(text)
    await page.get_by_role("textbox").press("Enter")


async def answers(page: Page, count: int) -> None:
    await expect(page.locator(".said:not([data-from=customer])")).to_have_count(count, timeout=10_000)


async def test_a_visitor_writes_is_answered_taps_a_button_and_finds_all_of_it_after_a_reload(
    browser: Browser, served: Served
) -> None:
    complaints: list[str] = []
    page = await fresh_page(browser, complaints)
    await page.goto(f"{served.url}/chat")
    await expect(page.get_by_text("What can we do for you?")).to_be_visible()
    await write(page, "Hello, my internet is down.")
    await answers(page, 1)
    await page.get_by_role("button", name="Open a ticket").click()
    await answers(page, 2)
    await page.get_by_role("button", name="Skip").click()
    await answers(page, 3)
    await expect(page.get_by_role("button", name="Open a ticket").first).to_be_disabled()
    said = await page.locator(".said .bubble").all_inner_texts()
    await page.reload()
    await answers(page, 3)
    assert await page.locator(".said .bubble").all_inner_texts() == said
    await expect(page.get_by_role("button", name="Open a ticket").first).to_be_disabled()
    await expect(page.get_by_text("What can we do for you?")).to_be_hidden()
    assert complaints == []


async def test_what_is_written_while_the_server_is_dead_arrives_once_when_it_is_back(browser: Browser, served: Served) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/chat")
    await write(page, "Before it dies.")
    await answers(page, 1)
    served.program.kill()
    await write(page, "While it is dead, one.")
    await write(page, "While it is dead, two.")
    await expect(page.get_by_role("alert")).to_contain_text("No connection")
    await expect(page.get_by_text("kept here, sent when we are back")).to_have_count(2)
    await served.start()
    await expect(page.get_by_role("alert")).to_be_hidden(timeout=30_000)
    await expect(page.get_by_text("kept here, sent when we are back")).to_have_count(0)
    await expect(page.locator(".said[data-from=customer]")).to_have_count(3)
    await expect(page.locator(".said:not([data-from=customer])").nth(1)).to_be_visible(timeout=10_000)
    assert await served.program.stop() == 0
    assert await served.heard() == ["Before it dies.", "While it is dead, one.", "While it is dead, two."]


async def test_what_was_accepted_right_before_a_kill_is_answered_on_the_open_page(browser: Browser, served: Served) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/chat")
    questions = ["hello", "How do I change the Wi-Fi password?", "hello again"]
    for number, question in enumerate(questions):
        await write(page, question)
        await expect(page.locator(".said[data-from=customer] .said-meta").last).to_contain_text("sent")
        served.program.kill()
        await served.start()
        await expect(page.locator(".said:not([data-from=customer])").nth(number)).to_be_visible(timeout=30_000)
    assert await served.program.stop() == 0
    assert await served.heard() == questions


async def test_what_was_written_without_a_network_outlives_a_reload(browser: Browser, served: Served) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/chat")
    await write(page, "With a network.")
    await answers(page, 1)
    await page.evaluate("""() => {
        const text = "Written in a tunnel.";
        const frame = { type: "say", key: crypto.randomUUID(), text };
        sessionStorage.setItem("chat-outgoing", JSON.stringify([{ frame, shown: { text, at: new Date().toISOString() } }]));
    }""")
    await page.reload()
    await answers(page, 2)
    await expect(page.get_by_text("Written in a tunnel.")).to_have_count(1)


async def test_what_no_server_can_read_is_given_up_and_the_next_one_sent(browser: Browser, served: Served) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/chat")
    await page.evaluate("""() => {
        const frame = { type: "fly", key: "12345678-bad" };
        const kept = [{ frame, shown: { text: "From another version.", at: new Date().toISOString() } }];
        sessionStorage.setItem("chat-outgoing", JSON.stringify(kept));
    }""")
    await page.reload()
    await write(page, "Can you read this?")
    await answers(page, 1)
    await expect(page.get_by_text("this choice is no longer open")).to_have_count(1)
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_scripts_and_tags_are_shown_as_they_were_written_and_do_nothing(browser: Browser, served: Served) -> None:
    complaints: list[str] = []
    page = await fresh_page(browser, complaints)
    await page.goto(f"{served.url}/chat")
    hostile = (
        "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script><b>bold</b> javascript:alert(1)"
    )
    await write(page, hostile)
    await answers(page, 1)
    await page.reload()
    await answers(page, 1)
    assert hostile in await page.locator(".said[data-from=customer] .bubble").inner_text()
    assert await page.locator(".chat-log img, .chat-log script, .chat-log b, .chat-log a").count() == 0
    assert "hacked" not in await page.title()
    assert complaints == []


@pytest.mark.parametrize(("language", "scheme"), [("en-US", "dark"), ("es-MX", "light"), ("hi-IN", "dark")])
async def test_on_a_phone_of_320_pixels_everything_fits_in_every_language(
    browser: Browser, served: Served, language: str, scheme: str
) -> None:
    page = await fresh_page(browser, **PHONE, locale=language, color_scheme=scheme)
    await page.goto(f"{served.url}/chat")
    for number, text in enumerate(("x" * 300, "hello", "مرحبا، متى يصل طلبي رقم A-20418؟", "👩‍👩‍👧‍👦" * 40), 1):
        await write(page, text)
        await answers(page, number)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    widest = await page.evaluate(
        "Math.max(...[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().right))"
    )
    assert widest <= 320.5
    arabic = page.locator(".said[data-from=customer] .bubble").nth(2)
    assert await arabic.evaluate("node => getComputedStyle(node).direction") == "rtl"
    small = await page.evaluate("""[...document.querySelectorAll('main button')].filter(b => b.offsetParent)
        .filter(b => b.getBoundingClientRect().height < 36 || b.getBoundingClientRect().width < 36).length""")
    assert small == 0


async def test_everything_can_be_done_with_the_keyboard_alone(browser: Browser, served: Served) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/chat")
    await expect(page.get_by_role("textbox")).to_be_focused()
    await page.keyboard.type("First line")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second line.")
    await page.keyboard.press("Enter")
    await answers(page, 1)
    assert "First line\nsecond line." in await page.locator(".said .bubble").first.inner_text()
    await page.keyboard.press("Shift+Tab")  # back from the field: the clip, and before it the last of the choices
    await expect(page.locator("[data-attach]")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(page.locator(":focus")).to_have_class("btn said-choice")
    await page.keyboard.press("Enter")
    await answers(page, 2)
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")


async def test_a_text_that_is_too_long_stays_in_its_field_and_says_by_how_much(browser: Browser, served: Served) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/chat")
    await write(page, "x" * 4007)
    await expect(page.get_by_role("status")).to_contain_text("7 characters too many")
    gap = "(e => e.scrollHeight - e.scrollTop - e.clientHeight)(document.querySelector('[data-view]'))"
    assert await page.evaluate(gap) < 2  # the field has grown, and the last words are still in view
    assert len(await page.get_by_role("textbox").input_value()) == 4007
    await write(page, "👍" * 4000)
    await answers(page, 1)


async def test_a_page_that_is_scrolled_up_stays_where_it_is_and_says_that_there_is_something_new(
    browser: Browser, served: Served
) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/chat")
    await write(page, "A long one. " * 200)
    await answers(page, 1)
    await page.evaluate("document.querySelector('[data-view]').scrollTop = 0")
    other = await page.context.new_page()
    await other.goto(f"{served.url}/chat")
    await write(other, "From the other tab.")
    await expect(page.get_by_role("button", name="1 new")).to_be_visible(timeout=10_000)
    assert await page.evaluate("document.querySelector('[data-view]').scrollTop") < 100
    await page.get_by_role("button", name="1 new").click()
    await expect(page.get_by_role("button", name="1 new")).to_be_hidden()


async def test_another_site_shows_the_chat_once_it_is_allowed_to(browser: Browser, served: Served) -> None:
    async def shop(_: web.Request) -> web.Response:
        script = f'<script src="{served.url}/chat/embed.js" data-label="Ask us" data-language="en" defer></script>'
        return web.Response(text=f"<!doctype html><title>Shop</title><h1>Shop</h1>{script}", content_type="text/html")

    site = web.Application()
    site.router.add_get("/", shop)
    async with TestServer(site) as shop_server:
        address = f"http://localhost:{shop_server.port}"
        stranger = await fresh_page(browser)
        await stranger.goto(address)
        await stranger.get_by_role("button", name="Ask us").click()
        await asyncio.sleep(1)
        assert not await stranger.frames[-1].locator("[data-chat]").count()

        await served.allow(address)
        await asyncio.sleep(2.1)  # a system setting is read again after two seconds
        page = await fresh_page(browser)
        await page.goto(address)
        await page.get_by_role("button", name="Ask us").click()
        frame = page.frame_locator("iframe")
        await frame.get_by_role("textbox").fill("Hello from the shop.")
        await frame.get_by_role("textbox").press("Enter")
        await expect(frame.locator(".said:not([data-from=customer])")).to_have_count(1, timeout=10_000)
        await page.reload()
        await page.get_by_role("button", name="Ask us").click()
        await expect(frame.get_by_text("Hello from the shop.").first).to_be_visible(timeout=10_000)
        await frame.get_by_role("textbox").press("Escape")
        await expect(page.locator("iframe")).to_be_hidden()
        await expect(page.get_by_role("button", name="Ask us")).to_be_focused()


async def test_sigterm_ends_the_server_soon_while_pages_are_open(browser: Browser, served: Served) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/chat")
    await write(page, "Hello.")
    await answers(page, 1)
    async with asyncio.timeout(5):
        assert await served.program.stop() == 0
    assert "Traceback" not in served.program.output()
