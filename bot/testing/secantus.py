"""A MongoDB for tests and benchmarks: SecantusDB, which speaks its protocol, as a process of its own.

SecantusDB is GPL: it is started as a program and never imported. `mongo_uri` is a server for a whole test session, on SecantusDB
and, where TEST_MONGODB_URI names one, on that server too. It tells of a replica set (`setName: secantus`) and is ready within a
second; what it has acknowledged survives a kill -9 only with `--sync-on-commit`, whatever `j` says.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from bot.testing.processes import free_port

PROGRAM = "secantusd-py"
SERVER = "TEST_MONGODB_URI"
_LISTENS = "listening on"
_START_SECONDS = 30.0
_LOOK_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1


def program() -> str | None:
    """Where SecantusDB is: beside the Python that runs us, or on the path; None where it is not installed."""
    beside = Path(sys.executable).with_name(PROGRAM)
    return str(beside) if beside.exists() else shutil.which(PROGRAM)


def end_with_parent() -> None:
    """A test run that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Secantus:
    """One SecantusDB with its own data, which can be stopped, killed and started again at the same address."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._log = folder / "secantus.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}/?journal=true"

    def start(self) -> Self:
        """Starts it and waits until it listens. Raises RuntimeError with its last words when it does not."""
        found = program()
        if found is None:
            raise RuntimeError(f"{PROGRAM} is not installed; `uv sync` brings it")
        self._folder.mkdir(parents=True, exist_ok=True)
        begin = self._log.stat().st_size if self._log.exists() else 0
        arguments = [found, "--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self._folder / "data")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*arguments, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        until = time.monotonic() + _START_SECONDS
        while _LISTENS not in (said := self._log.read_bytes()[begin:].decode(errors="replace")):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"{PROGRAM} did not start: {said[-2000:]}")
            time.sleep(_LOOK_SECONDS)
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None, "it was not started"
        return self._process.pid

    def kill(self) -> None:
        """kill -9, with no chance to finish anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Asks it to end, and sees to it that it does."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


@pytest.fixture(scope="session", params=["SecantusDB", *([SERVER] if os.environ.get(SERVER) else [])])
def mongo_uri(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that is there for the whole session; give each test a database of its own."""
    if request.param == SERVER:
        yield os.environ[SERVER]
        return
    if program() is None:
        pytest.skip(f"{PROGRAM} is not installed; `uv sync` brings it")
    with tempfile.TemporaryDirectory(prefix="secantus-") as folder:
        server = Secantus(Path(folder)).start()
        try:
            yield server.uri
        finally:
            server.stop()
