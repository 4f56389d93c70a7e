"""Speech by a server with OpenAI's API: real HTTP against the fake one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.breakers import Breakers, Tolerance
from bot.channels.voice import mulaw
from bot.channels.voice.espeak import espeak_program
from bot.channels.voice.openai_speech import OpenAIVoice
from bot.channels.voice.resampling import ToTelephone
from bot.channels.voice.speech_server import SpeechServer
from bot.channels.voice.wav import PcmReader, wav_of
from bot.errors import SettingsError, SpeechError
from bot.testing.clock import ManualClock
from bot.testing.openai import FakeOpenAI
from bot.testing.openai_audio import AudioFault, Sound, tone
from tests.channels.voice.sounds import whole

pytestmark = pytest.mark.unit

KEY = "sk-a-very-secret-key"
TONE = tone(0.5)
ON_THE_TELEPHONE = (lambda telephone: telephone.feed(TONE) + telephone.finish())(ToTelephone(24_000))


@asynccontextmanager
async def speaking(
    url: str, *, voices: dict[str, str] | None = None, breakers: Breakers | None = None, **bounds: Any
) -> AsyncIterator[OpenAIVoice]:
    """A voice at this server, with bounds that a slow machine keeps."""
    breakers = breakers or Breakers(ManualClock())
    within = {"first": 10.0, "idle": 10.0, "total": 20.0} | bounds
    voice = OpenAIVoice(SpeechServer(KEY, url, breakers.of("speech")), "tts-any", voices or {"": "alloy"}, **within)
    try:
        yield voice
    finally:
        await voice.close()


def spoken_by_espeak(text: str) -> bytes:
    return subprocess.run(["espeak-ng", "-v", "es-419", "--stdout", text], capture_output=True).stdout


async def test_a_clause_is_asked_for_as_pcm_with_the_voice_of_its_language() -> None:
    async with FakeOpenAI() as server, speaking(server.url, voices={"": "alloy", "hi": "shimmer"}) as voice:
        await whole(voice.speak("Hola.", "es"))
        await whole(voice.speak("नमस्ते", "hi"))
    bodies = [spoken.body for spoken in server.audio.spoken]
    assert bodies[0] == {"model": "tts-any", "input": "Hola.", "voice": "alloy", "response_format": "pcm"}
    assert bodies[1]["voice"] == "shimmer"
    assert voice.name == "tts-any (alloy, hi=shimmer) at 127.0.0.1"


@given(st.integers(1, 9_999))
@settings(deadline=None, max_examples=15)
async def test_the_sound_is_the_same_however_the_server_cuts_it(piece: int) -> None:
    async with FakeOpenAI() as server, speaking(server.url) as voice:
        server.audio.will_speak(Sound(TONE, piece=max(piece, 200)))
        assert await whole(voice.speak("Hola.", "es")) == ON_THE_TELEPHONE


@pytest.mark.parametrize(
    "sound",
    [
        Sound(tone(0.5, 16_000), "audio/wav", wav_of(tone(0.5, 16_000), 16_000)[:44]),
        Sound(tone(0.5, 48_000), "audio/L16; rate=48000"),
        Sound(tone(0.5, 16_000), headers={"X-Sample-Rate": "16000"}),
        Sound(tone(0.5, 24_000), headers={"X-Sample-Rate": "fast"}),
        Sound(tone(0.5, 24_000), "application/octet-stream"),
    ],
    ids=lambda sound: f"{sound.type} {sound.headers}",
)
async def test_the_rate_that_the_server_tells_counts(sound: Sound) -> None:
    async with FakeOpenAI() as server, speaking(server.url) as voice:
        server.audio.will_speak(sound)
        heard = await whole(voice.speak("Hola.", "es"))
        assert len(heard) == 4000
        assert mulaw.level(heard) == pytest.approx(8000 / 2**0.5, rel=0.05)


async def test_the_first_sound_comes_while_the_rest_is_still_being_made() -> None:
    async with FakeOpenAI() as server, speaking(server.url) as voice:
        server.audio.will_speak(Sound(TONE, piece=4800, seconds=0.05))
        pieces = voice.speak("Hola.", "es")
        assert 0 < len(await anext(pieces)) < 1000
        await pieces.aclose()
        await server.until_abandoned()


@pytest.mark.skipif(not espeak_program(), reason="espeak-ng is not installed")
async def test_real_speech_is_as_long_and_as_loud_as_it_was_made() -> None:
    wav = spoken_by_espeak("Buenos días, ¿en qué le puedo ayudar?")
    reader = PcmReader(0)
    pcm = reader.feed(wav)
    async with FakeOpenAI() as server, speaking(server.url) as voice:
        server.audio.will_speak(Sound(pcm, "audio/wav", wav[:44], piece=1001))
        sound = await whole(voice.speak("Buenos días, ¿en qué le puedo ayudar?", "es"))
    assert len(sound) / 8000 == pytest.approx(len(pcm) / 2 / reader.rate, rel=0.02)
    assert mulaw.level(sound) == pytest.approx(mulaw.level_of(pcm), rel=0.1)


async def test_clauses_share_a_connection() -> None:
    async with FakeOpenAI() as server, speaking(server.url) as voice:
        for _ in range(4):
            await whole(voice.speak("Hola.", "es"))
    assert len({spoken.connection for spoken in server.audio.spoken}) == 1


async def test_what_has_no_sound_is_not_asked_for() -> None:
    async with FakeOpenAI() as server, speaking(server.url) as voice:
        assert await whole(voice.speak(" … — \n", "es")) == b""
    assert not server.audio.spoken


FAULTS = [
    (AudioFault.status(401, f"bad key {KEY}"), "the key was refused: check OPENAI_API_KEY (401)"),
    (AudioFault.status(404), "no such model or address: check OPENAI_SPEECH_MODEL and OPENAI_BASE_URL (404)"),
    (AudioFault.status(400, "secret words"), "the speech server refused the request (400): check OPENAI_SPEECH_MODEL"),
    (
        AudioFault.status(302, headers={"Location": "http://a.example"}),
        "it sent us elsewhere: check OPENAI_BASE_URL (302)",
    ),
    (AudioFault.status(429), "the speech server at 127.0.0.1 cannot answer now (429)"),
    (AudioFault.status(503), "the speech server at 127.0.0.1 cannot answer now (503)"),
    (AudioFault.hang(), "the speech server at 127.0.0.1 did not answer within 1 s"),
    (AudioFault.hang(TONE[:9000]), "the speech server stopped in the middle, or was too slow"),
    (AudioFault.dropped(TONE[:9000]), "the speech server broke off"),
    (AudioFault.answer(b"<html>hello</html>", "text/html"), "sent words instead of sound: check OPENAI_BASE_URL"),
    (AudioFault.answer(b'{"error": "secret words"}', "application/json"), "sent words instead of sound"),
    (AudioFault.answer(b"ID3" + bytes(999), "audio/mpeg"), "sent MP3 where PCM was asked for"),
    (AudioFault.answer(b"RIFF" + bytes(99), "audio/wav"), "ends before it begins"),
    (AudioFault.answer(b"", "audio/pcm"), "sent no sound"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[f"{fault.name}: {words[:20]}" for fault, words in FAULTS])
async def test_what_goes_wrong_is_one_line_in_bounded_time_and_the_next_clause_is_spoken(fault: AudioFault, words: str) -> None:
    async with FakeOpenAI() as server, speaking(server.url, first=1, idle=1) as voice:
        server.audio.will_speak(fault)
        with pytest.raises(SpeechError) as raised:
            async with asyncio.timeout(9):
                await whole(voice.speak("Un secreto.", "es"))
        told = str(raised.value)
        assert words in told
        assert "\n" not in told
        assert not any(secret in told for secret in (KEY, "secret words", "secreto"))
        assert await whole(voice.speak("Hola.", "es"))


async def test_a_connection_that_breaks_before_the_answer_is_tried_once_more() -> None:
    async with FakeOpenAI() as server, speaking(server.url) as voice:
        server.audio.will_speak(AudioFault.dropped(), Sound(TONE))
        assert await whole(voice.speak("Hola.", "es")) == ON_THE_TELEPHONE
        server.audio.will_speak(AudioFault.dropped(), AudioFault.dropped())
        with pytest.raises(SpeechError, match=r"no connection to the speech server at 127.0.0.1"):
            await whole(voice.speak("Hola.", "es"))
    assert len(server.audio.spoken) == 4


async def test_a_server_that_is_not_there_is_told_in_a_line() -> None:
    async with FakeOpenAI() as server:
        url = server.url
    async with speaking(url) as voice:
        with pytest.raises(SpeechError, match=r"no connection to the speech server .*: check OPENAI_BASE_URL"):
            await whole(voice.speak("Hola.", "es"))


async def test_a_server_that_drips_is_given_up_by_what_it_made_us_wait_in_all() -> None:
    async with FakeOpenAI() as server, speaking(server.url, total=0.3) as voice:
        server.audio.will_speak(Sound(TONE, piece=1000, seconds=0.05))
        with pytest.raises(SpeechError, match="too slow"):
            await whole(voice.speak("Hola.", "es"))


async def test_what_the_listener_takes_is_not_counted_as_the_servers() -> None:
    async with FakeOpenAI() as server, speaking(server.url, total=0.5) as voice:
        sound = b""
        server.audio.will_speak(Sound(TONE, piece=6000))
        async for piece in voice.speak("Hola.", "es"):
            await asyncio.sleep(0.6)
            sound += piece
        assert sound == ON_THE_TELEPHONE


async def test_a_server_that_never_stops_talking_is_cut_off() -> None:
    async with FakeOpenAI() as server, speaking(server.url, longest=8000) as voice:
        server.audio.will_speak(Sound(tone(3.0)))
        with pytest.raises(SpeechError, match="over 1 s of sound for one clause"):
            await whole(voice.speak("Hola.", "es"))


@pytest.mark.parametrize("begun", [False, True])
async def test_closing_or_cancelling_a_clause_ends_the_request_at_the_server(begun: bool) -> None:
    async with FakeOpenAI() as server, speaking(server.url, first=30, idle=30, total=60) as voice:
        server.audio.will_speak(AudioFault.hang(TONE if begun else b""))
        pieces = voice.speak("Hola.", "es")
        listening = asyncio.ensure_future(whole(pieces))
        await server.audio.until_asked(1)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await server.until_abandoned()


async def test_a_server_that_keeps_failing_is_left_alone_for_a_while() -> None:
    clock = ManualClock()
    breakers = Breakers(clock, tolerance=Tolerance(failures=2, cool_down=30))
    async with FakeOpenAI() as server, speaking(server.url, breakers=breakers) as voice:
        server.audio.will_speak(AudioFault.status(503), AudioFault.status(503))
        for _ in range(2):
            with pytest.raises(SpeechError, match="503"):
                await whole(voice.speak("Hola.", "es"))
        with pytest.raises(SpeechError, match="speech failed too often and is left alone for a while"):
            await whole(voice.speak("Hola.", "es"))
        assert len(server.audio.spoken) == 2
        await clock.advance(31)
        assert await whole(voice.speak("Hola.", "es"))


async def test_one_clause_that_is_refused_says_nothing_about_the_server() -> None:
    breakers = Breakers(ManualClock(), tolerance=Tolerance(failures=1))
    async with FakeOpenAI() as server, speaking(server.url, breakers=breakers) as voice:
        server.audio.will_speak(AudioFault.status(400))
        with pytest.raises(SpeechError):
            await whole(voice.speak("Hola.", "es"))
        assert await whole(voice.speak("Hola.", "es"))


async def test_it_can_be_asked_whether_it_speaks() -> None:
    async with FakeOpenAI() as server, speaking(server.url) as voice:
        assert await voice.check() == "tts-any spoke for 0.1 s"


def test_a_key_that_could_never_work_is_refused_at_once_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as raised:
        SpeechServer("sk-with a space", "", Breakers(ManualClock()).of("speech"))
    assert "with a" not in str(raised.value)
