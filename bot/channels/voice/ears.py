"""The ears of one call on a media stream: a detector and the turns, fed with what the line hears.

Everything happens within `feed`; there is no task and no timer, so nothing is left over when a call ends at whatever moment.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from bot.channels.voice.detector import Detector
from bot.channels.voice.speech import BYTES_PER_SECOND
from bot.channels.voice.turn_taking import Event, Kind, Rules, TurnTaking

PRE_ROLL = 0.2
"""Seconds before they began that the recogniser gets, too: the "s" of "sí" is no voice yet."""
_KEPT = BYTES_PER_SECOND
"""Bytes of the past that are kept: the pre-roll and what a beginning may take at most."""
_MOST = BYTES_PER_SECOND
"""Bytes of one piece that are listened to; a telephone sends 160."""


class Ears:
    """Hears one call.

        event = ears.feed(frame, at)
        BEGAN        recogniser.listen(language).feed(event.sound), and from now on each frame
        while ears.hearing   ears.words(listening.partial())
        INTERRUPTED  fall silent
        ENDED        listening.finish()
        else         listening.cancel(), and go on with what was interrupted

    `we_speak` is set as long as our voice is being played to them.
    """

    def __init__(self, detector: Detector, language: str, rules: Rules | None = None) -> None:
        self._detector = detector
        self._turns = TurnTaking(language, rules)
        self._seconds = detector.window / BYTES_PER_SECOND
        self._waiting = 0
        """Bytes that were heard and are not judged yet."""
        self._past: deque[bytes] = deque()
        self._kept = 0
        self._events: deque[Event] = deque()

    @property
    def hearing(self) -> bool:
        """Whether they speak: from BEGAN to the event that ends it."""
        return self._turns.hearing

    @property
    def we_speak(self) -> bool:
        return self._turns.we_speak

    @we_speak.setter
    def we_speak(self, value: bool) -> None:
        self._turns.we_speak = self._detector.we_speak = value

    @property
    def language(self) -> str:
        """In which the words are judged; follows a change of language in the call."""
        return self._turns.language

    @language.setter
    def language(self, value: str) -> None:
        self._turns.language = value

    def words(self, text: str) -> None:
        """What the recogniser has understood so far; told as often as one likes, empty where it tells nothing."""
        self._turns.words(text)

    def goes_on_until(self, words: str, end: float) -> float:
        """Till when somebody may go on who was taken to have ended at `end` and has said this, in seconds of the call."""
        return self._turns.goes_on_until(words, end)

    def feed(self, frame: bytes, at: float) -> Event | None:
        """What the line has heard, mu-law, up to the moment `at`; what it makes happen, if anything.

        `at` is the time of the sound itself, in seconds of the call: frames that were held up and come all at once keep their own
        times. Where a line sends nothing in silence, an empty frame now and then makes time go on.
        """
        if len(frame) > _MOST:
            frame = frame[-_MOST:]
        self._keep(frame)
        judgements = self._detector.hear(frame)
        self._waiting += len(frame)
        for probability in judgements:
            self._waiting -= self._detector.window
            self._step(probability, self._seconds, at)
        if not frame:
            self._step(0.0, 0.0, at)
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        """The call is over."""
        self._detector.close()

    def _step(self, probability: float, seconds: float, at: float) -> None:
        event = self._turns.step(probability, seconds, at - self._waiting / BYTES_PER_SECOND)
        if event is None:
            return
        if event.kind is Kind.BEGAN:
            event = replace(event, sound=self._since(event.start - PRE_ROLL, at))
        self._events.append(event)

    def _keep(self, frame: bytes) -> None:
        past = self._past
        past.append(frame)
        self._kept += len(frame)
        while self._kept - len(past[0]) >= _KEPT:
            self._kept -= len(past.popleft())

    def _since(self, start: float, at: float) -> bytes:
        size = round((at - start) * BYTES_PER_SECOND)
        return b"".join(self._past)[-min(size, _KEPT) :]
