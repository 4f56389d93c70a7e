"""Webhooks: made, changed, tried, looked after by people (S3-144 to S3-148). Posting is `bot.services.webhook_posting`."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from bot.clock import Clock, new_id
from bot.errors import NotFound, RecordError, ServiceError
from bot.jobs import Jobs
from bot.records.users import User
from bot.records.webhooks import PostState, Webhook, WebhookDelivery
from bot.records.work import Job
from bot.services.audit import Audit
from bot.services.webhook_events import EVENTS, PING, Event, WebhookEvents, delivery_of, job_of
from bot.services.webhook_posting import JOB, SECONDS, Tools
from bot.services.webhook_rules import checked_events, checked_url
from bot.store.base import Change, Delete, Store, Unit

__all__ = ["EVENTS", "Webhooks"]

MOST_WEBHOOKS = 100
_SECRET_BYTES = 32


class Webhooks:
    """The only writer of webhooks, but for what posting notes on them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        audit: Audit,
        jobs: Jobs,
        events: WebhookEvents,
        tools: Tools,
        *,
        is_public: bool,
    ) -> None:
        """On a public server only https is posted to."""
        self._store = store
        self._clock = clock
        self._audit = audit
        self._jobs = jobs
        self._events = events
        self._tools = tools
        self._is_public = is_public

    async def register(
        self, owner_user_id: str, name: str, url: str, events: Iterable[str], *, by: str, has_personal: bool = False
    ) -> tuple[Webhook, str]:
        """A new one, and its secret, shown this once. Raises RecordError, ServiceError (too many), NotFound (the owner)."""
        owner = await self._store.get(User, owner_user_id)
        if owner is None or not owner.is_active:
            raise NotFound(f"there is no active user {owner_user_id}")
        if await self._store.count(Webhook, {}) >= MOST_WEBHOOKS:
            raise ServiceError(f"there are {MOST_WEBHOOKS} webhooks; that is the most there can be: delete one first")
        id_, secret = new_id(), secrets.token_urlsafe(_SECRET_BYTES)
        hook = Webhook.new(
            id=id_,
            webhook_id=id_,
            user_id=owner.id,
            name=_name(name),
            url=checked_url(url, needs_https=self._is_public),
            events=checked_events(events),
            secret=self._tools.seal.close(secret, id_),
            has_personal=has_personal,
        )
        unit = Unit()
        unit.insert(hook)
        after = {"name": hook.name, "url": hook.url, "events": hook.events, "hasPersonal": has_personal}
        unit.insert(self._audit.entry("webhook_created", "webhook", id_, by, after=after))
        self._jobs.add(unit, JOB, {"webhook": id_}, id=job_of(id_), every=SECONDS)
        await self._written(unit)
        return hook, secret

    async def update(
        self,
        webhook_id: str,
        *,
        by: str,
        name: str | None = None,
        url: str | None = None,
        events: Iterable[str] | None = None,
        active: bool | None = None,
        has_personal: bool | None = None,
    ) -> Webhook:
        """What is not None. Switched on, it begins anew, with what still waits. Raises RecordError, NotFound."""
        hook = await self.get(webhook_id)
        news: dict[str, Any] = {}
        if name is not None:
            news["name"] = _name(name)
        if url is not None:
            news["url"] = checked_url(url, needs_https=self._is_public)
        if events is not None:
            news["events"] = checked_events(events)
        if has_personal is not None:
            news["has_personal"] = has_personal
        before = {Webhook.shape.stored_name(key): getattr(hook, key) for key in news}
        after = {Webhook.shape.stored_name(key): value for key, value in news.items()}
        if active is not None:
            before["active"], after["active"] = hook.active, active
            news |= {"active": active, "failures": 0, "rest_until": None, "disabled_reason": ""}
        unit = Unit(Change(Webhook, {"id": webhook_id}, set=news, must=1))
        unit.insert(self._audit.entry("webhook_updated", "webhook", webhook_id, by, before=before, after=after))
        if active and await self._store.get(Job, job_of(webhook_id)) is None:  # one that was imported
            self._jobs.add(unit, JOB, {"webhook": webhook_id}, id=job_of(webhook_id), every=SECONDS)
        unit.then(lambda: self._jobs.hurry_one(job_of(webhook_id)))
        await self._written(unit)
        return await self.get(webhook_id)

    async def renew_secret(self, webhook_id: str, *, by: str) -> tuple[Webhook, str]:
        """Another secret, shown this once; from here on posts are signed with it. Raises NotFound."""
        hook, secret = await self.get(webhook_id), secrets.token_urlsafe(_SECRET_BYTES)
        closed = self._tools.seal.close(secret, hook.id)
        unit = Unit(Change(Webhook, {"id": hook.id}, set={"secret": closed}, must=1))
        unit.insert(self._audit.entry("webhook_secret_renewed", "webhook", hook.id, by))
        await self._written(unit)
        return await self.get(webhook_id), secret

    async def delete(self, webhook_id: str, *, by: str) -> None:
        """With what still waits for it. Raises NotFound."""
        hook = await self.get(webhook_id)
        unit = Unit(Delete(Webhook, {"id": hook.id}))
        closed = {"state": PostState.DEAD, "openness": "closed", "error": "the webhook was deleted"}
        unit.add(Change(WebhookDelivery, {"webhook_id": hook.id, "openness": "open"}, set=closed))
        unit.insert(self._audit.entry("webhook_deleted", "webhook", hook.id, by, before={"name": hook.name, "url": hook.url}))
        self._jobs.end(unit, job_of(hook.id))
        await self._written(unit)

    async def get(self, webhook_id: str) -> Webhook:
        """Raises NotFound."""
        found = await self._store.get(Webhook, webhook_id)
        if found is None:
            raise NotFound(f"there is no webhook {webhook_id}")
        return found

    async def all(self, owner_user_id: str | None = None) -> list[Webhook]:
        """Everybody's, or one user's, in the order in which they were made."""
        return await self._store.find(Webhook, {"user_id": owner_user_id} if owner_user_id else {}, sort=("id",))

    async def deliveries(
        self, webhook_id: str, *, state: PostState | None = None, limit: int = 50, after: str | None = None
    ) -> list[WebhookDelivery]:
        """What was posted and is to be, the newest first."""
        where: dict[str, Any] = {"webhook_id": webhook_id, **({"state": state} if state is not None else {})}
        return await self._store.find(WebhookDelivery, where, sort=("-created_at",), limit=max(1, min(limit, 200)), after=after)

    async def send_again(self, delivery_id: str, *, by: str) -> WebhookDelivery:
        """One that is over, with the same event id. Raises NotFound, ServiceError where it still waits, Conflict."""
        found = await self._store.get(WebhookDelivery, delivery_id)
        if found is None:
            raise NotFound(f"there is no delivery {delivery_id}")
        await self.get(found.webhook_id)
        if found.openness == "open":
            raise ServiceError("this one is still to be posted; it goes out by itself")
        anew = {"state": PostState.PENDING, "openness": "open", "attempts": 0, "due_at": self._clock.now(), "error": ""}
        unit = Unit(Change(WebhookDelivery, {"id": delivery_id, "openness": "closed"}, set=anew, must=1))
        unit.insert(self._audit.entry("webhook_sent_again", "webhook", found.webhook_id, by, after={"event": found.event_id}))
        unit.then(lambda: self._jobs.hurry_one(job_of(found.webhook_id)))
        await self._store.commit(unit)
        return found.model_copy(update=anew)

    async def ping(self, webhook_id: str, *, by: str) -> WebhookDelivery:
        """An event that says nothing, to see whether it arrives. Raises NotFound, ServiceError where it is switched off."""
        hook = await self.get(webhook_id)
        if not hook.active:
            raise ServiceError("this webhook is switched off; switch it on to try it")
        now = self._clock.now()
        delivery = delivery_of(Event(new_id(), PING, now, {"webhookId": hook.id, "by": by}), hook, now)
        unit = Unit()
        unit.insert(delivery)
        unit.then(lambda: self._jobs.hurry_one(job_of(hook.id)))
        await self._store.commit(unit)
        return delivery

    async def _written(self, unit: Unit) -> None:
        await self._store.commit(unit)
        self._events.forget()


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise RecordError("Webhook.name: is required; for example CRM")
    return name
