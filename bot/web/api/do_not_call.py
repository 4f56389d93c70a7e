"""Numbers that are never called again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.errors import NotFound
from bot.records.calling import DoNotCall
from bot.records.users import User
from bot.services.masking import masked_phone
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.faults import Invalid
from bot.web.fields import At, Remark
from bot.web.paging import Mark, Page, Paged, next_of, stretch
from bot.web.rows import sees_whole
from bot.web.site import Site

READ, WRITE, ADMIN = "read:calls", "write:calls", "system:admin"


class Entry(Model):
    id: str
    number: str
    source: str
    proof: str
    at: At
    call_id: str | None


class NewEntry(Model):
    """By a number, or by the call in which it was said."""

    number: Annotated[str, Field(max_length=40, examples=["+12025550123"])] = ""
    call_id: Annotated[str, Field(max_length=200)] = ""
    proof: Annotated[str, Field(max_length=1000)] = ""
    """Their own words, or a reference."""
    source: Annotated[str, Field(min_length=1, max_length=100)] = "api"


class Reason(Model):
    reason: Remark = ""
    """Why it may be called again; required, and kept."""


class DoNotCallEntries:
    def __init__(self, site: Site) -> None:
        self._store = site.parts.store
        self._list = site.parts.calling.do_not_call

    @endpoint("GET", "/do-not-call", READ)
    async def listed(self, call: Call, query: Paged) -> Page[Entry]:
        """The list, the newest first."""
        found = await stretch(self._store, DoNotCall, {}, "-at", query.limit + 1, Mark.read(query.after))
        items = [_shown(one, call.user) for one in found[: query.limit]]
        return Page(items=items, next=next_of(found, "at", query.limit))

    @endpoint("POST", "/do-not-call", WRITE, status=201)
    async def add(self, call: Call, body: NewEntry) -> Entry:
        """Never calls a number again; leads with it are marked, consent to calls is withdrawn. Done twice it is the same."""
        if bool(body.number) == bool(body.call_id):
            raise Invalid("body.number: give the number, or the call in which it was said", field="number")
        entry = await self._list.add(body.number, call_id=body.call_id, proof=body.proof, source=body.source, by=call.by)
        if entry is None:
            raise Invalid("body.call_id: the number of that call is withheld; the consent was withdrawn", field="call_id")
        return _shown(entry, call.user)

    @endpoint("DELETE", "/do-not-call/{id}", ADMIN)
    async def remove(self, call: Call, id: str, query: Reason) -> None:
        """Lets a number be called again, where there is consent; needs `reason`."""
        entry = await self._store.get(DoNotCall, id)
        if entry is None:
            raise NotFound(f"there is no entry {id}")
        await self._list.remove(entry.number, reason=query.reason, by=call.by)


def _shown(entry: DoNotCall, reader: User) -> Entry:
    return Entry(
        id=entry.id,
        number=entry.number if sees_whole(reader) else masked_phone(entry.number),
        source=entry.source,
        proof=entry.proof,
        at=entry.at,
        call_id=entry.call_id,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(DoNotCallEntries(site))
