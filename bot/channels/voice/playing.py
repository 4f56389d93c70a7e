"""What one call is told: clauses in, sound out, and how much of it the person has heard.

Sound is sent ahead of its playing, but never by more than `LEAD`: so a stall of ours is not heard, and a `clear` has little to
take back. Where the provider's play-out stands is known from a clock of ours and from a mark behind each clause.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing

import structlog

from bot.channels.voice.base import Clause, Played
from bot.channels.voice.frames import Outgoing
from bot.channels.voice.pieces import Piece, Speak, Told
from bot.channels.voice.speech import BYTES_PER_SECOND
from bot.clock import Clock
from bot.errors import SpeechError

log = structlog.get_logger()

CHUNK = 800
"""Bytes of a message: 100 ms."""
LEAD = 0.4
"""Seconds that the provider may hold of what is not played yet."""
LOW = 0.2
"""Seconds of it at which less than a chunk is sent, too."""
SLOW = 5.0
"""Seconds without a piece of sound, after which a voice counts as failed."""
STEP = 0.5
"""Seconds by which that may be taken less exactly: pieces come fast."""
LONGEST = 120 * BYTES_PER_SECOND
"""Bytes of sound of one clause; a voice that goes on for longer has lost its way."""
ECHO = 3.0
"""Seconds after the end of play-out by which its mark must have come back; then it counts as played all the same."""
ROUND_TRIP = 0.2
"""Seconds that a mark may take to us; what it takes longer is sound that the provider plays later than our clock says."""
LATEST = 2.0
"""Seconds by which that is believed."""
CHARACTER = 560.0
"""Bytes of sound of a character, until the voice has told better (70 ms)."""


class Playing:
    """The play-out of one call. Costs a timer, and a task while a clause is being made into sound."""

    def __init__(
        self,
        out: Outgoing,
        send: Callable[[bytes], None],
        speak: Speak,
        told: Told,
        clock: Clock,
    ) -> None:
        self._out = out
        self._send = send
        self._speak = speak
        self._told = told
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Piece] = deque()
        """What is not wholly sent; the first may be in part."""
        self._sent: deque[Piece] = deque()
        """What is sent and not known to have been played."""
        self._until = 0.0
        """When all that was sent will have been played, by our clock."""
        self._late = 0.0
        """Seconds by which the provider plays later than that."""
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._marks = 0
        self._per_character = CHARACTER
        self._sounds = False
        self.underruns = 0
        """How often sound came too late within a clause."""
        self.longest_underrun = 0.0
        """Seconds of the longest of those silences."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing is being played or waits for it."""
        return not self._waiting and not self._sent

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """What is being made into sound, also what has just been cancelled."""
        return self._tasks

    def say(self, clause: Clause) -> None:
        """Speaks it after all before it."""
        self._add(Piece(clause))

    def sound(self, sound: bytes) -> None:
        """Plays it after all before it."""
        self._add(Piece(None, sound))

    def _add(self, piece: Piece) -> None:
        self._waiting.append(piece)
        self._make_ahead()
        if piece.is_whole and self._waiting[0] is piece:
            self._pump()

    # Making sound

    def _make_ahead(self) -> None:
        """Has the clause that is due made into sound and, once that sounds, the next one."""
        for place, piece in enumerate(self._waiting):
            if piece.task is None and piece.clause is not None:
                piece.task = task = self._loop.create_task(self._make(piece, piece.clause))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if place or not piece.sound:
                break

    async def _make(self, piece: Piece, clause: Clause) -> None:
        sound, asked = piece.sound, self._loop.time()
        try:
            async with asyncio.timeout(SLOW) as patience, aclosing(self._speak(clause)) as pieces:
                async for more in pieces:
                    if self._loop.time() > asked + STEP:
                        asked = self._loop.time()
                        patience.reschedule(asked + SLOW)
                    sound += more
                    if len(sound) > LONGEST:
                        raise SpeechError(f"a clause of {len(clause.text)} characters has more than {LONGEST} bytes of sound")
                    self._came(piece)
        except (SpeechError, TimeoutError) as error:
            log.warning("a clause could not be spoken", reason=str(error) or f"no sound for {SLOW:g} s")
            self._fail(piece, clause)
            return
        except Exception:
            log.exception("a voice broke")
            self._fail(piece, clause)
            return
        piece.is_whole = True
        if clause.text:
            self._per_character += (len(sound) / len(clause.text) - self._per_character) / 4
        self._came(piece)

    def _came(self, piece: Piece) -> None:
        """More of its sound is there, or all; it may be forgotten meanwhile."""
        if self._waiting and piece is self._waiting[0]:
            self._pump()

    def _fail(self, piece: Piece, clause: Clause) -> None:
        """What has been sent of it is played; what was to follow would tell something else without it."""
        if piece not in self._waiting:
            return
        while self._waiting[-1] is not piece:
            self._waiting.pop().forget()
        piece.is_whole = piece.failed = True
        del piece.sound[piece.sent :]
        self._told.failed(clause.number)
        self._came(piece)

    # Sending

    def _pump(self) -> None:
        """Sends what is due and comes back when more is."""
        while self._waiting:
            piece = self._waiting[0]
            size = min(len(piece.sound) - piece.sent, CHUNK)
            if not size:
                if not piece.is_whole:
                    return  # the next piece of sound brings us back
                self._finish(piece)
                continue
            now = self._clock.monotonic()
            lead = self._until - now
            early = lead + size / BYTES_PER_SECOND - LEAD
            if lead > 0.0 and size < CHUNK and not piece.is_whole:
                early = max(early, lead - LOW)
            if lead > 0.0 and early > 0.0:
                self._come_back(early)
                return
            self._send_chunk(piece, size, now)
        if self._sent and not self._waiting:
            self._come_back(self._until - self._clock.monotonic() + ECHO)

    def _send_chunk(self, piece: Piece, size: int, now: float) -> None:
        if self._until < now:
            if piece.sent and self._sounds:
                self.underruns += 1
                self.longest_underrun = max(self.longest_underrun, now - self._until)
            self._until = now
        is_first = not piece.sent
        self._send(self._out.media(piece.sound[piece.sent : piece.sent + size]))
        piece.sent += size
        self._until += size / BYTES_PER_SECOND
        self._sounding(True)
        if is_first:
            self._make_ahead()

    def _finish(self, piece: Piece) -> None:
        """All of it is sent: a mark tells when it has been played."""
        self._waiting.popleft()
        self._marks += 1
        piece.mark = str(self._marks)
        self._sent.append(piece)
        self._send(self._out.mark(piece.mark))
        self._make_ahead()

    def _come_back(self, seconds: float) -> None:
        """In so many seconds, or before: whoever comes too early comes again."""
        due = self._clock.monotonic() + seconds
        if self._timer is not None:
            if self._due_at <= due:
                return
            self._timer.cancel()
        self._due_at = due
        self._timer = self._loop.call_later(max(0.001, seconds), self._due)

    def _due(self) -> None:
        self._timer = None
        if self._sent and not self._waiting and self._clock.monotonic() >= self._until + ECHO - 0.01:
            self._have_played(self._sent[-1])  # its mark is lost
        else:
            self._pump()

    # What has been heard

    def marked(self, name: str) -> None:
        """The provider gives a mark back. One that a `clear` gave back tells nothing: its clause is not among those sent."""
        for piece in self._sent:
            if piece.mark == name:
                missed = self._clock.monotonic() - self._until_of(piece) - ROUND_TRIP
                self._late = min(max(0.0, missed), LATEST)
                self._have_played(piece)
                return

    def _until_of(self, piece: Piece) -> float:
        """When this one of those sent will have been played, by our clock."""
        after = 0
        for later in reversed(self._sent):
            if later is piece:
                break
            after += len(later.sound)
        if self._waiting:
            after += self._waiting[0].sent
        return self._until - after / BYTES_PER_SECOND

    def _have_played(self, last: Piece) -> None:
        number: int | None = None
        while self._sent:
            piece = self._sent.popleft()
            if piece.clause is not None and not piece.failed:
                number = piece.clause.number
            if piece is last:
                break
        if number is not None:
            self._told.played(number)
        self._rest()

    def _rest(self) -> None:
        """Tells that it is silent, where it is; what is told may make it speak again."""
        if not self._sent and not (self._waiting and self._waiting[0].sent):
            self._sounding(False)
        if self.is_silent:
            self._stop_timer()
            self._told.silent()

    def _position(self) -> Played | None:
        """How far the person has heard what is being said; None where there is nothing."""
        unplayed = max(0.0, self._until - (self._clock.monotonic() - self._late)) * BYTES_PER_SECOND
        begun = [*self._sent, *([self._waiting[0]] if self._waiting else [])]
        for piece in reversed(begun):
            heard = piece.sent - unplayed
            if heard > 0.0 and piece.clause is not None:
                return Played(piece.clause.number, min(1.0, heard / piece.length(self._per_character)))
            unplayed = max(0.0, unplayed - piece.sent)
        first = next((piece.clause for piece in (*self._sent, *self._waiting) if piece.clause is not None), None)
        return Played(first.number) if first is not None else None

    # Falling silent

    def stop(self) -> Played | None:
        """Falls silent and forgets what it had still to say: how far it came, None where it was silent already."""
        played = self._position()
        self._clear()
        for piece in self._waiting:
            piece.forget()
        self._waiting.clear()
        self._sent.clear()
        self._stop_timer()
        self._sounding(False)
        return played

    def _clear(self) -> None:
        """What the provider has is thrown away; its marks come back and are not known any more."""
        now = self._clock.monotonic()
        if self._until > now - self._late or self._sent:
            self._send(self._out.clear)
        self._until = min(self._until, now)

    def _sounding(self, value: bool) -> None:
        if self._sounds is not value:
            self._sounds = value
            self._told.sounding(value)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Nothing is sent any more; `stop` still tells how far it came. Who calls it waits for `tasks`."""
        self._send = _nobody
        for piece in self._waiting:
            piece.forget()
        self._stop_timer()


def _nobody(_: bytes) -> None:
    """Where the sound of a call that is over goes."""
