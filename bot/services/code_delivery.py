"""Sends one-time codes: a job, so that one that is asked for goes out, also after a crash, and always as the same code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import structlog

from bot.clock import Clock
from bot.errors import Conflict, SendRefused
from bot.message import Reply
from bot.outbox import Outbox
from bot.records.conversations import Conversation
from bot.records.work import Author, Job
from bot.resources import say
from bot.services.conversations import Conversations
from bot.services.one_time_codes import OneTimeCodes
from bot.services.verification import Via
from bot.store.base import Change, Store, Unit

log = structlog.get_logger()


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, to: str, subject: str, text: str, key: str) -> None:
        """Sends one mail; `key` names it, should it go out twice. Raises SendDelayed, SendRefused."""


class CodeDelivery:
    """The handler of the job. Only here does a code exist, on its way to the person."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        outbox: Outbox,
        conversations: Conversations,
        codes: OneTimeCodes,
        mailer: Mailer | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._outbox = outbox
        self._conversations = conversations
        self._codes = codes
        self._mailer = mailer

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        """Sends the code of `Verifying.begin`, unless it is too late to be of use. Raises SendDelayed."""
        if self._clock.now() >= datetime.fromisoformat(payload["until"]):
            return
        code, language = self._codes.code(payload["nonce"]), str(payload["language"])
        text = say(language, "code_text", code=code)
        if payload["via"] == Via.WHATSAPP:
            await self._by_whatsapp(payload, text, code)
        elif self._mailer is not None:
            await self._by_email(self._mailer, payload, say(language, "code_subject"), text)

    async def _by_email(self, mailer: Mailer, payload: Mapping[str, Any], subject: str, text: str) -> None:
        try:
            await mailer.send(payload["to"], subject, text, payload["nonce"])
        except SendRefused as error:  # trying again changes nothing
            log.warning("one-time code not sent", job=payload["nonce"], error=str(error))

    async def _by_whatsapp(self, payload: Mapping[str, Any], text: str, code: str) -> None:
        conversation = await self._store.get(Conversation, payload["conversation"])
        if conversation is None or conversation.openness != "open":
            return
        unit = Unit()
        said = self._outbox.add(unit, conversation, [Reply(text)], Author.SYSTEM, proactive=True, hidden=code)
        self._conversations.said(unit, conversation, said)
        # A handler may run twice: what the first run has put into the outbox is not put there again.
        unfinished = {"id": payload["nonce"], "executed_at": None}
        unit.add(Change(Job, unfinished, set={"executed_at": self._clock.now()}, must=1))
        try:
            await self._store.commit(unit)
        except Conflict:
            return
        await self._outbox.wake(conversation.lane)
