"""Recordings of calls: fetched from the provider into our own media store, deleted there and here when told (S1-069, S1-070)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from bot.clock import Clock
from bot.errors import Conflict, Duplicate, NotFound, ServiceError
from bot.jobs import Jobs
from bot.records.audit import AuditAction
from bot.records.calls import Call, Recording, RecordingStatus
from bot.records.media import MediaFile
from bot.services.audit import Audit
from bot.services.call_jobs import DELETION_JOB, RECORDING_JOB
from bot.services.media import Media
from bot.services.media_types import MP3, WAV
from bot.services.phone_provider import PhoneProvider
from bot.services.settings import SystemSettings
from bot.store.base import Between, Change, Store, Unit

log = structlog.get_logger()

RETENTION_SECONDS = 3600.0
KEEP_DAYS = "call_recording_days"
"""The setting: for how many days after a call its recording is kept; 0 until somebody deletes it."""
_BY = "system"
_FETCH_SECONDS = 900.0
_PAGE = 100
_TYPES = frozenset((MP3, WAV))
_COMPLETED = "completed"
"""The provider's word for a recording that can be fetched; `in-progress`, `absent` and `failed` cannot."""
_SID, _SECONDS = re.compile(r"RE[0-9a-fA-F]{32}"), re.compile(r"[0-9]{1,6}", re.ASCII)


class Recordings:
    """Keeps them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        audit: Audit,
        jobs: Jobs,
        media: Media,
        settings: SystemSettings,
        provider: PhoneProvider | None = None,
    ) -> None:
        """Without a `provider` (no Twilio account is set) nothing comes, and only what is here can be deleted."""
        self._store = store
        self._clock = clock
        self._audit = audit
        self._jobs = jobs
        self._media = media
        self._settings = settings
        self._provider = provider

    def register(self) -> None:
        """The handlers of the jobs."""
        self._jobs.register(RECORDING_JOB, self.fetch, seconds=_FETCH_SECONDS)
        self._jobs.register(DELETION_JOB, self.delete_there)

    async def recorded(self, call: Call, news: Mapping[str, str]) -> None:
        """Twilio's word, by the fields of its webhook (RecordingSid, RecordingStatus, RecordingDuration; CHANNELS 2.3)."""
        sid, seconds = news.get("RecordingSid", ""), news.get("RecordingDuration", "")
        if _SID.fullmatch(sid):
            duration = int(seconds) if _SECONDS.fullmatch(seconds) else None
            await self.came(call, sid, status=news.get("RecordingStatus", _COMPLETED), duration=duration)

    async def came(self, call: Call, recording_sid: str, *, status: str = _COMPLETED, duration: int | None = None) -> bool:
        """The provider tells of a recording; once it is whole, a job fetches it. False for what changes nothing (also twice).

        `status` is Twilio's RecordingStatus, `duration` in seconds.
        """
        if status != _COMPLETED or call.recording is not None:
            if status not in (_COMPLETED, "in-progress"):
                log.warning("a call was not recorded", call=call.id, status=status)
            return False
        unit = Unit()
        coming = Recording(status=RecordingStatus.PROCESSING, sid=recording_sid, duration=duration)
        unit.add(Change(Call, {"id": call.id, "recording": None}, set={"recording": coming}, must=1))
        self._jobs.add(unit, RECORDING_JOB, {"call": call.id}, id=f"{RECORDING_JOB}:{recording_sid}")
        try:
            await self._store.commit(unit)
        except (Conflict, Duplicate):
            return False  # the same webhook on another process
        return True

    async def fetch(self, payload: Mapping[str, Any]) -> None:
        """The handler of the job. Raises ChannelError, FileTooLarge, FileRefused, StoreUnavailable: it is tried again."""
        call = await self._call(payload["call"])
        recording = call.recording
        if self._provider is None or recording is None or recording.status is not RecordingStatus.PROCESSING:
            return
        sound = self._provider.fetch_recording(recording.sid or "")
        file = await self._media.receive(sound, f"call-{call.id[-8:]}.mp3", by=_BY, allowed=_TYPES)
        await self._keep(call, recording, file)

    async def _keep(self, call: Call, recording: Recording, file: MediaFile) -> None:
        """Where it was deleted meanwhile, the file is loose and goes by itself."""
        unit = Unit()
        self._media.put_attached(unit, [file], call.conversation_id)
        there = recording.model_copy(
            update={
                "status": RecordingStatus.AVAILABLE,
                "url": f"/media/{file.id}",
                "size": file.size,
                "format": file.mime_type.rpartition("/")[2].replace("mpeg", "mp3"),
                "media_id": file.id,
            }
        )
        as_it_was = {"id": call.id, "recording.status": RecordingStatus.PROCESSING}
        unit.first(Change(Call, as_it_was, set={"recording": there}, must=1))
        try:
            await self._store.commit(unit)
        except Conflict:
            await self._media.remove(file.id, by=_BY)

    def link(self, call: Call) -> str | None:
        """A signed path that plays it for some hours; None while there is none, and for ever once it is deleted (S1-070)."""
        recording = call.recording
        if recording is None or recording.status is not RecordingStatus.AVAILABLE or recording.media_id is None:
            return None
        return self._media.links.path(recording.media_id)

    async def delete(self, call_id: str, *, by: str, reason: str = "") -> None:
        """Nobody hears it any more from now on; a job deletes it at the provider's and in our store.

        `by` is `user:<id>` or `system`. Raises NotFound, ServiceError where there is none.
        """
        call = await self._call(call_id)
        recording = call.recording
        if recording is None or recording.status is None:
            raise ServiceError("this call has no recording")
        if recording.status is RecordingStatus.DELETED:
            return
        gone = recording.model_copy(update={"status": RecordingStatus.DELETED, "url": None})
        unit = Unit(Change(Call, {"id": call.id, "recording.status": recording.status}, set={"recording": gone}, must=1))
        before = {"recording": {"status": str(recording.status)}}
        after = {"recording": {"status": str(gone.status)}}
        unit.insert(self._audit.entry(AuditAction.DELETED, "call", call.id, by, before=before, after=after, reason=reason))
        self._jobs.add(unit, DELETION_JOB, {"call": call.id}, id=f"{DELETION_JOB}:{call.id}")
        await self._store.commit(unit)
        if recording.media_id is not None:
            await self._media.remove(recording.media_id, by=by)

    async def delete_there(self, payload: Mapping[str, Any]) -> None:
        """The handler of the job: at the provider's, and what a crash has left here. Raises ChannelError: it is tried again."""
        recording = (await self._call(payload["call"])).recording
        if recording is None:
            return
        if recording.media_id is not None:
            await self._media.remove(recording.media_id, by=_BY)
        if self._provider is not None and recording.sid:
            await self._provider.delete_recording(recording.sid)

    async def retain(self, _: Mapping[str, Any] | None = None) -> int:
        """The handler of the recurring job: recordings that are older than the setting allows go; how many."""
        days = await self._settings.value(KEEP_DAYS)
        if not isinstance(days, int) or isinstance(days, bool) or days <= 0:
            return 0
        before = self._clock.now() - timedelta(days=days)
        where = {"recording.status": RecordingStatus.AVAILABLE, "ended_at": Between(high=before)}
        gone = 0
        while page := await self._store.find(Call, where, limit=_PAGE):
            for call in page:
                await self.delete(call.id, by=_BY, reason=f"kept for {days} days")
            gone += len(page)
        return gone

    async def _call(self, call_id: str) -> Call:
        call = await self._store.get(Call, call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id}")
        return call
