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
    question: str
    answer: str
    source: str
    problem: str
    open_ticket: str
    kind: str
    more: str
    not_that: str
    other_kind: str
    yes: str
    callback: str
    skip: str
    at_five: str
    correction: str
    at_six: str
    booked: str
    person: str
    passing: str
    waiting: str
    stop: str
    stopped: str


STORIES = (
    Story(
        language="en",
        question="How do I change the Wi-Fi password?",
        answer="on the sticker under the router",
        source="(From: Wi-Fi name and password)",
        problem="My internet is down",
        open_ticket="Open a ticket",
        kind="Technical problem",
        more="The router blinks red since this morning",
        not_that="no, the bill",
        other_kind="(Bill or payment)",
        yes="Yes",
        callback="Call me back tomorrow at five",
        skip="Skip",
        at_five="17:00",
        correction="no, at six",
        at_six="18:00",
        booked="18:00",
        person="I want to talk to a person",
        passing="passing you to a person",
        waiting="waits for a person",
        stop="stop",
        stopped="will not message you",
    ),
    Story(
        language="es",
        question="¿Cómo cambio la contraseña del wifi?",
        answer="en la etiqueta debajo del router",
        source="(Fuente: Nombre y contraseña del wifi)",
        problem="No tengo internet",
        open_ticket="Abrir un ticket",
        kind="Problema técnico",
        more="El router parpadea en rojo desde esta mañana",
        not_that="no, es de la factura",
        other_kind="(Factura o pago)",
        yes="Sí",
        callback="Llámenme mañana a las cinco",
        skip="Omitir",
        at_five="17:00",
        correction="no, a las seis",
        at_six="18:00",
        booked="18:00",
        person="quiero hablar con una persona",
        passing="Le paso con una persona",
        waiting="espera a una persona",
        stop="no me escriban más",
        stopped="no le enviaremos",
    ),
    Story(
        language="hi",
        question="वाई-फ़ाई का पासवर्ड कैसे बदलूँ?",
        answer="राउटर के नीचे लगे स्टिकर पर",
        source="(स्रोत: वाई-फ़ाई का नाम और पासवर्ड)",
        problem="मेरा इंटरनेट बंद है",
        open_ticket="टिकट खोलें",
        kind="तकनीकी समस्या",
        more="सुबह से राउटर की लाल बत्ती जल रही है",
        not_that="नहीं, बिल के बारे में",
        other_kind="(बिल या भुगतान)",
        yes="हाँ",
        callback="मुझे कल शाम पाँच बजे कॉल करें",
        skip="छोड़ें",
        at_five="17:00",
        correction="नहीं, छह बजे",
        at_six="18:00",
        booked="18:00",
        person="मुझे किसी व्यक्ति से बात करनी है",
        passing="एक सदस्य से जोड़ा जा रहा है",
        waiting="व्यक्ति के इंतज़ार",
        stop="संदेश बंद करो",
        stopped="संदेश नहीं भेजेंगे",
    ),
)


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


async def tap(page: Page, title: str) -> None:
    """The last button with this title."""
    await page.locator(".said-choice:enabled", has_text=title).last.click(timeout=SOON)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.language)
async def test_a_newcomer_sees_the_product_work_in_their_language(url: str, browser: Browser, story: Story) -> None:
    complaints: list[str] = []
    page = await fresh_page(browser, complaints, locale=story.language)
    await page.goto(url)
    await expect(page.locator("html")).to_have_attribute("lang", story.language)
    await page.get_by_role("button", name=story.question, exact=True).click()
    await says(page, story.answer)
    await says(page, story.source)
    await expect(page.locator("[data-path] li").last).to_have_attribute("data-tone", "ok", timeout=SOON)
    await opens_a_ticket(page, story)
    await books_a_call(page, story)
    await write(page, story.stop)
    await says(page, story.stopped)
    await write(page, story.person)
    await says(page, story.passing)
    await expect(page.locator("[data-path]")).to_contain_text(story.waiting, timeout=SOON)
    assert complaints == []


async def opens_a_ticket(page: Page, story: Story) -> None:
    """With an afterthought on the way, which the question reads back."""
    await page.get_by_role("button", name=story.problem, exact=True).click()
    await tap(page, story.open_ticket)
    await tap(page, story.kind)
    await says(page, story.kind)
    await write(page, story.more)
    await says(page, story.more)
    await write(page, story.not_that)
    await says(page, story.other_kind)
    await tap(page, story.yes)
    await says(page, "TICKET-")


async def books_a_call(page: Page, story: Story) -> None:
    """Tomorrow at five; no, at six."""
    await page.get_by_role("button", name=story.callback, exact=True).click()
    await tap(page, story.skip)
    await says(page, story.at_five)
    await write(page, story.correction)
    await says(page, story.at_six)
    await tap(page, story.yes)
    await says(page, story.booked)
    await expect(page.locator("[data-path]")).to_contain_text("book_callback", timeout=SOON)


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
