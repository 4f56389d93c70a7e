from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from bot.channels.whatsapp import sign
from bot.channels.whatsapp.signature import HEADER
from bot.channels.whatsapp.webhook import MAX_BODY, PATH, routes
from bot.clock import SystemClock
from bot.errors import SettingsError, StoreUnavailable
from bot.message import Incoming
from tests.channels.whatsapp.payloads import ANA, change, entry, message, raw, status

pytestmark = pytest.mark.unit

SECRET = "app secret"
VERIFY_TOKEN = "our tökén"

Client = TestClient[web.Request, web.Application]


class Inbox:
    """Keeps what is accepted, or is out of order."""

    def __init__(self) -> None:
        self.items: list[Incoming] = []
        self.calls = 0
        self.broken = False

    async def accept(self, items: Sequence[Incoming]) -> object:
        self.calls += 1
        if self.broken:
            raise StoreUnavailable
        self.items += items
        return None


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def client(inbox: Inbox) -> AsyncIterator[Client]:
    app = web.Application(client_max_size=MAX_BODY + 1024)
    app.add_routes(routes(app_secret=SECRET, verify_token=VERIFY_TOKEN, accept=inbox.accept, clock=SystemClock()))
    async with TestClient(TestServer(app)) as client:
        yield client


async def post(client: Client, body: bytes, signature: str | None = None) -> aiohttp.ClientResponse:
    data = io.BytesIO(body)  # aiohttp warns about large plain bytes
    return await client.post(PATH, data=data, headers={HEADER: sign(SECRET, body) if signature is None else signature})


async def test_metas_verification_is_answered_with_the_bare_challenge(client: Client) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "115 8201<b>"}
    answer = await client.get(PATH, params=query)
    assert answer.status == 200
    assert await answer.text() == "115 8201<b>"
    assert answer.content_type == "text/plain"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"hub.mode": "subscribe"},
        {"hub.mode": "subscribe", "hub.verify_token": "another"},
        {"hub.mode": "unsubscribe", "hub.verify_token": VERIFY_TOKEN},
        {"hub.verify_token": VERIFY_TOKEN},
    ],
)
async def test_anybody_elses_verification_is_refused(client: Client, query: dict[str, str]) -> None:
    answer = await client.get(PATH, params={**query, "hub.challenge": "1158201"})
    assert answer.status == 403
    assert "1158201" not in await answer.text()


async def test_without_a_verify_token_nobody_is_verified(inbox: Inbox) -> None:
    app = web.Application()
    app.add_routes(routes(app_secret=SECRET, verify_token="", accept=inbox.accept, clock=SystemClock()))
    async with TestClient(TestServer(app)) as client:
        answer = await client.get(PATH, params={"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"})
        assert answer.status == 403


def test_without_a_secret_there_is_no_webhook(inbox: Inbox) -> None:
    with pytest.raises(SettingsError, match="WHATSAPP_APP_SECRET"):
        routes(app_secret="", verify_token=VERIFY_TOKEN, accept=inbox.accept, clock=SystemClock())


async def test_everything_in_a_signed_body_is_accepted_at_once(client: Client, inbox: Inbox) -> None:
    answer = await post(client, raw(message(id="1"), message("image", id="2"), status()))
    assert (answer.status, await answer.text()) == (200, "ok")
    assert [item.id for item in inbox.items] == ["1", "2", "wamid.ours:delivered"]
    assert inbox.calls == 1


@pytest.mark.parametrize(
    ("signature", "expected"),
    [("", 401), ("sha256=abc", 401), ("sha1=" + "0" * 40, 401), ("sha256=" + "0" * 64, 403), ("sha256=" + "é" * 64, 401)],
)
async def test_an_unsigned_body_is_refused_and_not_kept(client: Client, inbox: Inbox, signature: str, expected: int) -> None:
    assert (await post(client, raw(message()), signature)).status == expected
    assert inbox.calls == 0


async def test_a_missing_signature_is_refused(client: Client, inbox: Inbox) -> None:
    assert (await client.post(PATH, data=raw(message()))).status == 401
    assert inbox.calls == 0


async def test_the_signature_is_over_the_bytes_as_they_came(client: Client, inbox: Inbox) -> None:
    escaped = raw(message()).replace(b"Hello", b"\\u00a1Hola\\u0021 \\/ \\ud83d\\ude4f")
    assert (await post(client, escaped)).status == 200
    assert (await post(client, escaped + b" ", sign(SECRET, escaped))).status == 403


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[]", b'"x"', b"7", b"[" * 50_000 + b"]" * 50_000])
async def test_a_signed_body_that_is_no_webhook_is_a_bad_request(client: Client, inbox: Inbox, body: bytes) -> None:
    assert (await post(client, body)).status == 400
    assert inbox.calls == 0


@pytest.mark.parametrize("body", [b'{"entry":[]}', raw(statuses=[], contacts=[]), b'{"entry":[7,{"changes":[null]}]}'])
async def test_a_signed_body_with_nothing_for_us_is_fine(client: Client, inbox: Inbox, body: bytes) -> None:
    assert (await post(client, body)).status == 200
    assert inbox.calls == 0


async def test_what_is_ignored_is_logged_once_and_without_anything_personal(client: Client, inbox: Inbox) -> None:
    broken = message(id=None)
    with capture_logs() as logs:
        assert (await post(client, raw(message(), broken, broken, {**status(), "status": "lost"}))).status == 200
    assert len(inbox.items) == 1
    (line,) = logs
    assert line["log_level"] == "warning"
    assert line["parts"] == 3
    assert line["reasons"] == {"message without an id": 2, "status lost": 1}
    assert ANA not in str(logs)


async def test_while_the_store_is_away_meta_is_asked_to_come_again(client: Client, inbox: Inbox) -> None:
    inbox.broken = True
    answer = await post(client, raw(message()))
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    inbox.broken = False
    assert (await post(client, raw(message()))).status == 200
    assert len(inbox.items) == 1


async def test_a_body_of_metas_largest_size_is_taken_and_a_larger_one_is_not(client: Client, inbox: Inbox) -> None:
    body = raw(message())
    assert (await post(client, body + b" " * (MAX_BODY - len(body)))).status == 200
    assert (await post(client, body + b" " * (MAX_BODY - len(body) + 1))).status == 413
    assert inbox.calls == 1


@pytest.mark.parametrize("size", [MAX_BODY + 1, MAX_BODY + 100_000])
async def test_a_body_that_does_not_tell_its_size_is_measured(client: Client, inbox: Inbox, size: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(size // 65_536):
            yield b" " * 65_536
        yield b" " * (size % 65_536)

    answer = await client.post(PATH, data=chunks(), headers={HEADER: "sha256=" + "0" * 64})
    assert answer.status == 413
    assert inbox.calls == 0


async def test_other_methods_are_not_allowed(client: Client) -> None:
    assert (await client.put(PATH, data=b"{}")).status == 405
    assert (await client.head(PATH)).status == 405


async def test_a_batch_over_several_entries_is_one_commit(client: Client, inbox: Inbox) -> None:
    document = {"entry": [entry(change(message(id=str(number)))) for number in range(20)]}
    answer = await post(client, orjson.dumps(document))
    assert answer.status == 200
    assert (inbox.calls, len(inbox.items)) == (1, 20)
