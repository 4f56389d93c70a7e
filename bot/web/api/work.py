"""What failed too often and was set aside, and trying it again."""

from __future__ import annotations

from enum import StrEnum

from bot.errors import NotFound
from bot.services.audit import Audit
from bot.services.set_aside import SecondTries, SetAside, set_aside
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.paging import Page
from bot.web.site import Site

ADMIN = "system:admin"
_MOST = 200


class Kind(StrEnum):
    RECEIVED = "received"
    """A message that no turn could be made of."""
    DELIVERY = "delivery"
    """A reply that did not go out."""
    JOB = "job"
    WEBHOOK = "webhook"
    """An event that its receiver did not take."""


class Dead(Model):
    kind: Kind
    id: str
    job: str | None
    """Of a job: its name; of an event: which one."""
    channel: str | None
    """Of a message or a reply."""
    error: str


class Retried(Model):
    tried: bool
    """False where somebody else had done it already."""


class Work:
    def __init__(self, site: Site) -> None:
        parts = site.parts
        self._store = parts.store
        self._tries = SecondTries(parts.store, Audit(parts.clock), parts.inbox, parts.outbox, parts.jobs, parts.webhooks)

    @endpoint("GET", "/work/dead", ADMIN)
    async def dead(self, call: Call) -> Page[Dead]:
        """What is not tried again by itself, in the order in which it came: the first 200 of each kind."""
        return Page(items=[_shown(one) for one in await set_aside(self._store, _MOST)])

    @endpoint("POST", "/work/dead/{id}/retry", ADMIN)
    async def retry(self, call: Call, id: str) -> Retried:
        """Tries one thing again, with a fresh count of tries."""
        found = next((one for one in await set_aside(self._store) if one.id == id), None)
        if found is None:
            raise NotFound("this was not set aside, or it is tried again already")
        return Retried(tried=await self._tries.again(found.kind, found.id, by=call.by))


def _shown(one: SetAside) -> Dead:
    """Without the address: it is a person's number, or a secret of their browser."""
    return Dead(
        kind=Kind(one.kind),
        id=one.id,
        job=None if one.channel else one.where,
        channel=one.channel or None,
        error=one.error,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Work(site))
