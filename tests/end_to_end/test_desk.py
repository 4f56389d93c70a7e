"""The operators' desk in a real browser against the real program: from "I want to talk to a person" to the rating."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.testing.processes import LISTENS, Program, free_port
from tests.end_to_end.browser import PHONE, chromium, fresh_page, needs_chromium

pytestmark = [pytest.mark.end_to_end, needs_chromium]

SOON = 10_000
PASSWORD = "three words together"
ANA, TOM = "ana@example.org", "tom@example.org"
PERSON = "I want to talk to a person"
HOSTILE = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
NAMELESS = """() => [...document.querySelectorAll("button, a, input, select, textarea, [role=option], [role=tab]")]
    .filter((one) => one.offsetParent && !one.innerText.trim() && !one.ariaLabel && !one.labels?.length)
    .map((one) => one.outerHTML)"""
FITS = "() => document.documentElement.scrollWidth <= innerWidth"


@dataclass(frozen=True)
class Served:
    """The running program."""

    url: str
    folder: Path
    settings: dict[str, str]

    async def add(self, email: str, name: str, role: str = "agent") -> None:
        words = ("user", "add", email, "--name", name, "--role", role, "--password-stdin")
        program = Program(["-m", "bot", *words], log=self.folder / "command.log", environment=self.settings)
        assert await program.start(f"{PASSWORD}\n").ended() == 0, program.output()


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    port = free_port()
    settings = {"BOT_DATA_DIR": str(tmp_path / "data"), "BOT_PORT": str(port), "BOT_QUIET_MS": "0", "BOT_DEFAULT_LANGUAGE": "en"}
    program = Program(["-m", "bot", "serve"], log=tmp_path / "serve.log", environment=settings, says_when_ready=LISTENS)
    await program.start().ready()
    made = Served(f"http://127.0.0.1:{port}", tmp_path, settings)
    try:
        await made.add(ANA, "Ana Ruiz")
        await made.add(TOM, "Tomás Vega")
        yield made
    finally:
        program.close()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


async def sign_in(page: Page, url: str, email: str) -> None:
    await page.goto(f"{url}/login?next=/desk")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("[data-list] .group").first).to_be_visible(timeout=SOON)


async def desk(browser: Browser, url: str, email: str, complaints: list[str] | None = None, **context: Any) -> Page:
    """The desk of somebody who is busy, so that nothing is given to them that they have not taken."""
    page = await fresh_page(browser, complaints, **context)
    page.set_default_timeout(SOON)
    await sign_in(page, url, email)
    await page.locator("[data-me]").click()
    await page.get_by_role("menuitemradio", name="Busy").click()
    await expect(page.locator("[data-me]")).to_contain_text("Busy", timeout=SOON)
    return page


async def customer(browser: Browser, url: str) -> Page:
    page = await fresh_page(browser)
    await page.goto(url)
    return page


async def writes(phone: Page, text: str) -> None:
    await phone.locator("#phone-text").fill(text)
    await phone.locator("#phone-text").press("Enter")


async def composes(page: Page, text: str) -> None:
    await page.locator("#composer-text").fill(text)
    await page.locator("#composer-text").press("Control+Enter")


async def test_somebody_who_asks_for_a_person_gets_one_and_says_how_it_was(served: Served, browser: Browser) -> None:
    complaints: list[str] = []
    ana = await desk(browser, served.url, ANA, complaints)
    await expect(ana.get_by_text("Nobody waits.")).to_be_visible()
    phone = await customer(browser, served.url)
    await writes(phone, PERSON)

    arrived = ana.locator(".rowitem[data-holder=nobody]")
    await expect(arrived).to_contain_text("Asked for a person", timeout=SOON)
    await expect(ana.locator("[data-announce]")).to_contain_text("waits for a person")
    await arrived.click()
    await expect(ana.locator(".brief")).to_contain_text(PERSON, timeout=SOON)
    await expect(ana.locator(".event")).to_contain_text("asked for a person")

    await ana.locator("[data-timeline]").focus()
    await ana.keyboard.press("t")
    await expect(ana.locator(".event").last).to_contain_text("You took over", timeout=SOON)
    await composes(ana, "Hello, this is Ana. How can I help?")
    await expect(phone.locator(".phone-log > li").last).to_contain_text("this is Ana", timeout=SOON)
    await expect(ana.locator(".msg[data-from=op]").last).to_contain_text("read", timeout=SOON)
    await writes(phone, "My router is on fire")
    await expect(ana.locator(".msg[data-from=customer]").last).to_contain_text("on fire", timeout=SOON)

    await ana.locator("[data-timeline]").focus()
    await ana.keyboard.press("n")
    await composes(ana, "Told them to unplug it")
    await expect(ana.locator(".note")).to_contain_text("Told them to unplug it", timeout=SOON)
    await expect(phone.locator(".phone-log")).not_to_contain_text("Told them")

    await ana.locator("[data-timeline]").focus()
    await ana.keyboard.press("e")
    await ana.get_by_label("What came of it").fill("Router replaced")
    await ana.get_by_role("dialog").get_by_role("button", name="Resolve").click()
    await expect(ana.get_by_text("is asked how it was")).to_be_visible(timeout=SOON)
    await phone.locator(".said-choice:enabled").last.click(timeout=SOON)
    await expect(ana.locator("[data-person]")).to_contain_text("of 5", timeout=2 * SOON)
    await expect(ana.locator("[data-person]")).to_contain_text("Router replaced")
    await expect(ana.locator(".msg[data-from=customer]").last.locator(".choice")).to_have_count(0)
    await ana.get_by_role("tab", name="Closed").click()
    await expect(ana.locator(".rowitem")).to_have_count(1, timeout=SOON)
    assert complaints == []


async def test_who_loses_the_race_is_told_by_whom_and_offered_the_next(served: Served, browser: Browser) -> None:
    ana = await desk(browser, served.url, ANA)
    first, second = await customer(browser, served.url), await customer(browser, served.url)
    await writes(first, PERSON)
    await expect(ana.locator(".rowitem[data-holder=nobody]")).to_have_count(1, timeout=SOON)
    await second.get_by_role("link", name="be someone else").click()
    await writes(second, PERSON)
    await expect(ana.locator(".rowitem[data-holder=nobody]")).to_have_count(2, timeout=SOON)

    tom = await fresh_page(browser)
    await tom.route_web_socket("**/desk/live", lambda _: None)  # a desk that hears of nothing
    await sign_in(tom, served.url, TOM)
    await tom.locator(".rowitem").first.click()
    await expect(tom.locator("[data-gate]").get_by_role("button", name="Take over")).to_be_visible()
    await ana.locator(".rowitem").first.click()
    await ana.locator("[data-gate]").get_by_role("button", name="Take over").click()
    await expect(ana.locator(".event").last).to_contain_text("You took over", timeout=SOON)

    await tom.locator("[data-gate]").get_by_role("button", name="Take over").click()
    dialog = tom.get_by_role("dialog")
    await expect(dialog).to_contain_text("Ana Ruiz was faster", timeout=SOON)
    await expect(dialog).to_contain_text("Ana Ruiz holds this.")  # in the page's language, not the API's sentence
    await dialog.get_by_role("button", name="Take the next").click()
    await expect(tom.locator(".event").last).to_contain_text("You took over", timeout=SOON)
    await expect(ana.locator(".rowitem[data-holder=nobody]")).to_have_count(0, timeout=SOON)


async def test_what_was_written_outlives_the_session_and_the_connection_and_is_sent_once(
    served: Served, browser: Browser
) -> None:
    ana, phone = await desk(browser, served.url, ANA), await customer(browser, served.url)
    await takes(ana, phone)
    await ana.context.set_offline(True)
    await composes(ana, "Written in the tunnel")
    await expect(ana.locator(".msg[data-from=op]").last).to_contain_text("kept here", timeout=SOON)
    await ana.context.set_offline(False)
    await expect(phone.locator(".phone-log > li").last).to_contain_text("Written in the tunnel", timeout=2 * SOON)

    await ana.context.clear_cookies()
    await composes(ana, "Written too late")
    await expect(ana.get_by_role("alert")).to_contain_text("session is over", timeout=SOON)
    await ana.locator("#composer-text").fill("A draft as well")
    await ana.get_by_role("link", name="Sign in again").click()
    await ana.get_by_label("E-mail address").fill(ANA)
    await ana.get_by_label("Password").fill(PASSWORD)
    await ana.get_by_role("button", name="Sign in").click()
    await expect(phone.locator(".phone-log > li").last).to_contain_text("Written too late", timeout=SOON)
    await expect(ana.locator("#composer-text")).to_have_value("A draft as well")
    for text in ("Written in the tunnel", "Written too late"):
        await expect(phone.locator(".phone-log > li", has_text=text)).to_have_count(1)


async def takes(ana: Page, phone: Page, words: str = PERSON) -> None:
    await writes(phone, words)
    await ana.locator(".rowitem[data-holder=nobody]").click(timeout=SOON)
    await ana.locator("[data-gate]").get_by_role("button", name="Take over").click()
    await expect(ana.locator(".event").last).to_contain_text("You took over", timeout=SOON)


async def test_bad_input_harms_nothing_and_loses_nothing(served: Served, browser: Browser) -> None:
    complaints: list[str] = []
    ana, phone = await desk(browser, served.url, ANA, complaints), await customer(browser, served.url)
    await writes(phone, HOSTILE)
    await takes(ana, phone)
    await expect(ana.locator(".msg[data-from=customer]").first).to_contain_text(HOSTILE)
    await composes(ana, HOSTILE)
    await expect(phone.locator(".phone-log > li").last).to_contain_text(HOSTILE, timeout=SOON)
    await expect(ana.locator(".rowitem .snip")).to_contain_text("<img src=x", timeout=SOON)

    await ana.locator("#composer-text").evaluate(
        "(field) => { field.value = 'a'.repeat(1_000_000); field.dispatchEvent(new Event('input')); }"
    )
    await ana.get_by_role("button", name="Send").click()
    await expect(ana.locator("#composer-help")).to_contain_text("984000 characters too many")
    assert await ana.locator("#composer-text").evaluate("(field) => field.value.length") == 1_000_000

    await ana.locator("#composer-text").fill("Only once")
    await ana.get_by_role("button", name="Send").dblclick()
    await expect(phone.locator(".phone-log > li", has_text="Only once")).to_have_count(1, timeout=SOON)
    assert "owned" not in await ana.title()
    assert complaints == []


async def test_two_desks_see_each_other_write_and_agree(served: Served, browser: Browser) -> None:
    ana, tom, phone = (
        await desk(browser, served.url, ANA),
        await desk(browser, served.url, TOM),
        await customer(browser, served.url),
    )
    await takes(ana, phone)
    await tom.get_by_role("tab", name="Team").click()
    await tom.locator(".rowitem[data-holder=op]").click(timeout=SOON)
    await expect(tom.locator("[data-gate]")).to_contain_text("Ana Ruiz holds this")
    await ana.locator("#composer-text").press_sequentially("I am writing")
    await expect(tom.locator("[data-typing]")).to_contain_text("Ana Ruiz is writing here too", timeout=SOON)
    await ana.locator("#composer-text").press("Control+Enter")
    await expect(tom.locator(".msg[data-from=op]").last).to_contain_text("I am writing", timeout=SOON)
    await ana.locator("[data-timeline]").focus()
    await ana.keyboard.press("b")
    await ana.get_by_role("dialog").get_by_role("button", name="Hand back").click()
    await expect(tom.locator("[data-gate]")).to_contain_text("The AI holds this", timeout=SOON)
    await expect(tom.locator(".event").last).to_contain_text("Ana Ruiz handed it back")


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_the_desk_fits_a_small_phone_and_every_control_has_a_name(served: Served, browser: Browser, look: str) -> None:
    page, phone = await desk(browser, served.url, ANA, **PHONE, color_scheme=look), await customer(browser, served.url)
    await writes(phone, PERSON)
    await expect(page.locator(".rowitem")).to_have_count(1, timeout=SOON)
    await check(page)
    await page.locator(".rowitem").click(timeout=SOON)
    await page.locator("[data-gate]").get_by_role("button", name="Take over").click()
    await expect(page.locator(".event").last).to_contain_text("You took over", timeout=SOON)
    await check(page)
    await page.get_by_role("button", name="About the person").click()
    await expect(page.locator("[data-person] .facts")).to_be_visible(timeout=SOON)
    await check(page)


async def check(page: Page) -> None:
    assert await page.evaluate(FITS)
    assert await page.evaluate(NAMELESS) == []
    assert await page.locator("h1").count() == 1
