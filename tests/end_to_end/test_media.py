"""Files in real processes: killed in the middle of uploads, and in a real browser."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.app import assemble
from bot.config import Settings
from bot.records.media import MediaFile
from bot.testing.clock import ManualClock
from bot.testing.processes import LISTENS, Program, free_port
from tests.end_to_end.browser import PHONE, chromium, fresh_page, needs_chromium

pytestmark = pytest.mark.end_to_end

UPLOADS = """
import asyncio, sys
from pathlib import Path
from bot.app import assemble
from bot.config import Settings

async def pieces(number):
    yield b"%PDF-1.7 " + str(number).encode()
    for _ in range(40):
        yield str(number % 7).encode() * 5000
        await asyncio.sleep(0)

async def one_after_the_other(media, begin):
    for number in range(begin, 10**9, 8):
        file = await media.receive(pieces(number), "a.pdf", by="user:u")
        print(file.id, file.sha256, flush=True)

async def main():
    async with assemble(Settings(_env_file=None, BOT_DATA_DIR=Path(sys.argv[1]))) as app:
        await asyncio.gather(*(one_after_the_other(app.media, begin) for begin in range(8)))

asyncio.run(main())
"""
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


@pytest.mark.parametrize("acknowledged", [1, 17, 60])
async def test_a_kill_in_the_middle_of_uploads_leaves_whole_files_only(tmp_path: Path, acknowledged: int) -> None:
    command = (sys.executable, "-c", UPLOADS, str(tmp_path))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    told = [(await process.stdout.readline()).decode().split() for _ in range(acknowledged)]
    process.kill()
    await process.communicate()
    assert all(told)
    settings = Settings(_env_file=None, BOT_DATA_DIR=tmp_path)
    async with assemble(settings, clock=ManualClock()) as app:
        records = await app.store.find(MediaFile, {}, limit=10_000)
        assert {tuple(line) for line in told} <= {(file.id, file.sha256) for file in records}
        for file in records:
            data = (await app.media.path(file)).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)
        clock = app.clock
        assert isinstance(clock, ManualClock)
        await clock.advance(1e9)  # what was not finished bears the time of the disk's own clock
        await app.media.sweep()
        assert [path for path in settings.media_path.rglob("*") if path.is_file()] == []


@needs_chromium
async def test_a_visitor_attaches_a_picture_and_sees_it(tmp_path: Path) -> None:
    port = free_port()
    settings = {"BOT_DATA_DIR": str(tmp_path / "data"), "BOT_PORT": str(port), "BOT_QUIET_MS": "50"}
    program = Program(["-m", "bot", "serve"], log=tmp_path / "serve.log", environment=settings, says_when_ready=LISTENS)
    complaints: list[str] = []
    try:
        await program.start().ready()
        async with chromium() as browser:
            page = await fresh_page(browser, complaints, **PHONE)
            await page.goto(f"http://127.0.0.1:{port}/chat")
            await page.get_by_label("Message", exact=True).fill("It looks like this.")
            async with page.expect_file_chooser() as chooser:
                await page.get_by_role("button", name="Attach a picture or a PDF").click()
            await (await chooser.value).set_files({"name": "red <b>.png", "mimeType": "image/png", "buffer": PIXEL})
            picture = page.get_by_role("img", name="red b.png")
            await expect(picture).to_be_visible()
            assert await picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 1
            await expect(page.locator(".said[data-from=customer] .bubble")).to_have_text("You: It looks like this.")
            await page.reload()
            await expect(picture).to_be_visible()
            async with page.expect_file_chooser() as chooser:
                await page.get_by_role("button", name="Attach a picture or a PDF").click()
            svg = b"<svg onload='alert(1)'/>"
            await (await chooser.value).set_files({"name": "a.png", "mimeType": "image/png", "buffer": svg})
            await expect(page.locator("[data-help]")).to_contain_text("Only pictures")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        program.close()
    assert [said for said in complaints if "415" not in said] == []
