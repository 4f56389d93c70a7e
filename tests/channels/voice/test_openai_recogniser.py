"""Transcripts by a server with OpenAI's API: real HTTP against the fake one."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson
import pytest

from bot.breakers import Breakers, Tolerance
from bot.channels.voice import mulaw
from bot.channels.voice.openai_recogniser import LONGEST, Hypothesis, OpenAIListening, OpenAIRecogniser
from bot.channels.voice.speech import FRAME
from bot.channels.voice.speech_server import SpeechServer
from bot.errors import SpeechError
from bot.message import Text
from bot.testing.clock import ManualClock
from bot.testing.openai import FakeOpenAI
from bot.testing.openai_audio import AudioFault, tone

pytestmark = pytest.mark.unit

KEY = "sk-a-very-secret-key"
SOUND = mulaw.encode(tone(1.3, 8000))
SSE = "text/event-stream"


@asynccontextmanager
async def recognising(url: str, *, breakers: Breakers | None = None, **bounds: Any) -> AsyncIterator[OpenAIRecogniser]:
    """A recogniser at this server, with bounds that a slow machine keeps."""
    breakers = breakers or Breakers(ManualClock())
    within = {"first": 10.0, "idle": 10.0, "total": 20.0} | bounds
    recogniser = OpenAIRecogniser(SpeechServer(KEY, url, breakers.of("transcription")), "whisper-any", **within)
    try:
        yield recogniser
    finally:
        await recogniser.close()


def fed(recogniser: OpenAIRecogniser, sound: bytes = SOUND, language: str = "es") -> OpenAIListening:
    listening = recogniser.listen(language)
    for at in range(0, len(sound), FRAME):
        listening.feed(sound[at : at + FRAME])
    return listening


def samples_of(wav: bytes) -> tuple[np.ndarray[Any, np.dtype[np.int16]], int]:
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()


def event(**fields: Any) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"


async def test_an_utterance_goes_up_as_a_wav_of_16_khz_once_it_has_ended() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.will_hear("quiero un ticket")
        listening = fed(recogniser)
        assert not server.audio.heard
        assert await listening.finish() == Text("quiero un ticket", confidence=0.905)
    [heard] = server.audio.heard
    assert heard.fields["model"] == "whisper-any"
    assert heard.fields["language"] == "es"
    samples, rate = samples_of(heard.wav)
    assert rate == 16_000
    assert len(samples) / rate == pytest.approx(len(SOUND) / 8000, rel=0.001)
    assert int(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples)) == pytest.approx(440, abs=2)


async def test_words_come_as_they_are_found_where_the_server_streams() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.word_seconds = 0.03
        server.audio.will_hear("quiero un ticket por favor")
        listening = fed(recogniser)
        finishing = asyncio.ensure_future(listening.finish())
        seen = {listening.partial()}
        while not finishing.done():
            await asyncio.sleep(0.005)
            seen.add(listening.partial())
        assert {"", "quiero", "quiero un", "quiero un ticket"} <= seen
        assert (await finishing).text == "quiero un ticket por favor"


async def test_a_server_that_does_not_know_how_to_stream_answers_in_one_piece() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.ignores_stream = True
        server.audio.will_hear("hola")
        assert (await fed(recogniser).finish()).text == "hola"


@pytest.mark.parametrize(
    ("refused", "asked"), [({"include[]"}, 2), ({"include[]", "language"}, 3), ({"stream"}, 4), ({"stream", "include[]"}, 4)]
)
async def test_a_server_that_refuses_what_is_new_is_spoken_to_plainly_from_then_on(refused: set[str], asked: int) -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.refuses = refused
        server.audio.hears = "hola"
        assert await fed(recogniser).finish() == Text("hola")
        assert server.audio.asked == asked
        assert await fed(recogniser).finish() == Text("hola")
        assert server.audio.asked == asked + 1


async def test_a_model_that_takes_several_languages_is_told_the_one() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.refuses = {"include[]", "language"}
        await fed(recogniser, language="hi").finish()
    assert server.audio.heard[-1].fields["languages[]"] == "hi"
    assert "language" not in server.audio.heard[-1].fields


async def test_an_utterance_that_is_refused_for_itself_costs_the_next_one_nothing() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.will_hear(*[AudioFault.status(400)] * 4)
        with pytest.raises(SpeechError, match=r"refused the request \(400\): check OPENAI_TRANSCRIPTION_MODEL"):
            await fed(recogniser).finish()
        server.audio.will_hear("hola")
        assert (await fed(recogniser).finish()).confidence
        assert server.audio.asked == 5


async def test_each_utterance_has_its_own_language() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        for language in ("es", "hi", ""):
            await fed(recogniser, language=language).finish()
    assert [heard.fields.get("language") for heard in server.audio.heard] == ["es", "hi", None]


async def test_utterances_share_a_connection() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        for _ in range(3):
            await fed(recogniser).finish()
    assert len({heard.connection for heard in server.audio.heard}) == 1


@pytest.mark.parametrize("sound", [b"", SOUND[:700], b"\xff" * 8000, mulaw.encode(bytes(24_000))])
async def test_silence_is_not_asked_about(sound: bytes) -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        assert await fed(recogniser, sound).finish() == Text("")
    assert not server.audio.heard


@pytest.mark.parametrize("words", ["Thanks for watching!", "Subtítulos realizados por la comunidad de Amara.org", "[ruido]", ""])
async def test_what_servers_make_of_noise_is_dropped(words: str) -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.will_hear(words)
        assert await fed(recogniser).finish() == Text("")


async def test_an_utterance_that_is_too_long_is_understood_up_to_its_bound() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        listening = recogniser.listen("es")
        for _ in range(LONGEST // len(SOUND) + 5):
            listening.feed(SOUND)
        server.audio.will_hear("mucho")
        assert (await listening.finish()).text == "mucho"
    samples, rate = samples_of(server.audio.heard[0].wav)
    assert len(samples) / rate == pytest.approx(LONGEST / 8000)


async def test_nobody_wants_to_know_what_was_cancelled() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        listening = fed(recogniser)
        listening.cancel()
        listening.feed(SOUND)
        assert await listening.finish() == Text("")
    assert not server.audio.heard


FAULTS = [
    (AudioFault.status(401, f"bad key {KEY}"), "the key was refused: check OPENAI_API_KEY (401)"),
    (AudioFault.status(404), "no such model or address: check OPENAI_TRANSCRIPTION_MODEL and OPENAI_BASE_URL (404)"),
    (AudioFault.status(413), "it refused the request (413)"),
    (AudioFault.status(500), "cannot answer now (500)"),
    (AudioFault.hang(), "did not answer within 1 s"),
    (AudioFault.hang(event(type="transcript.text.delta", delta="ho"), SSE), "stopped in the middle"),
    (AudioFault.dropped(event(type="transcript.text.delta", delta="ho"), SSE), "broke off"),
    (AudioFault.answer(event(type="transcript.text.delta", delta="ho"), SSE), "ends without a whole transcript"),
    (AudioFault.answer(b"data: [DONE]\n\n", SSE), "ends without a whole transcript"),
    (AudioFault.answer(b"data: <html>\n\n", SSE), "cannot be read"),
    (AudioFault.answer(event(error={"message": "secret words"}), SSE), "failed in the middle"),
    (AudioFault.answer(event(choices=[]) + event(choices=[7]), SSE), "cannot be read"),
    (AudioFault.answer(b"[1]", "application/json"), "failed in the middle"),
    (AudioFault.answer(b'{"words": "hola"}', "application/json"), "ends without a whole transcript"),
    (AudioFault.answer(b'{"text": "ho', "application/json"), "cannot be read"),
    (AudioFault.answer(b"<html>hello</html>", "text/html"), "cannot be read"),
    (AudioFault.answer(b"a" * 2_000_000, "text/plain"), "cannot be read"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[f"{fault.name}: {words[:20]}" for fault, words in FAULTS])
async def test_what_goes_wrong_is_one_line_in_bounded_time_and_the_next_utterance_is_understood(
    fault: AudioFault, words: str
) -> None:
    async with FakeOpenAI() as server, recognising(server.url, first=1, idle=1) as recogniser:
        server.audio.will_hear(fault, "hola")
        with pytest.raises(SpeechError) as raised:
            async with asyncio.timeout(9):
                await fed(recogniser).finish()
        told = str(raised.value)
        assert words in told
        assert "\n" not in told
        assert not any(secret in told for secret in (KEY, "secret words"))
        assert (await fed(recogniser).finish()).text == "hola"


async def test_a_connection_that_breaks_before_the_answer_is_tried_once_more_with_the_whole_sound() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.will_hear(AudioFault.dropped(), "hola", AudioFault.dropped(), AudioFault.dropped())
        assert (await fed(recogniser).finish()).text == "hola"
        first, second = server.audio.heard
        assert first.wav == second.wav
        with pytest.raises(SpeechError, match="no connection"):
            await fed(recogniser).finish()
    assert server.audio.asked == 4


async def test_cancelling_who_waits_ends_the_request_at_the_server() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        server.audio.will_hear(AudioFault.hang())
        finishing = asyncio.ensure_future(fed(recogniser).finish())
        await server.audio.until_asked(1)
        finishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await finishing
        await server.until_abandoned()


async def test_a_server_that_keeps_failing_is_left_alone_for_a_while() -> None:
    clock = ManualClock()
    breakers = Breakers(clock, tolerance=Tolerance(failures=2, cool_down=30))
    async with FakeOpenAI() as server, recognising(server.url, breakers=breakers) as recogniser:
        server.audio.will_hear(AudioFault.status(503), AudioFault.answer(b"oops", "application/json"), "hola")
        for _ in range(2):
            with pytest.raises(SpeechError):
                await fed(recogniser).finish()
        with pytest.raises(SpeechError, match="left alone"):
            await fed(recogniser).finish()
        assert server.audio.asked == 2
        await clock.advance(31)
        assert (await fed(recogniser).finish()).text == "hola"


async def test_it_can_be_asked_whether_it_listens() -> None:
    async with FakeOpenAI() as server, recognising(server.url) as recogniser:
        assert await recogniser.check() == "whisper-any answered"


def test_events_of_vllm_are_understood_too() -> None:
    hypothesis = Hypothesis()
    for words in ("hola", " que", " tal"):
        hypothesis.take({"object": "transcription.chunk", "choices": [{"delta": {"content": words}}]})
    assert (hypothesis.text(), hypothesis.began, hypothesis.is_whole) == ("hola que tal", True, False)
