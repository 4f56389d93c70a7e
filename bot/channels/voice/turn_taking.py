"""When somebody has begun to speak, has ended, speaks over us: decided from how probable speech is and from the words so far.

A pure state machine: it is told the time of the call with every judgement of the detector and knows no clock, no task and no
sound. Its rules are those of issue 8: short answers are taken at once, unfinished sentences wait, a click begins nothing, noise
ends, an "aha" does not interrupt.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.channels.voice.backchannels import is_backchannel, is_halt
from bot.channels.voice.endings import count_words, looks_finished


class Kind(StrEnum):
    """What has happened."""

    BEGAN = "began"
    """They speak; nobody knows yet whether it is a turn. While we speak, we go on."""
    INTERRUPTED = "interrupted"
    """They speak over us and mean it: fall silent."""
    ENDED = "ended"
    """Their turn is over: find out what they said."""
    BACKCHANNEL = "backchannel"
    """It was only "I am listening", said over us: nothing to answer, nothing to stop for."""
    FALSE_ALARM = "false_alarm"
    """It was no speech, or too little for a word: forget it, and go on with what was `interrupted`."""


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened, in seconds of the call."""

    kind: Kind
    at: float
    start: float
    """When they began."""
    end: float
    """When they were last heard to speak."""
    over_us: bool
    """Whether they began while we spoke."""
    interrupted: bool
    """Whether we were made silent by it."""
    sound: bytes = b""
    """With BEGAN: all from shortly before they began, mu-law; what comes after is fed as it comes."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds, but where it says otherwise."""

    begins: float = 0.5
    """Probability from which it is speech."""
    goes_on: float = 0.35
    """Probability that is enough once they speak: the ends of words are soft."""
    least: float = 0.09
    """Speech that begins something: a click is shorter."""
    fades: float = 0.4
    """How fast what has been gathered of it is forgotten in between: in noise, syllables are islands."""
    least_turn: float = 0.12
    """Speech that may be a word: "no" is 0.2 and more."""
    interrupt: float = 0.28
    """Speech over us that interrupts, where the words are not known as they are spoken."""
    interrupt_unheard: float = 0.5
    """The same where they are known otherwise, but not yet."""
    interrupt_backchannel: float = 1.2
    """The same where the words so far are only "aha"."""
    interrupt_words: int = 2
    """So many words interrupt at once."""
    finished: float = 0.3
    """Silence that ends what sounds finished."""
    unsure: float = 0.65
    """Silence that ends words that do not tell."""
    unfinished: float = 1.2
    """Silence that ends what breaks off in the middle of a sentence."""
    short: float = 0.45
    """Silence that ends, where no words are known, speech of less than `short_speech`, such as "yes"."""
    short_speech: float = 0.7
    long: float = 0.7
    """Silence that ends longer speech of which no words are known."""
    settled: float = 0.15
    """The words have not changed for so long: recognisers lag behind."""
    longest: float = 30.0
    """A turn; then it is ended, whatever it is, and the next one begins only after a pause."""
    pause: float = 0.3
    """Silence after which a next turn may begin, when one was cut off for its length."""
    soon: float = 0.5
    """Who goes on so soon after their turn was ended had not ended: from then on we wait longer."""
    patience: float = 0.15
    """By so much each time; a third of it is taken back with each turn that was whole."""
    most_patience: float = 0.45


_WORDS_PER_SECOND = 0.8
"""Fewer words than that for the time they have spoken: the recogniser has not caught up, and the words do not count yet."""

_NEVER = float("-inf")
_ROUNDING = 1e-6
"""Seconds that sums of frames may be off."""


class TurnTaking:
    """The turns of one call. `language` may be changed in the call."""

    def __init__(self, language: str, rules: Rules | None = None) -> None:
        self.language = language
        self.rules = rules or Rules()
        self._we_speak = False
        self._hearing = False
        self._count = 0.0
        """Speech less silence since the last quiet moment: what begins a turn."""
        self._start = self._end = self._now = 0.0
        self._spoken = 0.0
        """Seconds of speech in this utterance."""
        self._over = 0.0
        """Of those, while we spoke."""
        self._over_us = self._interrupted = False
        self._words = ""
        self._words_at = 0.0
        self._tells_words = False
        """Whether this call's recogniser has ever told words before the end."""
        self._silence = 0.0
        """How much of it ends this utterance, as it stands; 0 where that is to be found out anew."""
        self._ended_at = _NEVER
        self._patience = 0.0
        self._needs_pause = False

    @property
    def hearing(self) -> bool:
        """Whether somebody speaks, from BEGAN to what ends it."""
        return self._hearing

    @property
    def we_speak(self) -> bool:
        """Whether our voice is being played to them: set by whoever plays it."""
        return self._we_speak

    @we_speak.setter
    def we_speak(self, value: bool) -> None:
        if value and not self._we_speak:
            self._over = 0.0
            self._ended_at = _NEVER  # they have been answered: what comes now is no rest of their turn
        self._we_speak = value

    def words(self, text: str) -> None:
        """What the recogniser takes their words for so far; told as often as one likes."""
        if text == self._words or not self._hearing:
            return
        self._words, self._words_at = text, self._now
        self._tells_words = self._tells_words or bool(text)
        self._silence = 0.0

    def goes_on_until(self, words: str, end: float) -> float:
        """Till when somebody may go on who was taken to have ended at `end`, now that it is known what they said.

        A recogniser that tells no words before the end makes us end turns by silence alone; what then turns out to break off in
        the middle of a sentence is given the time that it would have had.
        """
        unfinished = looks_finished(words, self.language) is False
        return end + self.rules.unfinished + self._patience if unfinished else end

    def step(self, probability: float, seconds: float, at: float) -> Event | None:
        """One judgement of the detector, of so many seconds of sound that end `at`. What it makes happen, if anything."""
        self._now = at = max(at, self._now)
        if self._hearing:
            return self._go_on(probability, seconds, at)
        if probability >= self.rules.begins:
            return self._gather(seconds, at)
        if self._count > 0.0:
            self._count = max(0.0, self._count - seconds * self.rules.fades)
        if self._needs_pause and at - self._end >= self.rules.pause:
            self._needs_pause = False
        return None

    def _gather(self, seconds: float, at: float) -> Event | None:
        if self._needs_pause:
            self._end = at
            return None
        if self._count <= 0.0:
            self._start = at - seconds
        self._count += seconds
        if self._count < self.rules.least - _ROUNDING:
            return None
        return self._begin(at)

    def _begin(self, at: float) -> Event:
        was_cut_off = self._start - self._ended_at < self.rules.soon
        patience = self._patience + (self.rules.patience if was_cut_off else -self.rules.patience / 3)
        self._patience = min(max(0.0, patience), self.rules.most_patience)
        self._hearing, self._over_us, self._interrupted = True, self._we_speak, False
        self._spoken, self._end, self._words = self._count, at, ""
        self._over = self._count if self._we_speak else 0.0
        self._count = self._silence = 0.0
        return self._event(Kind.BEGAN)

    def _go_on(self, probability: float, seconds: float, at: float) -> Event | None:
        if at - self._start >= self.rules.longest:
            self._needs_pause = True
            ended = self._finish(Kind.ENDED)
            self._ended_at = _NEVER
            return ended
        if probability >= self.rules.goes_on:
            self._end = at
            self._spoken += seconds
            if self._we_speak:
                self._over += seconds
            self._silence = 0.0
            return self._interrupt() if self._is_over_us() and self._means_it() else None
        if self._words and self._is_over_us() and self._means_it():
            return self._interrupt()  # the recogniser was slower than they
        self._silence = self._silence or self._bound()
        if at - self._end < self._silence - _ROUNDING or not self._has_settled(at):
            return None
        return self._finish(self._what_it_was())

    def _is_over_us(self) -> bool:
        return self._we_speak and not self._interrupted

    def _interrupt(self) -> Event:
        self._interrupted = True
        return self._event(Kind.INTERRUPTED)

    def _means_it(self) -> bool:
        """Whether what is said over us is meant to interrupt."""
        rules = self.rules
        if not self._words:
            return self._over >= (rules.interrupt_unheard if self._tells_words else rules.interrupt) - _ROUNDING
        if is_halt(self._words):
            return True
        if is_backchannel(self._words, self.language):
            return self._over >= rules.interrupt_backchannel
        return count_words(self._words) >= rules.interrupt_words or self._over >= rules.interrupt

    def _bound(self) -> float:
        rules = self.rules
        if not self._words or count_words(self._words) < self._spoken * _WORDS_PER_SECOND:
            silence = rules.short if self._spoken < rules.short_speech else rules.long
        else:
            finished = looks_finished(self._words, self.language)
            silence = rules.unsure if finished is None else rules.finished if finished else rules.unfinished
        return silence + self._patience

    def _has_settled(self, at: float) -> bool:
        return not self._words or at - self._words_at >= self.rules.settled

    def _what_it_was(self) -> Kind:
        if not self._words:
            too_little = self._spoken < self.rules.least_turn - _ROUNDING
            unheard = self._tells_words and self._spoken < self.rules.interrupt_unheard
            return Kind.FALSE_ALARM if too_little or (unheard and self._over_us) else Kind.ENDED
        only_listening = self._over_us and self._we_speak and not self._interrupted and is_backchannel(self._words, self.language)
        return Kind.BACKCHANNEL if only_listening else Kind.ENDED

    def _finish(self, kind: Kind) -> Event:
        event = self._event(kind)
        self._hearing, self._count = False, 0.0
        self._ended_at = self._now if kind is Kind.ENDED else _NEVER
        return event

    def _event(self, kind: Kind) -> Event:
        return Event(kind, self._now, self._start, self._end, self._over_us, self._interrupted)
