"""Tells a customer what became of their ticket: in the talk in which it was opened, where policy and a setting allow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from bot.clock import Clock, new_id
from bot.conversation import ConversationStatus
from bot.errors import Conflict, RecordError
from bot.jobs import Jobs
from bot.message import Reply
from bot.outbox import Outbox
from bot.policy import Policy
from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.records.tickets import Ticket, TicketStatus
from bot.records.work import Author, Delivery, Job, JobStatus
from bot.resources import LANGUAGES, say
from bot.services.conversations import Conversations
from bot.services.settings import SystemSettings
from bot.store.base import Change, Insert, Store, Unit

log = structlog.get_logger()

JOB = "ticket-news"
KEY = "ticket_news"


def read_news(value: object) -> frozenset[TicketStatus]:
    """The setting `ticket_news`: the statuses of which customers are told. Raises RecordError that names field and fix."""
    if not isinstance(value, Mapping) or not isinstance(value.get("enabled", True), bool):
        raise RecordError(f'{KEY}: must be like {{"enabled": true, "statuses": ["resolved"]}}')
    statuses = value.get("statuses", [])
    if not isinstance(statuses, list):
        raise RecordError(f"{KEY}.statuses: must be a list; there are {', '.join(TicketStatus)}")
    unknown = [str(status) for status in statuses if status not in list(TicketStatus)]
    if unknown:
        raise RecordError(f"{KEY}.statuses: there is no status {unknown[0][:40]!r}; there are {', '.join(TicketStatus)}")
    return frozenset(map(TicketStatus, statuses)) if value.get("enabled", True) else frozenset()


class TicketNews:
    """Puts the news into the unit that makes them."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def put(self, unit: Unit, before: Ticket, after: Ticket) -> None:
        """Nothing where its status is the same, or nobody knows where to tell it."""
        if before.status is after.status or after.conversation_id is None:
            return
        id_ = f"{JOB}:{new_id()}"
        payload = {"job": id_, "ticket": after.id, "status": str(after.status)}
        self._jobs.add(unit, JOB, payload, id=id_)


class NewsDelivery:
    """The handler of the job. It is said once: the job is done in the unit that says it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        outbox: Outbox,
        policy: Policy,
        conversations: Conversations,
        settings: SystemSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._outbox = outbox
        self._policy = policy
        self._conversations = conversations
        self._settings = settings

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        status = TicketStatus(payload["status"])
        ticket = await self._store.get(Ticket, payload["ticket"])
        if ticket is None or ticket.status is not status or status not in await self._told():
            return  # gone, or news of yesterday
        conversation = await self._talk(ticket)
        if conversation is None:
            return
        job = {"id": payload["job"], "status": JobStatus.PENDING}
        unit = Unit(Change(Job, job, set={"status": JobStatus.COMPLETED, "executed_at": self._clock.now()}, must=1))
        text = say(
            await self._language(conversation),
            f"news_ticket_{status}",
            ticket_id=ticket.ticket_id,
            subject=ticket.subject,
        )
        said = self._outbox.add(unit, conversation, [Reply(text)], Author.SYSTEM, proactive=True)
        if not await self._is_allowed(unit, conversation):
            return
        self._conversations.said(unit, conversation, said)
        try:
            await self._store.commit(unit)
        except Conflict:
            return  # said already
        await self._outbox.wake(conversation.lane)

    async def _told(self) -> frozenset[TicketStatus]:
        try:
            return read_news(await self._settings.value(KEY))
        except RecordError as error:
            log.warning("setting cannot be read, no customer is told", why=str(error))
            return frozenset()

    async def _talk(self, ticket: Ticket) -> Conversation | None:
        """Where they opened it, or what goes on there now, if it is still theirs."""
        opened = await self._store.get(Conversation, ticket.conversation_id or "")
        if opened is None:
            return None
        talk = await self._conversations.open_one(opened.address) if opened.status is ConversationStatus.CLOSED else opened
        return talk if talk is not None and talk.customer_id == ticket.customer_id else None

    async def _is_allowed(self, unit: Unit, conversation: Conversation) -> bool:
        for operation in unit.operations:
            if isinstance(operation, Insert) and isinstance(operation.record, Delivery):
                operation.record.created_at = self._clock.now()
                return (await self._policy.allows(operation.record, conversation)).allowed
        return False

    async def _language(self, conversation: Conversation) -> str:
        if conversation.language in LANGUAGES:
            return str(conversation.language)
        customer = await self._store.get(Customer, conversation.customer_id or "")
        own = (customer.last_language or customer.own_language) if customer is not None else None
        return own if own in LANGUAGES else LANGUAGES[0]
