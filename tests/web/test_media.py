"""Files over real HTTP: sent in, shown, attached to replies, and attached by visitors of the chat."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, assemble
from bot.config import Settings
from bot.records.conversations import Conversation, Message
from bot.records.media import MediaFile, MediaState
from bot.records.settings import SystemSetting
from bot.records.users import Presence, Role
from bot.services.media import KEEP_LOOSE
from bot.services.media_links import LEAST_SECONDS
from bot.testing.clock import ManualClock
from bot.testing.web import UserBrowser, added, browser, cookie_of
from bot.web.pages.chat_media import BY_VISITOR
from bot.web.server import build_site
from tests.services.media_samples import PDF, PNG, TEXT, office
from tests.web.conftest import Client
from tests.web.page import Page, opened

pytestmark = pytest.mark.scenario

HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


@pytest_asyncio.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """With room for little: its bounds can be reached."""
    settings = Settings(
        _env_file=None,
        BOT_DATA_DIR=tmp_path,
        BOT_QUIET_MS=0,
        BOT_DEFAULT_LANGUAGE="en",
        BOT_MEDIA_MAX_MB=6,
        BOT_MEDIA_TOTAL_MB=20,
    )
    async with assemble(settings, clock=ManualClock()) as joined:
        setting = SystemSetting(id="auto_assignment_enabled", key="auto_assignment_enabled", value=False)
        await joined.store.upsert([setting])
        await joined.worker.start()
        try:
            yield joined
        finally:
            await joined.worker.stop()


@pytest_asyncio.fixture
async def client(app: App) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build_site([], app))) as opened:
        yield opened


class Desk:
    """Users who are signed in."""

    def __init__(self, app: App, client: Client, stack: AsyncExitStack) -> None:
        self.app = app
        self.url = str(client.make_url("/"))
        self._stack = stack

    async def member(self, name: str, role: Role = Role.AGENT) -> UserBrowser:
        user = await added(self.app, f"{name.lower()}@example.org", role, name=name)
        await self.app.desk.presence.set_status(user.id, Presence.ONLINE)
        opened = await self.stranger()
        opened.http.cookie_jar.update_cookies(await cookie_of(self.app, user))
        await opened.read_csrf()
        return opened

    async def stranger(self) -> UserBrowser:
        return await self._stack.enter_async_context(browser(self.url))


@pytest_asyncio.fixture
async def desk(app: App, client: Client) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        yield Desk(app, client, stack)


def form(data: bytes, name: str | None = "a.png", *, field: str = "file") -> aiohttp.FormData:
    made = aiohttp.FormData(quote_fields=False)
    made.add_field(field, io.BytesIO(data), filename=name, content_type="text/html")
    return made


async def upload(who: UserBrowser, data: Any, name: str | None = "a.png", **headers: str) -> tuple[int, Any]:
    body = form(data, name) if isinstance(data, bytes) else data
    sent = {"Origin": who.url, "X-CSRF-Token": who.csrf, **headers}
    async with who.http.post(f"{who.url}/api/v1/media", data=body, headers=sent) as answer:
        return answer.status, await answer.json()


async def sent(who: UserBrowser, data: bytes = PNG, name: str = "a.png") -> Any:
    status, file = await upload(who, data, name)
    assert status == 201, file
    return file


async def read(who: UserBrowser, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    answer = await who.get(path, headers={"Accept": "*/*", **headers})
    return answer, await answer.read()


# Sending in


async def test_a_file_that_is_sent_can_be_seen_by_who_reads_conversations_and_by_nobody_else(desk: Desk) -> None:
    nadia, omar, stranger = await desk.member("Nadia"), await desk.member("Omar"), await desk.stranger()
    file = await sent(nadia, PNG, "../ho\u202eliday.svg")
    assert (file["name"], file["mime_type"], file["kind"], file["size"]) == ("holiday.svg.png", "image/png", "image", len(PNG))
    assert file["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert file["is_inline"]
    for who in (nadia, omar):
        answer, body = await read(who, f"/media/{file['id']}")
        assert (answer.status, body) == (200, PNG)
    assert (await read(stranger, f"/media/{file['id']}"))[0].status == 401
    assert (await read(nadia, "/media/nothing"))[0].status == 404
    status, again = await omar.api("GET", f"/media/{file['id']}")
    assert (status, again["name"]) == (200, "holiday.svg.png")


async def test_who_may_not_write_sends_nothing_in(desk: Desk, app: App) -> None:
    nadia, viewer, stranger = await desk.member("Nadia"), await desk.member("Vera", Role.VIEWER), await desk.stranger()
    assert (await upload(stranger, PNG))[0] == 401
    assert (await upload(viewer, PNG))[0] == 403
    assert (await upload(nadia, PNG, **{"X-CSRF-Token": "forged"}))[0] == 403
    assert (await upload(nadia, PNG, Origin="https://elsewhere.example"))[0] == 403
    assert await app.store.count(MediaFile, {}) == 0


@pytest.mark.parametrize("name", ["a.png", "a.pdf", "a.txt", ""])
@pytest.mark.parametrize("data", [HTML, SVG, b"MZ\x90\0", b"PK\x03\x04zip", office("word/document.xml", "word/vbaProject.bin")])
async def test_what_it_is_called_makes_no_file_welcome(desk: Desk, data: bytes, name: str) -> None:
    status, answer = await upload(await desk.member("Nadia"), data, name)
    assert (status, answer["error"]["code"]) == (415, "not_taken")
    assert answer["error"]["message"].startswith("this kind of file is not taken; send ")


async def test_bodies_that_are_no_upload_are_told_so(desk: Desk, app: App) -> None:
    nadia = await desk.member("Nadia")
    assert (await upload(nadia, form(PNG, field="other")))[0] == 400
    assert (await upload(nadia, b""))[0] == 415  # an empty file
    torn = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG
    header = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (torn, b"--x", b"", b"--y\r\n\r\n", b"\0" * 100):
        status, answer = await upload(nadia, aiohttp.BytesPayload(body), **header)
        assert (status, answer["error"]["code"]) == (400, "bad_request"), body
    assert (await upload(nadia, aiohttp.BytesPayload(torn), **{"Content-Type": "multipart/form-data"}))[0] == 400
    assert (await upload(nadia, aiohttp.BytesPayload(b"{}"), **{"Content-Type": "application/json"}))[0] == 415
    assert await app.store.count(MediaFile, {}) == 0


async def test_a_file_may_be_larger_than_any_other_body_and_not_larger_than_its_bound(desk: Desk, app: App) -> None:
    nadia = await desk.member("Nadia")
    big = PNG + bytes(5 * 1024 * 1024)
    file = await sent(nadia, big)
    assert (await read(nadia, f"/media/{file['id']}"))[1] == big
    status, answer = await upload(nadia, PNG + bytes(6 * 1024 * 1024))
    assert (status, answer["error"]) == (413, {"code": "too_large", "message": "the file is too large: at most 6 MB are taken"})
    assert list(app.settings.media_path.glob("incoming/*")) == []


async def test_over_the_quota_it_is_said_clearly(desk: Desk) -> None:
    nadia = await desk.member("Nadia")
    for _ in range(3):
        await sent(nadia, PNG + bytes(5 * 1024 * 1024))
    status, answer = await upload(nadia, PNG)
    assert (status, answer["error"]["code"]) == (503, "unavailable")
    assert "all together may have 20 MB (BOT_MEDIA_TOTAL_MB)" in answer["error"]["message"]


async def test_the_same_file_twice_is_on_the_disk_once(desk: Desk, app: App) -> None:
    nadia = await desk.member("Nadia")
    one, two = await sent(nadia), await sent(nadia)
    assert one["id"] != two["id"]
    assert len([path for path in app.settings.media_path.rglob("*") if path.is_file()]) == 1


# Showing


async def test_whatever_is_in_a_file_does_nothing_on_a_page_of_ours(desk: Desk) -> None:
    nadia = await desk.member("Nadia")
    name = "a' ñ%0d%0aX-Y: z नमस्ते.csv"
    for data, way in ((PNG, "inline"), (PDF, "attachment"), (TEXT, "attachment")):
        file = await sent(nadia, data, name)
        for path in (f"/media/{file['id']}", file["url"]):
            headers = (await read(nadia, path))[0].headers
            assert headers["Content-Disposition"].startswith(f'{way}; filename="')
            assert headers["Content-Disposition"].isascii()
            assert headers["Content-Disposition"].count('"') == 2
            assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Type"].partition(";")[0] == file["mime_type"]
            assert "Set-Cookie" not in headers
        saved = (await read(nadia, f"/media/{file['id']}?download=1"))[0].headers["Content-Disposition"]
        assert saved.startswith("attachment")


async def test_parts_of_a_file_and_what_has_not_changed(desk: Desk) -> None:
    nadia = await desk.member("Nadia")
    path = f"/media/{(await sent(nadia))['id']}"
    answer, body = await read(nadia, path, Range="bytes=1-3")
    assert (answer.status, body, answer.headers["Content-Range"]) == (206, b"PNG", f"bytes 1-3/{len(PNG)}")
    assert (await read(nadia, path, Range="bytes=-2"))[1] == PNG[-2:]
    assert (await read(nadia, path, Range="bytes=9999-"))[0].status == 416
    whole, _ = await read(nadia, path)
    assert (await read(nadia, path, **{"If-None-Match": whole.headers["ETag"]}))[0].status == 304
    assert (await read(nadia, path, Range="bytes=0-1", **{"If-Range": '"other"'}))[0].status in (200, 206)


async def test_a_link_works_without_a_sign_in_until_it_is_over(desk: Desk, app: App) -> None:
    nadia, stranger = await desk.member("Nadia"), await desk.stranger()
    one, two = await sent(nadia), await sent(nadia, PDF, "b.pdf")
    assert (await read(stranger, one["url"]))[1] == PNG
    query = one["url"].partition("?")[2]
    until = int(query.partition("until=")[2].partition("&")[0])
    for forged in (
        f"/media/{two['id']}?{query}",
        one["url"].replace(str(until), str(until + 1)),
        one["url"][:-1] + ("A" if one["url"][-1] != "A" else "B"),
        f"/media/{one['id']}?sig=",
        f"/media/{one['id']}?until=%FF&sig=%F0%9F",
    ):
        assert (await read(stranger, forged))[0].status == 403, forged
    assert isinstance(app.clock, ManualClock)
    await app.clock.advance(2 * LEAST_SECONDS)
    assert (await read(stranger, one["url"]))[0].status == 403


async def test_a_file_whose_bytes_are_gone_is_not_found(desk: Desk, app: App) -> None:
    nadia = await desk.member("Nadia")
    file = await sent(nadia)
    (app.settings.media_path / file["sha256"][:2] / file["sha256"]).unlink()
    answer, _ = await read(nadia, f"/media/{file['id']}")
    assert answer.status == 404


# In a conversation


async def visit(client: Client) -> None:
    assert (await client.get("/chat")).status == 200


async def attach(client: Client, data: bytes, name: str = "photo.png", **options: Any) -> tuple[int, Any]:
    """As the page of the chat does."""
    own = str(client.make_url("/")).rstrip("/")
    headers = {"Origin": own, **options.pop("headers", {})}
    async with client.post("/chat/media", data=form(data, name), headers=headers, **options) as answer:
        return answer.status, await answer.json()


async def say_with(page: Page, media: str, text: str = "") -> None:
    await page.send(type="say", key="0123456789abcdef", text=text, media=media)
    await page.decided()


async def conversation_of(app: App) -> Conversation:
    (conversation,) = await app.store.find(Conversation, {}, limit=2)
    return conversation


async def test_a_picture_of_a_visitor_is_on_the_timeline_of_both(client: Client, app: App, desk: Desk) -> None:
    nadia = await desk.member("Nadia")
    await visit(client)
    status, file = await attach(client, PNG, "la foto.png")
    assert status == 201
    async with opened(client) as page:
        await say_with(page, file["id"], "This is broken.")
        await page.answered()
        mine = next(shown for shown in page.messages.values() if shown["from"] == "customer")
    assert page.accepted
    assert mine["text"] == "This is broken."
    assert [(one["kind"], one["name"]) for one in mine["files"]] == [("image", "la foto.png")]
    assert (await client.get(mine["files"][0]["url"])).status == 200
    conversation = await conversation_of(app)
    _, timeline = await nadia.api("GET", f"/conversations/{conversation.id}/messages")
    message = next(entry for entry in timeline["items"] if entry["by"] == "customer")
    assert (message["type"], message["text"]) == ("image", "[image: la foto.png] This is broken.")
    (shown,) = message["attachments"]
    assert (shown["id"], shown["url"], shown["mime_type"]) == (file["id"], f"/media/{file['id']}", "image/png")
    assert (await read(nadia, shown["url"]))[1] == PNG
    kept = await app.media.get(file["id"])
    assert (kept.state, kept.conversation_id) == (MediaState.ATTACHED, conversation.id)


async def test_an_operator_answers_a_visitor_with_files_once(client: Client, app: App, desk: Desk) -> None:
    nadia = await desk.member("Nadia")
    await visit(client)
    async with opened(client) as page:
        await page.say("I want to talk to a person")
        await page.answered()
        conversation = await conversation_of(app)
        path = f"/conversations/{conversation.id}"
        assert (await nadia.api("POST", f"{path}/take-over"))[0] == 200
        files = [(await sent(nadia, PNG, "plan.png"))["id"], (await sent(nadia, PDF, "bill.pdf"))["id"]]
        body = {"text": "Here they are.", "client_id": "1", "attachments": files}
        for _ in range(2):
            status, entry = await nadia.api("POST", f"{path}/reply", body)
            assert status == 201, entry
        assert [one["name"] for one in entry["attachments"]] == ["plan.png", "bill.pdf"]
        only = {"text": "", "client_id": "2", "attachments": files[:1]}
        assert (await nadia.api("POST", f"{path}/reply", only))[0] == 201
        await page.until(lambda: len([shown for shown in page.answers if "files" in shown]) == 2)
        first, second = [shown for shown in page.answers if "files" in shown]
    assert (first["text"], second["text"]) == ("Here they are.", "")
    assert [one["kind"] for one in first["files"]] == ["image", "document"]
    for one, data in zip(first["files"], (PNG, PDF), strict=True):
        assert await (await client.get(one["url"])).read() == data
    assert isinstance(app.clock, ManualClock)
    await app.clock.advance(KEEP_LOOSE.total_seconds() + 1)
    await app.media.sweep()
    assert await app.store.count(MediaFile, {"state": MediaState.ATTACHED}) == 2


async def test_a_reply_without_words_and_files_or_with_somebody_elses_is_refused(client: Client, app: App, desk: Desk) -> None:
    nadia, omar = await desk.member("Nadia"), await desk.member("Omar")
    await visit(client)
    async with opened(client) as page:
        await page.say("I want to talk to a person")
        await page.answered()
    path = f"/conversations/{(await conversation_of(app)).id}"
    await nadia.api("POST", f"{path}/take-over")
    others = (await sent(omar))["id"]
    status, answer = await nadia.api("POST", f"{path}/reply", {"text": "x", "client_id": "1", "attachments": [others]})
    assert (status, answer["error"]["code"]) == (404, "not_found")
    status, answer = await nadia.api("POST", f"{path}/reply", {"text": " ", "client_id": "2"})
    assert (status, answer["error"]["field"]) == (422, "text")
    status, answer = await nadia.api("POST", f"{path}/reply", {"text": "x", "client_id": "3", "attachments": ["a"] * 11})
    assert (status, answer["error"]["field"]) == (422, "attachments")


# What visitors may


async def test_a_visitor_sends_pictures_and_pdfs_and_nothing_else(client: Client) -> None:
    assert (await attach(client, PNG))[0] == 403  # has never opened the chat
    await visit(client)
    assert (await attach(client, PDF, "a.pdf"))[0] == 201
    assert (await attach(client, PNG, headers={"Origin": "https://elsewhere.example"}))[0] == 403
    for data in (TEXT, HTML, SVG):
        status, answer = await attach(client, data)
        assert (status, answer["error"]["code"]) == (415, "not_taken")
    status, answer = await attach(client, PNG + bytes(7 * 1024 * 1024))
    assert (status, answer["error"]["code"]) == (413, "too_large")


async def test_a_visitor_without_a_cookie_sends_its_token(client: Client, app: App) -> None:
    async with opened(client) as page:
        token = page.welcome["token"]
    status, file = await attach(client, PNG, headers={"X-Chat-Token": token})
    assert status == 201
    assert (await app.media.get(file["id"])).uploaded_by.startswith("visitor:")
    assert (await attach(client, PNG, headers={"X-Chat-Token": token + "x"}))[0] == 403


async def test_a_visitor_sends_only_so_many(client: Client) -> None:
    await visit(client)
    for _ in range(BY_VISITOR.most):
        assert (await attach(client, PNG))[0] == 201
    status, answer = await attach(client, PNG)
    assert (status, answer["error"]["code"]) == (429, "too_many_requests")


async def test_a_visitor_says_no_file_that_is_not_theirs(client: Client, app: App, desk: Desk) -> None:
    file = await sent(await desk.member("Nadia"))
    await visit(client)
    for media in (file["id"], "nothing"):
        async with opened(client) as page:
            await say_with(page, media, "Look at this.")
            assert [one["why"] for one in page.refused] == ["file_gone"]
    assert await app.store.count(Message, {"type": "image"}) == 0
