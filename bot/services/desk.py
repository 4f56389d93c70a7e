"""What the operators' desk is built on, joined; and the job that looks after who waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.clock import Clock
from bot.errors import Conflict
from bot.jobs import Jobs
from bot.live import Live
from bot.message import Reply
from bot.outbox import Outbox
from bot.policy import Policy
from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.records.work import Author
from bot.resources import LANGUAGES
from bot.services.assignment import Assignment
from bot.services.audit import Audit
from bot.services.canned import CannedReplies
from bot.services.closing import Closing
from bot.services.code_delivery import Mailer
from bot.services.conversations import DESK_JOB, SUMMARY_JOB, Conversations
from bot.services.filing import SNOOZE_JOB, Filing
from bot.services.handoff import Handoffs
from bot.services.hours import Hours
from bot.services.media import Media
from bot.services.notifying import Notifying
from bot.services.presence import OperatorPresence
from bot.services.queueing import Queueing
from bot.services.replies import Replies
from bot.services.reports import Reports
from bot.services.settings import SystemSettings
from bot.services.statistics import Statistics
from bot.services.summary import Summaries, Summariser
from bot.services.transfers import Transfers
from bot.services.typing import Typing
from bot.store.base import Require, Store, Unit

DESK_SECONDS = 60.0
"""How often the job looks by itself; whatever enters a queue wakes it at once."""
_FRONT = 50
"""So many of each queue's front are looked at for news: who stands further behind hears of it later."""


@dataclass(frozen=True)
class Desk:
    """The services of the operators' desk."""

    presence: OperatorPresence
    queueing: Queueing
    assignment: Assignment
    transfers: Transfers
    replies: Replies
    filing: Filing
    closing: Closing
    canned: CannedReplies
    summaries: Summaries
    statistics: Statistics
    notifying: Notifying
    reports: Reports
    typing: Typing


def join(
    store: Store,
    clock: Clock,
    audit: Audit,
    settings: SystemSettings,
    hours: Hours,
    jobs: Jobs,
    outbox: Outbox,
    policy: Policy,
    conversations: Conversations,
    queues: Handoffs,
    live: Live,
    mailer: Mailer | None,
    summariser: Summariser | None,
    media: Media,
) -> Desk:
    """The services, and the handlers of their jobs."""
    presence = OperatorPresence(store, clock, audit, settings, jobs)
    queueing = Queueing(store, clock, settings, hours)
    transfers = Transfers(store, clock, conversations, queues, settings, live)
    replies = Replies(store, clock, audit, outbox, policy, conversations, transfers, live, media)
    desk = Desk(
        presence=presence,
        queueing=queueing,
        assignment=Assignment(store, clock, settings, conversations, presence, queueing, live),
        transfers=transfers,
        replies=replies,
        filing=Filing(store, clock, audit, jobs, transfers, live),
        closing=Closing(store, clock, audit, outbox, conversations, transfers, replies, settings, live),
        canned=CannedReplies(store, audit),
        summaries=Summaries(store, settings, live, summariser),
        statistics=Statistics(store),
        notifying=Notifying(store, clock, settings, hours, presence, queueing, outbox, policy, conversations, jobs, mailer),
        reports=Reports(store, clock, queueing, presence),
        typing=Typing(clock, live),
    )
    jobs.register(DESK_JOB, Looking(store, outbox, conversations, desk))
    jobs.register(SUMMARY_JOB, desk.summaries)
    jobs.register(SNOOZE_JOB, desk.filing.wake)
    return desk


class Looking:
    """The handler of the recurring job. Several processes may run it at once."""

    def __init__(self, store: Store, outbox: Outbox, conversations: Conversations, desk: Desk) -> None:
        self._store = store
        self._outbox = outbox
        self._conversations = conversations
        self._desk = desk

    async def __call__(self, _: Mapping[str, Any]) -> None:
        """Who is gone, what they left, who gets what waits, who still waits and is told so."""
        await self._desk.presence.sweep()
        await self._desk.assignment.take_back()
        await self._desk.assignment.give_out()
        for skill in await self._desk.queueing.skills():
            for conversation in await self._desk.queueing.waiting(skill, _FRONT):
                await self._tell_news(conversation)
        await self._desk.notifying.tell()

    async def _tell_news(self, conversation: Conversation) -> None:
        """Only where it may be said now: nobody's window is checked by trying."""
        if conversation.told is None or not (await self._desk.replies.verdict(conversation, proactive=True)).allowed:
            return
        unit = Unit(Require(Conversation, {"id": conversation.id, "epoch": conversation.epoch}))
        text = await self._desk.queueing.news(unit, conversation, await self._language(conversation))
        if not text:
            return
        said = self._outbox.add(unit, conversation, [Reply(text)], Author.SYSTEM, proactive=True)
        self._conversations.said(unit, conversation, said)
        try:
            await self._store.commit(unit)
        except Conflict:
            return  # somebody has them now
        await self._outbox.wake(conversation.lane)

    async def _language(self, conversation: Conversation) -> str:
        if conversation.language in LANGUAGES:
            return str(conversation.language)
        customer = await self._store.get(Customer, conversation.customer_id or "")
        own = (customer.last_language or customer.own_language) if customer is not None else None
        return own if own in LANGUAGES else LANGUAGES[0]
