"""Recordings of calls: they come, are kept, are heard by a link, and go when told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.errors import NotFound, ServiceError
from bot.records.audit import AuditAction, AuditEntry
from bot.records.calls import Call, CallStatus, Recording, RecordingStatus
from bot.records.media import MediaFile
from bot.records.work import Job, JobStatus
from bot.services.call_jobs import DELETION_JOB, RECORDING_JOB
from bot.services.recordings import Recordings
from bot.store.base import Change, Unit
from bot.testing.clock import ManualClock
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import set_setting
from tests.services.call_helpers import MP3, RECORDING, Exchange, Talk, talk

pytestmark = pytest.mark.scenario

NEWS = {"RecordingSid": RECORDING, "RecordingStatus": "completed", "RecordingDuration": "12"}


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(recordings={RECORDING: MP3})


@pytest_asyncio.fixture
async def scene(tmp_path: Path, exchange: Exchange) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, phone_provider=exchange) as opened:
        yield opened


def service(scene: Scene) -> Recordings:
    return scene.app.after_call.recordings


async def recording(talking: Talk) -> Recording:
    found = (await talking.call()).recording
    assert found is not None
    return found


async def recorded(scene: Scene) -> Talk:
    """A call that is over and whose recording is here."""
    talking = await talk(scene)
    await talking.is_over()
    await service(scene).recorded(await talking.call(), NEWS)
    await scene.passes(1)
    return talking


async def audited(scene: Scene, talking: Talk) -> list[AuditEntry]:
    found = await scene.app.store.find(AuditEntry, {"entity_type": "call", "entity_id": talking.call_id})
    return [entry for entry in found if entry.action == AuditAction.DELETED]


async def test_a_recording_is_processing_until_it_is_here_and_then_available(scene: Scene, exchange: Exchange) -> None:
    talking = await talk(scene)
    await talking.is_over()
    exchange.is_away = True
    await service(scene).recorded(await talking.call(), NEWS)
    coming = await recording(talking)
    assert (coming.status, coming.duration, coming.url) == (RecordingStatus.PROCESSING, 12, None)
    assert service(scene).link(await talking.call()) is None
    await scene.passes(1)
    exchange.is_away = False
    await scene.passes(600)
    there = await recording(talking)
    assert (there.status, there.duration, there.size, there.format) == (RecordingStatus.AVAILABLE, 12, len(MP3), "mp3")
    assert there.url == f"/media/{there.media_id}"
    file = await scene.app.media.get(there.media_id or "")
    assert (await scene.app.media.path(file)).read_bytes() == MP3
    assert file.conversation_id == talking.conversation_id
    link = service(scene).link(await talking.call())
    assert link is not None
    assert link.startswith(f"{there.url}?until=")


async def test_the_same_news_many_times_are_one_recording(scene: Scene, exchange: Exchange) -> None:
    talking = await talk(scene)
    await talking.is_over()
    call = await talking.call()
    await asyncio.gather(*(service(scene).recorded(call, NEWS) for _ in range(4)))
    await scene.passes(1)
    await service(scene).recorded(await talking.call(), NEWS)
    await scene.passes(1)
    assert exchange.asked == [RECORDING]
    assert await scene.app.store.count(MediaFile, {"conversation_id": talking.conversation_id}) == 1


@pytest.mark.parametrize(
    "news",
    [
        NEWS | {"RecordingStatus": "absent"},
        NEWS | {"RecordingStatus": "failed"},
        NEWS | {"RecordingStatus": "in-progress"},
        NEWS | {"RecordingSid": "../../etc/passwd"},
        {},
    ],
)
async def test_what_can_not_be_fetched_is_no_recording(scene: Scene, news: dict[str, str], exchange: Exchange) -> None:
    talking = await talk(scene)
    await service(scene).recorded(await talking.call(), news)
    await scene.passes(1)
    assert (await talking.call()).recording is None
    assert exchange.asked == []


async def test_what_is_no_sound_is_not_taken(scene: Scene, exchange: Exchange) -> None:
    exchange.recordings[RECORDING] = b"<html>not found</html>" * 100
    talking = await recorded(scene)
    assert (await recording(talking)).status is RecordingStatus.PROCESSING
    assert await scene.app.store.count(MediaFile, {"conversation_id": talking.conversation_id}) == 0


async def test_a_deleted_recording_is_served_to_nobody_and_gone_at_both_places(scene: Scene, exchange: Exchange) -> None:
    talking = await recorded(scene)
    there = await recording(talking)
    file = await scene.app.media.get(there.media_id or "")
    path = await scene.app.media.path(file)
    await service(scene).delete(talking.call_id, by="user:boss", reason="asked for it")
    gone = await recording(talking)
    assert (gone.status, gone.url) == (RecordingStatus.DELETED, None)
    assert service(scene).link(await talking.call()) is None
    with pytest.raises(NotFound):
        await scene.app.media.get(file.id)
    assert not path.exists()
    await scene.passes(1)
    assert exchange.deleted == [RECORDING]
    await service(scene).delete(talking.call_id, by="user:boss")  # twice is once
    [entry] = await audited(scene, talking)
    assert (entry.performed_by, entry.details["reason"]) == ("user:boss", "asked for it")


async def test_a_recording_that_is_deleted_before_it_was_fetched_does_not_come(scene: Scene, exchange: Exchange) -> None:
    exchange.is_away = True
    talking = await recorded(scene)
    await service(scene).delete(talking.call_id, by="user:boss")
    exchange.is_away = False
    await scene.passes(1000)
    await service(scene).recorded(await talking.call(), NEWS)
    await scene.passes(10)
    assert (await recording(talking)).status is RecordingStatus.DELETED
    assert await scene.app.store.count(MediaFile, {"conversation_id": talking.conversation_id}) == 0
    assert exchange.deleted == [RECORDING]


async def test_a_deletion_while_it_is_fetched_wins(scene: Scene, exchange: Exchange) -> None:
    talking = await talk(scene)
    await talking.is_over()
    await scene.app.worker.stop()
    await service(scene).recorded(await talking.call(), NEWS)
    before = await talking.call()
    assert before.recording is not None
    file = await scene.app.media.receive(exchange.fetch_recording(RECORDING), "call.mp3", by="system")
    await service(scene).delete(talking.call_id, by="user:boss")
    await service(scene)._keep(before, before.recording, file)
    assert (await recording(talking)).status is RecordingStatus.DELETED
    with pytest.raises(NotFound):
        await scene.app.media.get(file.id)


async def test_what_cannot_be_deleted_at_the_providers_is_tried_again(scene: Scene, exchange: Exchange) -> None:
    talking = await recorded(scene)
    exchange.is_away = True
    await service(scene).delete(talking.call_id, by="user:boss")
    await scene.passes(1)
    job = await scene.app.store.get(Job, f"{DELETION_JOB}:{talking.call_id}")
    assert job is not None
    assert job.status is JobStatus.PENDING
    exchange.is_away = False
    await scene.passes(30)
    assert exchange.deleted == [RECORDING]


async def test_a_call_without_a_recording_has_none_to_delete(scene: Scene) -> None:
    talking = await talk(scene)
    with pytest.raises(ServiceError, match="no recording"):
        await service(scene).delete(talking.call_id, by="user:boss")
    with pytest.raises(NotFound):
        await service(scene).delete("nobody", by="user:boss")


async def test_after_a_restart_it_is_fetched(tmp_path: Path, exchange: Exchange) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock, phone_provider=exchange) as first:
        talking = await talk(first)
        await talking.is_over()
        await first.app.worker.stop()
        await first.app.after_call.recordings.recorded(await talking.call(), NEWS)
    async with open_scene(tmp_path, clock=clock, phone_provider=exchange) as again:
        await again.passes(2)
        call = await again.app.store.get(Call, talking.call_id)
        assert call is not None
        assert call.recording is not None
        assert call.recording.status is RecordingStatus.AVAILABLE
        job = await again.app.store.get(Job, f"{RECORDING_JOB}:{RECORDING}")
        assert job is not None
        assert job.status is JobStatus.COMPLETED


@pytest.mark.parametrize(("days", "kept"), [(0, True), (30, False), (365, True), ("soon", True)])
async def test_recordings_are_kept_for_as_long_as_the_setting_says(scene: Scene, days: object, kept: bool) -> None:
    talking = await recorded(scene)
    ended = scene.clock.now() - timedelta(days=31)
    await scene.app.store.commit(Unit(Change(Call, {"id": talking.call_id}, set={"ended_at": ended})))
    await set_setting(scene, "call_recording_days", days)
    await scene.app.after_call.recordings.retain()
    assert ((await recording(talking)).status is RecordingStatus.AVAILABLE) is kept
    assert [entry.performed_by for entry in await audited(scene, talking)] == ([] if kept else ["system"])


async def test_without_a_provider_nothing_is_fetched_and_what_is_here_goes(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        talking = await talk(scene)
        await talking.is_over(CallStatus.COMPLETED)
        await service(scene).recorded(await talking.call(), NEWS)
        await scene.passes(1)
        assert (await recording(talking)).status is RecordingStatus.PROCESSING
        await service(scene).delete(talking.call_id, by="user:boss")
        await scene.passes(1)
        assert (await recording(talking)).status is RecordingStatus.DELETED
