"""What failed too often and was set aside, and trying it again."""

from __future__ import annotations

from enum import StrEnum

from bot.errors import NotFound
from bot.records.work import address_lane
from bot.services.set_aside import SetAside, set_aside
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.paging import Page
from bot.web.site import Site

ADMIN = "system:admin"


class Kind(StrEnum):
    RECEIVED = "received"
    """A message that no turn could be made of."""
    DELIVERY = "delivery"
    """A reply that did not go out."""
    JOB = "job"


class Dead(Model):
    kind: Kind
    id: str
    job: str | None
    """Of a job: its name."""
    channel: str | None
    """Of a message or a reply."""
    error: str


class Retried(Model):
    tried: bool
    """False where somebody else had done it already."""


class Work:
    def __init__(self, site: Site) -> None:
        self._parts = site.parts

    @endpoint("GET", "/work/dead", ADMIN)
    async def dead(self, call: Call) -> Page[Dead]:
        """What is not tried again by itself, in the order in which it came."""
        return Page(items=[_shown(one) for one in await set_aside(self._parts.store)])

    @endpoint("POST", "/work/dead/{id}/retry", ADMIN)
    async def retry(self, call: Call, id: str) -> Retried:
        """Tries one thing again, with a fresh count of tries."""
        found = next((one for one in await set_aside(self._parts.store) if one.id == id), None)
        if found is None:
            raise NotFound("this was not set aside, or it is tried again already")
        return Retried(tried=await self._again(found))

    async def _again(self, one: SetAside) -> bool:
        if one.kind == Kind.RECEIVED:
            return await self._parts.inbox.retry(one.id)
        return await (self._parts.outbox.resend(one.id) if one.kind == Kind.DELIVERY else self._parts.jobs.retry(one.id))


def _shown(one: SetAside) -> Dead:
    """Without the address: it is a person's number, or a secret of their browser."""
    is_job = one.kind == Kind.JOB
    return Dead(
        kind=Kind(one.kind),
        id=one.id,
        job=one.where if is_job else None,
        channel=None if is_job else address_lane(one.where).partition(":")[0],
        error=one.error,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Work(site))
