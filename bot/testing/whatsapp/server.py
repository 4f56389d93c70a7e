"""A WhatsApp to test against: a real HTTP server that speaks Graph's `/messages`, with faults, receipts and the 24 hours."""

from __future__ import annotations

import asyncio
import hmac
import math
import re
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson
from aiohttp import web

from bot.clock import Clock, SystemClock, new_id
from bot.testing.whatsapp import faults
from bot.testing.whatsapp.bodies import Node, Sent, read_sent
from bot.testing.whatsapp.faults import Fault
from bot.testing.whatsapp.vendor import Vendor

PHONE_ID = "106540352242922"
TOKEN = "fake-whatsapp-token"
SECRET = "fake-whatsapp-secret"
WINDOW = timedelta(hours=24)
_COURIERS = 8

Rule = Callable[[Sent], Fault | None]


class FakeWhatsApp(Vendor):
    """Meta's Cloud API on a free loopback port, for `async with`.

    Give `url` to the channel as WHATSAPP_API_URL, and the URL of the webhook under test to `target`. What was sent is in `sent`.

        async with FakeWhatsApp(target="http://127.0.0.1:8080/webhooks/whatsapp") as meta:
            meta.fail(faults.error(131056), faults.lost_answer())    # the next two sends
            await meta.text(person(1), "Hello")
            await meta.until_sent(1)

    `auto_receipts` posts a `sent` receipt for each message by itself; `window` posts `failed` (131047) for a message to somebody
    who has not written in the last 24 hours, as Meta does; `log` gets one JSON line per send, on disk before it is answered.
    """

    def __init__(
        self,
        *,
        target: str = "",
        others: Sequence[str] = (),
        phone_id: str = PHONE_ID,
        token: str = TOKEN,
        secret: str = SECRET,
        port: int = 0,
        auto_receipts: bool = False,
        window: bool = False,
        redelivers: bool = False,
        log: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            target=target, others=others, secret=secret, phone_id=phone_id, clock=clock or SystemClock(), redelivers=redelivers
        )
        self.token = token
        self.auto_receipts = auto_receipts
        self.window = window
        self.sent: list[Sent] = []
        """What Meta took, in order."""
        self.refused: list[Sent] = []
        """What it did not take."""
        self.read: list[str] = []
        """Ids of messages that were marked as read."""
        self.rule: Rule | None = None
        """Decides the fault of each send for which none is queued."""
        self._faults: deque[Fault | None] = deque()
        self._port = port
        self._log_path = log
        self._log: BinaryIO | None = None
        self._runner: web.AppRunner | None = None
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._errands: asyncio.Queue[tuple[Sent, str, Node | None]] = asyncio.Queue()
        self._couriers: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """The API's address, without the version."""
        return f"http://127.0.0.1:{self._port}"

    def fail(self, *queue: Fault | None) -> None:
        """What happens to the next sends, one each; None lets one pass."""
        self._faults.extend(queue)

    def sent_to(self, who: str) -> list[Sent]:
        """What this person received, in order."""
        return [sent for sent in self.sent if sent.to == who]

    async def until_sent(self, count: int, within: float = 5.0) -> list[Sent]:
        """Waits until so many messages were taken in all. Raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while len(self.sent) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.sent

    async def until_receipts_posted(self, within: float = 5.0) -> None:
        """Waits until every automatic receipt was taken by the target. Raises TimeoutError."""
        async with asyncio.timeout(within):
            await self._errands.join()

    async def __aenter__(self) -> Self:
        self._log = self._log_path.open("ab", buffering=0) if self._log_path else None
        app = web.Application(client_max_size=1 << 20)
        app.router.add_post(r"/v{version:\d+\.\d+}/{phone_id}/messages", self._messages)
        app.router.add_get(r"/v{version:\d+\.\d+}/{phone_id}", self._number)
        # Handlers of sends that hang end by themselves when `_closing` is set, so there is nothing to wait long for.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self._couriers = [asyncio.create_task(self._carry()) for _ in range(_COURIERS)]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        for courier in self._couriers:
            courier.cancel()
        await asyncio.gather(*self._couriers, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        await self.close()
        if self._log is not None:
            self._log.close()

    def _stranger(self, request: web.Request) -> web.Response | None:
        """What somebody hears who has not our token, or asks for a number that is not ours."""
        bearer = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(bearer, f"Bearer {self.token}".encode()):
            return _answer(faults.error(190, subcode=463))
        if request.match_info["phone_id"] != self.phone_id:
            return _answer(faults.error(100, subcode=33, message="Unsupported post request. This object does not exist."))
        return None

    async def _number(self, request: web.Request) -> web.Response:
        number = {"display_phone_number": "+1 202-555-0100", "verified_name": "Test Number", "quality_rating": "GREEN"}
        return self._stranger(request) or web.json_response({**number, "id": self.phone_id})

    async def _messages(self, request: web.Request) -> web.Response:
        if (refusal := self._stranger(request)) is not None:
            return refusal
        raw = orjson.loads(await request.read())
        if raw.get("status") == "read":
            self.read.append(raw["message_id"])
            return web.json_response({"success": True})
        fault = faults.over_the_limits(raw)
        if fault is not None:
            return _answer(fault)
        sent = read_sent(f"wamid.{new_id()}", self.phone_id, raw, self.clock.now())
        return await self._take(request, sent)

    async def _take(self, request: web.Request, sent: Sent) -> web.Response:
        fault = self._faults.popleft() if self._faults else self.rule(sent) if self.rule else None
        fault = fault or Fault()
        (self.sent if fault.accepts else self.refused).append(sent)
        self._note(sent, fault.accepts)
        if fault.accepts:
            self._arrived.set()
            self._after(sent)
        if fault.wait == math.inf:
            await self._closing.wait()
        elif fault.wait:
            await asyncio.sleep(fault.wait)
        if fault.drops and request.transport is not None:
            request.transport.abort()
        return _answer(fault, sent)

    def _note(self, sent: Sent, accepted: bool) -> None:
        if self._log is None:
            return
        line = {
            "id": sent.id,
            "phone_id": sent.phone_id,
            "to": sent.to,
            "text": sent.text,
            "buttons": [[button.id, button.title] for button in sent.buttons],
            "tracker": sent.tracker,
            "at": sent.at.isoformat(timespec="milliseconds"),
            "accepted": accepted,
        }
        self._log.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def _after(self, sent: Sent) -> None:
        """What Meta posts by itself once it took a message."""
        if not self.target:
            return
        heard = self.heard_from.get(sent.to)
        if self.window and (heard is None or self.clock.now() - heard > WINDOW):
            self._errands.put_nowait((sent, "failed", faults.failed(131047)))
        elif self.auto_receipts:
            self._errands.put_nowait((sent, "sent", None))

    async def _carry(self) -> None:
        courier = Vendor(target="", secret=self.secret, phone_id=self.phone_id, clock=self.clock, redelivers=True)
        try:
            while True:
                sent, name, error = await self._errands.get()
                courier.target, courier.others = self.target, self.others
                await courier.receipt(sent, name, error)
                self._errands.task_done()
        finally:
            await courier.close()


def _answer(fault: Fault, sent: Sent | None = None) -> web.Response:
    body = fault.answer
    if body is None and sent is not None:
        who = {"input": sent.to, ("user_id" if sent.to_user_id else "wa_id"): re.sub(r"^\+", "", sent.to)}
        body = orjson.dumps({"messaging_product": "whatsapp", "contacts": [who], "messages": [{"id": sent.id}]})
    return web.Response(status=fault.status, body=body, content_type=fault.content_type, headers=fault.headers)
