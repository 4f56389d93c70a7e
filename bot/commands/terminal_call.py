"""A telephone call in the terminal: typed lines are said, and what is said to them is printed as it is spoken."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
from contextlib import suppress

import click

from bot.app import App
from bot.channels.voice.base import CallInfo, Clause, Played
from bot.channels.voice.paced import PacedLine
from bot.channels.voice.scripted import CHARACTERS_PER_SECOND
from bot.commands.terminal import lines_typed
from bot.errors import ServiceError
from bot.records.calls import CallDirection, CallStatus
from bot.services.conversations import FIRST_AGENT

OURS = "simulator"
HELP = "You are on the telephone: type what you say. /press 1   /hang up   (typing while it speaks interrupts it)"
_LOOK_SECONDS = 0.1
_SCRIPT_PACE = 8
"""So much faster than people it is spoken to a script, which reads all of it."""
_SETTLED_SECONDS = 0.8
"""Of silence, after which a script says its next line."""
_PATIENCE_SECONDS = 90.0
"""The longest that a script waits for an answer."""
_PLAYER = "espeak-ng"


class TerminalCall:
    """One call."""

    def __init__(self, app: App, number: str, language: str, *, speaks: bool) -> None:
        """`number` is E.164, empty for one that is withheld; with `speaks` it is heard as well, where espeak-ng is installed."""
        self._app = app
        self._number = number
        self._language = language
        self._program = shutil.which(_PLAYER) if speaks else None
        self._playing: subprocess.Popen[bytes] | None = None
        self._answered_at = app.clock.monotonic()
        self._is_script = not sys.stdin.isatty()
        pace = CHARACTERS_PER_SECOND * (_SCRIPT_PACE if self._is_script else 1)
        self._line = PacedLine(app.clock, self._answered_at, begins=self._begins, cut=self._falls_silent, pace=pace)
        self._spoke_at = self._answered_at
        """When it last spoke."""

    async def run(self) -> None:
        """Until either side hangs up. Raises ServiceError."""
        click.echo(HELP)
        call_id = await self._begin()
        try:
            await self._talk()
        finally:
            self._quiet()
            self._line.over()
            await self._app.calls.close()
            await self._app.phone_calls.move(call_id, CallStatus.COMPLETED)
        click.echo("(the call is over)")

    async def _begin(self) -> str:
        app, sid = self._app, f"CAsim{secrets.token_hex(14)}"
        begun = await app.phone_calls.begin(
            sid, ours=OURS, theirs=self._number, direction=CallDirection.INBOUND, agent=FIRST_AGENT, language=self._language
        )
        await app.phone_calls.move(begun.call.id, CallStatus.IN_PROGRESS)
        info = CallInfo(
            call_id=begun.call.id,
            sid=sid,
            conversation_id=begun.conversation.id,
            ours=OURS,
            theirs=self._number,
            direction=CallDirection.INBOUND,
            language=self._language,
            answered_at=self._answered_at,
        )
        call = await app.calls.live.open(info, self._line)
        if call is None:
            raise ServiceError("the call cannot be carried now: there is no room, or the store is away")
        self._line.open(call)
        return begun.call.id

    async def _talk(self) -> None:
        lines = lines_typed()
        while not self._line.is_over:
            if self._is_script:
                await self._until_silent()
            try:
                line = await asyncio.wait_for(lines.get(), _LOOK_SECONDS)
            except TimeoutError:
                continue
            if line is None or not self._do(line.strip()):
                return

    def _do(self, line: str) -> bool:
        """Whether the call goes on."""
        if line in ("/hang up", "/hang", "/hangup"):
            return False
        if line.startswith("/press"):
            for digit in line.removeprefix("/press").strip():
                self._line.pressed(digit)
        elif line:
            self._line.said(line)
        self._spoke_at = self._app.clock.monotonic()
        return True

    async def _until_silent(self) -> None:
        """A script is a talk, not a burst: it waits until an answer has been spoken."""
        clock, began, asked = self._app.clock, self._app.clock.monotonic(), self._spoke_at
        while not self._line.is_over and clock.monotonic() - began < _PATIENCE_SECONDS:
            if self._spoke_at > asked and not self._line.is_speaking and clock.monotonic() - self._spoke_at > _SETTLED_SECONDS:
                return
            if self._line.is_speaking:
                self._spoke_at = clock.monotonic()
            await asyncio.sleep(_LOOK_SECONDS)

    def _begins(self, clause: Clause) -> None:
        self._spoke_at = self._app.clock.monotonic()
        click.echo(f"bot> {clause.text}")
        if self._program is not None:
            self._quiet()
            with suppress(OSError):
                self._playing = subprocess.Popen(  # noqa: S603  a program of this machine, and no shell
                    [self._program, "-v", clause.language, "--", clause.text],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )

    def _falls_silent(self, played: Played) -> None:
        self._quiet()
        click.secho(f"     (cut off; {round(played.fraction * 100)} % of this was heard)", dim=True)

    def _quiet(self) -> None:
        if self._playing is not None and self._playing.poll() is None:
            self._playing.kill()
            self._playing.wait()
        self._playing = None
