"""Posts what is to be posted to one webhook: signed, with a bound on time and tries, the owner's rights looked at each time.

A job for each webhook, whose lane one worker holds: what is stalled holds up nobody else's. An event that is refused by itself
waits alone; a server that is away is left alone as a whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

import orjson
import structlog

from bot.clock import Clock
from bot.errors import PostFailed, SettingsError
from bot.jobs import Again, Jobs
from bot.records.permissions import AgentPermission, allows, canonical
from bot.records.users import User
from bot.records.webhooks import PostState, Webhook, WebhookDelivery
from bot.services.notifying import Notifying
from bot.services.settings import SystemSettings
from bot.services.webhook_events import PING, WebhookEvents
from bot.services.webhook_rules import PostRules, rules_now
from bot.store.base import Between, Change, Store, Unit

log = structlog.get_logger()

JOB = "webhook"
SECONDS = 15.0
"""How often each webhook's job looks by itself: what was written by a process that was killed waits so long at most."""
_AT_ONCE = 16
"""Webhooks that a process posts to at a time; half of its jobs at most."""
_PAGE = 50
_LONGEST_RUN = 20.0
"""Seconds after which a job lets others have its place."""
_LONGEST_WAIT = 6 * 3600.0
_LONGEST_REST = 600.0
_GONE = 410
_LATER = frozenset({429, 503})
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_MOMENT = timedelta(milliseconds=1)
_WHOLE = canonical(AgentPermission.MANAGE_CUSTOMERS)
"""Who sees numbers and addresses as they are."""
_SUBJECTS = {"conversation": "conversations", "handoff": "conversations", "ticket": "tickets"}
_NOTICES = {"gone": "notice_webhook_gone", "failing": "notice_webhook_failing", "owner": "notice_webhook_owner"}


class Answer(Protocol):
    """What a server said."""

    @property
    def status(self) -> int: ...

    @property
    def wait(self) -> float | None:
        """Seconds that it asks us to wait."""


class Poster(Protocol):
    """Posts (`bot.posting`)."""

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, allow_private: bool, now: datetime
    ) -> Answer:
        """Raises PostFailed."""

    async def close(self) -> None: ...


class Sealing(Protocol):
    """Closes and opens secrets (`bot.sealing`)."""

    def close(self, secret: str, purpose: str) -> str: ...

    def is_closed(self, stored: str) -> bool: ...

    def open(self, stored: str, purpose: str) -> str:
        """Raises SettingsError."""


@dataclass(frozen=True)
class Tools:
    """What posting needs of libraries that are loaded when the first webhook is there."""

    make_seal: Callable[[], Sealing]
    make_poster: Callable[[], Poster]

    @cached_property
    def seal(self) -> Sealing:
        return self.make_seal()

    @cached_property
    def poster(self) -> Poster:
        return self.make_poster()

    async def close(self) -> None:
        """Connections end, where any were opened."""
        if "poster" in self.__dict__:
            await self.poster.close()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one post."""

    status: int | None = None
    error: str = ""
    wait: float = 0.0
    is_stalled: bool = False
    """It says something about the whole server."""


def backoff(attempts: int) -> float:
    """Seconds after so many tries: 5, 20, 80, ... up to six hours."""
    return min(5.0 * 4.0 ** max(attempts - 1, 0), _LONGEST_WAIT)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What a receiver computes too: HMAC-SHA256 of `timestamp.body` (S3-148), the timestamp against replays."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def subject_of(event_type: str, data: Mapping[str, Any]) -> str:
    """The kind of records that an event tells of, as permissions name it."""
    if event_type == "rating":
        return "tickets" if "ticketId" in data else "conversations"
    return _SUBJECTS.get(event_type.partition(".")[0], "")


class Posting:
    """The handler of the jobs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SystemSettings,
        notifying: Notifying,
        events: WebhookEvents,
        tools: Tools,
        jobs: Jobs,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._notifying = notifying
        self._events = events
        self._tools = tools
        self._places = asyncio.Semaphore(_AT_ONCE)
        jobs.register(JOB, self)

    async def __call__(self, payload: Mapping[str, Any]) -> Again | None:
        """Posts what is due; when there is more to do."""
        hook = await self._store.get(Webhook, payload["webhook"])
        if hook is None or not hook.active:
            return None
        rest = (hook.rest_until - self._clock.now()).total_seconds() if hook.rest_until is not None else 0.0
        if rest > 0:
            return Again(rest)
        if self._places.locked():
            return Again(1.0)
        async with self._places:
            return await self._run(hook)

    async def _run(self, hook: Webhook) -> Again | None:
        owner = await self._store.get(User, hook.user_id)
        if owner is None or not owner.is_active:
            await self._switch_off(Unit(), hook, "owner")
            return None
        rules, began = await rules_now(self._settings), self._clock.monotonic()
        for delivery in await self._due(hook):
            outcome = await self._post(hook, owner, delivery, rules)
            is_over = await self._write(hook, delivery, outcome, rules)
            if is_over or self._clock.monotonic() - began > _LONGEST_RUN:
                break
        return await self._next(hook)

    async def _due(self, hook: Webhook) -> list[WebhookDelivery]:
        until = Between(low=_EVER, high=self._clock.now() + _MOMENT)
        where = {"webhook_id": hook.id, "openness": "open", "due_at": until}
        return await self._store.find(WebhookDelivery, where, sort=("due_at",), limit=_PAGE)

    async def _next(self, hook: Webhook) -> Again | None:
        where = {"webhook_id": hook.id, "openness": "open", "due_at": Between(low=_EVER)}
        coming = await self._store.find(WebhookDelivery, where, sort=("due_at",), limit=1)
        if not coming or not hook.active:
            return None
        earliest = coming[0].due_at if hook.rest_until is None else max(coming[0].due_at, hook.rest_until)
        return Again((earliest - self._clock.now()).total_seconds())

    async def _post(self, hook: Webhook, owner: User, delivery: WebhookDelivery, rules: PostRules) -> _Outcome:
        subject = subject_of(delivery.event_type, delivery.data)
        if delivery.event_type != PING and not allows(owner.granted, subject, "read"):
            return _Outcome(error=f"the webhook's owner may not read {subject}")
        now = self._clock.now()
        body = _body(delivery, hook.has_personal and allows(owner.granted, *_WHOLE))
        timestamp = int(now.timestamp())
        try:
            secret = await self._secret(hook)
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "Switchboard",
                "X-Switchboard-Event": delivery.event_type,
                "X-Switchboard-Event-Id": delivery.event_id,
                "X-Switchboard-Timestamp": str(timestamp),
                "X-Switchboard-Signature": signature(secret, timestamp, body),
            }
            answer = await self._tools.poster.post(
                hook.url, body, headers, seconds=rules.timeout_seconds, allow_private=rules.allow_private, now=now
            )
        except (PostFailed, SettingsError) as error:
            return _Outcome(error=str(error), is_stalled=True)
        if 200 <= answer.status < 300:
            return _Outcome(answer.status)
        wait = min(answer.wait or 0.0, _LONGEST_WAIT)
        return _Outcome(answer.status, f"it answered {answer.status}", wait, answer.status in _LATER)

    async def _secret(self, hook: Webhook) -> str:
        """One that was imported in the clear is sealed from here on. Raises SettingsError."""
        seal = self._tools.seal
        if seal.is_closed(hook.secret):
            return seal.open(hook.secret, hook.id)
        closed = seal.close(hook.secret, hook.id)
        await self._store.change(Webhook, {"id": hook.id, "secret": hook.secret}, set={"secret": closed})
        plain, hook.secret = hook.secret, closed
        return plain

    async def _write(self, hook: Webhook, delivery: WebhookDelivery, outcome: _Outcome, rules: PostRules) -> bool:
        """What became of it; whether nothing more is posted to this webhook for now."""
        now, unit = self._clock.now(), Unit()
        attempts = delivery.attempts + 1
        news: dict[str, Any] = {"attempts": attempts, "status": outcome.status, "error": outcome.error}
        about: dict[str, Any] = {"last_triggered": now}
        is_taken, is_gone = not outcome.error, outcome.status == _GONE
        may_not = outcome.status is None and not outcome.is_stalled and not is_taken
        if is_taken:
            news |= {"state": PostState.DELIVERED, "openness": "closed", "delivered_at": now}
            about |= {"failures": 0, "rest_until": None}
            hook.failures, hook.rest_until = 0, None
        elif may_not:
            news |= {"state": PostState.DEAD, "openness": "closed"}
            about = {}
        else:
            hook.failures += 1
            is_dead = is_gone or attempts >= rules.attempts
            again = now + timedelta(seconds=max(backoff(attempts), outcome.wait))
            news |= {"state": PostState.DEAD, "openness": "closed"} if is_dead else {"due_at": again}
            if outcome.is_stalled:
                hook.rest_until = now + timedelta(seconds=max(min(2.0**hook.failures, _LONGEST_REST), outcome.wait))
            about |= {"failures": hook.failures, "rest_until": hook.rest_until}
        unit.add(Change(WebhookDelivery, {"id": delivery.id, "attempts": delivery.attempts}, set=news))
        if about:
            unit.add(Change(Webhook, {"id": hook.id}, set=about))
        if is_gone or hook.failures >= rules.disable_after:
            await self._switch_off(unit, hook, "gone" if is_gone else "failing")
            return True
        await self._store.commit(unit)
        return outcome.is_stalled

    async def _switch_off(self, unit: Unit, hook: Webhook, why: str) -> None:
        """Nothing more is posted; its owner is told once."""
        hook.active = False
        log.warning("webhook switched off", webhook=hook.id, why=why)
        as_read = {"id": hook.id, "active": True}
        unit.add(Change(Webhook, as_read, set={"active": False, "disabled_reason": why, "rest_until": None}))
        self._notifying.put_notice(
            unit,
            hook.user_id,
            "notice_webhook_subject",
            _NOTICES[why],
            key=f"{hook.id}:{self._clock.now():%Y%m%d%H%M%S}",
            webhook=hook.name,
            posts=hook.failures,
        )
        await self._store.commit(unit)
        self._events.forget()


def _body(delivery: WebhookDelivery, with_personal: bool) -> bytes:
    """The same in every try, while the owner's rights are the same."""
    event: dict[str, Any] = {
        "id": delivery.event_id,
        "type": delivery.event_type,
        "at": delivery.at.isoformat(timespec="milliseconds"),
        "data": delivery.data,
    }
    return orjson.dumps({**event, "personal": delivery.personal} if with_personal else event)
