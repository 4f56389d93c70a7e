"""Meta's other side: it signs webhooks and posts them, in batches, twice, out of order, until they are taken."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Sequence
from datetime import datetime

import aiohttp
import msgspec

from bot.channels.whatsapp.signature import HEADER, sign
from bot.clock import Clock, new_id
from bot.testing.whatsapp import bodies
from bot.testing.whatsapp.bodies import Node, Sent

_AT_ONCE = 64
_LARGE = 1 << 20
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 1.0


def person(number: int) -> str:
    """Somebody's number, from a range that is nobody's: 1202555 and four digits."""
    return f"1202555{number % 10_000:04d}"


class Posted(msgspec.Struct, frozen=True):
    """A webhook that was posted, and the answer to it."""

    status: int
    raw: bytes
    ids: tuple[str, ...] = ()
    """The ids of the messages in it."""
    tries: int = 1

    @property
    def id(self) -> str:
        """The id of its first message."""
        return self.ids[0]


class Vendor:
    """Posts webhooks to `target`, the whole URL of the webhook under test.

    With `redelivers` each is posted again until it is answered with 200, as Meta does, and a server that is away is waited for,
    or one of the `others` takes its place, as behind a balancer; otherwise an unreachable target raises aiohttp.ClientError.
    """

    def __init__(
        self, *, target: str, secret: str, phone_id: str, clock: Clock, redelivers: bool, others: Sequence[str] = ()
    ) -> None:
        self.target = target
        self.others = others
        self.secret = secret
        self.phone_id = phone_id
        self.clock = clock
        self.redelivers = redelivers
        self.heard_from: dict[str, datetime] = {}
        """When each person last wrote: the start of their 24 hours."""
        self._last: Posted | None = None
        self._http: aiohttp.ClientSession | None = None

    async def text(self, from_: str, body: str, id: str = "", *, name: str = "Ana", reply_to: str = "") -> Posted:
        """Somebody writes a text."""
        return await self.batch([self.text_node(from_, body, id, reply_to=reply_to)], name=name)

    async def tap(self, from_: str, button_id: str, title: str, *, reply_to: str = "", id: str = "") -> Posted:
        """Somebody taps a reply button."""
        part = {"type": "button_reply", "button_reply": {"id": button_id, "title": title}}
        return await self.batch([self.node("interactive", part, from_, id, reply_to=reply_to)])

    def text_node(self, from_: str, body: str, id: str = "", *, reply_to: str = "") -> Node:
        """A text message for `batch` or `shuffle`."""
        return self.node("text", {"body": body}, from_, id, reply_to=reply_to)

    def node(self, kind: str, part: object, from_: str, id: str = "", *, reply_to: str = "") -> Node:
        """A message of any type for `batch` or `shuffle`; `part` is what Meta puts under the type's name."""
        more = {"context": {"from": self.phone_id, "id": reply_to}} if reply_to else {}
        return bodies.message(kind, part, from_=from_, id=id or f"wamid.{new_id()}", at=self.clock.now(), **more)

    async def batch(self, messages: Sequence[Node], *, name: str = "Ana") -> Posted:
        """Several messages in one body."""
        people = dict.fromkeys(str(node.get("from") or node.get("from_user_id")) for node in messages)
        contacts = [bodies.contact(who, name) for who in people]
        return await self.post_body(bodies.body(self.phone_id, messages=messages, contacts=contacts))

    async def shuffle(self, messages: Sequence[Node], seed: int) -> list[Posted]:
        """Each message in a webhook of its own, in an order that the seed decides."""
        order = list(messages)
        random.Random(seed).shuffle(order)
        return [await self.batch([node]) for node in order]

    async def burst(self, count: int, from_: str = "", body: str = "Message {}") -> list[Posted]:
        """So many texts at once, 64 in flight: from one person, or from as many people if none is named."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> Posted:
            async with gate:
                return await self.text(from_ or person(number), body.format(number))

        return list(await asyncio.gather(*(one(number) for number in range(count))))

    async def duplicate(self, posted: Posted | None = None) -> Posted:
        """The last body again, byte for byte, or this one."""
        again = posted or self._last
        if again is None:
            raise ValueError("Nothing was posted yet that could be posted again.")
        answer = await self.post_raw(again.raw)
        return msgspec.structs.replace(answer, ids=again.ids)

    async def receipts(self, sent: Sent, statuses: Sequence[str] = ("sent", "delivered", "read")) -> list[Posted]:
        """The receipts of a message, each in a webhook of its own."""
        return [await self.receipt(sent, name) for name in statuses]

    async def receipt(self, sent: Sent, name: str, error: Node | None = None) -> Posted:
        """One receipt; `error` for a `failed` one (see `failed`)."""
        node = bodies.status(sent, name, self.clock.now(), error)
        contacts = [bodies.contact(sent.to, "Ana")]
        return await self.post_body(bodies.body(sent.phone_id, statuses=[node], contacts=contacts))

    async def post_body(self, document: Node) -> Posted:
        """Signs and posts any body."""
        messages = [
            node
            for entry in document.get("entry", ())
            for change in entry.get("changes", ())
            for node in change.get("value", {}).get("messages", ())
        ]
        for node in messages:
            self.heard_from[str(node.get("from") or node.get("from_user_id"))] = self.clock.now()
        posted = await self.post_raw(bodies.written(document))
        self._last = msgspec.structs.replace(posted, ids=tuple(node["id"] for node in messages if "id" in node))
        return self._last

    async def post_raw(self, raw: bytes, signature: str | None = None) -> Posted:
        """Posts bytes; signed as they should be, or with this header (an empty one leaves it out)."""
        header = sign(self.secret, raw) if signature is None else signature
        headers = {"Content-Type": "application/json", **({HEADER: header} if header else {})}
        tries, wait = 0, _FIRST_WAIT
        targets = (self.target, *self.others)
        while True:
            target = targets[tries % len(targets)]
            tries += 1
            try:
                status = await self._post(target, raw, headers)
            except (aiohttp.ClientError, TimeoutError):
                if not self.redelivers:
                    raise
                status = 0
            if status == 200 or not self.redelivers:
                return Posted(status, raw, (), tries)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _post(self, target: str, raw: bytes, headers: dict[str, str]) -> int:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), connector=aiohttp.TCPConnector(limit=0))
        data = raw if len(raw) < _LARGE else io.BytesIO(raw)  # aiohttp warns about large plain bytes
        async with self._http.post(target, data=data, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def close(self) -> None:
        """Lets go of its connections to the target."""
        if self._http is not None:
            await self._http.close()
            self._http = None
