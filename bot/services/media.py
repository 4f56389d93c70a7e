"""Files that users and visitors attach: taken in, found again, and let go when nothing refers to them any more.

A file is on the disk before its record is written, and its record is gone before it leaves the disk: whatever happens in between
leaves bytes that nobody refers to, which the job finds, and never a record without its bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from bot.clock import Clock, new_id
from bot.errors import FileRefused, FileTooLarge, NotFound, ServiceError, StoreUnavailable
from bot.message import Media as Content
from bot.records.audit import AuditAction
from bot.records.media import MediaFile, MediaState
from bot.services.audit import Audit
from bot.services.media_links import MediaLinks
from bot.services.media_types import ALLOWED, HEAD, TAIL, MediaType, harmless, sniff
from bot.store.base import Between, Change, Delete, In, Store, Unit
from bot.store.files import Draft, Files

log = structlog.get_logger()

SWEEP_JOB = "media-sweep"
SWEEP_SECONDS = 3600.0
KEEP_LOOSE = timedelta(hours=1)
"""What was uploaded and is not part of anything after so long goes."""
MOST_ATTACHED = 10
"""Files of one message."""
RESERVE = 256 * 1024 * 1024
"""Bytes of the disk that are left to the store, whatever the bounds say."""

_MEGABYTE = 1024 * 1024
_PAGE = 500
_USED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class MediaBounds:
    """How much is taken, in megabytes."""

    file_mb: int
    total_mb: int

    @property
    def file(self) -> int:
        """Bytes of one file."""
        return self.file_mb * _MEGABYTE

    @property
    def total(self) -> int:
        """Bytes of all uploads together."""
        return self.total_mb * _MEGABYTE


class Media:
    """Keeps files."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, files: Files, links: MediaLinks, bounds: MediaBounds) -> None:
        self.links = links
        self.bounds = bounds
        self._store = store
        self._clock = clock
        self._audit = audit
        self._files = files
        self._used = 0.0
        self._counted_until = 0.0

    async def receive(
        self,
        chunks: AsyncIterable[bytes],
        name: str,
        *,
        by: str,
        allowed: Collection[MediaType] = ALLOWED,
        most: int | None = None,
    ) -> MediaFile:
        """Takes in a file as it comes, never wholly in memory. `by` is `user:<id>` or `visitor:<id>`; it is loose at first.

        `most` is a bound of its own on its bytes, where the store's is not less.

        Raises FileTooLarge, FileRefused (none of `allowed`, empty), StoreUnavailable (the quota or the disk is full).
        """
        await self._require_room()
        draft = await asyncio.to_thread(self._files.begin, HEAD, TAIL)
        try:
            await self._write(draft, chunks, min(most or self.bounds.file, self.bounds.file))
            file = self._described(draft, name, by, allowed)
            await asyncio.to_thread(draft.finish)
            await asyncio.to_thread(self._files.keep, draft, self._clock.now().timestamp())
            unit = Unit()
            unit.insert(file, self._audit.entry(AuditAction.CREATED, "media", file.id, by))
            await self._store.commit(unit)
            # Somebody may have let go of the same bytes after the first time and before the record was there.
            await asyncio.to_thread(self._files.keep, draft, self._clock.now().timestamp())
        finally:
            await asyncio.to_thread(draft.drop)
        self._used += file.size
        return file

    async def get(self, id: str) -> MediaFile:
        """Raises NotFound."""
        file = await self._store.get(MediaFile, id)
        if file is None:
            raise NotFound("there is no such file; one that was not sent goes after an hour")
        return file

    async def path(self, file: MediaFile) -> Path:
        """Where its bytes are. Raises NotFound where they are not in the directory of this process."""
        path = await asyncio.to_thread(self._files.path, file.sha256)
        if path is None:
            log.error("a file is not in the media directory: is it the same for all processes?", media=file.id)
            raise NotFound("this file is not in the media directory; it has to be shared by all processes (BOT_MEDIA_DIR)")
        return path

    async def usable(self, ids: Sequence[str], *, by: str, conversation_id: str | None = None) -> list[MediaFile]:
        """Files that somebody may attach there: what they uploaded themself, and what is in that conversation already.

        Raises NotFound, also for somebody else's, and ServiceError.
        """
        if len(ids) > MOST_ATTACHED:
            raise ServiceError(f"at most {MOST_ATTACHED} files go with one message; send them in several")
        files = [await self.get(id) for id in dict.fromkeys(ids)]
        for file in files:
            is_there = conversation_id is not None and file.conversation_id == conversation_id
            if file.uploaded_by != by and not is_there:
                raise NotFound("there is no such file; upload it again")
            if file.state is MediaState.ATTACHED and file.conversation_id and not is_there:
                raise ServiceError(f"{file.name} belongs to another conversation; upload it again")
        return files

    def put_attached(self, unit: Unit, files: Sequence[MediaFile], conversation_id: str | None = None) -> None:
        """Puts into the unit that writes what refers to them, that they are part of something now.

        The unit is void with Conflict if one was let go meanwhile.
        """
        attached = {"state": MediaState.ATTACHED, **({"conversation_id": conversation_id} if conversation_id else {})}
        unit.add(*(Change(MediaFile, {"id": file.id}, set=attached, must=1) for file in files))

    def put_on_ticket(self, unit: Unit, file: MediaFile, ticket_id: str) -> None:
        """Puts into the unit that writes a ticket, that it has this file now.

        Raises ServiceError where another ticket has it. The unit is void with Conflict if one takes it meanwhile, or it is gone.
        """
        if file.ticket_id not in (None, ticket_id):
            raise ServiceError(f"{file.name} belongs to another ticket; upload it again")
        attached = {"state": MediaState.ATTACHED, "ticket_id": ticket_id}
        unit.add(Change(MediaFile, {"id": file.id, "ticket_id": file.ticket_id}, set=attached, must=1))

    async def put_off_ticket(self, unit: Unit, id: str, ticket_id: str) -> None:
        """Puts into the unit that the ticket has this file no more; what no conversation has either goes with the next sweep.

        Nothing for what is not in the store, as the files of imported tickets are. The unit is void with Conflict if it becomes
        part of a conversation meanwhile.
        """
        file = await self._store.get(MediaFile, id)
        if file is None or file.ticket_id != ticket_id:
            return
        loose = {} if file.conversation_id else {"state": MediaState.LOOSE}
        where = {"id": id, "ticket_id": ticket_id, "conversation_id": file.conversation_id}
        unit.add(Change(MediaFile, where, set={"ticket_id": None, **loose}, must=1))

    async def of_visitor(self, id: str, visitor_id: str) -> MediaFile | None:
        """A file that this visitor has uploaded; None for any other, and for one that is gone."""
        file = await self._store.get(MediaFile, id)
        return file if file is not None and file.uploaded_by == f"visitor:{visitor_id}" else None

    async def claim(self, id: str) -> bool:
        """It is about to be said: no job lets go of it from now on. False where it is gone."""
        return bool(await self._store.change(MediaFile, {"id": id}, set={"state": MediaState.ATTACHED}))

    async def sweep(self, _: Mapping[str, Any] | None = None) -> int:
        """Lets go of what nothing refers to and is older than an hour; how many files went.

        Several processes may do so at once.
        """
        before = self._clock.now() - KEEP_LOOSE
        for sha256 in await asyncio.to_thread(self._files.aside):
            await self._decide(sha256)
        await self._forget_loose(before)
        gone = 0
        pages = self._files.older(before.timestamp())
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            gone += await self._sweep_page(page, before.timestamp())
        await asyncio.to_thread(self._files.clear_drafts, before.timestamp())
        if gone:
            log.info("media swept", count=gone)
        return gone

    async def remove(self, id: str, *, by: str) -> bool:
        """Removes one file, whatever refers to it; its bytes stay where another file has the same. False where it is gone."""
        file = await self._store.get(MediaFile, id)
        if file is None:
            return False
        unit = Unit(Delete(MediaFile, {"id": id}))
        unit.insert(self._audit.entry(AuditAction.DELETED, "media", id, by))
        await self._store.commit(unit)
        await self._let_go(file.sha256)
        return True

    async def forget(self, conversation_id: str) -> int:
        """Removes what was attached in a conversation; how many files of it there were. Bytes that others refer to stay."""
        files = await self._store.find(MediaFile, {"conversation_id": conversation_id})
        unit = Unit(*(Delete(MediaFile, {"id": file.id}) for file in files))
        unit.insert(*(self._audit.entry(AuditAction.DELETED, "media", file.id, "system") for file in files))
        if files:
            await self._store.commit(unit)
        for sha256 in {file.sha256 for file in files}:
            await self._let_go(sha256)
        return len(files)

    # Taking in

    async def _write(self, draft: Draft, chunks: AsyncIterable[bytes], most: int) -> None:
        async for chunk in chunks:
            if draft.size + len(chunk) > most:
                raise FileTooLarge(f"the file is too large: at most {most // _MEGABYTE:,} MB are taken")
            await asyncio.to_thread(draft.write, chunk)

    def _described(self, draft: Draft, name: str, by: str, allowed: Collection[MediaType]) -> MediaFile:
        if not draft.size:
            raise FileRefused("the file is empty; choose another one")
        type_ = sniff(draft.head, draft.tail)
        if type_ is None or type_ not in allowed:
            raise FileRefused(f"this kind of file is not taken; send {_listed(allowed)}")
        return MediaFile(
            id=new_id(),
            name=harmless(name, type_),
            mime_type=type_.mime_type,
            kind=type_.kind,
            size=draft.size,
            sha256=draft.sha256,
            uploaded_by=by,
            uploaded_at=self._clock.now(),
        )

    async def _require_room(self) -> None:
        if await self._total() + self.bounds.file > self.bounds.total:
            full = f"no more files are taken: all together may have {self.bounds.total_mb:,} MB (BOT_MEDIA_TOTAL_MB)"
            log.error("the media quota is full", most=self.bounds.total)
            raise StoreUnavailable(full)
        if await asyncio.to_thread(self._files.free) < self.bounds.file + RESERVE:
            log.error("the disk of the media directory is almost full")
            raise StoreUnavailable("no more files are taken: the disk of the media directory is almost full")

    async def _total(self) -> float:
        """Bytes of all uploads; counted anew once a minute, and by what comes in between."""
        now = self._clock.monotonic()
        if now >= self._counted_until:
            sums = await self._store.tally(MediaFile, "state", {}, total="size")
            self._used, self._counted_until = sum(sums.values()), now + _USED_SECONDS
        return self._used

    # Letting go

    async def _forget_loose(self, before: datetime) -> None:
        where = {"state": MediaState.LOOSE, "uploaded_at": Between(high=before)}
        while True:
            page = await self._store.find(MediaFile, where, sort=("uploaded_at",), limit=_PAGE)
            if page:  # whoever attaches one in this instant is faster, or finds it gone
                loose = (Delete(MediaFile, {"id": file.id, "state": MediaState.LOOSE}) for file in page)
                await self._store.commit(Unit(*loose))
            if len(page) < _PAGE:
                return

    async def _sweep_page(self, names: Sequence[str], before: float) -> int:
        known = frozenset(await self._store.distinct(MediaFile, "sha256", {"sha256": In(list(names))}))
        return sum([await self._let_go(name, before) for name in names if name not in known])

    async def _let_go(self, sha256: str, before: float | None = None) -> bool:
        """Bytes go if nothing refers to them, and nobody has sent the same again since `before`; whether they did."""
        if await self._store.count(MediaFile, {"sha256": sha256}):
            return False
        kept_at = await asyncio.to_thread(self._files.set_aside, sha256)
        if kept_at is None:
            return False
        if before is not None and kept_at >= before:
            await asyncio.to_thread(self._files.put_back, sha256)
            return False
        return await self._decide(sha256)

    async def _decide(self, sha256: str) -> bool:
        """What was set aside goes, or comes back if it is referred to after all."""
        if await self._store.count(MediaFile, {"sha256": sha256}):
            await asyncio.to_thread(self._files.put_back, sha256)
            return False
        await asyncio.to_thread(self._files.remove, sha256)
        return True


def content_of(file: MediaFile, caption: str = "") -> Content:
    """A file as something that is said."""
    return Content(
        kind=file.kind,
        mime_type=file.mime_type,
        caption=caption,
        filename=file.name,
        sha256=file.sha256,
        media_id=file.id,
        size=file.size,
    )


def _listed(allowed: Collection[MediaType]) -> str:
    names = sorted(type_.extensions[0].upper() for type_ in allowed)
    return f"{', '.join(names[:-1])} or {names[-1]}"
