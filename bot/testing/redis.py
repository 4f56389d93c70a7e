"""A real redis-server for tests and benchmarks, as a process of its own that can be stopped, killed and started again.

The fixture `redis_server` (`bot.testing.fixtures`) is one for a whole test session; where the program is not installed, its tests
are skipped and say so.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path
from typing import Self

from bot.testing.processes import end_with_parent, free_port

PROGRAM = "redis-server"
INSTALL = f"{PROGRAM} is not installed: `apt-get install redis-server` brings it"
_LISTENS = "Ready to accept connections"
_START_SECONDS = 20.0
_LOOK_SECONDS = 0.01


class RedisServer:
    """One redis-server that keeps nothing on disk, always at the same address."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        """Starts it, empty, and waits until it listens. Raises RuntimeError with its last words when it does not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        begin = self._log.stat().st_size if self._log.exists() else 0
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a program of the machine
                [shutil.which(PROGRAM) or PROGRAM, *where, "--save", "", "--appendonly", "no", *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent,
            )
        until = time.monotonic() + _START_SECONDS
        while _LISTENS not in (said := self._log.read_bytes()[begin:].decode(errors="replace")):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"{PROGRAM} did not start: {said[-2000:]}")
            time.sleep(_LOOK_SECONDS)
        return self

    def kill(self) -> None:
        """kill -9; all that it knew is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """It answers nobody (SIGSTOP) until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "it was not started"
        self._process.send_signal(number)


def require_redis() -> None:
    """Skips the test where there is no redis-server."""
    if shutil.which(PROGRAM) is None:
        raise unittest.SkipTest(INSTALL)
