"""Files are kept once, belong to somebody, and go when nothing refers to them; a crash leaves no half of one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.clock import new_id
from bot.errors import Conflict, FileRefused, FileTooLarge, NotFound, ServiceError, StoreUnavailable
from bot.records.media import MediaFile, MediaState
from bot.services.audit import Audit
from bot.services.media import KEEP_LOOSE, MOST_ATTACHED, Media, MediaBounds
from bot.services.media_links import LEAST_SECONDS, MediaLinks
from bot.services.media_types import OF_VISITORS
from bot.store.base import Unit
from bot.store.files import FileDirectory
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock
from tests.services.media_samples import PDF, PNG, TEXT, pieces

pytestmark = pytest.mark.unit

NADIA, OMAR = "user:nadia", "user:omar"
LONG = KEEP_LOOSE.total_seconds() + 1


def media_in(place: Path, store: SqliteStore, clock: ManualClock, **bounds: int) -> Media:
    sizes = MediaBounds(**{"file_mb": 1, "total_mb": 100, **bounds})
    return Media(store, clock, Audit(clock), FileDirectory(place), MediaLinks(b"k" * 32, clock), sizes)


@pytest.fixture
def media(tmp_path: Path, store: SqliteStore, clock: ManualClock) -> Media:
    return media_in(tmp_path / "media", store, clock)


def bytes_in(tmp_path: Path) -> list[bytes]:
    return [path.read_bytes() for path in (tmp_path / "media").rglob("*") if path.is_file()]


async def attach(store: SqliteStore, media: Media, file: MediaFile, conversation_id: str) -> None:
    unit = Unit()
    media.put_attached(unit, [file], conversation_id)
    await store.commit(unit)


async def test_a_file_is_known_by_its_content_and_comes_back_as_it_was(media: Media) -> None:
    file = await media.receive(pieces(PNG, 7), "../holiday.exe", by=NADIA)
    assert (file.mime_type, file.kind, file.name, file.size) == ("image/png", "image", "holiday.exe.png", len(PNG))
    assert file.sha256 == hashlib.sha256(PNG).hexdigest()
    assert await media.get(file.id) == file
    assert (await media.path(file)).read_bytes() == PNG


async def test_two_uploads_of_the_same_are_two_records_and_one_file(media: Media, tmp_path: Path) -> None:
    files = await asyncio.gather(*(media.receive(pieces(PDF), "a.pdf", by=NADIA) for _ in range(10)))
    assert len({file.id for file in files}) == 10
    assert bytes_in(tmp_path) == [PDF]


async def test_what_is_not_taken_leaves_nothing(media: Media, tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="this kind of file is not taken; send 3GP, AAC, "):
        await media.receive(pieces(b"<svg onload=alert(1)>"), "a.png", by=NADIA)
    with pytest.raises(FileRefused, match="send GIF, JPG, PDF, PNG or WEBP"):
        await media.receive(pieces(TEXT), "a.txt", by="visitor:v", allowed=OF_VISITORS)
    with pytest.raises(FileRefused, match="empty"):
        await media.receive(pieces(b""), "a.png", by=NADIA)
    with pytest.raises(FileTooLarge, match="at most 1 MB"):
        await media.receive(pieces(PNG + bytes(1024 * 1024)), "a.png", by=NADIA)
    assert bytes_in(tmp_path) == []


async def test_a_sender_who_goes_away_leaves_nothing(media: Media, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PNG
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await media.receive(broken(), "a.png", by=NADIA)
    assert bytes_in(tmp_path) == []


async def test_over_the_quota_nothing_more_is_taken(tmp_path: Path, store: SqliteStore, clock: ManualClock) -> None:
    media = media_in(tmp_path / "media", store, clock, total_mb=2)
    half = PNG + bytes(600_000)
    await media.receive(pieces(half, 100_000), "a.png", by=NADIA)
    await media.receive(pieces(half, 100_000), "b.png", by=NADIA)
    with pytest.raises(StoreUnavailable, match=r"all together may have 2 MB \(BOT_MEDIA_TOTAL_MB\)"):
        await media.receive(pieces(half), "c.png", by=NADIA)
    await clock.advance(LONG)
    await media.sweep()
    await media.receive(pieces(half, 100_000), "c.png", by=NADIA)


async def test_a_loose_file_goes_after_an_hour_and_not_before(media: Media, clock: ManualClock, tmp_path: Path) -> None:
    file = await media.receive(pieces(PNG), "a.png", by=NADIA)
    await clock.advance(KEEP_LOOSE.total_seconds() - 1)
    assert await media.sweep() == 0
    assert (await media.path(file)).exists()
    await clock.advance(2)
    assert await media.sweep() == 1
    assert bytes_in(tmp_path) == []
    with pytest.raises(NotFound):
        await media.get(file.id)


async def test_what_is_attached_stays_until_its_conversation_is_forgotten(
    media: Media, store: SqliteStore, clock: ManualClock, tmp_path: Path
) -> None:
    one, same = [await media.receive(pieces(PNG), "a.png", by=NADIA) for _ in range(2)]
    await attach(store, media, one, "c1")
    await attach(store, media, same, "c2")
    await clock.advance(100 * LONG)
    assert await media.sweep() == 0
    assert await media.forget("c1") == 1
    assert bytes_in(tmp_path) == [PNG]  # the other conversation has the same picture
    assert await media.forget("c2") == 1
    assert bytes_in(tmp_path) == []


async def test_the_same_sent_again_in_the_last_hour_is_not_swept(media: Media, clock: ManualClock) -> None:
    await media.receive(pieces(PNG), "a.png", by=NADIA)
    await clock.advance(LONG)
    again = await media.receive(pieces(PNG), "a.png", by=OMAR)
    assert await media.sweep() == 0
    assert (await media.path(again)).read_bytes() == PNG


async def test_nobody_attaches_what_is_not_theirs(media: Media, store: SqliteStore) -> None:
    file = await media.receive(pieces(PNG), "a.png", by=NADIA)
    with pytest.raises(NotFound, match="upload it again"):
        await media.usable([file.id], by=OMAR, conversation_id="c1")
    with pytest.raises(NotFound):
        await media.usable(["nothing"], by=NADIA)
    with pytest.raises(ServiceError, match="at most 10 files"):
        await media.usable([file.id] * (MOST_ATTACHED + 1), by=NADIA)
    assert [one.id for one in await media.usable([file.id, file.id], by=NADIA)] == [file.id]
    await attach(store, media, file, "c1")
    assert await media.usable([file.id], by=OMAR, conversation_id="c1")  # what the person may see anyway
    with pytest.raises(ServiceError, match="belongs to another conversation"):
        await media.usable([file.id], by=NADIA, conversation_id="c2")


async def test_what_was_swept_meanwhile_cannot_be_attached(media: Media, store: SqliteStore, clock: ManualClock) -> None:
    file = await media.receive(pieces(PNG), "a.png", by=NADIA)
    await clock.advance(LONG)
    await media.sweep()
    with pytest.raises(Conflict):
        await attach(store, media, file, "c1")


class Crash(BaseException):
    """The process is gone: nothing after it runs."""


STEPS = ("begin", "write", "finish", "keep", "commit", "commit done", "keep again")


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_leaves_no_record_without_its_file(
    step: str, tmp_path: Path, store: SqliteStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = media_in(tmp_path / "media", store, clock)
    files = media._files
    begun: list[Any] = []

    def crash(*_: object) -> None:
        raise Crash

    def begin(head: int, tail: int) -> Any:
        draft = FileDirectory.begin(files, head, tail)  # type: ignore[arg-type]
        begun.append(draft)
        monkeypatch.setattr(draft, "drop", draft._file.close)
        if step in ("write", "finish"):
            monkeypatch.setattr(draft, step, crash)
        if step == "begin":
            draft._file.close()
            raise Crash
        return draft

    async def commit(unit: Unit) -> None:
        if step == "commit done":
            await SqliteStore.commit(store, unit)
        raise Crash

    def keep(draft: Any, moment: float) -> None:
        begun.append("kept")
        if step == "keep" or begun.count("kept") == 2:
            raise Crash
        FileDirectory.keep(files, draft, moment)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(files, "begin", begin)
        if step in ("keep", "keep again"):
            broken.setattr(files, "keep", keep)
        if step.startswith("commit"):
            broken.setattr(store, "commit", commit)
        with pytest.raises(Crash):
            await media.receive(pieces(PNG), "a.png", by=NADIA)
    again = media_in(tmp_path / "media", store, clock)
    for file in await store.find(MediaFile, {}, limit=9):
        assert (await again.path(file)).read_bytes() == PNG
    await clock.advance(1e9)  # also older than what the disk's own clock wrote on a draft
    await again.sweep()
    assert await store.count(MediaFile, {}) == 0
    assert bytes_in(tmp_path) == []


async def test_a_crash_while_letting_go_is_made_good(
    media: Media, store: SqliteStore, clock: ManualClock, tmp_path: Path
) -> None:
    needed = await media.receive(pieces(PNG), "a.png", by=NADIA)
    await attach(store, media, needed, "c1")
    dropped = await media.receive(pieces(PDF), "a.pdf", by=NADIA)
    for file in (needed, dropped):
        media._files.set_aside(file.sha256)
    await clock.advance(LONG)
    await media.sweep()
    await media.sweep()
    assert (await media.path(needed)).read_bytes() == PNG
    assert bytes_in(tmp_path) == [PNG]


async def test_uploads_and_sweeps_at_once_lose_nothing_that_is_referred_to(
    tmp_path: Path, store: SqliteStore, clock: ManualClock
) -> None:
    """Two processes with one directory: one takes in what the other lets go."""
    here, there = (media_in(tmp_path / "media", store, clock) for _ in range(2))

    async def come_and_go(number: int) -> None:
        file = await here.receive(pieces(PNG), "a.png", by=NADIA)
        await attach(store, here, file, f"c{number}")
        if number:
            await there.forget(f"c{number}")

    await asyncio.gather(*(come_and_go(number) for number in range(30)), *(there.sweep() for _ in range(10)))
    (left,) = await store.find(MediaFile, {"state": MediaState.ATTACHED}, limit=2)
    assert (await here.path(left)).read_bytes() == PNG
    assert bytes_in(tmp_path) == [PNG]


async def test_a_link_is_for_one_file_and_some_hours(clock: ManualClock) -> None:
    links, id_ = MediaLinks(b"k" * 32, clock), new_id()
    path, _, query = links.path(id_).partition("?")
    fields = dict(part.split("=", 1) for part in query.split("&"))
    assert path == f"/media/{id_}"
    assert links.is_good(id_, fields["until"], fields["sig"])
    assert links.path(id_) == f"{path}?{query}"
    assert not links.is_good(new_id(), fields["until"], fields["sig"])
    assert not links.is_good(id_, str(int(fields["until"]) + 1), fields["sig"])
    assert not MediaLinks(b"x" * 32, clock).is_good(id_, fields["until"], fields["sig"])
    for until, signature in (("", ""), ("٣", fields["sig"]), ("9" * 13, "é"), ("-1", "\ud800"), (fields["until"], "")):
        assert not links.is_good(id_, until, signature)
    await clock.advance(LEAST_SECONDS)
    assert links.is_good(id_, fields["until"], fields["sig"])
    await clock.advance(LEAST_SECONDS)
    assert not links.is_good(id_, fields["until"], fields["sig"])
