"""From the frames of a line to what was said: the ears tell when, the recogniser what."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog

from bot.channels.voice.base import Hears
from bot.channels.voice.ears import Ears
from bot.channels.voice.speech import Listening, Recogniser
from bot.channels.voice.turn_taking import Event, Kind
from bot.clock import Clock
from bot.errors import SpeechError
from bot.message import Text

log = structlog.get_logger()

SLOW = 10.0
"""Seconds without an answer, after which a recogniser counts as failed."""


class Utterances:
    """Of one call. Costs a task while an utterance is being recognised, and nothing while the person is silent."""

    def __init__(
        self, ears: Ears, recogniser: Recogniser, hears: Hears, clock: Clock, zero: float, interrupt: Callable[[], None]
    ) -> None:
        """`zero` is the beginning of the call on the monotonic clock; `interrupt` is called when the person speaks over us."""
        self._ears = ears
        self._recogniser = recogniser
        self._hears = hears
        self._clock = clock
        self._zero = zero
        self._interrupt = interrupt
        self._listening: Listening | None = None
        self._words = ""
        self._ended: deque[tuple[Listening, Event]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._held: Text | None = None
        """What breaks off in the middle of a sentence: told with the rest of it, or alone where none comes."""
        self._more = asyncio.Event()
        self.answer_from: float | None = None
        """When the person ended what is to be answered, on the monotonic clock; whoever speaks first takes it away."""

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What recognises, if anything does."""
        return self._task

    def hear(self, sound: bytes, at: float) -> None:
        """What the line has heard, mu-law, up to the second `at` of the call."""
        event = self._ears.feed(sound, at)
        listening = self._listening
        if listening is not None:
            listening.feed(sound)
            words = listening.partial()
            if words != self._words:
                self._words = words
                self._ears.words(words)
                self._hears.hearing(words)
        if event is not None:
            self._happened(event)

    def _happened(self, event: Event) -> None:
        if event.kind is Kind.BEGAN:
            self._listening = listening = self._recogniser.listen(self._ears.language)
            listening.feed(event.sound)
            self._words = ""
            self._more.set()
            self._hears.hearing("")
        elif event.kind is Kind.INTERRUPTED:
            self._interrupt()
        elif self._listening is not None:
            listening, self._listening = self._listening, None
            if event.kind is Kind.ENDED:
                self._recognise(listening, event)
                return
            listening.cancel()
            self._tell(self._with_held(Text(""), event))  # it was nothing: what was interrupted goes on

    def _recognise(self, listening: Listening, event: Event) -> None:
        self._ended.append((listening, event))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """One after the other: what is said later is not answered before."""
        while self._ended:
            listening, event = self._ended.popleft()
            try:
                async with asyncio.timeout(SLOW):
                    said = await listening.finish()
            except (SpeechError, TimeoutError) as error:
                log.warning("an utterance could not be recognised", reason=str(error) or f"no answer for {SLOW:g} s")
                self._fail(event)
            except asyncio.CancelledError:
                listening.cancel()
                raise
            except Exception:
                log.exception("a recogniser broke")
                self._fail(event)
            else:
                self.answer_from = self._zero + event.end
                self._hears.took("transcript", self._clock.monotonic() - self.answer_from)
                await self._understood(said, event)

    async def _understood(self, said: Text, event: Event) -> None:
        """Tells what was said, unless it breaks off and the rest of it is being said: then with that."""
        self._held = whole = self._with_held(said, event)
        seconds = self._ears.goes_on_until(whole.text, event.end) - (self._clock.monotonic() - self._zero)
        if seconds > 0:
            if not self._is_more_there:
                self._hears.hearing(whole.text)
                self._more.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._more.wait()
            if self._is_more_there:
                return
        if self._held is whole:
            self._held = None
            self._tell(whole)

    @property
    def _is_more_there(self) -> bool:
        return self._listening is not None or bool(self._ended)

    def _with_held(self, said: Text, event: Event) -> Text:
        held, self._held = self._held, None
        if held is None:
            return Text(said.text, event.start, event.end, said.confidence)
        if not said.text:
            return held
        confidences = [each.confidence for each in (held, said) if each.confidence is not None]
        return Text(f"{held.text} {said.text}", held.start, event.end, min(confidences, default=None))

    def _fail(self, event: Event) -> None:
        self._hears.failed("recogniser")
        self._tell(self._with_held(Text(""), event))

    def _tell(self, said: Text) -> None:
        self._hears.heard(said.text, start=said.start or 0.0, end=said.end or 0.0, confidence=said.confidence)

    def close(self) -> None:
        """The call is over: nothing more is heard. Who calls it ends the `task`."""
        if self._held is not None:
            self._tell(self._held)
            self._held = None
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        while self._ended:
            self._ended.popleft()[0].cancel()
        self._ears.close()
