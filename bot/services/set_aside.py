"""What failed too often and waits for a person to look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.errors import Conflict, NotFound, ServiceError
from bot.inbox import Inbox
from bot.jobs import Jobs
from bot.outbox import Outbox
from bot.records.webhooks import PostState, WebhookDelivery
from bot.records.work import Delivery, DeliveryState, InboxRow, InboxState, Job, JobStatus, address_lane
from bot.services.audit import Audit
from bot.services.webhooks import Webhooks
from bot.store.base import Store


@dataclass(frozen=True, slots=True)
class SetAside:
    """One thing that is not tried again by itself."""

    kind: str
    """`received`, `delivery`, `job` or `webhook`."""
    id: str
    where: str
    """Its lane, the job's name, or the event's."""
    error: str
    since: datetime | None = None
    """When it was received, or was due first."""
    attempts: int = 0

    @property
    def channel(self) -> str:
        """Of a message or a reply; empty for everything else. Of its lane nothing more is shown: the address is a person's
        number, or a secret of their browser.
        """
        return address_lane(self.where).partition(":")[0] if self.kind in ("received", "delivery") else ""


async def set_aside(store: Store, most: int | None = None) -> list[SetAside]:
    """All of it, or so much of each kind; what was received first. Raises StoreError."""
    rows = await store.find(InboxRow, {"state": InboxState.DEAD}, sort=("accepted_at",), limit=most)
    deliveries = await store.find(Delivery, {"state": DeliveryState.DEAD}, sort=("position",), limit=most)
    jobs = await store.find(Job, {"status": JobStatus.FAILED}, sort=("schedule.execute_at",), limit=most)
    events = await store.find(WebhookDelivery, {"state": PostState.DEAD}, sort=("due_at",), limit=most)
    return [
        *(SetAside("received", row.id, row.lane, row.error, row.accepted_at, row.attempts) for row in rows),
        *(SetAside("delivery", one.id, one.lane, one.error, one.created_at, one.attempts) for one in deliveries),
        *(SetAside("job", job.id, job.job_type, job.error, job.due_at, job.attempts) for job in jobs),
        *(SetAside("webhook", one.id, one.event_type, one.error, one.at, one.attempts) for one in events),
    ]


async def counted(store: Store) -> Mapping[str, int]:
    """How much of each kind there is."""
    return {
        "received": await store.count(InboxRow, {"state": InboxState.DEAD}),
        "delivery": await store.count(Delivery, {"state": DeliveryState.DEAD}),
        "job": await store.count(Job, {"status": JobStatus.FAILED}),
        "webhook": await store.count(WebhookDelivery, {"state": PostState.DEAD}),
    }


class SecondTries:
    """Has it tried again, and writes down who wanted that."""

    def __init__(self, store: Store, audit: Audit, inbox: Inbox, outbox: Outbox, jobs: Jobs, webhooks: Webhooks) -> None:
        self._store = store
        self._audit = audit
        self._inbox = inbox
        self._outbox = outbox
        self._jobs = jobs
        self._webhooks = webhooks

    async def again(self, kind: str, id_: str, *, by: str) -> bool:
        """One thing; False where somebody else has had it tried again already. Raises NotFound where there is no such kind."""
        if kind == "received":
            is_done = await self._inbox.retry(id_)
        elif kind == "delivery":
            is_done = await self._outbox.resend(id_)
        elif kind == "job":
            is_done = await self._jobs.retry(id_)
        elif kind == "webhook":
            return await self._post_again(id_, by)
        else:
            raise NotFound(f"{kind!r} is no kind of work; there are received, delivery, job and webhook")
        if is_done:
            await self._store.insert([self._audit.entry("tried_again", f"work_{kind}", id_, by)])
        return is_done

    async def all_of(self, kind: str, most: int, *, by: str) -> int:
        """Everything of a kind, so much at the most; how much was tried again."""
        found = [one for one in await set_aside(self._store, most) if one.kind == kind]
        return sum([await self.again(kind, one.id, by=by) for one in found])

    async def _post_again(self, id_: str, by: str) -> bool:
        """Only what is dead: what arrived is sent again where webhooks are."""
        found = await self._store.get(WebhookDelivery, id_)
        if found is None or found.state is not PostState.DEAD:
            return False
        try:
            await self._webhooks.send_again(id_, by=by)
        except (ServiceError, Conflict):
            return False  # its webhook is gone, or somebody was faster
        return True
