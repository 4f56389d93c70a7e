from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.channels.whatsapp.webhook import PATH, routes
from bot.clock import SystemClock
from bot.errors import StoreUnavailable
from bot.message import Button, Choice, InboundMessage, Incoming, Receipt, ReceiptStatus, Text
from bot.testing.whatsapp import PHONE_ID, SECRET, TOKEN, FakeWhatsApp, Fault, faults, person

pytestmark = pytest.mark.unit

ANA = person(123)


class Webhook:
    """The side under test: our own webhook, keeping what it is told; away while `away` is positive."""

    def __init__(self) -> None:
        self.items: list[Incoming] = []
        self.bodies = 0
        self.away = 0
        self.url = ""
        self._told = asyncio.Event()

    async def accept(self, items: Sequence[Incoming]) -> object:
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        self.bodies += 1
        self.items += items
        self._told.set()
        return None

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.items) < count:
                self._told.clear()
                await self._told.wait()

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(item.address.theirs, item.content.as_text()) for item in self.items if isinstance(item, InboundMessage)]


class LateClock(SystemClock):
    """The machine's clock, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    webhook = Webhook()
    app = web.Application()
    app.add_routes(routes(app_secret=SECRET, verify_token="v", accept=webhook.accept, clock=SystemClock()))
    async with TestServer(app) as server:
        webhook.url = str(server.make_url(PATH))
        yield webhook


@pytest.fixture
async def meta(webhook: Webhook) -> AsyncIterator[FakeWhatsApp]:
    async with FakeWhatsApp(target=webhook.url) as meta:
        yield meta


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


def text_to(to: str, body: str, tracker: str = "") -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "text",
        "text": {"body": body},
        "biz_opaque_callback_data": tracker,
    }


def buttons(*pairs: tuple[str, str], text: str = "Which?") -> dict[str, Any]:
    shown = [{"type": "reply", "reply": {"id": id, "title": title}} for id, title in pairs]
    part = {"type": "button", "body": {"text": text}, "action": {"buttons": shown}}
    return {"messaging_product": "whatsapp", "to": ANA, "type": "interactive", "interactive": part}


async def send(
    http: aiohttp.ClientSession, url: str, document: dict[str, Any], *, token: str = TOKEN, phone_id: str = PHONE_ID
) -> tuple[int, Any]:
    target = f"{url}/v26.0/{phone_id}/messages"
    async with http.post(target, json=document, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status, await answer.json(content_type=None) if answer.content_type.endswith(
            "json"
        ) else await answer.text()


# What is sent --------------------------------------------------------------------------------------------------------------


async def test_a_send_is_answered_as_meta_answers_and_kept(meta: FakeWhatsApp, http: aiohttp.ClientSession) -> None:
    status, answer = await send(http, meta.url, text_to(ANA, "Hello", "d1"))
    (sent,) = meta.sent
    assert status == 200
    assert answer == {"messaging_product": "whatsapp", "contacts": [{"input": ANA, "wa_id": ANA}], "messages": [{"id": sent.id}]}
    assert (sent.to, sent.text, sent.buttons, sent.tracker, sent.phone_id) == (ANA, "Hello", (), "d1", PHONE_ID)
    assert await send(http, meta.url, buttons(("y", "Yes"), ("n", "No"))) != answer
    assert meta.sent_to(ANA)[1].buttons == (Button("y", "Yes"), Button("n", "No"))
    assert meta.sent_to(person(1)) == []


async def test_a_mark_as_read_is_no_message(meta: FakeWhatsApp, http: aiohttp.ClientSession) -> None:
    assert await send(http, meta.url, {"status": "read", "message_id": "wamid.1"}) == (200, {"success": True})
    assert (meta.read, meta.sent) == (["wamid.1"], [])


async def test_a_stranger_and_a_wrong_number_are_refused(meta: FakeWhatsApp, http: aiohttp.ClientSession) -> None:
    status, answer = await send(http, meta.url, text_to(ANA, "Hello"), token="another")
    assert (status, answer["error"]["code"]) == (401, 190)
    status, answer = await send(http, meta.url, text_to(ANA, "Hello"), phone_id="1")
    assert (status, answer["error"]["code"], answer["error"]["error_subcode"]) == (400, 100, 33)
    assert meta.sent == []


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"type": "text", "to": ANA}, 100),
        ({"to": ANA}, 100),
        (text_to("", "Hello"), 100),
        (text_to(ANA, " "), 100),
        (text_to(ANA, "x" * 4097), 100),
        (buttons(("a", "A"), ("b", "B"), ("c", "C"), ("d", "D")), 131009),
        (buttons(), 131009),
        (buttons(("a", "x" * 21)), 131009),
        (buttons(("a", "")), 131009),
        (buttons(("x" * 257, "A")), 131009),
        (buttons(("a", "A"), ("a", "B")), 131009),
        (buttons(("a", "A"), text="x" * 1025), 131009),
    ],
)
async def test_metas_limits_are_enforced(
    meta: FakeWhatsApp, http: aiohttp.ClientSession, document: dict[str, Any], code: int
) -> None:
    status, answer = await send(http, meta.url, document)
    assert (status, answer["error"]["code"]) == (400, code)
    assert meta.sent == []


@pytest.mark.parametrize(
    ("fault", "status", "taken"),
    [
        (faults.error(131056), 429, False),
        (faults.error(131016), 503, False),
        (faults.error(250), 403, False),
        (faults.html(500), 500, False),
        (faults.html(200, accepts=True), 200, True),
        (faults.json_answer({}), 200, True),
        (faults.delay(0.01), 200, True),
        (faults.lost_answer(), 0, True),
        (faults.lost_request(), 0, False),
    ],
)
async def test_a_fault_happens_once_and_the_next_send_is_fine(
    meta: FakeWhatsApp, http: aiohttp.ClientSession, fault: Fault, status: int, taken: bool
) -> None:
    meta.fail(fault)
    try:
        seen = (await send(http, meta.url, text_to(ANA, "Hello")))[0]
    except aiohttp.ClientError:
        seen = 0
    assert seen == status
    assert (len(meta.sent), len(meta.refused)) == ((1, 0) if taken else (0, 1))
    assert (await send(http, meta.url, text_to(ANA, "Hello")))[0] == 200


async def test_a_send_that_hangs_ends_with_the_fake(http: aiohttp.ClientSession) -> None:
    async with FakeWhatsApp() as meta:
        meta.fail(faults.hang(accepts=True))
        hanging = asyncio.create_task(send(http, meta.url, text_to(ANA, "Hello")))
        await meta.until_sent(1)
        assert not hanging.done()
    assert (await hanging)[0] == 200


async def test_a_rule_decides_about_every_send(meta: FakeWhatsApp, http: aiohttp.ClientSession) -> None:
    meta.rule = lambda sent: faults.error(131026) if sent.to == ANA else None
    meta.fail(None)
    statuses = [(await send(http, meta.url, text_to(to, "Hello")))[0] for to in (ANA, ANA, person(1))]
    assert statuses == [200, 400, 200]


# What is posted ------------------------------------------------------------------------------------------------------------


async def test_people_write_and_tap(meta: FakeWhatsApp, webhook: Webhook) -> None:
    posted = await meta.text(ANA, "¡Hola! 🙏", "wamid.1", name="Ana", reply_to="wamid.0")
    await meta.tap(ANA, "yes", "Yes")
    await meta.text("US.13491208655302741918", "No number")
    first, second, third = webhook.items
    assert (posted.status, posted.id) == (200, "wamid.1")
    assert isinstance(first, InboundMessage)
    assert (first.id, first.content, first.reply_to, first.sender.name) == ("wamid.1", Text("¡Hola! 🙏"), "wamid.0", "Ana")
    assert isinstance(second, InboundMessage)
    assert second.content == Choice("yes", "Yes")
    assert third.address.theirs == "US.13491208655302741918"


async def test_batches_duplicates_and_disorder(meta: FakeWhatsApp, webhook: Webhook) -> None:
    nodes = [meta.text_node(ANA, str(number), f"wamid.{number}") for number in range(6)]
    batch = await meta.batch(nodes)
    assert batch.ids == tuple(f"wamid.{number}" for number in range(6))
    assert webhook.bodies == 1
    again = await meta.duplicate()
    assert (again.raw, again.ids) == (batch.raw, batch.ids)
    assert webhook.said[:6] == webhook.said[6:]
    webhook.items.clear()
    mixed = [posted.id for posted in await meta.shuffle(nodes, seed=1)]
    assert mixed != list(batch.ids)
    assert sorted(mixed) == list(batch.ids)
    assert mixed == [posted.id for posted in await meta.shuffle(nodes, seed=1)]
    assert (await meta.duplicate(batch)).ids == batch.ids


async def test_nothing_can_be_posted_twice_before_once(meta: FakeWhatsApp) -> None:
    with pytest.raises(ValueError, match="Nothing was posted"):
        await meta.duplicate()


async def test_a_burst(meta: FakeWhatsApp, webhook: Webhook) -> None:
    posted = await meta.burst(100)
    assert {one.status for one in posted} == {200}
    assert len({who for who, _ in webhook.said}) == 100
    await meta.burst(10, ANA, "Hi {}")
    assert sorted(webhook.said[100:]) == [(ANA, f"Hi {number}") for number in range(10)]


async def test_receipts_echo_the_tracker(meta: FakeWhatsApp, webhook: Webhook, http: aiohttp.ClientSession) -> None:
    await send(http, meta.url, text_to(ANA, "Hello", "d1"))
    await meta.receipts(meta.sent[0])
    receipts = [item for item in webhook.items if isinstance(item, Receipt)]
    assert [receipt.status for receipt in receipts] == [ReceiptStatus.SENT, ReceiptStatus.DELIVERED, ReceiptStatus.READ]
    assert {(receipt.tracker, receipt.provider_id, receipt.address.theirs) for receipt in receipts} == {
        ("d1", meta.sent[0].id, ANA)
    }


async def test_receipts_of_somebody_without_a_number(meta: FakeWhatsApp, webhook: Webhook, http: aiohttp.ClientSession) -> None:
    document = {"recipient": "US.1", "type": "text", "text": {"body": "Hello"}}
    _, answer = await send(http, meta.url, document)
    assert answer["contacts"] == [{"input": "US.1", "user_id": "US.1"}]
    await meta.receipts(meta.sent[0], ["delivered"])
    assert webhook.items[0].address.theirs == "US.1"


async def test_automatic_receipts_are_posted_until_they_are_taken(webhook: Webhook, http: aiohttp.ClientSession) -> None:
    webhook.away = 2
    async with FakeWhatsApp(target=webhook.url, auto_receipts=True) as meta:
        await send(http, meta.url, text_to(ANA, "Hello", "d1"))
        await meta.until_receipts_posted()
    (receipt,) = webhook.items
    assert isinstance(receipt, Receipt)
    assert (receipt.status, receipt.tracker) == (ReceiptStatus.SENT, "d1")


async def test_outside_the_24_hours_a_message_fails_as_metas_do(webhook: Webhook, http: aiohttp.ClientSession) -> None:
    clock = LateClock()
    async with FakeWhatsApp(target=webhook.url, window=True, clock=clock) as meta:
        await meta.text(ANA, "Hello")
        await send(http, meta.url, text_to(ANA, "In time"))
        clock.ahead = timedelta(hours=24, seconds=1)
        assert (await send(http, meta.url, text_to(ANA, "Late", "d2")))[0] == 200
        await send(http, meta.url, text_to(person(1), "Who are you?", "d3"))
        await meta.until_receipts_posted()
    failed = [item for item in webhook.items if isinstance(item, Receipt)]
    assert {(item.tracker, item.status, item.error_code) for item in failed} == {
        ("d2", ReceiptStatus.FAILED, "131047"),
        ("d3", ReceiptStatus.FAILED, "131047"),
    }


async def test_a_webhook_is_redelivered_until_it_is_taken(webhook: Webhook) -> None:
    webhook.away = 2
    async with FakeWhatsApp(target=webhook.url, redelivers=True) as meta:
        assert (await meta.text(ANA, "Hello")).tries == 3
    assert webhook.said == [(ANA, "Hello")]


async def test_without_redelivery_the_answer_is_told(meta: FakeWhatsApp, webhook: Webhook) -> None:
    webhook.away = 1
    assert (await meta.text(ANA, "Hello")).status == 503
    assert (await meta.post_raw(b'{"entry":[]}', "")).status == 401
    assert (await meta.post_raw(b'{"entry":[]}', "sha256=" + "0" * 64)).status == 403
    assert (await meta.post_raw(b"{" + b" " * (1 << 20))).status == 413  # the application under test takes aiohttp's usual 1 MB
    meta.target = "http://127.0.0.1:1/"
    with pytest.raises(aiohttp.ClientError):
        await meta.text(ANA, "Hello")


# In a process of its own ---------------------------------------------------------------------------------------------------


async def test_the_process_writes_down_every_send_before_it_answers(
    tmp_path: Path, webhook: Webhook, http: aiohttp.ClientSession
) -> None:
    log = tmp_path / "sent.jsonl"
    options = ["--target", webhook.url, "--secret", SECRET, "--log", str(log), "--auto-receipts"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.testing.whatsapp", *options, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode()
        assert line.startswith("listening on http://127.0.0.1:")
        url = line.split()[-1]
        for number in range(5):
            assert (await send(http, url, text_to(ANA, f"Message {number}", f"d{number}")))[0] == 200
            assert len(log.read_bytes().splitlines()) == number + 1
        await send(http, url, buttons(("y", "Yes")))
        await webhook.until(6)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert await process.wait() == 0
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert [(line["to"], line["text"], line["tracker"], line["accepted"]) for line in lines[:5]] == [
        (ANA, f"Message {number}", f"d{number}", True) for number in range(5)
    ]
    assert lines[5]["buttons"] == [["y", "Yes"]]
    assert {item.tracker for item in webhook.items if isinstance(item, Receipt)} == {"", *(f"d{n}" for n in range(5))}


async def say_from_a_process(*options: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.testing.whatsapp", "--say", ANA, "¡Hola!", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    out, err = await asyncio.wait_for(process.communicate(), 10)
    return process.returncode, out.decode(), err.decode()


async def test_the_process_posts_one_signed_text_and_ends(webhook: Webhook) -> None:
    code, out, err = await say_from_a_process("--target", webhook.url, "--secret", SECRET)
    assert (code, err) == (0, "")
    assert out.startswith("posted wamid.")
    assert webhook.said == [(ANA, "¡Hola!")]


async def test_a_text_that_is_not_taken_is_one_line_and_an_exit_code(webhook: Webhook) -> None:
    code, _, err = await say_from_a_process("--target", webhook.url, "--secret", "another")
    assert (code, err) == (1, f"{webhook.url} answered 403; are the URL and the secret right?\n")
    code, _, err = await say_from_a_process("--target", "http://127.0.0.1:1/")
    assert code == 1
    assert err.startswith("http://127.0.0.1:1/ cannot be reached: ")
    code, _, err = await say_from_a_process()
    assert code == 2
    assert "--say needs --target" in err
    assert webhook.said == []
