"""The real program and its surroundings as processes of their own, to be watched from outside, stopped and killed.

    async with surroundings(folder) as around:
        server = around.bot("serve")
        await server.ready()
        ...                              # post webhooks to around.webhook
        server.kill()
        await server.start().ready()     # the same command on the same data

A fake WhatsApp takes what is sent (its log is `around.sends()`), a fake OpenAI answers by the rule `support`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec

from bot.channels.whatsapp.webhook import PATH
from bot.testing.whatsapp.server import PHONE_ID, SECRET, TOKEN

VERIFY_TOKEN = "fake-verify-token"
LISTENS = "Switchboard listens on"
WORKS = "Switchboard works on"
_LOOK_SECONDS = 0.002
_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """A port of the loopback address that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_with_parent() -> None:
    """In a new process: whoever started it is killed, and so is it. A run that is killed leaves no process behind (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ProcessEnded(AssertionError):
    """A process ended that should not have; its last words are the message."""


class Program:
    """One program with its own log file, which can be started again and again."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        says_when_ready: str = "",
        before: Callable[[], None] | None = None,
    ) -> None:
        self._arguments = arguments
        self._log = log
        # Nothing of the developer's own settings may reach a program under test.
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self._environment = {**kept, **(environment or {})}
        self._says_when_ready = says_when_ready
        self._before = before or end_with_parent
        self._begin = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        """Wall-clock seconds of the last start."""
        self.ready_at = 0.0
        """Wall-clock seconds at which it last said that it is ready."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def start(self, stdin: str = "") -> Self:
        """Starts it; `stdin` is all that it can read."""
        self._begin = self._log.stat().st_size if self._log.exists() else 0
        self.started_at = time.time()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, *self._arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._log.parent,
                preexec_fn=self._before,
            )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(stdin.encode())
            self._process.stdin.close()
        return self

    def output(self) -> str:
        """What it wrote since its last start."""
        with self._log.open("rb") as log:
            log.seek(self._begin)
            return log.read().decode(errors="replace")

    async def ready(self, within: float = 20.0) -> str:
        """Waits for the line that says it is ready; that line. Raises ProcessEnded, TimeoutError."""
        async with asyncio.timeout(within):
            while True:
                said = self.output()
                found = next(
                    (line for line in said.splitlines(True) if self._says_when_ready in line and line.endswith("\n")), ""
                )
                if found:
                    self.ready_at = time.time()
                    return found.strip()
                if self.process.poll() is not None:
                    raise ProcessEnded(f"exit code {self.process.returncode}: {said[-2000:]}")
                await asyncio.sleep(_LOOK_SECONDS)

    async def ended(self, within: float = 20.0) -> int:
        """Waits for its end; the exit code, negative for a signal. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while self.process.poll() is None:
                await asyncio.sleep(_LOOK_SECONDS)
        return self.process.wait()

    async def stop(self, within: float = 20.0) -> int:
        """Asks it to end (SIGTERM) and waits; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended(within)

    def kill(self) -> None:
        """kill -9: it gets no chance to finish anything."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """It stands still (SIGSTOP) until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended; one that is paused runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether it has said so since it was started last."""
        return self.is_running and self.ready_at >= self.started_at

    def close(self) -> None:
        """Makes sure that it is gone."""
        if self.is_running:
            self.kill()


class Send(msgspec.Struct, frozen=True):
    """One message that the fake WhatsApp took, as its log has it."""

    id: str
    to: str
    text: str
    tracker: str
    """The id of our delivery."""
    at: datetime

    @property
    def seconds(self) -> float:
        """The wall-clock seconds at which it arrived."""
        return self.at.timestamp()


class Surroundings:
    """What a `bot` process meets: a WhatsApp, a model, a data directory. Made by `surroundings`."""

    def __init__(self, folder: Path, *, ports: Sequence[int], whatsapp: Program, model: Program, sends_log: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.ports = ports
        """One for each `bot serve` that there may be."""
        self.whatsapp = whatsapp
        self.model = model
        self.settings: dict[str, str] = {}
        """The environment of every program that `bot` makes."""
        self.sends_log = sends_log
        self._programs: list[Program] = []

    @property
    def port(self) -> int:
        """Of the only `bot serve`, or the first."""
        return self.ports[0]

    @property
    def webhook(self) -> str:
        """The whole URL of its webhook."""
        return self.webhooks[0]

    @property
    def webhooks(self) -> list[str]:
        """The same for each `bot serve`."""
        return [_webhook(port) for port in self.ports]

    def bot(self, *arguments: str, before: Callable[[], None] | None = None, **settings: str) -> Program:
        """A `bot` command in these surroundings, not started yet; `before` runs in the new process ahead of the program."""
        program = Program(
            ["-m", "bot", *arguments],
            log=self.folder / f"bot-{len(self._programs)}.log",
            environment={**self.settings, **settings},
            says_when_ready=WORKS if arguments[:1] == ("work",) else LISTENS,
            before=before,
        )
        self._programs.append(program)
        return program

    def sends(self) -> list[Send]:
        """What the fake WhatsApp took until now, in order."""
        return read_sends(self.sends_log)[0]

    def close(self) -> None:
        """Ends every program that is still there."""
        for program in (*self._programs, self.whatsapp, self.model):
            program.close()


def read_sends(log: Path, begin: int = 0) -> tuple[list[Send], int]:
    """What the fake WhatsApp has noted from that byte on, and where to go on reading."""
    if not log.exists():
        return [], begin
    with log.open("rb") as file:
        file.seek(begin)
        whole, _, _ = file.read().rpartition(b"\n")
    sends = [msgspec.json.decode(line, type=Send) for line in whole.splitlines()]
    return sends, begin + len(whole) + bool(whole)


def _webhook(port: int) -> str:
    return f"http://127.0.0.1:{port}{PATH}"


@asynccontextmanager
async def surroundings(
    folder: Path, *, webs: int = 1, receipts: bool = True, token_ms: float = 0.0, quiet_ms: int = 50, **settings: Any
) -> AsyncIterator[Surroundings]:
    """A fake WhatsApp and a fake model, each in its own process, and the settings for a `bot` that talks to them.

    With `receipts` the fake WhatsApp tells of each message that it was sent, as Meta does, one of so many `webs` that answers;
    `token_ms` is the model's pace.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports = [free_port() for _ in range(webs)]
    sends_log = folder / "sends.jsonl"
    targets = [part for port in ports for part in ("--target", _webhook(port))]
    whatsapp = Program(
        ["-m", "bot.testing.whatsapp", *targets, "--log", str(sends_log), *(["--auto-receipts"] if receipts else [])],
        log=folder / "whatsapp.log",
        says_when_ready="listening on",
    )
    model = Program(
        ["-m", "bot.testing.openai", "--rule", "support", "--token-ms", str(token_ms)],
        log=folder / "model.log",
        says_when_ready="http://",
    )
    around = Surroundings(folder, ports=ports, whatsapp=whatsapp, model=model, sends_log=sends_log)
    try:
        whatsapp.start()
        model.start()
        api = (await whatsapp.ready()).removeprefix("listening on ")
        around.settings = {
            "BOT_DATA_DIR": str(around.data),
            "BOT_PORT": str(ports[0]),
            "BOT_QUIET_MS": str(quiet_ms),
            "OPENAI_BASE_URL": await model.ready(),
            "OPENAI_MODEL": "fake",
            "WHATSAPP_PHONE_ID": PHONE_ID,
            "WHATSAPP_TOKEN": TOKEN,
            "WHATSAPP_APP_SECRET": SECRET,
            "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
            "WHATSAPP_API_URL": api,
            "WHATSAPP_MESSAGES_PER_SECOND": "1000",
            **{name: str(value) for name, value in settings.items()},
        }
        yield around
    finally:
        around.close()
