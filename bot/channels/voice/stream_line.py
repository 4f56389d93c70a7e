"""One call on a media stream: a `Line` with ears and a mouth of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.channels.voice import frames
from bot.channels.voice.base import CallInfo, Clause, Hears, Played
from bot.channels.voice.ears import Ears
from bot.channels.voice.pieces import Speak
from bot.channels.voice.playing import Playing
from bot.channels.voice.speech import BYTES_PER_SECOND, Recogniser
from bot.channels.voice.tones import tones
from bot.channels.voice.utterances import Utterances
from bot.clock import Clock

log = structlog.get_logger()

HANG_UP = "hang_up"
"""We have hung up: the call is to end."""
HUNG_UP = "hung_up"
"""They have: the call is over."""
LOST = "lost"
"""The line broke: the call goes on as the action URL says."""

MAX_MALFORMED = 50
"""Messages that are none of this protocol, after which the line is ended."""
LEAVE_SECONDS = 30.0
"""The longest that a line stays after it was to be ended."""


class StreamLine:
    """Carries one call. Told what comes in by whoever reads the websocket; `ended` once it is to be closed."""

    def __init__(
        self,
        info: CallInfo,
        start: frames.Start,
        send: Callable[[bytes], None],
        speak: Speak,
        ears: Ears,
        clock: Clock,
        ended: Callable[[], None],
    ) -> None:
        self.info = info
        self.left = ""
        """Why it is over: `hang_up` (we did), `hung_up` (they did), `lost`, or what `leave` was given; empty while it is not."""
        self._stream_sid = start.stream_sid
        self._ears = ears
        self._clock = clock
        self._ended = ended
        self._playing = Playing(frames.Outgoing(start.stream_sid), send, speak, self, clock)
        self._hears: Hears | None = None
        self._utterances: Utterances | None = None
        self._leaving = ""
        self._has_failed = False
        self._guard: asyncio.TimerHandle | None = None
        self._malformed = 0
        self._zero = 0.0
        """Second of the call at which its sound began."""
        self._bytes = 0
        """Of sound that has come in: the sound's own clock, whenever it arrives."""

    def join(self, hears: Hears, recogniser: Recogniser) -> None:
        """From now on these are told what is heard."""
        self._hears = hears
        self._utterances = Utterances(self._ears, recogniser, hears, self._clock, self.info.answered_at, self._interrupted)

    @property
    def playing(self) -> Playing:
        """What is spoken, and how well that goes."""
        return self._playing

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """What is being spoken and recognised; whoever closes the line ends them."""
        recognising = self._utterances.task if self._utterances is not None else None
        return {*self._playing.tasks, *([recognising] if recognising is not None else [])}

    # Line

    def speak(self, clause: Clause) -> None:
        if not self.left and not (self._leaving and self._has_failed):  # half of a goodbye is none
            self._playing.say(clause)

    def stop(self) -> Played | None:
        played = self._playing.stop()
        if self._leaving:
            self._end(self._leaving)
        return played

    def send_digits(self, digits: str) -> None:
        if not self.left:
            self._playing.sound(tones(digits))

    def set_language(self, language: str) -> None:
        self._ears.language = language

    def hang_up(self) -> None:
        self.leave(HANG_UP)

    def leave(self, reason: str) -> None:
        if self._leaving or self.left:
            return
        self._leaving = reason
        if self._playing.is_silent:
            self._end(reason)
        else:
            self._guard = asyncio.get_running_loop().call_later(LEAVE_SECONDS, self._end, reason)

    # What comes in

    def receive(self, message: bytes) -> None:
        """A message of the provider's, after the stream's start."""
        sound = frames.sound_of(message)
        if sound is not None:
            self._hear(sound)
        else:
            self._happened(frames.read(message))

    def _hear(self, sound: bytes) -> None:
        if not self._bytes:
            self._zero = self._clock.monotonic() - self.info.answered_at
        self._bytes += len(sound)
        if self._utterances is not None and not self._leaving and sound:  # a goodbye is not interrupted
            self._utterances.hear(sound, self._zero + self._bytes / BYTES_PER_SECOND)

    def _happened(self, event: frames.Event) -> None:
        match event:
            case frames.Mark(name):
                self._playing.marked(name)
            case frames.Digit(digit):
                if self._hears is not None and not self._leaving:
                    self._hears.pressed(digit)
            case frames.Stop():
                self._end(self._leaving or HUNG_UP)
            case frames.Start(stream_sid) if stream_sid != self._stream_sid:
                log.warning("a stream has begun twice", call=self.info.call_id)
                self._end(LOST)
            case frames.Malformed():
                self._malformed += 1
                if self._malformed >= MAX_MALFORMED:
                    log.warning("a stream makes no sense", call=self.info.call_id)
                    self._end(LOST)
            case _:
                pass  # what means nothing to us, or nothing more

    def _interrupted(self) -> None:
        played = self._playing.stop()
        if self._hears is not None:
            self._hears.interrupted(played)

    # How the playing goes

    def sounding(self, value: bool) -> None:
        self._ears.we_speak = value
        utterances, hears = self._utterances, self._hears
        if value and utterances is not None and hears is not None and utterances.answer_from is not None:
            hears.took("first_audio", self._clock.monotonic() - utterances.answer_from)
            utterances.answer_from = None

    def played(self, clause: int) -> None:
        if self._hears is not None:
            self._hears.played(clause)

    def silent(self) -> None:
        if self._leaving:
            self._end(self._leaving)
        elif self._hears is not None:
            self._hears.silent()

    def failed(self, clause: int) -> None:
        self._has_failed = True
        if self._hears is not None:
            self._hears.failed("voice", clause)

    # The end

    def _end(self, reason: str) -> None:
        if not self.left:
            self.left = reason
            self._ended()

    def close(self, reason: str) -> None:
        """The websocket is gone, or is about to be: `reason`, where the line knows none of its own. Tells the call, once."""
        self.left = self.left or reason
        if self._guard is not None:
            self._guard.cancel()
        playing = self._playing
        if playing.underruns:
            log.warning(
                "sound came too late on a call",
                call=self.info.call_id,
                times=playing.underruns,
                longest=round(playing.longest_underrun, 3),
            )
        playing.close()  # but how far it came can still be asked
        if self._utterances is not None:
            self._utterances.close()
        else:
            self._ears.close()
        hears, self._hears = self._hears, None
        if hears is not None:
            hears.over(self.left if self.left in (HUNG_UP, LOST) else "left")
