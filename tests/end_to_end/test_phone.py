"""The telephone of the front page in a real browser, against the real program without a key: a whole call, and the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.testing.processes import LISTENS, Program, free_port
from tests.end_to_end.browser import PHONE, chromium, fresh_page, needs_chromium

pytestmark = [pytest.mark.end_to_end, needs_chromium]

SOON = 20_000
PASSWORD = "three words together"
EVA = "eva@example.org"
NAMELESS = """() => [...document.querySelectorAll("button, a, input, textarea")]
    .filter((one) => one.offsetParent && !one.innerText.trim() && !one.ariaLabel && !one.labels?.length)
    .map((one) => one.outerHTML)"""
FITS = "() => document.documentElement.scrollWidth <= innerWidth"


@pytest_asyncio.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    port = free_port()
    settings = {"BOT_DATA_DIR": str(tmp_path / "data"), "BOT_PORT": str(port), "BOT_QUIET_MS": "0", "BOT_DEFAULT_LANGUAGE": "en"}
    program = Program(["-m", "bot", "serve"], log=tmp_path / "serve.log", environment=settings, says_when_ready=LISTENS)
    await program.start().ready()
    try:
        words = ("user", "add", EVA, "--name", "Eva Luna", "--role", "supervisor", "--password-stdin")
        command = Program(["-m", "bot", *words], log=tmp_path / "command.log", environment=settings)
        assert await command.start(f"{PASSWORD}\n").ended() == 0, command.output()
        yield f"http://127.0.0.1:{port}"
    finally:
        program.close()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


async def calls(browser: Browser, url: str, complaints: list[str] | None = None, **context: Any) -> Page:
    """Somebody who has called, and has heard the greeting."""
    page = await fresh_page(browser, complaints, **context)
    page.set_default_timeout(SOON)
    await page.goto(url)
    await page.get_by_role("button", name="Call", exact=True).click()
    await expect(page.locator(".captions")).to_contain_text("a program and not a person", timeout=SOON)
    await expect(page.locator("[data-state=listening]")).to_be_visible(timeout=SOON)
    return page


async def says(page: Page, text: str) -> None:
    await page.locator("#call-text").fill(text)
    await page.locator("#call-text").press("Enter")


async def opens(browser: Browser, url: str, path: str, complaints: list[str]) -> Page:
    """The page of a supervisor who is signed in."""
    page = await fresh_page(browser, complaints)
    page.set_default_timeout(SOON)
    await page.goto(f"{url}/login?next={path}")
    await page.get_by_label("E-mail address").fill(EVA)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    return page


async def test_a_typed_call_is_answered_interrupted_and_hung_up_and_the_record_tells_what_was_heard(
    url: str, browser: Browser
) -> None:
    complaints: list[str] = []
    page = await calls(browser, url, complaints)
    await says(page, "When are you open?")
    answer = page.locator(".captions [data-from=ai]").last
    await expect(answer).to_contain_text("Monday to Saturday", timeout=SOON)
    await says(page, "Wait, what about Sundays and holidays?")
    await expect(page.locator(".captions s").first).to_be_visible(timeout=SOON)
    await expect(page.locator(".barge")).to_contain_text("You interrupted")
    await expect(page.locator(".captions [data-from=customer]").last).to_contain_text("what about Sundays", timeout=SOON)
    await expect(page.locator(".captions .timing")).to_have_count(2, timeout=SOON)  # the second answer has begun
    await page.get_by_role("button", name="Hang up").click()
    await expect(page.locator("[data-state=over]")).to_contain_text("call ended", timeout=SOON)
    await expect(page.get_by_role("button", name="Call again")).to_be_focused()
    unheard = (await page.locator(".captions s").first.inner_text()).strip()

    eva = await opens(browser, url, "/calls", complaints)
    await expect(eva.locator(".call-row")).to_contain_text("Over", timeout=SOON)
    await eva.locator(".call-row").click()
    said = eva.locator("#said")
    await expect(said).to_contain_text("Wait, what about Sundays and holidays?")
    assert unheard not in await said.inner_text()
    await expect(eva.locator("#turns")).to_contain_text("cut off", timeout=SOON)
    assert complaints == []


async def test_the_desk_shows_a_running_call_and_whoever_takes_it_over_speaks_on_it(url: str, browser: Browser) -> None:
    complaints: list[str] = []
    eva = await opens(browser, url, "/desk", complaints)
    await eva.locator("[data-me]").click()
    await eva.get_by_role("menuitemradio", name="Busy").click()
    page = await calls(browser, url, complaints)
    await says(page, "How do I change the Wi-Fi password?")
    live = eva.locator("[aria-labelledby=group-calls] .rowitem")
    await expect(live).to_contain_text("password", timeout=SOON)
    await expect(live.locator("[data-live-since]")).to_be_visible()
    await live.click()
    timeline = eva.locator("[data-timeline]")
    await expect(timeline).to_contain_text("How do I change the Wi-Fi password?", timeout=SOON)
    await expect(page.locator(".captions [data-from=ai]").last).to_contain_text("sticker", timeout=SOON)

    await timeline.focus()
    await eva.keyboard.press("t")
    await expect(timeline).to_contain_text("You took over", timeout=SOON)
    await eva.locator("#composer-text").fill("Hello, this is Eva. I can see your router.")
    await eva.locator("#composer-text").press("Control+Enter")
    await expect(page.locator(".captions [data-from=ai]").last).to_contain_text("this is Eva", timeout=SOON)
    await says(page, "Great, thank you")
    await expect(timeline).to_contain_text("Great, thank you", timeout=SOON)

    await eva.get_by_role("button", name="Hang up").click()
    await eva.get_by_role("dialog").get_by_role("button", name="Hang up").click()
    await expect(page.locator("[data-state=over]")).to_be_visible(timeout=SOON)
    await expect(page.locator(".captions")).to_contain_text("Hung up.")
    assert complaints == []


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_the_telephone_fits_a_small_phone_has_a_name_for_everything_and_takes_keys(
    url: str, browser: Browser, look: str
) -> None:
    page = await calls(browser, url, **PHONE, color_scheme=look)
    await page.get_by_role("button", name="Keypad").click()
    await page.get_by_role("button", name="5", exact=True).click()
    await expect(page.locator(".captions")).to_contain_text("Key 5")
    assert await page.evaluate(FITS)
    assert await page.evaluate(NAMELESS) == []
