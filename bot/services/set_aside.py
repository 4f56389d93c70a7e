"""What failed too often and waits for a person to look at it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.records.work import Delivery, DeliveryState, InboxRow, InboxState, Job, JobStatus
from bot.store.base import Store


@dataclass(frozen=True, slots=True)
class SetAside:
    """One thing that is not tried again by itself."""

    kind: str
    """`received`, `delivery` or `job`."""
    id: str
    where: str
    """Its lane, or the job's name."""
    error: str


async def set_aside(store: Store) -> list[SetAside]:
    """All of it, what was received first. Raises StoreError."""
    rows = await store.find(InboxRow, {"state": InboxState.DEAD}, sort=("accepted_at",))
    deliveries = await store.find(Delivery, {"state": DeliveryState.DEAD}, sort=("position",))
    jobs = await store.find(Job, {"status": JobStatus.FAILED}, sort=("schedule.execute_at",))
    return [
        *(SetAside("received", row.id, row.lane, row.error) for row in rows),
        *(SetAside("delivery", delivery.id, delivery.lane, delivery.error) for delivery in deliveries),
        *(SetAside("job", job.id, job.job_type, job.error) for job in jobs),
    ]
