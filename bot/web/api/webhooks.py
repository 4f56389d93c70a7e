"""Webhooks: who subscribed to what, and what became of each posting (docs/webhooks.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.errors import NotFound
from bot.records.users import User
from bot.records.webhooks import PostState, Webhook, WebhookDelivery
from bot.services.webhooks import EVENTS
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At
from bot.web.paging import Mark, Page, Paged, next_of, stretch
from bot.web.rows import Named, Rows, named
from bot.web.site import Site

ADMIN = "system:admin"

Name = Annotated[str, Field(min_length=1, max_length=80, examples=["CRM"])]
Url = Annotated[str, Field(min_length=1, max_length=2000, examples=["https://crm.example.com/hooks"])]
Events = Annotated[
    list[Annotated[str, Field(max_length=60)]],
    Field(
        min_length=1,
        max_length=50,
        examples=[["ticket.*", "handoff"]],
        description=f"Names of events, or patterns: {', '.join(sorted(EVENTS))}; `conversation.*`, `ticket.*`, `*`.",
    ),
]


class Disabled(StrEnum):
    """Why it was switched off without anybody doing it."""

    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    OWNER = "owner"
    """Its owner is no user any more."""


class Subscription(Model):
    id: str
    name: str
    url: str
    events: list[str]
    is_active: bool
    disabled_reason: Disabled | None
    owner: Named | None
    """What this user may see is what it is told."""
    has_personal: bool
    """Whether names, numbers and what was written come along, where the owner may see them."""
    failures: int
    """Posts in a row that were not taken."""
    last_triggered: At | None
    created_at: At | None


class NewSubscription(Model):
    name: Name
    url: Url
    events: Events
    has_personal: bool = False
    owner: Annotated[str, Field(max_length=200)] = ""
    """A user's id; without it the caller."""


class Changes(Model):
    """What is sent is changed, everything else stays."""

    name: Name | None = None
    url: Url | None = None
    events: Events | None = None
    is_active: bool | None = None
    """Switched on, it begins anew, with what still waits."""
    has_personal: bool | None = None


class Made(Model):
    webhook: Subscription
    secret: str
    """What posts are signed with. Told this once."""


class Sent(Paged):
    state: PostState | None = None


class Posting(Model):
    """One event on its way to one webhook."""

    id: str
    event_id: str
    """The same in every try."""
    event: str
    at: At
    """When it happened."""
    state: PostState
    attempts: int
    due_at: At
    """When it is tried next, or was tried last."""
    status: int | None
    """The HTTP status of the last try; null where there was no answer."""
    error: str
    delivered_at: At | None


class Webhooks:
    def __init__(self, site: Site) -> None:
        self._store = site.parts.store
        self._webhooks = site.parts.webhooks
        self._rows = Rows(site.parts.store)

    @endpoint("GET", "/webhooks", ADMIN)
    async def listed(self, call: Call) -> Page[Subscription]:
        """All of them, in the order in which they were made."""
        found = await self._webhooks.all()
        users = await self._rows.by_id(User, (hook.user_id for hook in found))
        return Page(items=[_shown(hook, users) for hook in found])

    @endpoint("POST", "/webhooks", ADMIN, status=201)
    async def register(self, call: Call, body: NewSubscription) -> Made:
        """Subscribes an address; its secret is told in this answer and never again."""
        owner = body.owner or call.user.id
        hook, secret = await self._webhooks.register(
            owner, body.name, body.url, body.events, by=call.by, has_personal=body.has_personal
        )
        return Made(webhook=await self._one(hook), secret=secret)

    @endpoint("GET", "/webhooks/{id}", ADMIN)
    async def one(self, call: Call, id: str) -> Subscription:
        """One of them."""
        return await self._one(await self._webhooks.get(id))

    @endpoint("PATCH", "/webhooks/{id}", ADMIN)
    async def change(self, call: Call, id: str, body: Changes) -> Subscription:
        """Changes what is sent; also switches it off and on."""
        hook = await self._webhooks.update(
            id,
            by=call.by,
            name=body.name,
            url=body.url,
            events=body.events,
            active=body.is_active,
            has_personal=body.has_personal,
        )
        return await self._one(hook)

    @endpoint("DELETE", "/webhooks/{id}", ADMIN)
    async def delete(self, call: Call, id: str) -> None:
        """Ends it, with what still waits for it."""
        await self._webhooks.delete(id, by=call.by)

    @endpoint("POST", "/webhooks/{id}/secret", ADMIN)
    async def renew(self, call: Call, id: str) -> Made:
        """Another secret, told this once; from now on posts are signed with it."""
        hook, secret = await self._webhooks.renew_secret(id, by=call.by)
        return Made(webhook=await self._one(hook), secret=secret)

    @endpoint("POST", "/webhooks/{id}/test", ADMIN, status=201)
    async def test(self, call: Call, id: str) -> Posting:
        """Posts the event `ping`, to see whether it arrives."""
        return _posting(await self._webhooks.ping(id, by=call.by))

    @endpoint("GET", "/webhooks/{id}/deliveries", ADMIN)
    async def deliveries(self, call: Call, id: str, query: Sent) -> Page[Posting]:
        """What was posted in the last 30 days and what is to be, the newest first."""
        hook = await self._webhooks.get(id)
        where = {"webhook_id": hook.id, **({"state": query.state} if query.state is not None else {})}
        found = await stretch(self._store, WebhookDelivery, where, "-created_at", query.limit + 1, Mark.read(query.after))
        following = next_of(found, "created_at", query.limit)
        return Page(items=[_posting(one) for one in found[: query.limit]], next=following)

    @endpoint("POST", "/webhooks/{id}/deliveries/{delivery}/retry", ADMIN)
    async def retry(self, call: Call, id: str, delivery: str) -> Posting:
        """Posts once more what is over, with the same event id."""
        found = await self._store.get(WebhookDelivery, delivery)
        if found is None or found.webhook_id != id:
            raise NotFound(f"there is no delivery {delivery} of this webhook")
        return _posting(await self._webhooks.send_again(found.id, by=call.by))

    async def _one(self, hook: Webhook) -> Subscription:
        return _shown(hook, await self._rows.by_id(User, [hook.user_id]))


def _shown(hook: Webhook, users: dict[str, User]) -> Subscription:
    """Without its secret."""
    return Subscription(
        id=hook.id,
        name=hook.name,
        url=hook.url,
        events=hook.events,
        is_active=hook.active,
        disabled_reason=Disabled(hook.disabled_reason) if hook.disabled_reason else None,
        owner=named(hook.user_id, users),
        has_personal=hook.has_personal,
        failures=hook.failures,
        last_triggered=hook.last_triggered,
        created_at=hook.created_at,
    )


def _posting(one: WebhookDelivery) -> Posting:
    """Without what it says: that is its receiver's."""
    return Posting(
        id=one.id,
        event_id=one.event_id,
        event=one.event_type,
        at=one.at,
        state=one.state,
        attempts=one.attempts,
        due_at=one.due_at,
        status=one.status,
        error=one.error,
        delivered_at=one.delivered_at,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Webhooks(site))
