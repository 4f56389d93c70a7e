"""What a ticket is tied to: files, and other tickets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import Id
from bot.web.site import Site
from bot.web.ticket_view import TicketView, Whole

MANAGE = "manage:tickets"


class Attach(Model):
    media: Id
    """A file's id: one that the caller has sent to /media, or one of the ticket's conversation."""


class Relate(Model):
    ticket: Id
    """The other one's number or id."""


class Parent(Model):
    ticket: Annotated[str | None, Field(max_length=200)]
    """Of which it is a part; null for none."""


class TicketTies:
    def __init__(self, site: Site) -> None:
        self._ticketing = site.parts.ticketing
        self._view = TicketView(site.parts.store)

    @endpoint("POST", "/tickets/{number}/files", MANAGE, status=201)
    async def attach(self, call: Call, number: str, body: Attach) -> Whole:
        """Attaches a file, and keeps it; the same one is there once."""
        return await self._view.whole(call, await self._ticketing.files.attach(number, body.media, by=call.by))

    @endpoint("DELETE", "/tickets/{number}/files/{media}", MANAGE)
    async def detach(self, call: Call, number: str, media: str) -> None:
        """Lets go of a file; within the hour it is gone, unless a conversation has it."""
        await self._ticketing.files.detach(number, media, by=call.by)

    @endpoint("POST", "/tickets/{number}/relate", MANAGE)
    async def relate(self, call: Call, number: str, body: Relate) -> Whole:
        """Says that two tickets have to do with each other."""
        await self._ticketing.relations.relate(number, body.ticket, by=call.by)
        return await self._whole(call, number)

    @endpoint("POST", "/tickets/{number}/unrelate", MANAGE)
    async def unrelate(self, call: Call, number: str, body: Relate) -> Whole:
        """Says that two tickets have nothing to do with each other."""
        await self._ticketing.relations.unrelate(number, body.ticket, by=call.by)
        return await self._whole(call, number)

    @endpoint("POST", "/tickets/{number}/duplicate", MANAGE)
    async def duplicate(self, call: Call, number: str, body: Relate) -> Whole:
        """Says what the other one says already: it is related to that one, and resolved as its duplicate."""
        return await self._view.whole(call, await self._ticketing.relations.duplicate(number, body.ticket, by=call.by))

    @endpoint("POST", "/tickets/{number}/parent", MANAGE)
    async def set_parent(self, call: Call, number: str, body: Parent) -> Whole:
        """Makes it a part of another one, or of none."""
        return await self._view.whole(call, await self._ticketing.relations.set_parent(number, body.ticket or None, by=call.by))

    async def _whole(self, call: Call, number: str) -> Whole:
        return await self._view.whole(call, await self._ticketing.tickets.get(number))


def endpoints(site: Site) -> list[Endpoint]:
    return declared(TicketTies(site))
