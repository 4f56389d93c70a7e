"""The connection of the simulated phone: the chat's, but what is written goes the way of a vendor's webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from aiohttp import web

from bot.errors import Overloaded, StoreUnavailable
from bot.message import Button, Choice, Content
from bot.records.conversations import Message
from bot.services.last_turn import last_turn
from bot.store.base import In
from bot.web.chat.allowance import Allowance
from bot.web.chat.connection import Connection
from bot.web.chat.timeline import View
from bot.web.simulator.path import path_of
from bot.web.simulator.people import Somebody
from bot.web.site import Parts, Phone, Received
from bot.web.texts import Texts


class PhoneConnection(Connection):
    """One open page with a simulated phone on it."""

    tells_typing = False  # WhatsApp tells us of no typing, and we do not tell of ours

    def __init__(
        self, parts: Parts, phone: Phone, socket: web.WebSocketResponse, who: Somebody, allowance: Allowance, texts: Texts
    ) -> None:
        super().__init__(parts, socket, phone.address(who.number), "this machine", allowance)
        self._phone = phone
        self._who = who
        self._texts = texts
        self._received: Received | None = None
        self._seen: set[str] = set()
        self._path: Sequence[Mapping[str, str]] = []

    async def _receive(self, key: str, content: Content) -> None:
        """Writes it as a signed webhook. Raises StoreUnavailable or Overloaded where the vendor would be told to come again."""
        if isinstance(content, Choice):
            button = Button(content.id, content.title)
            received = await self._phone.tap(self._who.number, self._who.name, key, button)
        else:
            received = await self._phone.write(self._who.number, self._who.name, key, content.as_text())
        if received.status == 503 and self._parts.backlog.is_full:
            raise Overloaded
        if received.status != 200:
            raise StoreUnavailable(f"the webhook of the simulated phone was answered with {received.status}")
        self._received = received

    async def _tell(self, view: View, *, is_first: bool) -> bool:
        """Shows it on the phone, which says so to us as a phone does; then the way that the last message took."""
        has_news = await super()._tell(view, is_first=is_first)
        with suppress(StoreUnavailable):  # it is looked at again with whatever comes next
            await self._read([str(shown["id"]) for shown in view.messages if shown["from"] != "customer"])
            await self._tell_path(view)
        return has_news

    async def _tell_path(self, view: View) -> None:
        conversation = await self._parts.conversations.open_one(self._address)
        turn = await last_turn(self._parts.store, conversation) if conversation else None
        path = path_of(turn, self._received, self._texts, is_open=view.is_typing)
        if path != self._path:
            self._path = path
            await self._send({"type": "path", "steps": path})

    async def _read(self, ids: Sequence[str]) -> None:
        """Receipts for what is on the phone's screen now: delivered, and read."""
        fresh = [id_ for id_ in ids if id_ not in self._seen]
        if not fresh:
            return
        messages = await self._parts.store.find(Message, {"id": In(fresh), "delivered_at": None})
        provider_ids = [message.whatsapp_message_id for message in messages if message.whatsapp_message_id]
        for status in ("delivered", "read") if provider_ids else ():
            await self._phone.seen(self._who.number, provider_ids, status)
        self._seen.update(fresh)
