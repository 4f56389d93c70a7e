"""Where the bytes of media are: a directory, in which a file's name is the SHA-256 of what is in it.

A file gets its name when it is whole and on the disk, so that no name ever stands for half of one. Several processes, also on
several machines, may use one directory at once: it has to be shared between them, and to know hard links (NFS does).

    <root>/ab/abcdef...      a file
    <root>/incoming/...      one that is being written; whatever a crash leaves there goes after an hour
    <root>/leaving/...       one that is about to go, until it is certain that nobody refers to it
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from bot.errors import StoreUnavailable

_NAME = re.compile(r"[0-9a-f]{64}")
_TRIES = 8


class Draft:
    """A file that is being written. Its methods block; they may raise StoreUnavailable."""

    def __init__(self, path: Path, file: BinaryIO, head: int, tail: int) -> None:
        self.path = path
        self.size = 0
        self.head = b""
        self.tail = b""
        self._file = file
        self._digest = hashlib.sha256()
        self._most_head, self._most_tail = head, tail

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        with _told():
            self._file.write(data)
        self._digest.update(data)
        self.size += len(data)
        if len(self.head) < self._most_head:
            self.head += data[: self._most_head - len(self.head)]
        self.tail = (self.tail + data)[-self._most_tail :]

    def finish(self) -> None:
        """All of it is on the disk."""
        with _told():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def drop(self) -> None:
        """It is not needed any more; what was kept of it stays."""
        with suppress(OSError, ValueError):
            self._file.close()
        self.path.unlink(missing_ok=True)


class Files(Protocol):
    """What the media store needs of a place. All of it blocks, and may raise StoreUnavailable."""

    def begin(self, head: int, tail: int) -> Draft:
        """A new file, of whose beginning and end so many bytes are remembered."""

    def keep(self, draft: Draft, moment: float) -> None:
        """A finished one gets its name, or touches the one that is there already. It may be kept again."""

    def path(self, sha256: str) -> Path | None:
        """Where to read it; None where there is none."""

    def set_aside(self, sha256: str) -> float | None:
        """Takes its name away, so that it can go or come back; when it was last kept. None where there is none."""

    def put_back(self, sha256: str) -> None: ...
    def remove(self, sha256: str) -> None:
        """What was set aside goes for good."""

    def aside(self) -> list[str]:
        """What was set aside and not decided on: a crash was faster."""

    def older(self, moment: float) -> Iterator[list[str]]:
        """The files that were last kept before a moment, some at a time."""

    def clear_drafts(self, moment: float) -> int:
        """Drafts that nobody has written to since a moment go; how many."""

    def free(self) -> int:
        """Bytes of room."""


class FileDirectory:
    """Files in a directory of this machine, or one that machines share."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._leaving = root / "leaving"

    def begin(self, head: int, tail: int) -> Draft:
        with _told():
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._incoming / secrets.token_hex(16)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            return Draft(path, os.fdopen(descriptor, "wb"), head, tail)

    def keep(self, draft: Draft, moment: float) -> None:
        with _told():
            place = self._place(draft.sha256)
            place.parent.mkdir(mode=0o700, exist_ok=True)
            for _ in range(_TRIES):  # between the two it may be set aside
                with suppress(FileExistsError):
                    os.link(draft.path, place)
                with suppress(FileNotFoundError):
                    os.utime(place, (moment, moment))
                    break
            _sync(place.parent)
            _sync(self._root)

    def path(self, sha256: str) -> Path | None:
        place = self._place(sha256)
        return place if place.is_file() else None

    def set_aside(self, sha256: str) -> float | None:
        with _told():
            self._leaving.mkdir(mode=0o700, exist_ok=True)
            try:
                os.replace(self._place(sha256), self._leaving / sha256)
                return (self._leaving / sha256).stat().st_mtime
            except FileNotFoundError:
                return None

    def put_back(self, sha256: str) -> None:
        with _told(), suppress(FileNotFoundError):
            os.replace(self._leaving / sha256, self._place(sha256))

    def remove(self, sha256: str) -> None:
        with _told():
            (self._leaving / sha256).unlink(missing_ok=True)

    def aside(self) -> list[str]:
        with _told():
            return _names(self._leaving)

    def older(self, moment: float) -> Iterator[list[str]]:
        for number in range(256):
            shard = self._root / f"{number:02x}"
            with _told():
                found = [name for name in _names(shard) if _kept_at(shard / name) < moment]
            if found:
                yield found

    def clear_drafts(self, moment: float) -> int:
        with _told():
            if not self._incoming.is_dir():
                return 0
            old = [path for path in self._incoming.iterdir() if _kept_at(path) < moment]
            for path in old:
                path.unlink(missing_ok=True)
            return len(old)

    def free(self) -> int:
        with _told():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            return shutil.disk_usage(self._root).free

    def _place(self, sha256: str) -> Path:
        """Raises ValueError for what is no such name: nothing else ever becomes a path."""
        if not _NAME.fullmatch(sha256):
            raise ValueError("no SHA-256 in hex")
        return self._root / sha256[:2] / sha256


def _names(directory: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(directory) if _NAME.fullmatch(entry.name))
    except FileNotFoundError:
        return []


def _kept_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # gone meanwhile: nothing to do with it
        return float("inf")


def _sync(directory: Path) -> None:
    """A new name lasts once its directory is on the disk, too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told() -> Iterator[None]:
    """Whatever the disk says no to is the store's own error, in one line without anybody's file name."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"the media directory cannot be used: {error.strerror or type(error).__name__}") from error
