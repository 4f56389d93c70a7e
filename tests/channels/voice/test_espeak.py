"""The voice that needs nobody else, by the real program."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import wave
from pathlib import Path

import pytest

from bot.channels.voice import espeak, mulaw
from bot.channels.voice.espeak import EspeakVoice, espeak_program
from bot.errors import SpeechError
from tests.channels.voice.sounds import whole

pytestmark = pytest.mark.unit

needs_espeak = pytest.mark.skipif(not espeak_program(), reason="espeak-ng is not installed")
SENTENCES = {
    "es": "Buenos días, ¿en qué le puedo ayudar hoy?",
    "en": "Good morning, how can I help you today?",
    "hi": "नमस्ते, आज मैं आपकी क्या मदद कर सकता हूँ?",
}


def program(folder: Path, script: str) -> str:
    """A stand-in for espeak-ng that does this."""
    path = folder / "espeak-ng"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def seconds_of(voice: str, text: str) -> float:
    """How long espeak-ng itself says that it takes."""
    spoken = subprocess.run(
        ["espeak-ng", "-v", voice, "-b", "1", "--stdin", "--stdout"], input=text.encode(), capture_output=True
    )
    with wave.open(io.BytesIO(spoken.stdout)) as wav:
        rate: int = wav.getframerate()
        return len(spoken.stdout[44:]) / 2 / rate


@needs_espeak
@pytest.mark.parametrize("language", SENTENCES)
async def test_a_sentence_is_as_long_on_the_telephone_as_the_program_made_it(language: str) -> None:
    sound = await whole(EspeakVoice().speak(SENTENCES[language], language))
    assert len(sound) / 8000 == pytest.approx(seconds_of(espeak.VOICES[language], SENTENCES[language]), rel=0.02)
    assert mulaw.level(sound) > 500


@needs_espeak
async def test_words_that_look_like_an_option_or_hold_a_quote_are_words() -> None:
    plain = await whole(EspeakVoice().speak("yes", "en"))
    assert len(await whole(EspeakVoice().speak("--version; 'yes' \" $(date)", "en"))) > len(plain)


@needs_espeak
async def test_the_languages_are_spoken_by_voices_of_their_own() -> None:
    voice = EspeakVoice()
    assert await whole(voice.speak("123", "es")) != await whole(voice.speak("123", "en"))
    assert await whole(voice.speak("123", "fr")) == await whole(voice.speak("123", "en"))


@needs_espeak
async def test_nothing_to_say_starts_no_process() -> None:
    assert await whole(EspeakVoice("/nowhere").speak(" \n", "es")) == b""


def test_where_it_is_not_installed_a_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechError, match="espeak-ng is not installed: apt-get install espeak-ng, or set OPENAI_SPEECH_MODEL"):
        EspeakVoice()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", r"said nothing \(exit code 3\)"),
        ("exit 0", "said nothing"),
        ("exec sleep 60", "longer than 0.2 s"),
        ("printf no", "said nothing"),
    ],
)
async def test_a_program_that_fails_is_told_in_a_line(script: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match=words):
        await whole(EspeakVoice(program(tmp_path, script), seconds=0.2 if "sleep" in script else 10).speak("hola", "es"))


async def test_a_program_that_cannot_be_started_is_told_in_a_line() -> None:
    with pytest.raises(SpeechError, match="espeak-ng cannot be started: No such file or directory"):
        await whole(EspeakVoice("/nowhere/espeak-ng").speak("hola", "es"))


async def test_closing_in_the_middle_ends_the_process(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    forever = EspeakVoice(program(tmp_path, f"echo $$ > {pid}; exec cat /dev/zero"))
    pieces = forever.speak("hola", "es")
    await anext(pieces)
    await pieces.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def test_cancelling_whoever_listens_ends_the_process(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    voice = EspeakVoice(program(tmp_path, f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 60"))
    listening = asyncio.create_task(whole(voice.speak("hola", "es")))
    async with asyncio.timeout(5):
        while not pid.exists():
            await asyncio.sleep(0.01)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def test_no_more_processes_run_than_were_allowed(tmp_path: Path) -> None:
    running = tmp_path / "running"
    running.mkdir()
    count = f"touch {running}/$$; ls {running} | wc -l >> {tmp_path}/most; sleep 0.05; rm {running}/$$; head -c 9000 /dev/zero"
    voice = EspeakVoice(program(tmp_path, count), processes=2)
    await asyncio.gather(*(whole(voice.speak("hola", "es")) for _ in range(6)))
    most = [int(line) for line in (tmp_path / "most").read_text().split()]
    assert len(most) == 6
    assert max(most) <= 2
