"""A MongoDB for tests and benchmarks: SecantusDB, which speaks its protocol, as a process of its own.

SecantusDB is GPL: it is started as a program and never imported. It tells of a replica set (`setName: secantus`) and is ready
within a second; what it has acknowledged survives a kill -9 only with `--sync-on-commit`, whatever `j` says.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from bot.testing.processes import end_with_parent, free_port

PROGRAM = "secantusd-py"
INSTALL = f"{PROGRAM} is not installed; `uv sync` brings it, elsewhere `pip install SecantusDB==0.7.0b3`"
SERVER = "TEST_MONGODB_URI"
_LISTENS = "listening on"
_START_SECONDS = 30.0
_LOOK_SECONDS = 0.01


def program() -> str | None:
    """Where SecantusDB is: beside the Python that runs us, or on the path; None where it is not installed."""
    beside = Path(sys.executable).with_name(PROGRAM)
    return str(beside) if beside.exists() else shutil.which(PROGRAM)


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
            raise RuntimeError(INSTALL)
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
                preexec_fn=end_with_parent,
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
