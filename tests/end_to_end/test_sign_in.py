"""Sign-in in a real browser against the real program: from the command line's link to signing out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.testing.processes import LISTENS, Program, free_port
from tests.end_to_end.browser import PHONE, chromium, fresh_page, needs_chromium

pytestmark = [pytest.mark.end_to_end, needs_chromium]

PASSWORD = "three words together"
NAMELESS = """() => [...document.querySelectorAll("button, a, input, select, summary")]
    .filter((one) => one.offsetParent && !one.innerText.trim() && !one.ariaLabel && !one.labels?.length).length"""
FITS = "() => document.documentElement.scrollWidth <= innerWidth"


@dataclass(frozen=True)
class Served:
    """The running program."""

    url: str
    folder: Path
    settings: dict[str, str]

    async def bot(self, *words: str, stdin: str = "") -> str:
        """A command beside it; what it says."""
        program = Program(["-m", "bot", *words], log=self.folder / "command.log", environment=self.settings)
        assert await program.start(stdin).ended() == 0, program.output()
        return program.output()


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    port = free_port()
    settings = {"BOT_DATA_DIR": str(tmp_path / "data"), "BOT_PORT": str(port)}
    program = Program(["-m", "bot", "serve"], log=tmp_path / "serve.log", environment=settings, says_when_ready=LISTENS)
    await program.start().ready()
    try:
        yield Served(f"http://127.0.0.1:{port}", tmp_path, settings)
    finally:
        program.close()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


async def choose_password(page: Page) -> None:
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("The same once more").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("status")).to_contain_text("The password is set")


async def sign_in(page: Page, email: str) -> None:
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def test_the_first_administrator_comes_in_by_the_link_of_the_command_line_and_invites_another(
    served: Served, browser: Browser
) -> None:
    complaints: list[str] = []
    said = await served.bot("user", "add", "boss@example.org", "--name", "The Boss", "--role", "admin")
    [link] = re.findall(r"http://\S+/invite/\S+", said)
    assert link.startswith(served.url)

    boss = await fresh_page(browser, complaints)
    await boss.goto(link)
    await choose_password(boss)
    await sign_in(boss, "boss@example.org")
    await expect(boss).to_have_url(f"{served.url}/desk")
    await boss.goto(f"{served.url}/users")

    await boss.get_by_label("E-mail address").fill("ana@example.org")
    await boss.get_by_label("Name", exact=True).fill("Ana Ruiz")
    await boss.get_by_label("Role", exact=True).select_option(label="Agent")
    await boss.get_by_role("button", name="Invite somebody").click()
    invite = await boss.get_by_label("Link of the invitation").input_value()

    ana = await fresh_page(browser, complaints)
    await ana.goto(invite)
    await choose_password(ana)
    await sign_in(ana, "ana@example.org")
    await expect(ana).to_have_url(f"{served.url}/desk")
    await ana.goto(f"{served.url}/account")
    await expect(ana.get_by_role("link", name="Users")).to_have_count(0)
    assert "session" not in str(await ana.evaluate("document.cookie"))

    await ana.get_by_role("button", name="Sign out", exact=True).click()
    await expect(ana.get_by_role("status")).to_contain_text("You are signed out")
    await ana.goto(f"{served.url}/account")
    await expect(ana).to_have_url(re.compile("/login"))
    await sign_in(ana, "ana@example.org")
    await expect(ana).to_have_url(f"{served.url}/account")

    await boss.goto(f"{served.url}/users")
    await boss.get_by_role("button", name="Deactivate: Ana Ruiz").click()
    await expect(boss.get_by_text("not active")).to_be_visible()
    await ana.reload()
    await expect(ana).to_have_url(re.compile("/login"))
    assert complaints == []


async def test_what_is_wrong_is_said_where_the_cursor_then_is(served: Served, browser: Browser) -> None:
    page = await fresh_page(browser)
    await page.goto(f"{served.url}/login?next=/users")
    await sign_in(page, "nobody@example.org")
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await expect(page.get_by_label("Password")).to_be_focused()
    await expect(page.get_by_label("E-mail address")).to_have_value("nobody@example.org")
    await page.get_by_role("link", name="ES", exact=True).click()
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await expect(page.locator("input[name=next]")).to_have_value("/users")


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_every_page_fits_a_small_phone_and_every_control_has_a_name(served: Served, browser: Browser, look: str) -> None:
    email = "a.very.long.address.of.somebody@department.example.org"
    words = ("user", "add", email, "--name", "Wolfeschlegelsteinhausenbergerdorff " * 2, "--role", "admin", "--password-stdin")
    await served.bot(*words, stdin=f"{PASSWORD}\n")
    said = await served.bot("user", "add", "ana@example.org", "--name", "Ana", "--role", "sales_head")
    [invite] = re.findall(r"http://\S+/invite/\S+", said)
    page = await fresh_page(browser, **PHONE, color_scheme=look)
    for path in ("/login", "/reset", "/invite/gone", invite.removeprefix(served.url)):
        await page.goto(served.url + path)
        await check(page)
    await page.goto(f"{served.url}/login")
    await sign_in(page, email)
    for path in ("/users", "/account"):
        await page.goto(served.url + path)
        await check(page)
        await expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


async def check(page: Page) -> None:
    assert await page.evaluate(FITS), page.url
    assert await page.evaluate(NAMELESS) == 0, page.url
    assert await page.locator("h1").count() == 1, page.url
