"""Speech to text by any server with OpenAI's API, an utterance at a time.

https://platform.openai.com/docs/api-reference/audio/createTranscription
The upload begins when the utterance has ended; what it needs is made ready while it is spoken. Words then come as they are found
where the server streams (`stream=true`), else all at once.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp

from bot.channels.voice import mulaw
from bot.channels.voice.phantoms import QUIET, is_phantom
from bot.channels.voice.resampling import FromTelephone
from bot.channels.voice.speech import BYTES_PER_SECOND
from bot.channels.voice.speech_server import Refused, SpeechServer, pieces_of
from bot.channels.voice.wav import wav_of
from bot.dialogs.completions import Events, EventStream, WholeBody
from bot.errors import ModelBroken, SpeechError
from bot.message import Text

RATE = 16_000
"""What recognisers are trained on; some take nothing else."""
SHORTEST = BYTES_PER_SECOND // 10
"""Bytes of an utterance; servers refuse shorter ones, and nobody says anything in a tenth of a second."""
LONGEST = 120 * BYTES_PER_SECOND
"""Bytes of an utterance; what comes after is not understood."""
FIRST_SECONDS = 8.0
"""The longest to wait for an answer to begin: without streaming that is when all is understood."""
IDLE_SECONDS = 4.0
TOTAL_SECONDS = 12.0
_BATCH = BYTES_PER_SECOND // 2
_SETTING = "OPENAI_TRANSCRIPTION_MODEL"
_TONE = b"".join(round(800 * math.sin(at / 4)).to_bytes(2, "little", signed=True) for at in range(BYTES_PER_SECOND))


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What servers and models that are compatible otherwise do not all take."""

    fields: Mapping[str, str]
    language: str = "language"
    """The name of the field for it."""


_DIALECTS = (
    _Dialect({"stream": "true", "include[]": "logprobs"}),
    _Dialect({"stream": "true"}),
    _Dialect({"stream": "true"}, language="languages[]"),  # gpt-transcribe, which is told several
    _Dialect({}),
)
"""The richest first: the next one is spoken to a server that refuses one, from then on."""


class OpenAIRecogniser:
    """A `Recogniser`."""

    def __init__(
        self,
        server: SpeechServer,
        model: str,
        *,
        first: float = FIRST_SECONDS,
        idle: float = IDLE_SECONDS,
        total: float = TOTAL_SECONDS,
    ) -> None:
        """`first`, `idle` and `total` in seconds."""
        self.name = f"{model} at {server.host}"
        self._server = server
        self._model = model
        self._first, self._idle, self._total = first, idle, total
        self._dialect = 0

    def listen(self, language: str) -> OpenAIListening:
        return OpenAIListening(self, language)

    async def check(self) -> str:
        """Whether the server listens, in a line. Raises SpeechError."""
        listening = self.listen("en")
        listening.feed(mulaw.encode(_TONE))
        await listening.finish()
        return f"{self._model} answered"

    async def close(self) -> None:
        """Closes its connections."""
        await self._server.close()

    async def transcribe(self, wav: bytes, language: str, hypothesis: Hypothesis) -> None:
        """Fills the hypothesis. Raises SpeechError."""
        for number in range(self._dialect, len(_DIALECTS)):
            try:
                await self._ask(wav, language, _DIALECTS[number], hypothesis)
            except Refused:
                if number == len(_DIALECTS) - 1:
                    raise
            else:
                self._dialect = number
                return

    async def _ask(self, wav: bytes, language: str, dialect: _Dialect, hypothesis: Hypothesis) -> None:
        form = partial(self._form, wav, language, dialect)
        async with self._server.post("/audio/transcriptions", form, seconds=self._first, setting=_SETTING) as response:
            events = _events_of(response)
            try:
                async with aclosing(pieces_of(response, idle=self._idle, total=self._total)) as pieces:
                    async for piece in pieces:
                        for event in events.feed(piece):
                            hypothesis.take(event)
                for event in events.rest():
                    hypothesis.take(event)
            except ModelBroken:
                raise SpeechError("the speech server's transcript cannot be read: check OPENAI_BASE_URL") from None
            if not hypothesis.is_whole and not (events.done and hypothesis.began):
                raise SpeechError("the speech server's answer ends without a whole transcript")

    def _form(self, wav: bytes, language: str, dialect: _Dialect) -> aiohttp.FormData:
        form = aiohttp.FormData()
        form.add_field("model", self._model)
        if language:
            form.add_field(dialect.language, language)
        form.add_field("response_format", "json")
        for name, value in dialect.fields.items():
            form.add_field(name, value)
        form.add_field("file", io.BytesIO(wav), filename="utterance.wav", content_type="audio/wav")
        return form


class OpenAIListening:
    """One utterance: 16 bit samples are made of it while it is spoken, half a second at a time."""

    def __init__(self, recogniser: OpenAIRecogniser, language: str) -> None:
        self._recogniser = recogniser
        self._language = language
        self._sound = bytearray()
        self._size = 0
        self._samples: list[bytes] = []
        self._resampler = FromTelephone(RATE)
        self._loudest = 0
        self._hypothesis = Hypothesis()

    def feed(self, sound: bytes) -> None:
        room = LONGEST - self._size
        if room <= 0:
            return
        self._sound += sound[:room]
        self._size += len(sound)
        if len(self._sound) >= _BATCH:
            self._make_ready()

    def partial(self) -> str:
        """The words so far, once the server has begun to answer."""
        return self._hypothesis.text()

    async def finish(self) -> Text:
        """What they said. Raises SpeechError."""
        self._make_ready()
        if self._size < SHORTEST or self._loudest < QUIET:
            return Text("")
        self._samples.append(self._resampler.finish())
        wav = wav_of(b"".join(self._samples), RATE)
        self._samples.clear()
        await self._recogniser.transcribe(wav, self._language, self._hypothesis)
        text = self._hypothesis.text()
        return Text("") if is_phantom(text) else Text(text, confidence=self._hypothesis.confidence())

    def cancel(self) -> None:
        self._samples.clear()
        self._sound.clear()
        self._size, self._loudest = LONGEST, 0  # nothing more is taken, and nothing was heard

    def _make_ready(self) -> None:
        sound = bytes(self._sound)
        self._loudest = max(self._loudest, mulaw.level(sound))
        self._samples.append(self._resampler.feed(sound))
        self._sound.clear()


class Hypothesis:
    """What a server has told of an utterance until now. Reads OpenAI's events, its plain answers, and vLLM's events."""

    def __init__(self) -> None:
        self.is_whole = False
        """Whether the server has said that this is all."""
        self._words: list[str] = []
        self._logprobs: list[float] = []

    def take(self, event: Any) -> None:
        """Raises SpeechError for an error in mid-answer, and for what is no transcript."""
        if not isinstance(event, dict) or event.get("error"):
            raise SpeechError("the speech server failed in the middle of the transcript")
        text, delta = event.get("text"), event.get("delta")
        if isinstance(text, str) and str(event.get("type", "")) in ("", "transcript.text.done"):
            self._words, self.is_whole = [text], True
        elif isinstance(delta, str):
            self._words.append(delta)
        elif choices := event.get("choices"):
            self._words.append(_content(choices))
        self._add_logprobs(event)

    @property
    def began(self) -> bool:
        return bool(self._words)

    def text(self) -> str:
        return " ".join("".join(self._words).split())

    def confidence(self) -> float | None:
        """The geometric mean of the tokens' probabilities, 0 to 1; None where the server tells none."""
        if not self._logprobs:
            return None
        return round(min(1.0, math.exp(sum(self._logprobs) / len(self._logprobs))), 3)

    def _add_logprobs(self, event: Mapping[str, Any]) -> None:
        told = event.get("logprobs")
        if not isinstance(told, list):
            return
        if self.is_whole:  # the last event repeats them all
            self._logprobs.clear()
        found = (token.get("logprob") for token in told if isinstance(token, dict))
        self._logprobs += [float(value) for value in found if isinstance(value, int | float)]


def _content(choices: Any) -> str:
    try:
        return str(choices[0]["delta"].get("content") or "")
    except (LookupError, TypeError, AttributeError):
        raise SpeechError("the speech server's transcript cannot be read: check OPENAI_BASE_URL") from None


def _events_of(response: aiohttp.ClientResponse) -> Events:
    """A server that does not know `stream` answers in one piece."""
    return EventStream() if response.content_type == "text/event-stream" else WholeBody()
