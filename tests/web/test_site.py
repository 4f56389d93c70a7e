"""What all pages have in common: the look of errors, what browsers are told to forbid, files that may be kept for ever."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App
from bot.breakers import Tolerance
from bot.errors import ModelUnavailable, StoreUnavailable
from bot.resources import LANGUAGES
from bot.web.assets import Assets
from bot.web.server import build_site
from bot.web.texts import FOLDER, language_of, texts_of
from tests.web.conftest import Client

pytestmark = pytest.mark.unit

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
TEMPLATES = FOLDER.parent / "templates"
PAGES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


async def test_a_page_that_is_not_there_says_so_in_the_browsers_language(client: Client) -> None:
    answer = await client.get("/nowhere", headers={**BROWSER, "Accept-Language": "es-MX,es;q=0.9,en;q=0.5"})
    assert answer.status == 404
    assert answer.content_type == "text/html"
    assert "Esta página no existe" in await answer.text()
    assert answer.headers["Content-Language"] == "es"


async def test_a_program_gets_no_page_but_the_plain_status(client: Client) -> None:
    answer = await client.post("/nowhere", headers={"Accept": "*/*"})
    assert answer.status == 404
    assert answer.content_type == "text/plain"


async def test_a_wrong_method_names_the_right_ones(client: Client) -> None:
    answer = await client.post("/", headers=BROWSER)
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert "takes no such request" in await answer.text()


async def failing(app: App, error: Exception) -> web.Application:
    async def fail(_: web.Request) -> web.Response:
        raise error

    return build_site([web.get("/fails", fail)], app)


async def test_a_page_that_fails_shows_a_code_and_nothing_of_the_error(app: App) -> None:
    async with TestClient(TestServer(await failing(app, RuntimeError("the secret is 42")))) as client:
        answer = await client.get("/fails", headers=BROWSER)
        text = await answer.text()
    assert answer.status == 500
    assert "secret" not in text
    assert re.search(r'code <span class="mono">[0-9a-f]{6}<', text)


async def test_without_its_store_a_page_says_to_try_again(app: App) -> None:
    async with TestClient(TestServer(await failing(app, StoreUnavailable("disk full")))) as client:
        answer = await client.get("/fails", headers=BROWSER)
        assert answer.status == 503
        assert "Nothing is lost" in await answer.text()


async def test_a_page_forbids_whatever_is_no_file_of_ours_and_being_shown_inside_another(client: Client) -> None:
    headers = (await client.get("/", headers=BROWSER)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


async def test_a_file_may_be_kept_for_ever_under_its_version_and_not_under_another(client: Client) -> None:
    url = Assets().url("parts.css")
    current = await client.get(url)
    assert current.status == 200
    assert current.content_type == "text/css"
    assert "immutable" in current.headers["Cache-Control"]
    old = await client.get("/static/0123456789abcdef/parts.css")
    assert await old.read() == await current.read()
    assert old.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["..%2fserver.py", "%2e%2e/server.py", "none.css", "../../server.py"])
async def test_only_static_files_are_served(client: Client, path: str) -> None:
    assert (await client.get(f"/static/{Assets().version}/{path}")).status == 404


def test_the_version_of_the_files_follows_from_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    first = Assets(tmp_path).version
    assert Assets(tmp_path).version == first
    (tmp_path / "a.js").write_text("2")
    assert Assets(tmp_path).version != first


@pytest.mark.parametrize("page", PAGES)
def test_every_text_of_a_page_is_there_in_every_language_with_the_same_blanks(page: str) -> None:
    for name, row in yaml.safe_load((FOLDER / f"{page}.yaml").read_text(encoding="utf-8")).items():
        assert set(row) == set(LANGUAGES), name
        blanks = {language: sorted(b for _, b, _, _ in string.Formatter().parse(text) if b) for language, text in row.items()}
        assert len({tuple(found) for found in blanks.values()}) == 1, name
        assert all(text.strip() for text in row.values()), name


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_can_be_said_in_every_language(page: str, language: str) -> None:
    assert texts_of(page, language)("skip")


def test_no_template_has_a_script_or_a_style_of_its_own() -> None:
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        for tag in re.findall(r"<script\b[^>]*>", text):
            assert "src=" in tag or 'type="application/json"' in tag, template.name
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), template.name


@pytest.mark.parametrize(
    ("asked", "accepted", "shown"),
    [
        ("", "", "en"),
        ("", "hi-IN,hi;q=0.9,en;q=0.8", "hi"),
        ("", "en;q=0.3,es;q=0.9", "es"),
        ("", "fr,de", "en"),
        ("", "es;q=0,hi", "hi"),
        ("", "es;q=so,hi;q=0.1", "hi"),
        ("es", "hi", "es"),
        ("xx", "hi", "hi"),
        ("", ",;=" * 2000, "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_browsers_favourite_of_ours(asked: str, accepted: str, shown: str) -> None:
    assert language_of(asked, accepted, "en") == shown


async def test_readiness_names_the_vendors_that_are_left_alone(client: Client, app: App) -> None:
    assert "left_alone" not in await (await client.get("/readyz")).json()
    breaker = app.shared.breakers.of("model:big")
    for _ in range(Tolerance().failures):
        await breaker.failed(await breaker.enter(), ModelUnavailable("down"))
    said = await (await client.get("/readyz")).json()
    assert (said["status"], said["left_alone"]) == ("ready", {"model:big": 30.0})
