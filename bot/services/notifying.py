"""Tells operators who have no desk open that somebody waits: by e-mail or WhatsApp, as each has set it, and not all the time.

Also whatever else one of us has to know, once. None says who waits or what they wrote: that is on the desk, behind a sign-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.conversation import ConversationStatus
from bot.errors import Conflict, RecordError, SendDelayed, SendRefused
from bot.jobs import Jobs
from bot.message import Reply
from bot.outbox import Outbox
from bot.policy import Policy
from bot.records.conversations import ChannelName, Conversation
from bot.records.people import Identity, IdentityKind
from bot.records.users import Presence, User
from bot.records.work import Author
from bot.resources import LANGUAGES, say
from bot.services.code_delivery import Mailer
from bot.services.conversations import Conversations
from bot.services.hours import Hours
from bot.services.phones import normal_phone
from bot.services.presence import OperatorPresence, serves
from bot.services.queueing import Queueing
from bot.services.settings import SystemSettings
from bot.store.base import Store, Unit

log = structlog.get_logger()

NOTICE_JOB = "notice"


class Notifying:
    """Sends such notices."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SystemSettings,
        hours: Hours,
        presence: OperatorPresence,
        queueing: Queueing,
        outbox: Outbox,
        policy: Policy,
        conversations: Conversations,
        jobs: Jobs,
        mailer: Mailer | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._hours = hours
        self._presence = presence
        self._queueing = queueing
        self._outbox = outbox
        self._policy = policy
        self._conversations = conversations
        self._jobs = jobs
        self._mailer = mailer
        jobs.register(NOTICE_JOB, self.give)

    async def tell(self) -> int:
        """Tells whoever could serve somebody who waits, where nobody who could has a desk open; how many were told.

        Only within business hours: out of them the person has been told when we are back.
        """
        rules = await self._settings.value("notify_operators")
        rules = rules if isinstance(rules, Mapping) else {}
        lengths = await self._queueing.lengths()
        if not lengths or rules.get("enabled", True) is not True or not await self._is_open():
            return 0
        operators, told = await self._presence.operators(), 0
        for user in operators:
            waiting = {skill: count for skill, count in lengths.items() if serves(user, skill)}
            is_served = any(
                other.status is not Presence.OFFLINE and serves(other, skill) for other in operators for skill in waiting
            )
            if waiting and not is_served and user.status is Presence.OFFLINE:
                told += await self._tell(user, sum(waiting.values()), rules)
        return told

    async def _tell(self, user: User, count: int, rules: Mapping[str, Any]) -> bool:
        wants = user.preferences.notifications
        if not (wants.email and self._mailer is not None) and not wants.whatsapp:
            return False
        if not await self._is_due(user, rules):
            return False
        language = user.preferences.language if user.preferences.language in LANGUAGES else LANGUAGES[0]
        text = say(language, "notice_waiting", count=count)
        if url := str(rules.get("desk_url") or ""):
            text = f"{text}\n{url}"
        by_mail = wants.email and await self._by_email(user, say(language, "notice_subject"), text)
        by_whatsapp = wants.whatsapp and await self._by_whatsapp(user, text)
        return by_mail or by_whatsapp

    def put_notice(self, unit: Unit, user_id: str, subject: str, text: str, *, key: str, **values: str | int) -> None:
        """Puts one notice to one user into the unit that makes it necessary; `subject` and `text` are names of utterances.

        `key` names it: it is given once to each user.
        """
        notice = {"user": user_id, "subject": subject, "text": text, "values": values}
        self._jobs.add(unit, NOTICE_JOB, notice, id=f"{NOTICE_JOB}:{key}:{user_id}")

    async def give(self, notice: Mapping[str, Any]) -> None:
        """The handler of that job: by whatever they have set, in their language. Raises SendDelayed, to be tried again."""
        user = await self._store.get(User, notice["user"])
        if user is None or not user.is_active:
            return
        wants = user.preferences.notifications
        language = user.preferences.language if user.preferences.language in LANGUAGES else LANGUAGES[0]
        text = say(language, notice["text"], **notice["values"])
        if wants.email and self._mailer is not None:
            key = f"{notice['text']}-{user.id}-{self._clock.now():%Y%m%d%H%M%S}"
            try:
                await self._mailer.send(user.email, say(language, notice["subject"], **notice["values"]), text, key)
            except SendRefused as error:
                log.warning("notice to a user refused", user=user.id, why=str(error))
        if wants.whatsapp:
            await self._by_whatsapp(user, text)

    async def _is_due(self, user: User, rules: Mapping[str, Any]) -> bool:
        """At most one notice in so many minutes, whichever process looks first."""
        minutes, now = rules.get("at_most_every_minutes", 15), self._clock.now()
        pause = timedelta(minutes=minutes if isinstance(minutes, int | float) and minutes >= 1 else 15)
        if user.notified_at is not None and now - user.notified_at < pause:
            return False
        as_read = {"id": user.id, "notified_at": user.notified_at}
        return bool(await self._store.change(User, as_read, set={"notified_at": now}))

    async def _by_email(self, user: User, subject: str, text: str) -> bool:
        if self._mailer is None:
            return False
        try:
            await self._mailer.send(user.email, subject, text, f"notice-{user.id}-{self._clock.now():%Y%m%d%H%M%S}")
        except (SendDelayed, SendRefused) as error:  # the next notice tells as much
            log.warning("notice to an operator not sent", user=user.id, why=str(error))
            return False
        return True

    async def _by_whatsapp(self, user: User, text: str) -> bool:
        """Only in a conversation that is open because they wrote to us themselves: policy is asked as for everybody."""
        conversation = await self._conversation_of(user)
        if conversation is None:
            return False
        unit = Unit()
        said = self._outbox.add(unit, conversation, [Reply(text)], Author.SYSTEM, proactive=True)
        self._conversations.said(unit, conversation, said)
        try:
            await self._store.commit(unit)
        except Conflict:
            return False
        await self._outbox.wake(conversation.lane)
        return True

    async def _conversation_of(self, user: User) -> Conversation | None:
        phone = normal_phone(user.phone or "")
        identity = await self._store.get(Identity, Identity.key(IdentityKind.PHONE, phone)) if phone else None
        if identity is None:
            return None
        found = await self._store.find(Conversation, {"customer_id": identity.customer_id}, sort=("-updated_at",), limit=20)
        theirs = (one for one in found if one.channel is ChannelName.WHATSAPP and one.status is not ConversationStatus.CLOSED)
        return next((one for one in theirs if self._policy.has_window(one)), None)

    async def _is_open(self) -> bool:
        try:
            return (await self._hours.hours()).is_open(self._clock.now())
        except RecordError:
            return True
