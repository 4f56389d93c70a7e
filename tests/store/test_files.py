"""A file has its name when it is whole; what a crash leaves has none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from bot.errors import StoreUnavailable
from bot.store.files import Draft, FileDirectory

pytestmark = pytest.mark.unit

DATA = b"what is in the file" * 10_000
NAME = hashlib.sha256(DATA).hexdigest()
LONG_AGO, LATER = 1_000_000.0, 2_000_000.0


@pytest.fixture
def files(tmp_path: Path) -> FileDirectory:
    return FileDirectory(tmp_path / "media")


def draft_of(files: FileDirectory, data: bytes = DATA) -> Draft:
    draft = files.begin(4, 5)
    for start in range(0, len(data), 7000):
        draft.write(data[start : start + 7000])
    return draft


def kept(files: FileDirectory, moment: float = LONG_AGO, data: bytes = DATA) -> str:
    draft = draft_of(files, data)
    draft.finish()
    files.keep(draft, moment)
    draft.drop()
    return draft.sha256


def test_a_kept_file_is_what_was_written_and_private(files: FileDirectory) -> None:
    assert kept(files) == NAME
    path = files.path(NAME)
    assert path is not None
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o077 == 0


def test_the_same_bytes_are_there_once_and_count_as_new(files: FileDirectory, tmp_path: Path) -> None:
    assert kept(files, LONG_AGO) == kept(files, LATER)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [files.path(NAME)]
    assert list(files.older(LATER)) == []
    assert list(files.older(LATER + 1)) == [[NAME]]


def test_a_draft_that_is_dropped_or_left_has_no_name(files: FileDirectory, tmp_path: Path) -> None:
    draft_of(files).drop()
    left = draft_of(files)
    left.finish()
    assert files.path(NAME) is None
    assert list(files.older(LATER * 1e6)) == []
    os.utime(left.path, (LONG_AGO, LONG_AGO))
    assert files.clear_drafts(LONG_AGO) == 0
    assert files.clear_drafts(LATER) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_beginning_and_the_end_are_remembered(files: FileDirectory) -> None:
    draft = draft_of(files, b"0123456789")
    assert (draft.head, draft.tail, draft.size) == (b"0123", b"56789", 10)
    draft.drop()


def test_what_is_set_aside_can_come_back_or_go(files: FileDirectory) -> None:
    kept(files)
    assert files.set_aside(NAME) == LONG_AGO
    assert files.path(NAME) is None
    assert files.aside() == [NAME]
    files.put_back(NAME)
    assert files.path(NAME) is not None
    files.set_aside(NAME)
    files.remove(NAME)
    files.remove(NAME)
    files.put_back(NAME)
    assert (files.path(NAME), files.aside(), files.set_aside(NAME)) == (None, [], None)


def test_a_draft_that_is_kept_again_brings_back_what_was_let_go(files: FileDirectory) -> None:
    draft = draft_of(files)
    draft.finish()
    files.keep(draft, LONG_AGO)
    files.set_aside(NAME)
    files.remove(NAME)
    files.keep(draft, LATER)
    assert files.path(NAME) is not None


@pytest.mark.parametrize("name", ["../secret.key", "", "A" * 64, NAME + "\n", NAME[:-1]])
def test_nothing_but_a_digest_becomes_a_path(files: FileDirectory, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        files.path(name)


def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("not a directory")
    with pytest.raises(StoreUnavailable, match="the media directory cannot be used"):
        FileDirectory(tmp_path / "media").begin(1, 1)
