"""The ear that is told what it hears, and the voice that is silent for as long as the words take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.voice import mulaw
from bot.channels.voice.detector import WebrtcDetector
from bot.channels.voice.ears import Ears
from bot.channels.voice.espeak import EspeakVoice, espeak_program
from bot.channels.voice.scripted import ScriptedListening, ScriptedRecogniser, SilentVoice, with_words, words_in
from bot.channels.voice.speech import FRAME
from bot.channels.voice.turn_taking import Kind
from bot.message import Text
from bot.testing.openai_audio import tone
from tests.channels.voice.sounds import whole

pytestmark = pytest.mark.unit

WORDS = "Quiero abrir un ticket, por favor: मेरा इंटरनेट नहीं चल रहा"
SECONDS_4 = mulaw.encode(tone(4.0, 8000))


def fed(listening: ScriptedListening, sound: bytes) -> ScriptedListening:
    for at in range(0, len(sound), FRAME):
        listening.feed(sound[at : at + FRAME])
    return listening


async def test_it_hears_what_it_was_told_beforehand_one_utterance_after_the_other() -> None:
    recogniser = ScriptedRecogniser("hola").will("un ticket")
    heard = [await fed(recogniser.listen(language), SECONDS_4).finish() for language in ("es", "en", "hi")]
    assert heard == [Text("hola", confidence=1.0), Text("un ticket", confidence=1.0), Text("")]
    assert recogniser.languages == ["es", "en", "hi"]


async def test_it_hears_the_words_that_travel_in_the_sound_and_leaves_its_script_for_other_sound() -> None:
    recogniser = ScriptedRecogniser("of the script")
    assert (await fed(recogniser.listen("es"), with_words(SECONDS_4, WORDS)).finish()).text == WORDS
    assert (await fed(recogniser.listen("es"), SECONDS_4).finish()).text == "of the script"


async def test_two_calls_at_once_hear_their_own_words() -> None:
    recogniser = ScriptedRecogniser()
    one, two = recogniser.listen("es"), recogniser.listen("es")
    for at in range(0, len(SECONDS_4), FRAME):
        one.feed(with_words(SECONDS_4, "la una")[at : at + FRAME])
        two.feed(with_words(SECONDS_4, "las dos")[at : at + FRAME])
    assert ((await one.finish()).text, (await two.finish()).text) == ("la una", "las dos")


def test_words_become_known_as_their_sound_comes() -> None:
    sound = with_words(SECONDS_4, WORDS)
    listening = ScriptedRecogniser().listen("es")
    known = []
    for at in range(0, len(sound), 8000):
        listening.feed(sound[at : at + 8000])
        known.append(listening.partial())
    assert known[-1] == WORDS
    assert all(WORDS.startswith(part) for part in known)
    assert sorted({len(part) for part in known}) == [len(part) for part in known]


def test_two_sayings_in_one_utterance_are_both_heard_also_where_they_are_the_same() -> None:
    yes = with_words(SECONDS_4, "sí")
    assert words_in(yes + SECONDS_4 + yes) == "sí sí"
    assert words_in(with_words(SECONDS_4, WORDS) + with_words(SECONDS_4, WORDS)) == f"{WORDS} {WORDS}"


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=60), st.integers(0, 9000))
@settings(deadline=None, max_examples=60)
def test_any_words_fit_any_sound(words: str, size: int) -> None:
    sound = with_words(SECONDS_4[:size], words)
    assert words_in(sound) == words
    assert len(sound) % FRAME == 0
    assert len(sound) >= size


def test_the_words_are_not_heard_by_anybody_else() -> None:
    plain = np.frombuffer(mulaw.decode(SECONDS_4), "<i2").astype(float)
    marked = np.frombuffer(mulaw.decode(with_words(SECONDS_4, WORDS)), "<i2").astype(float)
    noise = np.sqrt(np.mean((plain - marked) ** 2))
    assert 20 * np.log10(np.sqrt(np.mean(plain**2)) / noise) > 25  # dB


@given(st.integers(0, 32_000), st.integers(1, 700))
@settings(deadline=None, max_examples=60)
def test_the_beginning_may_be_cut_off_anywhere_and_the_rest_come_in_any_pieces(cut: int, piece: int) -> None:
    sound = with_words(SECONDS_4, WORDS)[cut:]
    listening = ScriptedRecogniser().listen("es")
    for at in range(0, len(sound), piece):
        listening.feed(sound[at : at + piece])
    assert WORDS.replace(" ", "").endswith(listening.partial().replace(" ", ""))
    assert bool(listening.partial()) or len(sound) < 2 * len(SECONDS_4) / 6


@pytest.mark.skipif(not espeak_program(), reason="espeak-ng is not installed")
async def test_words_in_real_speech_come_through_the_real_ears() -> None:
    silence = b"\xff" * 8000
    line = silence + with_words(await whole(EspeakVoice().speak(WORDS, "es")), WORDS) + silence * 2
    ears, listening, heard = Ears(WebrtcDetector(), "es"), None, ""
    for at in range(0, len(line) - FRAME, FRAME):
        event = ears.feed(line[at : at + FRAME], (at + FRAME) / 8000)
        if listening is not None:
            listening.feed(line[at : at + FRAME])
            ears.words(listening.partial())
        if event is not None and event.kind is Kind.BEGAN:
            listening = ScriptedRecogniser().listen("es")
            listening.feed(event.sound)
        elif event is not None and event.kind is Kind.ENDED and listening is not None:
            heard = (await listening.finish()).text
    assert heard == WORDS


def test_too_many_words_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 3825 bytes"):
        with_words(b"", "a" * 3826)


def test_other_sound_has_no_words() -> None:
    noise = np.random.default_rng(3).integers(0, 255, 8000 * 60, dtype=np.uint8).tobytes()
    assert words_in(noise) == words_in(b"") == words_in(b"\xff" * 8000) == ""


async def test_who_is_cancelled_has_heard_nothing() -> None:
    listening = fed(ScriptedRecogniser().listen("es"), with_words(SECONDS_4, WORDS))
    listening.cancel()
    assert (await listening.finish()).text == ""


async def test_silence_lasts_about_as_long_as_the_words_would() -> None:
    sound = await whole(SilentVoice().speak("Buenos días, ¿en qué le puedo ayudar?", "es"))
    assert 1.5 < len(sound) / 8000 < 3.5
    assert mulaw.level(sound) == 0
    assert await whole(SilentVoice().speak("  ", "es")) == b""
