"""A simulated WhatsApp phone: it writes what a person does as Meta's webhooks, signed, and reads replies from the timeline.

It never forges: its secret is its own, made anew in every process, and all it writes is for its own number id, which no vendor
gives. What it says can be taken for the real number's nowhere, and what is said to it is posted nowhere (DESIGN 5).
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bot.channels.whatsapp.parser import CHANNEL
from bot.channels.whatsapp.receiving import receive
from bot.channels.whatsapp.shaping import shape
from bot.channels.whatsapp.signature import sign
from bot.clock import Clock
from bot.message import Address, Button, Incoming, Reply

NUMBER_ID: Final = "simulator"
"""Our end of it. Meta's number ids are digits, so the real sender refuses to send from this one."""

NAME: Final = f"{CHANNEL}:{NUMBER_ID}"
"""Under which the channel is found: for this one number id of WhatsApp, and no other."""

_WAMID = "wamid.SIM"

Node = dict[str, Any]


class SimulatedChannel:
    """The way out: a reply is sent when it is on the timeline, in the shape that WhatsApp would show."""

    name = NAME
    tracks = True

    def shape(self, reply: Reply) -> list[Reply]:
        return shape(reply)

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        return f"{_WAMID}.{tracker}"

    async def close(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one webhook."""

    status: int
    """What the vendor would have been answered: 200 only when everything in it is durable."""
    fresh: int
    """Messages that were not there yet; a duplicate is dropped."""
    checked_ms: float
    """For checking the signature and reading the body."""
    stored_ms: float
    """For the durable write."""


class Simulator:
    """Writes vendor bodies, signs them, and has them received as if Meta had posted them."""

    def __init__(self, accept: Callable[[Sequence[Incoming]], Awaitable[int]], clock: Clock) -> None:
        self._accept = accept
        self._clock = clock
        self._secret = secrets.token_hex(32)

    def address(self, number: str) -> Address:
        """Where the person with this number (digits with the country code) talks to us."""
        return Address(CHANNEL, NUMBER_ID, number)

    async def write(self, number: str, name: str, key: str, text: str) -> Delivered:
        """Somebody writes something. The same key again is the same message."""
        return await self._message(number, name, key, "text", {"body": text})

    async def tap(self, number: str, name: str, key: str, button: Button) -> Delivered:
        """Somebody taps a button that was shown."""
        reply = {"id": button.id, "title": button.title}
        return await self._message(number, name, key, "interactive", {"type": "button_reply", "button_reply": reply})

    async def seen(self, number: str, provider_ids: Sequence[str], status: str) -> Delivered:
        """Their phone got these messages of ours (`delivered`), or they have `read` them."""
        at = self._timestamp()
        statuses = [{"id": id_, "status": status, "timestamp": at, "recipient_id": number} for id_ in provider_ids]
        return await self._post({"statuses": statuses})

    async def deliver(self, raw: bytes, signature: str | None) -> Delivered:
        """A body from whoever says to be the simulator; received like a webhook, against the simulator's own secret."""
        fresh, stored = 0, 0.0

        async def accept(items: Sequence[Incoming]) -> None:
            nonlocal fresh, stored
            began = self._clock.monotonic()
            fresh = await self._accept(items)
            stored = self._clock.monotonic() - began

        began = self._clock.monotonic()
        answer = await receive(raw, signature, app_secret=self._secret, accept=accept, clock=self._clock)
        checked = self._clock.monotonic() - began - stored
        return Delivered(answer.status, fresh, checked * 1000, stored * 1000)

    async def _message(self, number: str, name: str, key: str, kind: str, part: Node) -> Delivered:
        message = {
            "from": number,
            "id": f"{_WAMID}.{number}.{key}",
            "timestamp": self._timestamp(),
            "type": kind,
            kind: part,
        }
        contact = {"profile": {"name": name}, "wa_id": number}
        return await self._post({"contacts": [contact], "messages": [message]})

    async def _post(self, value: Node) -> Delivered:
        metadata = {"display_phone_number": NUMBER_ID, "phone_number_id": NUMBER_ID}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        body = {"object": "whatsapp_business_account", "entry": [{"id": NUMBER_ID, "changes": [change]}]}
        raw = orjson.dumps(body)
        return await self.deliver(raw, sign(self._secret, raw))

    def _timestamp(self) -> str:
        return str(int(self._clock.now().timestamp()))
