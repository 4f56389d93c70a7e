"""Files at the desk, in a real browser against the real program: attached, refused in words, seen by who they are for."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from bot.testing.processes import LISTENS, Program, free_port
from tests.end_to_end.browser import PHONE, chromium, fresh_page, needs_chromium
from tests.end_to_end.test_desk import ANA, FITS, NAMELESS, PERSON, SOON, Served, composes, customer, desk, takes

pytestmark = [pytest.mark.end_to_end, needs_chromium]

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
GIVES = """([kind, files]) => {
    const given = new DataTransfer();
    for (const [name, type, text] of files) given.items.add(new File([text], name, { type }));
    const target = document.querySelector(kind === "paste" ? "#composer-text" : "[data-timeline]");
    const options = { bubbles: true, cancelable: true };
    if (kind === "paste") target.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: given }));
    else for (const name of ["dragover", "drop"]) target.dispatchEvent(new DragEvent(name, { ...options, dataTransfer: given }));
}"""


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Served, Browser]]:
    """The program with one operator, where files of more than 1 MB are too large; and a browser."""
    port = free_port()
    settings = {"BOT_DATA_DIR": str(folder / "data"), "BOT_PORT": str(port), "BOT_QUIET_MS": "0", "BOT_DEFAULT_LANGUAGE": "en"}
    settings["BOT_MEDIA_MAX_MB"] = "1"
    program = Program(["-m", "bot", "serve"], log=folder / "serve.log", environment=settings, says_when_ready=LISTENS)
    try:
        await program.start().ready()
        served = Served(f"http://127.0.0.1:{port}", folder, settings)
        await served.add(ANA, "Ana Ruiz")
        async with chromium() as browser:
            yield served, browser
    finally:
        program.close()


async def visitor(browser: Browser, url: str, complaints: list[str]) -> Page:
    page = await fresh_page(browser, complaints)
    await page.goto(f"{url}/chat")
    await page.get_by_label("Message", exact=True).fill(PERSON)
    await page.get_by_label("Message", exact=True).press("Enter")
    return page


async def take_over(page: Page) -> None:
    await page.locator(".rowitem[data-holder=nobody]").first.click(timeout=SOON)
    await page.locator("[data-gate]").get_by_role("button", name="Take over").click()
    await expect(page.locator(".event").last).to_contain_text("You took over", timeout=SOON)


async def choose(page: Page, *files: tuple[str, str, bytes], by: str = "Attach files") -> None:
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name=by).click()
    payloads: list[FilePayload] = [{"name": name, "mimeType": kind, "buffer": data} for name, kind, data in files]
    await (await chooser.value).set_files(payloads)


async def is_drawn(picture: Locator) -> None:
    await expect(picture).to_be_visible(timeout=SOON)
    assert await picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 1


async def test_an_operator_attaches_files_and_the_visitor_sees_them(tmp_path: Path) -> None:
    complaints: list[str] = []
    async with opened(tmp_path) as (served, browser):
        ana = await desk(browser, served.url, ANA, complaints)
        web = await visitor(browser, served.url, complaints)
        await take_over(ana)
        await choose(ana, ("red <b>.png", "image/png", PIXEL), ("price list.pdf", "application/pdf", PDF))
        await expect(ana.locator(".tray-file img")).to_be_visible(timeout=SOON)
        await expect(ana.locator(".tray-file").last).to_contain_text("price list.pdf")
        await ana.reload()
        await expect(ana.locator(".tray-file")).to_have_count(2, timeout=SOON)
        await composes(ana, "This is how it looks.")
        await expect(ana.locator(".tray-file")).to_have_count(0)

        said = ana.locator(".msg[data-from=op]").last
        await is_drawn(said.get_by_role("img", name="red b.png"))
        await expect(said.locator(".said")).to_have_text("This is how it looks.")
        listed = said.get_by_role("link", name="price list.pdf")
        await expect(listed).to_be_visible()
        await expect(said).to_contain_text("35 bytes")
        async with ana.expect_download() as download:
            await listed.click()
        assert (await (await download.value).path()).read_bytes() == PDF
        await is_drawn(web.get_by_role("img", name="red b.png"))
        await expect(web.get_by_role("link", name="price list.pdf")).to_be_visible()
        await expect(web.locator(".said[data-from=op] .bubble").last).to_have_text("A person: This is how it looks.")

        await choose(ana, ("only this.png", "image/png", PIXEL))
        await expect(ana.locator(".tray-file img")).to_be_visible(timeout=SOON)
        await ana.get_by_role("button", name="Send").click()
        await is_drawn(web.get_by_role("img", name="only this.png"))
        await choose(web, ("mine.png", "image/png", PIXEL), by="Attach a picture or a PDF")
        theirs = ana.locator(".msg[data-from=customer]").last
        await is_drawn(theirs.get_by_role("img", name="mine.png"))
        await expect(theirs.locator(".said")).to_have_count(0)  # its name is not said once more beside it
    assert complaints == []


async def test_files_are_pasted_dropped_taken_back_and_refused_in_words(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, browser):
        ana = await desk(browser, served.url, ANA)
        await visitor(browser, served.url, [])
        await take_over(ana)
        tray, told = ana.locator(".tray-file"), ana.locator("#composer-help")
        await ana.locator("#composer-text").fill("Kept")
        await ana.evaluate(GIVES, ["paste", [["one.txt", "text/plain", "Pasted"]]])
        await expect(tray).to_have_count(1, timeout=SOON)
        await ana.evaluate(GIVES, ["drop", [["two.txt", "text/plain", "Dropped"]]])
        await expect(tray).to_have_count(2, timeout=SOON)
        await ana.get_by_role("button", name="Remove one.txt").click()
        await expect(tray).to_have_count(1)

        await choose(ana, ("harmless.png", "image/png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"))
        await expect(told).to_contain_text("harmless.png is not a kind of file that is taken", timeout=SOON)
        await choose(ana, ("film.mp4", "video/mp4", bytes(1_100_000)))
        await expect(told).to_contain_text("film.mp4 is too large: at most 1 MB")
        await choose(ana, *((f"{number}.txt", "text/plain", b"x") for number in range(12)))
        await expect(tray).to_have_count(10, timeout=SOON)
        await expect(told).to_contain_text("At most 10 files go with one reply")
        await expect(ana.locator("#composer-text")).to_have_value("Kept")
        await ana.context.set_offline(True)
        await ana.get_by_role("button", name="Remove two.txt").click()
        await choose(ana, ("late.txt", "text/plain", b"x"))
        await expect(told).to_contain_text("late.txt did not arrive", timeout=SOON)
        await expect(ana.locator("#composer-text")).to_have_value("Kept")
        assert await ana.evaluate(NAMELESS) == []


async def test_on_whatsapp_the_desk_says_that_files_do_not_go_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, browser):
        ana = await desk(browser, served.url, ANA, **PHONE)
        await takes(ana, await customer(browser, served.url))
        await ana.locator("#composer-text").fill("Kept")
        await ana.get_by_role("button", name="Attach files").click()
        await expect(ana.locator("#composer-help")).to_contain_text("Files cannot be sent on WhatsApp yet")
        await ana.evaluate(GIVES, ["drop", [["two.txt", "text/plain", "Dropped"]]])
        await expect(ana.locator(".tray-file")).to_have_count(0)
        await expect(ana.locator("#composer-text")).to_have_value("Kept")
        assert await ana.evaluate(FITS)
        assert await ana.evaluate(NAMELESS) == []
