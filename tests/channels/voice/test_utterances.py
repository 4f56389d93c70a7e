"""From a line's frames to what was said, with a recogniser that tells no words before the end, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from bot.channels.voice import mulaw
from bot.channels.voice.base import Played
from bot.channels.voice.ears import Ears
from bot.channels.voice.speech import FRAME
from bot.channels.voice.utterances import Utterances
from bot.errors import SpeechError
from bot.message import Text
from bot.testing.virtual_time import LoopClock, run_virtual

pytestmark = pytest.mark.unit

VOICE, QUIET = b"\x80" * FRAME, mulaw.SILENCE * FRAME
SERVER = 0.1
"""Seconds that the recogniser takes."""


class Loud:
    """A detector that takes what is loud for speech."""

    window = FRAME
    we_speak = False

    def hear(self, sound: bytes) -> Sequence[float]:
        return (0.9 if mulaw.level(sound) else 0.0,)

    def close(self) -> None:
        pass


class Recogniser:
    """Understands one after another of what it was given; None is a server that fails."""

    name = "a script"

    def __init__(self, *words: str | None) -> None:
        self._words = list(words)
        self.cancelled = 0

    def listen(self, language: str) -> Listening:
        return Listening(self)

    async def close(self) -> None:
        pass

    def next(self) -> str | None:
        return self._words.pop(0)


class Listening:
    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    def feed(self, sound: bytes) -> None:
        pass

    def partial(self) -> str:
        return ""

    async def finish(self) -> Text:
        await asyncio.sleep(SERVER)
        words = self._recogniser.next()
        if words is None:
            raise SpeechError("the server is down")
        return Text(words, confidence=0.9)

    def cancel(self) -> None:
        self._recogniser.cancelled += 1


class Call:
    """Notes what it is told, and when."""

    def __init__(self) -> None:
        self.said: list[tuple[str, float, float]] = []
        """Words, their beginning, and when they were told."""
        self.failures = 0

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        self.said.append((text, round(start, 2), round(asyncio.get_running_loop().time(), 2)))

    def hearing(self, text: str) -> None:
        pass

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        pass

    def played(self, clause: int) -> None:
        pass

    def silent(self) -> None:
        pass

    def pressed(self, digit: str) -> None:
        pass

    def failed(self, stage: str, clause: int | None = None) -> None:
        self.failures += 1

    def took(self, stage: str, seconds: float) -> None:
        pass

    def over(self, reason: str) -> None:
        pass


class Caller:
    """Speaks and is silent, frame by frame."""

    def __init__(self, utterances: Utterances) -> None:
        self.utterances = utterances

    async def speaks(self, seconds: float) -> None:
        await self._sends(VOICE, seconds)

    async def is_silent(self, seconds: float) -> None:
        await self._sends(QUIET, seconds)

    async def _sends(self, frame: bytes, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            await asyncio.sleep(0.02)
            self.utterances.hear(frame, asyncio.get_running_loop().time())


def played(script: Callable[[Caller], Coroutine[Any, Any, None]], *words: str | None) -> Call:
    async def run() -> Call:
        call = Call()
        utterances = Utterances(Ears(Loud(), "en"), Recogniser(*words), call, LoopClock(), 0.0, lambda: None)
        await script(Caller(utterances))
        utterances.close()
        assert utterances.task is None or utterances.task.done()
        return call

    return run_virtual(run())


async def once(caller: Caller) -> None:
    await caller.speaks(1)
    await caller.is_silent(3)


async def twice(caller: Caller) -> None:
    await caller.speaks(1)
    await caller.is_silent(1)
    await caller.speaks(1)
    await caller.is_silent(3)


def test_a_whole_sentence_is_told_as_soon_as_it_is_understood() -> None:
    assert played(once, "I want to cancel my order.").said == [("I want to cancel my order.", 0.0, 1.8)]


def test_a_sentence_that_breaks_off_waits_for_its_rest_and_is_told_alone_where_none_comes() -> None:
    assert played(once, "I would like to").said == [("I would like to", 0.0, 2.2)]


def test_a_pause_in_the_middle_of_a_sentence_makes_no_two_turns_of_it() -> None:
    said = played(twice, "I would like to", "book a callback please").said
    assert [words for words, _, _ in said] == ["I would like to book a callback please"]
    assert said[0][1] == 0.0


def test_two_whole_sentences_are_two() -> None:
    assert [words for words, _, _ in played(twice, "yes", "I want to cancel my order.").said] == [
        "yes",
        "I want to cancel my order.",
    ]


def test_what_was_held_is_told_when_the_rest_is_not_understood() -> None:
    call = played(twice, "I would like to", None)
    assert [words for words, _, _ in call.said] == ["I would like to"]
    assert call.failures == 1
    assert [words for words, _, _ in played(twice, "I would like to", "").said] == ["I would like to"]


def test_what_was_held_is_told_when_what_followed_was_nothing() -> None:
    async def clicks(caller: Caller) -> None:
        await caller.speaks(1)
        await caller.is_silent(0.9)
        await caller.speaks(0.1)
        await caller.is_silent(3)

    assert [words for words, _, _ in played(clicks, "I would like to").said] == ["I would like to"]


def test_what_was_held_is_told_when_they_hang_up() -> None:
    async def hangs_up(caller: Caller) -> None:
        await caller.speaks(1)
        await caller.is_silent(1)
        task = caller.utterances.task
        caller.utterances.close()
        assert task is not None
        task.cancel()
        await asyncio.wait([task])

    assert [words for words, _, _ in played(hangs_up, "I would like to").said] == ["I would like to"]
