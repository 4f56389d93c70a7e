"""The front page in a real browser against the real program, without a key: the story of a newcomer, in three languages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.testing.processes import LISTENS, Program, free_port
from tests.end_to_end.browser import PHONE, chromium, fresh_page, needs_chromium

pytestmark = [pytest.mark.end_to_end, needs_chromium]

SOON = 10_000
FOCUSED = "() => { const one = document.activeElement; return one.innerText || one.ariaLabel || one.id; }"
NAMELESS = """() => [...document.querySelectorAll("button, a, input, textarea")]
    .filter((one) => one.offsetParent && !one.innerText.trim() && !one.ariaLabel && !one.labels?.length).length"""


@dataclass(frozen=True)
class Story:
    """What a newcomer does, and reads, in one language."""

    language: str
    problem: str
    open_ticket: str
    ticket_opened: str
    person: str
    passing: str
    waiting: str
    stop: str
    stopped: str


STORIES = (
    Story(
        "en", "My internet is down", "Open a ticket", "TICKET-", "I want to talk to a person", "a person", "waits for a person",
        "stop", "will not message you",
    ),
    Story(
        "es", "Me quedé sin internet", "Abrir un ticket", "TICKET-", "quiero hablar con una persona", "una persona",
        "espera a una persona", "no me escriban más", "no le enviaremos",
    ),
    Story(
        "hi", "मेरा इंटरनेट बंद है", "टिकट खोलें", "TICKET-", "मुझे किसी व्यक्ति से बात करनी है", "सदस्य", "व्यक्ति के इंतज़ार",
        "संदेश बंद करो", "संदेश",
    ),
)  # fmt: skip


@pytest_asyncio.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    port = free_port()
    settings = {"BOT_DATA_DIR": str(tmp_path / "data"), "BOT_PORT": str(port), "BOT_QUIET_MS": "50"}
    program = Program(["-m", "bot", "serve"], log=tmp_path / "serve.log", environment=settings, says_when_ready=LISTENS)
    await program.start().ready()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        program.close()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


async def write(page: Page, text: str) -> None:
    await page.get_by_role("textbox").fill(text)
    await page.get_by_role("textbox").press("Enter")


async def says(page: Page, text: str) -> None:
    """The last thing on the phone is an answer with this in it."""
    last = page.locator(".phone-log > li").last
    await expect(last).to_contain_text(text, timeout=SOON)
    await expect(last).not_to_have_attribute("data-from", "customer")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.language)
async def test_a_newcomer_sees_the_product_work_in_their_language(url: str, browser: Browser, story: Story) -> None:
    complaints: list[str] = []
    page = await fresh_page(browser, complaints, locale=story.language)
    await page.goto(url)
    await expect(page.locator("html")).to_have_attribute("lang", story.language)
    await page.get_by_role("button", name=story.problem, exact=True).click()
    await page.get_by_role("button", name=story.open_ticket).click(timeout=SOON)
    await says(page, story.ticket_opened)
    await expect(page.locator("[data-path] li").last).to_have_attribute("data-tone", "ok", timeout=SOON)
    await write(page, story.stop)
    await says(page, story.stopped)
    await write(page, story.person)
    await says(page, story.passing)
    await expect(page.locator("[data-path]")).to_contain_text(story.waiting, timeout=SOON)
    assert complaints == []


async def test_what_was_said_is_there_after_a_reload_and_gone_after_starting_over(url: str, browser: Browser) -> None:
    page = await fresh_page(browser)
    await page.goto(url)
    await write(page, "My internet is down")
    await expect(page.locator(".said")).to_have_count(2, timeout=SOON)
    await page.reload()
    await expect(page.locator(".said")).to_have_count(2, timeout=SOON)
    await page.get_by_role("button", name="Start over").click()
    await expect(page.locator("[data-path-none]")).to_be_visible()
    await expect(page.locator(".said")).to_have_count(0)
    await write(page, "Hello again")
    await expect(page.locator(".said")).to_have_count(2, timeout=SOON)


async def test_somebody_else_has_another_conversation(url: str, browser: Browser) -> None:
    page = await fresh_page(browser)
    await page.goto(url)
    await write(page, "My internet is down")
    await expect(page.locator(".said")).to_have_count(2, timeout=SOON)
    before = await page.locator(".try-who bdi").inner_text()
    await page.get_by_role("link", name="be someone else").click()
    await expect(page.locator(".try-who bdi")).not_to_have_text(before)
    await expect(page.locator(".said")).to_have_count(0)


async def test_scripts_that_are_written_are_inert(url: str, browser: Browser) -> None:
    complaints: list[str] = []
    page = await fresh_page(browser, complaints)
    await page.goto(url)
    hostile = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    await write(page, hostile)
    await expect(page.locator(".said").first).to_contain_text(hostile)
    await says(page, "")
    assert "owned" not in await page.title()
    assert complaints == []


async def test_everything_can_be_done_with_the_keyboard(url: str, browser: Browser) -> None:
    page = await fresh_page(browser)
    await page.goto(url)
    reached = []
    for _ in range(24):
        await page.keyboard.press("Tab")
        reached.append(str(await page.evaluate(FOCUSED)))
    for name in (
        "Skip to the content",
        "ES",
        "Start over with an empty conversation",
        "phone-text",
        "Send",
        "be someone else",
        "Stop",
    ):
        assert any(name in one for one in reached), name


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_it_fits_a_small_phone_and_every_control_has_a_name(url: str, browser: Browser, look: str) -> None:
    page = await fresh_page(browser, **PHONE, color_scheme=look)
    await page.goto(url)
    await write(page, "x" * 500)
    await expect(page.locator(".said")).to_have_count(2, timeout=SOON)
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate(NAMELESS) == 0
    assert await page.locator("h1").count() == 1
