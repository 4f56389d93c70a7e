"""Signing in over HTTP: the pages, their cookies, what is forged, what is sent too often, links, accounts, the team."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from http.cookies import Morsel
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from bot.app import App, assemble
from bot.config import Settings
from bot.records.users import Role, User
from bot.resources import LANGUAGES
from bot.testing.clock import ManualClock
from bot.testing.mail import Mail, RecordingMailer
from bot.testing.web import PASSWORD, UserBrowser, added, browser, cookie_of, signed_in
from bot.web.forms import local_path
from bot.web.gate import ENTRIES, WRITES
from bot.web.server import build_site

pytestmark = pytest.mark.scenario

ANA, BOSS = "ana@example.org", "boss@example.org"
NEW = "four other words here"


@asynccontextmanager
async def served(folder: Path, *, mailer: RecordingMailer | None = None, **settings: Any) -> AsyncIterator[tuple[App, str]]:
    """The program with Ana, an agent, and an administrator; and its address."""
    chosen = Settings(_env_file=None, BOT_DATA_DIR=folder, BOT_DEFAULT_LANGUAGE="en", **settings)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(assemble(chosen, clock=ManualClock(), channels={}, mailer=mailer))
        await app.worker.start()
        stack.push_async_callback(app.worker.stop)
        server = await stack.enter_async_context(TestServer(build_site([], app)))
        await added(app, ANA, Role.AGENT, name="Ana Ruiz")
        await added(app, BOSS, Role.ADMIN)
        yield app, str(server.make_url("/"))


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[App, str]]:
    async with served(tmp_path) as made:
        yield made


@pytest.fixture
def app(site: tuple[App, str]) -> App:
    return site[0]


@pytest.fixture
def url(site: tuple[App, str]) -> str:
    return site[1]


def cookie(answer: aiohttp.ClientResponse) -> Morsel[str]:
    """The one cookie of a session that came."""
    [name] = [name for name in answer.cookies if "session" in name]
    return answer.cookies[name]


async def advance(app: App, seconds: float) -> None:
    assert isinstance(app.clock, ManualClock)
    await app.clock.advance(seconds)


async def where(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    return answer.status, answer.headers.get("Location", "")


# In and out


async def test_somebody_signs_in_and_out(url: str) -> None:
    async with browser(url) as ana:
        answer = await ana.sign_in(ANA)
        assert await where(answer) == (303, "/desk")
        assert "Ana Ruiz" in await (await ana.get("/account")).text()
        assert await where(await ana.get("/login")) == (303, "/desk")
        assert await where(await ana.post("/logout")) == (303, "/login?done=out")
        assert await where(await ana.get("/account")) == (303, "/login?next=/account")
        assert "You are signed out" in await (await ana.get("/login?done=out")).text()


async def test_who_may_manage_users_is_offered_it_and_nobody_else_is(url: str) -> None:
    async with browser(url) as boss, signed_in(url, ANA) as ana:
        assert await where(await boss.sign_in(BOSS)) == (303, "/desk")
        assert 'href="/users"' in await (await boss.get("/account")).text()
        text = await (await ana.get("/account")).text()
        assert 'href="/users"' not in text
        assert 'href="/settings"' not in text
        assert 'href="/desk"' in text


async def test_the_session_is_out_of_reach_of_scripts_and_of_other_sites(url: str) -> None:
    async with browser(url) as ana:
        morsel = cookie(await ana.post("/login", {"email": ANA, "password": PASSWORD}))
    assert (morsel.key, morsel["httponly"], morsel["samesite"], morsel["path"]) == ("session", True, "Lax", "/")
    assert morsel["secure"] == ""
    assert morsel["domain"] == ""


async def test_behind_https_the_cookie_is_for_https_and_this_host_alone(tmp_path: Path) -> None:
    async with served(tmp_path, BOT_PUBLIC_URL="https://bot.example.com") as (_, url), browser(url) as ana:
        fields = {"email": ANA, "password": PASSWORD}
        answer = await ana.post("/login", fields, headers={"Origin": "https://bot.example.com"})
        morsel = cookie(answer)
    assert (morsel.key, morsel["secure"], morsel["path"]) == ("__Host-session", True, "/")


@pytest.mark.parametrize("fields", [{"email": ANA, "password": "wrong"}, {"email": "x@example.org", "password": PASSWORD}, {}])
async def test_what_is_wrong_looks_the_same_whatever_was_wrong(url: str, fields: dict[str, str]) -> None:
    async with browser(url) as somebody:
        answer = await somebody.post("/login", fields)
        text = await answer.text()
    assert answer.status == 422
    assert "This address and this password do not belong together." in text
    assert not answer.cookies
    assert fields.get("password", "no password") not in text


async def test_a_session_that_was_there_before_is_not_taken_over(app: App, url: str) -> None:
    """What somebody planted in the browser does not become the user's session."""
    async with browser(url) as ana:
        ana.http.cookie_jar.update_cookies({"session": "x" * 43})
        first = cookie(await ana.sign_in(ANA)).value
        second = cookie(await ana.sign_in(ANA)).value
    assert len({first, second, "x" * 43}) == 3
    assert await app.accounts.sessions.find(first) is None


async def test_somebody_goes_on_where_they_wanted_to(url: str) -> None:
    async with browser(url) as boss:
        asked = await boss.get("/users?after=1&x=%2F")
        assert await where(asked) == (303, "/login?next=/users?after%3D1%26x%3D/")
        page = await (await boss.get(asked.headers["Location"])).text()
        found = re.search(r'name="next" value="([^"]*)"', page)
        assert found
        answer = await boss.post("/login", {"email": BOSS, "password": PASSWORD, "next": html.unescape(found[1])})
        assert await where(answer) == (303, "/users?after=1&x=/")


FOREIGN = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\/evil.example",
    "/%09/evil.example\t",
    "javascript:alert(1)",
    "http:evil",
    "/a b",
    "/\r\nSet-Cookie: x=y",
    "//[",
    "evil",
    "",
]


@pytest.mark.parametrize("asked", FOREIGN)
async def test_nobody_is_sent_on_to_another_site(url: str, asked: str) -> None:
    assert local_path(asked) == ""
    async with browser(url) as ana:
        answer = await ana.post("/login", {"email": ANA, "password": PASSWORD, "next": asked})
        assert await where(answer) == (303, "/desk")


async def test_a_session_that_has_expired_leads_to_the_way_in(app: App, url: str) -> None:
    async with signed_in(url, ANA) as ana:
        await advance(app, 24 * 3600 + 1)
        assert await where(await ana.get("/account")) == (303, "/login?next=/account")
        assert await where(await ana.post("/account")) == (303, "/login")
        assert (await ana.get("/account", headers={"Accept": "application/json"})).status == 401


async def test_who_is_let_go_is_out_with_the_next_request(app: App, url: str) -> None:
    async with signed_in(url, ANA) as ana, signed_in(url, BOSS) as boss:
        user = await app.users.by_email(ANA)
        assert await where(await boss.post(f"/users/{user.id}/deactivate")) == (303, "/users?done=saved")
        assert (await ana.get("/account")).status == 303
        assert (await ana.sign_in(ANA)).status == 422


# Forged and too often


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://127.0.0.1:1"])
async def test_what_another_site_sends_is_refused(app: App, url: str, origin: str) -> None:
    async with signed_in(url, ANA) as ana:
        for path in ("/logout", "/account", "/account/sign-out-everywhere"):
            assert (await ana.post(path, headers={"Origin": origin})).status == 403
    async with browser(url) as stranger:
        fields = {"email": ANA, "password": PASSWORD}
        assert (await stranger.post("/login", fields, headers={"Origin": origin})).status == 403
        assert (await stranger.post("/reset", fields, headers={"Origin": origin})).status == 403


async def test_a_form_without_the_sessions_own_token_is_refused(app: App, url: str) -> None:
    async with signed_in(url, ANA) as ana, signed_in(url, BOSS) as boss:
        for forged in ("", "x", boss.csrf, ana.csrf[:-1], "é", "\x00"):
            answer = await ana.post("/account", {"csrf": forged, "name": "Changed", "language": "en"})
            assert answer.status == 403
        assert (await app.users.by_email(ANA)).name == "Ana Ruiz"
        await ana.sign_in(ANA)
        assert await where(await ana.post("/account", {"name": "Changed", "language": "en"})) == (303, "/account?done=saved")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/x-www-form-urlencoded; charset=nothing"},
        {"Content-Type": "application/json"},
    ],
)
async def test_what_is_no_form_is_refused_and_breaks_nothing(url: str, headers: dict[str, str]) -> None:
    async with signed_in(url, ANA) as ana:
        for path in ("/login", "/account", "/reset"):
            sent = {"Origin": ana.url, "Accept": "text/html", **headers}
            answer = await ana.http.post(ana.url + path, data=b"\xff\xfe--x\r\n\r\n", headers=sent, allow_redirects=False)
            assert answer.status in (200, 400, 403, 422), path


async def test_a_megabyte_is_only_wrong(url: str) -> None:
    async with browser(url) as somebody:
        huge = "x" * 340_000  # three of them
        assert (await somebody.post("/login", {"email": huge, "password": huge, "next": huge})).status == 422


async def test_too_many_tries_from_one_network_are_told_when_to_come_back(app: App, url: str) -> None:
    async with browser(url) as somebody:
        for n in range(ENTRIES.most):
            assert (await somebody.post("/reset", {"email": f"{n}@example.org"})).status == 200
        refused = await somebody.post("/login", {"email": ANA, "password": PASSWORD})
        assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
        await advance(app, 60)
        assert (await somebody.post("/login", {"email": ANA, "password": PASSWORD})).status == 303


async def test_after_failures_the_page_says_how_long_to_wait(app: App, url: str) -> None:
    async with browser(url) as somebody:
        for email in (ANA, "nobody@example.org"):
            for _ in range(6):
                assert (await somebody.post("/login", {"email": email, "password": "wrong"})).status == 422
            refused = await somebody.post("/login", {"email": email, "password": PASSWORD})
            assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
            assert "Wait 1 min" in await refused.text()


async def test_a_script_that_writes_without_end_is_slowed_down(url: str) -> None:
    async with signed_in(url, ANA) as ana:
        statuses = [(await ana.post("/account", {"csrf": "x"})).status for _ in range(WRITES.most + 1)]
    assert (set(statuses[:-1]), statuses[-1]) == ({403}, 429)


async def test_what_is_hostile_is_shown_as_text(app: App, url: str) -> None:
    hostile = '"><script>alert(1)</script>{{7*7}}'
    async with signed_in(url, BOSS, PASSWORD) as boss:
        await boss.post("/users", {"email": "x@example.org", "name": hostile, "role": "agent"})
        page = await (await boss.get("/users")).text()
        again = await (await boss.post("/login", {"email": hostile, "password": "x"})).text()
    assert html.escape(hostile, quote=False).split("{")[0].replace('"', "") in page.replace("&#34;", "")
    for text in (page, again):
        assert "<script>alert" not in text
        assert "{{7*7}}" in text


# Links


@pytest_asyncio.fixture
async def mailed(tmp_path: Path) -> AsyncIterator[tuple[App, str, RecordingMailer]]:
    mailer = RecordingMailer()
    async with served(tmp_path, mailer=mailer, BOT_PUBLIC_URL="http://bot.example.com") as (app, url):
        yield app, url, mailer


async def mail_to(mailer: RecordingMailer, address: str, count: int = 1) -> Mail:
    """The last of so many mails to somebody, once they are there."""
    async with asyncio.timeout(10):
        while len(found := [mail for mail in mailer.sent if mail.to == address]) < count:
            await asyncio.sleep(0.005)
    return found[-1]


def path_in(text: str) -> str:
    [path] = re.findall(r"http://[\w.:]+(/(?:invite|reset)/[\w-]+)", text)
    return str(path)


async def test_an_invite_shown_once_lets_somebody_in(app: App, url: str) -> None:
    async with signed_in(url, BOSS) as boss, browser(url) as bo:
        answer = await boss.post("/users", {"email": "bo@example.org", "name": "Bo", "role": "supervisor"})
        text = await answer.text()
        path = path_in(text)
        assert "shown only now" in text
        assert path not in await (await boss.get("/users")).text()
        assert "bo@example.org" in await (await bo.get(path)).text()
        assert (await bo.get(path)).status == 200  # looking does not use it up
        fields = {"password": NEW, "again": NEW}
        assert await where(await bo.post(path, fields)) == (303, "/login?done=password")
        assert (await bo.get(path)).status == 410
        assert (await bo.post(path, fields)).status == 410
        assert (await bo.sign_in("bo@example.org", NEW)).status == 303


async def test_an_invite_is_mailed_where_mail_goes_out(mailed: tuple[App, str, RecordingMailer]) -> None:
    _, url, mailer = mailed
    async with signed_in(url, BOSS) as boss, browser(url) as bo:
        answer = await boss.post("/users", {"email": "bo@example.org", "name": "Bo", "role": "agent"})
        text = await answer.text()
        assert "An invitation is on its way to bo@example.org" in text
        assert "/invite/" not in text.replace("/users/", "").split('id="list-title"')[0]
        mail = await mail_to(mailer, "bo@example.org")
        assert "http://bot.example.com/invite/" in mail.text
        path = path_in(mail.text)
        assert (await bo.post(path, {"password": NEW, "again": NEW})).status == 303
        assert (await bo.sign_in("bo@example.org", NEW)).status == 303


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("short", "short", "too short"),
        ("x" * 73, "x" * 73, "too long"),
        ("aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa", "too easy"),
        (NEW, NEW + "x", "differ"),
        ("", "", "too short"),
    ],
)
async def test_a_password_that_cannot_be_one_says_why_and_the_link_stays_good(
    app: App, url: str, password: str, again: str, told: str
) -> None:
    user = await app.users.by_email(ANA)
    path = path_in(await app.accounts.team.reset(user.id))
    async with browser(url) as ana:
        answer = await ana.post(path, {"password": password, "again": again})
        assert (answer.status, told in await answer.text()) == (422, True)
        assert (await ana.post(path, {"password": NEW, "again": NEW})).status == 303


@pytest.mark.parametrize("path", ["/invite/x", "/reset/" + "x" * 43, "/invite/" + "y" * 100])
async def test_a_link_that_is_none_says_so(url: str, path: str) -> None:
    async with browser(url) as somebody:
        assert (await somebody.get(path)).status == 410
        answer = await somebody.post(path, {"password": NEW, "again": NEW})
        assert (answer.status, "opens nothing any more" in await answer.text()) == (410, True)


async def test_a_forgotten_password_is_replaced_by_mail_and_all_sessions_end(mailed: tuple[App, str, RecordingMailer]) -> None:
    _, url, mailer = mailed
    async with signed_in(url, ANA) as ana, browser(url) as elsewhere:
        await elsewhere.post("/reset", {"email": f" {ANA.upper()} "})
        mail = await mail_to(mailer, ANA)
        assert mail.subject == "A new password for Switchboard"
        path = path_in(mail.text)
        assert await where(await elsewhere.post(path, {"password": NEW, "again": NEW})) == (303, "/login?done=password")
        assert (await ana.get("/account")).status == 303
        assert (await elsewhere.sign_in(ANA)).status == 422
        assert (await elsewhere.sign_in(ANA, NEW)).status == 303


async def test_asking_for_a_reset_tells_nobody_who_is_here(mailed: tuple[App, str, RecordingMailer]) -> None:
    app, url, mailer = mailed
    await app.accounts.team.deactivate((await added(app, "gone@example.org", Role.AGENT)).id, by=None)
    async with browser(url) as somebody:
        answers = []
        for email in (ANA, "nobody@example.org", "gone@example.org", "no address", ""):
            answer = await somebody.post("/reset", {"email": email})
            answers.append((answer.status, await answer.text()))
    assert len(set(answers)) == 1
    await mail_to(mailer, ANA)
    await asyncio.sleep(0)
    assert {mail.to for mail in mailer.sent} == {ANA}


async def test_nobodys_mailbox_is_filled_by_asking_again_and_again(mailed: tuple[App, str, RecordingMailer]) -> None:
    _, url, mailer = mailed
    async with browser(url) as somebody:
        for _ in range(10):
            await somebody.post("/reset", {"email": ANA})
        last = await mail_to(mailer, ANA, 3)
        await somebody.post("/reset", {"email": BOSS})
        await mail_to(mailer, BOSS)
        assert len([mail for mail in mailer.sent if mail.to == ANA]) == 3
        assert (await somebody.get(path_in(last.text))).status in (200, 410)


async def test_the_link_leads_to_the_address_of_the_settings_whatever_the_request_says(
    mailed: tuple[App, str, RecordingMailer],
) -> None:
    _, url, mailer = mailed
    async with browser(url) as somebody:
        sent = {"Host": "evil.example", "Origin": "http://evil.example", "X-Forwarded-Host": "evil.example"}
        await somebody.post("/reset", {"email": ANA}, headers=sent)
        assert "evil" not in (await mail_to(mailer, ANA)).text


async def test_without_mail_the_page_says_who_can_help(url: str) -> None:
    async with browser(url) as somebody:
        assert "bot user reset" in await (await somebody.get("/reset")).text()
        assert "bot user reset" in await (await somebody.post("/reset", {"email": ANA})).text()


async def test_a_link_for_somebody_else_signs_out_who_was_signed_in_here(app: App, url: str) -> None:
    _, link = await app.accounts.team.invite("bo@example.org", "Bo", "agent", by=None)
    async with signed_in(url, ANA) as shared:
        assert (await shared.post(path_in(link), {"password": NEW, "again": NEW})).status == 303
        assert (await shared.get("/account")).status == 303


async def test_who_chooses_the_first_password_keeps_the_language_of_the_page(app: App, url: str) -> None:
    _, link = await app.accounts.team.invite("bo@example.org", "Bo", "agent", by=None)
    async with browser(url) as bo:
        await bo.post(path_in(link), {"password": NEW, "again": NEW}, headers={"Accept-Language": "hi"})
    bo_now = await app.users.by_email("bo@example.org")
    again = await app.accounts.team.reset(bo_now.id)
    async with browser(url) as bo:
        await bo.post(path_in(again), {"password": NEW, "again": NEW}, headers={"Accept-Language": "en"})
    assert (await app.users.by_email("bo@example.org")).preferences.language == "hi"


# One's own account


async def test_name_language_and_notifications_are_ones_own(app: App, url: str) -> None:
    async with signed_in(url, ANA) as ana:
        await ana.post("/account", {"name": "  Ana  María ", "language": "es", "email": "on"})
        text = await (await ana.get("/account?done=saved")).text()
    user = await app.users.by_email(ANA)
    told = user.preferences.notifications
    assert (user.name, user.preferences.language, told.email, told.push, told.sound) == ("Ana María", "es", True, False, False)
    assert '<html lang="es">' in text
    assert "Guardado." in text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": " ", "language": "en"}, 422),
        ({"name": "x" * 101, "language": "en"}, 422),
        ({"name": "Ana", "language": "xx"}, 400),
        ({"name": "Ana"}, 400),
    ],
)
async def test_an_account_that_cannot_be_is_not_saved(app: App, url: str, fields: dict[str, str], status: int) -> None:
    async with signed_in(url, ANA) as ana:
        assert (await ana.post("/account", fields)).status == status
    assert (await app.users.by_email(ANA)).name == "Ana Ruiz"


async def test_nobody_raises_their_own_role(app: App, url: str) -> None:
    async with signed_in(url, ANA) as ana:
        more = {"role": "admin", "permissions": "system:admin", "isActive": "true", "is_active": "true", "email": BOSS}
        await ana.post("/account", {"name": "Ana", "language": "en", **more})
        user = await app.users.by_email(ANA)
        assert (user.role, user.permissions) == (Role.AGENT, [])
        assert (await ana.post(f"/users/{user.id}/role", {"role": "admin"})).status == 403


async def test_a_changed_password_signs_out_the_other_browsers_only(url: str) -> None:
    async with signed_in(url, ANA) as here, signed_in(url, ANA) as there:
        fields = {"old": PASSWORD, "password": NEW, "again": NEW}
        answer = await here.post("/account/password", {**fields, "old": "wrong"})
        assert (answer.status, "The password so far is not right" in await answer.text()) == (422, True)
        assert (await here.post("/account/password", {**fields, "again": "x"})).status == 422
        assert (await here.post("/account/password", {**fields, "password": "short", "again": "short"})).status == 422
        assert await where(await here.post("/account/password", fields)) == (303, "/account?done=password")
        assert (await here.get("/account")).status == 200
        assert (await there.get("/account")).status == 303


async def test_somebody_signs_out_another_browser_or_all(app: App, url: str) -> None:
    async with signed_in(url, ANA) as here, signed_in(url, ANA) as there, signed_in(url, BOSS) as boss:
        text = await (await here.get("/account")).text()
        [other] = re.findall(r'action="(/account/sessions/[0-9a-f]{64}/end)"', text)
        assert "127.0.0.1" in text
        await boss.post(other)  # not theirs
        assert (await there.get("/account")).status == 200
        assert await where(await here.post(other)) == (303, "/account?done=ended")
        assert (await there.get("/account")).status == 303
        await there.sign_in(ANA)
        assert await where(await here.post("/account/sign-out-everywhere")) == (303, "/login?done=out")
        assert (await there.get("/account")).status == 303
        assert (await boss.get("/account")).status == 200


# The team


async def test_roles_are_changed_and_people_let_go_and_in_again(app: App, url: str) -> None:
    user = await app.users.by_email(ANA)
    async with signed_in(url, BOSS) as boss:
        assert await where(await boss.post(f"/users/{user.id}/role", {"role": "viewer"})) == (303, "/users?done=saved")
        assert (await app.users.get(user.id)).role is Role.VIEWER
        await boss.post(f"/users/{user.id}/deactivate")
        assert "not active" in await (await boss.get("/users")).text()
        await boss.post(f"/users/{user.id}/activate")
        async with signed_in(url, ANA) as ana:
            await boss.post(f"/users/{user.id}/sign-out")
            assert (await ana.get("/account")).status == 303


async def test_what_cannot_be_is_said_on_the_page(app: App, url: str) -> None:
    boss_id, ana_id = (await app.users.by_email(BOSS)).id, (await app.users.by_email(ANA)).id
    new = {"email": "bo@example.org", "name": "Bo", "role": "agent"}
    expected: list[tuple[str, Mapping[str, str], int, str]] = [
        ("/users", {**new, "email": "bo"}, 422, "This is no e-mail address"),
        ("/users", {**new, "name": " "}, 422, "Give a name"),
        ("/users", {**new, "role": "boss"}, 422, "There is no such role"),
        ("/users", {**new, "email": ANA.upper()}, 422, "Somebody has this address already"),
        ("/users", {}, 422, "This is no e-mail address"),
        (f"/users/{ana_id}/role", {"role": "boss"}, 422, "There is no such role"),
        (f"/users/{ana_id}/invite", {}, 422, "has chosen a password already"),
        (f"/users/{boss_id}/deactivate", {}, 422, "This is you"),
        (f"/users/{boss_id}/role", {"role": "agent"}, 422, "This is you"),
        ("/users/nobody/deactivate", {}, 404, "no such page"),
    ]
    async with signed_in(url, BOSS) as boss:
        for path, fields, status, said in expected:
            answer = await boss.post(path, fields)
            assert (answer.status, said in await answer.text()) == (status, True), (path, said)
    assert len(await app.users.all()) == 2


async def test_a_click_that_comes_twice_invites_once(app: App, url: str) -> None:
    async with signed_in(url, BOSS) as boss:
        fields = {"email": "bo@example.org", "name": "Bo", "role": "agent"}
        answers = await asyncio.gather(*(boss.post("/users", fields) for _ in range(2)))
    assert sorted(answer.status for answer in answers) == [200, 422]
    assert len(await app.users.all()) == 3


async def test_a_long_team_is_shown_in_pages(app: App, url: str) -> None:
    await app.store.insert([User.new(id=f"u{n}", email=f"{n:03}@example.org", name=f"Nr {n:03}") for n in range(150)])
    async with signed_in(url, BOSS) as boss:
        first = await (await boss.get("/users")).text()
        [more] = re.findall(r'href="(/users\?after=[^"]+)"', first)
        second = await (await boss.get(more)).text()
        assert (await boss.get("/users?after=gone")).status == 200
    names = re.findall(r"<bdi>(Nr \d+)</bdi>", first + second)
    assert names == [f"Nr {n:03}" for n in range(150)]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_can_be_read_in_every_language(app: App, url: str, language: str) -> None:
    user = await app.users.by_email(ANA)
    link = path_in(await app.accounts.team.reset(user.id))
    async with signed_in(url, BOSS) as boss, browser(url) as stranger:
        opened: list[tuple[UserBrowser, str, Callable[[int], bool]]] = [
            (boss, "/account", lambda status: status == 200),
            (boss, "/users", lambda status: status == 200),
            (stranger, "/login", lambda status: status == 200),
            (stranger, "/reset", lambda status: status == 200),
            (stranger, link, lambda status: status == 200),
            (stranger, "/invite/x", lambda status: status == 410),
        ]
        for who, path, is_right in opened:
            answer = await who.get(f"{path}?language={language}")
            assert is_right(answer.status), path
            assert f'<html lang="{language}">' in await answer.text()


async def test_hundreds_of_sessions_need_no_form(app: App, url: str) -> None:
    user = await app.users.by_email(ANA)
    async with browser(url) as ana:
        ana.http.cookie_jar.update_cookies(await cookie_of(app, user))
        assert (await ana.get("/account")).status == 200
