"""A recogniser for a telephone on which one may type as well as speak: typed words are read, spoken ones recognised."""

from __future__ import annotations

from bot.channels.voice.scripted import words_in
from bot.channels.voice.speech import Listening, Recogniser
from bot.message import Text


class EitherRecogniser:
    """A `Recogniser` that reads what was written into the sound (`scripted.with_words`), and asks another about all else."""

    def __init__(self, spoken: Recogniser) -> None:
        self._spoken = spoken
        self.name = spoken.name

    def listen(self, language: str) -> EitherListening:
        return EitherListening(self._spoken.listen(language))

    async def close(self) -> None:
        await self._spoken.close()


class EitherListening:
    """One utterance."""

    def __init__(self, spoken: Listening) -> None:
        self._spoken = spoken
        self._sound = bytearray()

    def feed(self, sound: bytes) -> None:
        self._sound += sound
        self._spoken.feed(sound)

    def partial(self) -> str:
        return words_in(bytes(self._sound)) or self._spoken.partial()

    async def finish(self) -> Text:
        if words := words_in(bytes(self._sound)):
            self._spoken.cancel()
            return Text(words, confidence=1.0)
        return await self._spoken.finish()

    def cancel(self) -> None:
        self._spoken.cancel()
