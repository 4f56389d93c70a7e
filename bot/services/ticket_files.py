"""Files of a ticket: what is known of them. The bytes are in the media store, which the ticket's own keep from being swept."""

from __future__ import annotations

from bot.clock import Clock
from bot.errors import NotFound, RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.media import MediaFile
from bot.records.tickets import Ticket, TicketAttachment
from bot.services.editing import twice
from bot.services.media import Media
from bot.services.tickets import Tickets
from bot.store.base import Store, Unit

MOST_FILES = 50


class TicketFiles:
    """Attaches files to tickets."""

    def __init__(self, store: Store, clock: Clock, tickets: Tickets, media: Media) -> None:
        self._store = store
        self._clock = clock
        self._tickets = tickets
        self._media = media

    async def attach(self, ticket: str, media: str, *, by: str) -> Ticket:
        """A file that `by` has uploaded, or that is in the ticket's conversation; the same one is there once.

        Raises RecordError (no id), NotFound (the ticket, the file; also for somebody else's), ServiceError (too many; it belongs
        to another ticket or conversation), Conflict.
        """
        if not media.strip():
            raise RecordError("Ticket.attachments.publicId: is required; it is the id that the upload gave")

        async def once() -> Ticket:
            found = await self._tickets.get(ticket)
            if any(file.public_id == media for file in found.attachments):
                return found
            if len(found.attachments) >= MOST_FILES:
                raise ServiceError(f"ticket {found.ticket_id} has {MOST_FILES} files; that is the most it can have")
            (file,) = await self._media.usable([media], by=by, conversation_id=found.conversation_id)
            unit = Unit()
            self._media.put_on_ticket(unit, file, found.id)
            return await self._put(unit, found, [*found.attachments, self._described(file, by)], by, f"attached {file.name}")

        return await twice(f"ticket {ticket}", once)

    async def detach(self, ticket: str, media: str, *, by: str) -> Ticket:
        """The ticket lets go of it; it goes with the next sweep, unless a conversation has it. Raises NotFound, Conflict."""

        async def once() -> Ticket:
            found = await self._tickets.get(ticket)
            left = [file for file in found.attachments if file.public_id != media]
            if len(left) == len(found.attachments):
                raise NotFound(f"ticket {found.ticket_id} has no file {media}")
            unit = Unit()
            await self._media.put_off_ticket(unit, media, found.id)
            return await self._put(unit, found, left, by, f"detached {media}")

        return await twice(f"ticket {ticket}", once)

    def _described(self, file: MediaFile, by: str) -> TicketAttachment:
        return TicketAttachment(
            type=file.kind,
            url=f"/media/{file.id}",
            public_id=file.id,
            filename=file.name,
            size=file.size,
            uploaded_by=by,
            uploaded_at=self._clock.now(),
        )

    async def _put(self, unit: Unit, found: Ticket, files: list[TicketAttachment], by: str, reason: str) -> Ticket:
        after = self._tickets.put(unit, found, {"attachments": files}, AuditAction.UPDATED, by, reason)
        await self._store.commit(unit)
        return after
