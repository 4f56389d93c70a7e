"""ConversationRelay as a line: clauses go out as text, prompts come in; how far the speech has come is estimated."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import msgspec
import structlog
from aiohttp import web

from bot.channels.voice.alarms import Alarm
from bot.channels.voice.base import Clause, Hears, Played
from bot.channels.voice.relay_messages import Dtmf, Incoming, Interrupt, Prompt, Trouble, write
from bot.channels.voice.twiml import locale
from bot.clock import Clock
from bot.running import end_tasks

log = structlog.get_logger()

LETTERS_PER_SECOND = 13.0
"""How fast Twilio's voices speak, roughly: by it is judged what was heard where Twilio does not say."""
END_SECONDS = 1.5
"""Beyond the presumed end of the last word before the call is ended: nobody is to be cut off in a goodbye."""
BEFORE_SECONDS = 0.3
"""From a text to its first sound."""
FALSE_SECONDS = 2.0
"""An interruption after which so long no word comes was none."""
MOST_SAID = 4000
"""Characters of one thing that somebody says, as on the plain way."""
_SILENCE_OF_SECONDS = 0.4
"""Each key, and each `w`, of digits that are sent."""


class RelayLine:
    """Carries one call over a websocket. `call` is who is told."""

    def __init__(self, socket: web.WebSocketResponse, clock: Clock, answered_at: float) -> None:
        self.call: Hears | None = None
        self.is_ended = False
        """Whether we have ended it."""
        self._socket = socket
        self._clock = clock
        self._answered_at = answered_at
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._sender = asyncio.create_task(self._send())
        self._playing: deque[tuple[Clause, float, float]] = deque()
        """What is being spoken, with the moments at which it presumably begins and ends."""
        self._until = 0.0
        self._speech_began: float | None = None
        self._end = ""
        """What is sent once all is spoken."""
        self._played = Alarm(clock, self._tell_played)
        self._false = Alarm(clock, self._was_false)
        self._troubles = 0

    # The line.

    def speak(self, clause: Clause) -> None:
        self._put("text", token=f"{clause.text} ", last=True, lang=locale(clause.language))
        now = self._clock.monotonic()
        begins = self._until if self._until > now else now + BEFORE_SECONDS
        self._until = begins + len(clause.text) / LETTERS_PER_SECOND
        self._playing.append((clause, begins, self._until))
        self._wait()

    def stop(self) -> Played | None:
        """What Twilio was given already cannot be taken back; it is cut off by the person only."""
        played = self._reached()
        self._forget()
        return played

    def send_digits(self, digits: str) -> None:
        self._put("sendDigits", digits=digits)
        self._until = max(self._until, self._clock.monotonic()) + _SILENCE_OF_SECONDS * len(digits)

    def set_language(self, language: str) -> None:
        self._put("language", ttsLanguage=locale(language), transcriptionLanguage=locale(language))

    def hang_up(self) -> None:
        self.leave("hang_up")

    def leave(self, reason: str) -> None:
        """Twilio asks the action of `<Connect>` what comes next, with `{"reason": ...}` as HandoffData."""
        self._end = self._end or reason
        self._wait()

    async def close(self) -> None:
        """Nothing more is sent, and nothing is left of it."""
        self._played.clear()
        self._false.clear()
        await end_tasks(self._sender)

    # What Twilio tells.

    def hears(self, item: Incoming) -> None:
        """One message, not the first."""
        if self.call is None:
            return
        match item:
            case Prompt():
                self._prompted(self.call, item)
            case Dtmf(digit=digit):
                self.call.pressed(digit)
            case Interrupt():
                self._interrupted(self.call, item)
            case Trouble(description=description):
                self._troubles += 1
                if self._troubles == 1:  # it repeats our own words
                    log.warning("ConversationRelay reports an error", letters=len(description))

    def _prompted(self, call: Hears, prompt: Prompt) -> None:
        self._false.clear()
        now = self._now()
        if self._speech_began is None:
            self._speech_began = max(0.0, now - len(prompt.voice_prompt) / LETTERS_PER_SECOND)
        if not prompt.last:
            call.hearing(prompt.voice_prompt)
            return
        began, self._speech_began = self._speech_began, None
        call.heard(prompt.voice_prompt[:MOST_SAID], start=began, end=now, language=prompt.lang.partition("-")[0].lower())

    def _interrupted(self, call: Hears, item: Interrupt) -> None:
        self._speech_began = self._now()
        played = self._reached()
        self._forget()
        call.interrupted(played, item.utterance_until_interrupt or None)
        self._false.set(FALSE_SECONDS)

    # How far it is.

    def _reached(self) -> Played | None:
        now = self._clock.monotonic()
        for clause, begins, ends in self._playing:
            if now < ends:
                return Played(clause.number, max(0.0, (now - begins) / (ends - begins)))
        return None

    def _forget(self) -> None:
        self._playing.clear()
        self._until = 0.0
        self._wait()

    def _wait(self) -> None:
        """For the end of the clause that is being spoken; or, where there is none, ends it if it is to be ended."""
        self._played.clear()
        now = self._clock.monotonic()
        if self._playing:
            self._played.set(max(0.0, self._playing[0][2] - now))
        elif self._until + END_SECONDS > now and self._end:
            self._played.set(self._until + END_SECONDS - now)
        elif self._end and not self.is_ended:
            self.is_ended = True
            self._put("end", handoffData=msgspec.json.encode({"reason": self._end}).decode())

    def _tell_played(self) -> None:
        if self._playing and self.call is not None:
            clause, _, _ = self._playing.popleft()
            self.call.played(clause.number)
            if not self._playing:
                self.call.silent()
        self._wait()

    def _was_false(self) -> None:
        self._speech_began = None
        if self.call is not None:
            self.call.heard("", start=self._now(), end=self._now())

    def _now(self) -> float:
        return self._clock.monotonic() - self._answered_at

    # What is sent.

    def _put(self, type_: str, **values: object) -> None:
        if not self._sender.done():
            self._outgoing.put_nowait(write(type_, **values))

    async def _send(self) -> None:
        with suppress(ConnectionError):  # it is gone, and whoever reads it is told
            while True:
                await self._socket.send_str(await self._outgoing.get())
