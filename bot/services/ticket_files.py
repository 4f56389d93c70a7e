"""Files of a ticket: what is known of them. The bytes are elsewhere, under the `public_id`."""

from __future__ import annotations

from bot.clock import Clock
from bot.errors import NotFound, RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.conversations import AttachmentType
from bot.records.tickets import Ticket, TicketAttachment
from bot.services.editing import twice
from bot.services.tickets import Tickets
from bot.store.base import Store, Unit

MOST_FILES = 50


class TicketFiles:
    """Attaches files to tickets."""

    def __init__(self, store: Store, clock: Clock, tickets: Tickets) -> None:
        self._store = store
        self._clock = clock
        self._tickets = tickets

    async def attach(
        self, ticket: str, *, by: str, type: AttachmentType, public_id: str, filename: str = "", size: int | None = None
    ) -> Ticket:
        """The same file is there once. `size` in bytes. Raises RecordError, ServiceError (too many), NotFound, Conflict."""
        if not public_id.strip():
            raise RecordError("Ticket.attachments.publicId: is required; it is the id that the upload gave")
        if size is not None and size < 0:
            raise RecordError("Ticket.attachments.size: must be a number of bytes; for example 2048")

        async def once() -> Ticket:
            found = await self._tickets.get(ticket)
            if any(file.public_id == public_id for file in found.attachments):
                return found
            if len(found.attachments) >= MOST_FILES:
                raise ServiceError(f"ticket {found.ticket_id} has {MOST_FILES} files; that is the most it can have")
            file = TicketAttachment(
                type=type,
                public_id=public_id,
                filename=filename or None,
                size=size,
                uploaded_by=by,
                uploaded_at=self._clock.now(),
            )
            return await self._put(found, [*found.attachments, file], by, f"attached {filename or public_id}")

        return await twice(f"ticket {ticket}", once)

    async def detach(self, ticket: str, public_id: str, *, by: str) -> Ticket:
        """Raises NotFound, Conflict."""

        async def once() -> Ticket:
            found = await self._tickets.get(ticket)
            left = [file for file in found.attachments if file.public_id != public_id]
            if len(left) == len(found.attachments):
                raise NotFound(f"ticket {found.ticket_id} has no file {public_id}")
            return await self._put(found, left, by, f"detached {public_id}")

        return await twice(f"ticket {ticket}", once)

    async def _put(self, found: Ticket, files: list[TicketAttachment], by: str, reason: str) -> Ticket:
        unit = Unit()
        after = self._tickets.put(unit, found, {"attachments": files}, AuditAction.UPDATED, by, reason)
        await self._store.commit(unit)
        return after
