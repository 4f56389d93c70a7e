"""What the ears of a call make of real sound: voices are heard, also in noise; nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.voice import mulaw
from bot.channels.voice.detector import WebrtcDetector
from bot.channels.voice.ears import PRE_ROLL, Ears
from bot.channels.voice.turn_taking import Kind
from tests.channels.voice import acoustics as sound

pytestmark = pytest.mark.unit

TURN = [Kind.BEGAN, Kind.ENDED]

SHORT = [("yes", "en"), ("no", "en"), ("okay", "en"), ("sí", "es"), ("no", "es"), ("cinco", "es"), ("हाँ", "hi"), ("नहीं", "hi")]
LONG = [
    ("I would like to book a callback for tomorrow at five", "en"),
    ("what is the status of my ticket", "en-us"),
    ("quiero saber el estado de mi pedido por favor", "es"),
    ("मुझे अपने टिकट के बारे में जानना है", "hi"),
]


def ears(language: str = "en") -> Ears:
    return Ears(WebrtcDetector(), language)


def speaking() -> Ears:
    one = ears()
    one.we_speak = True
    return one


def test_a_recorded_sentence_is_one_turn_from_its_beginning_to_its_end() -> None:
    spoken = sound.sentence()
    began, ended = sound.heard(ears(), sound.quiet(1) + spoken + sound.quiet(2))
    assert [began.kind, ended.kind] == TURN
    assert began.start == pytest.approx(1.0, abs=0.1)
    assert ended.end == pytest.approx(1.0 + len(spoken) / 8000, abs=0.1)
    assert ended.at - ended.end == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize(("words", "voice"), [*SHORT, *LONG])
def test_words_of_any_length_are_one_turn(words: str, voice: str) -> None:
    spoken = sound.said(words, voice)
    events = sound.heard(ears(), sound.quiet(1) + spoken + sound.quiet(2))
    assert [event.kind for event in events] == TURN
    assert events[0].at - 1.0 < 0.3
    assert events[1].at - (1.0 + len(spoken) / 8000) < 1.0


@pytest.mark.parametrize(("words", "voice"), LONG)
@pytest.mark.parametrize("noise", [sound.white(3, 1000), sound.pink(3, 1000, telephone=True)], ids=["white", "pink"])
def test_a_sentence_is_heard_ten_decibels_above_noise(noise: bytes, words: str, voice: str) -> None:
    spoken = sound.said(words, voice)
    events = sound.heard(ears(), sound.in_noise(spoken, noise, 10))
    assert [event.kind for event in events] == TURN
    assert events[0].start == pytest.approx(1.5, abs=0.3)
    assert events[1].end == pytest.approx(1.5 + len(spoken) / 8000, abs=0.5)


def test_a_recorded_sentence_is_heard_ten_decibels_above_noise() -> None:
    events = sound.heard(ears(), sound.in_noise(sound.sentence(), sound.white(5, 1000), 10))
    assert [event.kind for event in events] == TURN


def test_a_recorded_voice_over_us_interrupts_within_four_tenths_of_a_second() -> None:
    events = sound.heard(speaking(), sound.quiet(1) + sound.sentence() + sound.quiet(2))
    assert [event.kind for event in events] == [Kind.BEGAN, Kind.INTERRUPTED, Kind.ENDED]
    assert events[1].at - 1.0 <= 0.4


def test_the_echo_of_our_own_voice_does_not_interrupt_us() -> None:
    echo = mulaw.encode((sound.wave(sound.sentence()) * 10 ** (-26 / 20)).astype("<i2").tobytes())
    assert sound.heard(speaking(), sound.quiet(1) + echo + sound.quiet(1)) == []
    assert sound.heard(ears(), sound.quiet(1) + echo + sound.quiet(1)) != []  # as soft a voice is one, while we are silent


def test_somebody_else_in_the_room_does_not_interrupt_us_once_their_own_voice_is_known() -> None:
    one = ears()
    theirs = sound.quiet(1) + sound.sentence() + sound.quiet(1)
    room = sound.said("and then we went to the market to buy some fruit", "en-us", 400)
    assert [event.kind for event in sound.heard(one, theirs)] == TURN
    one.we_speak = True
    now = len(theirs) / 8000
    assert sound.heard(one, sound.quiet(1) + room + sound.quiet(1), begin=now) == []
    now += len(room) / 8000 + 2
    events = sound.heard(one, sound.quiet(1) + sound.sentence() + sound.quiet(1), begin=now)
    assert [event.kind for event in events] == [Kind.BEGAN, Kind.INTERRUPTED, Kind.ENDED]


def test_who_begins_to_speak_softly_is_heard_again_after_a_while() -> None:
    one = ears()
    sound.heard(one, sound.quiet(1) + sound.said("hello is anybody there", "en", 8000) + sound.quiet(1))
    soft = sound.said("I would like to book a callback", "en", 250) + sound.quiet(1)
    assert Kind.ENDED in [event.kind for event in sound.heard(one, soft * 3, begin=6)]


def test_who_is_known_to_speak_softly_interrupts_softly() -> None:
    soft = sound.said("I would like to book a callback", "en", 300)
    one = ears()
    sound.heard(one, sound.quiet(1) + soft + sound.quiet(1))
    one.we_speak = True
    events = sound.heard(one, soft, begin=2 + len(soft) / 8000)
    assert [event.kind for event in events] == [Kind.BEGAN, Kind.INTERRUPTED]


NOT_SPEECH: dict[str, Callable[[float], bytes]] = {
    "silence": sound.quiet,
    "soft white noise": lambda seconds: sound.white(seconds, 300),
    "loud white noise": lambda seconds: sound.white(seconds, 3000),
    "pink noise": lambda seconds: sound.pink(seconds, 3000),
    "pink noise of the line": lambda seconds: sound.pink(seconds, 2000, telephone=True),
    "hum of 50 Hz": lambda seconds: sound.hum(seconds, 50, 2000),
    "hum of 60 Hz": lambda seconds: sound.hum(seconds, 60, 2000),
    "buzz of 120 Hz": lambda seconds: sound.hum(seconds, 120, 3000),
    "a tone": lambda seconds: sound.tone(seconds, 3000, 1000),
    "ringing": lambda seconds: (sound.tone(1, 2000, 440, 480) + sound.quiet(1)) * round(seconds / 2),
    "keys": lambda seconds: sound.keys("1250*#9" * round(seconds / 1.4)),
    "long keys": lambda seconds: sound.keys("1250*#9" * round(seconds / 3.5), 0.4),
    "typing": lambda seconds: sound.clicks(seconds, 6),
    "fast typing": lambda seconds: sound.clicks(seconds, 12),
    "coughs": lambda seconds: b"".join(sound.cough(0.15 + i % 5 / 20, i) + sound.quiet(0.6) for i in range(round(seconds))),
    "a tune": sound.tune,
    "a slow tune": lambda seconds: sound.tune(seconds, 0.8),
}


@pytest.mark.parametrize("name", NOT_SPEECH)
def test_what_is_no_speech_begins_nothing_and_interrupts_nothing(name: str) -> None:
    heard = sound.quiet(0.5) + NOT_SPEECH[name](30)
    assert sound.heard(ears(), heard) == []
    assert sound.heard(speaking(), heard) == []


def test_ten_minutes_of_noise_that_comes_and_goes_begin_nothing() -> None:
    random = np.random.default_rng(11)
    pieces = [sound.pink, sound.white]
    noise = b"".join(pieces[i % 2](2, 10 ** random.uniform(1, 3.9), i) for i in range(300))
    assert len(noise) == 600 * 8000
    assert sound.heard(speaking(), noise) == []


@settings(max_examples=25, deadline=None)
@given(levels=st.lists(st.floats(1, 9000), min_size=1, max_size=12), seed=st.integers(0, 99), seconds=st.floats(0.02, 2))
def test_noise_of_any_levels_never_interrupts(levels: list[float], seed: int, seconds: float) -> None:
    kinds = [sound.white, sound.pink]
    noise = b"".join(kinds[(seed + i) % 2](seconds, level, seed + i) for i, level in enumerate(levels))
    assert Kind.INTERRUPTED not in [event.kind for event in sound.heard(speaking(), noise)]


def test_noise_that_never_ends_ends_the_turn_that_began_before_it() -> None:
    spoken = sound.sentence()
    events = sound.heard(ears(), sound.quiet(1) + spoken + sound.white(60, 2500))
    assert [event.kind for event in events] == TURN
    assert events[1].at < 1 + len(spoken) / 8000 + 2


def test_the_recogniser_gets_what_came_just_before_and_nothing_twice() -> None:
    spoken = sound.quiet(1) + sound.sentence() + sound.quiet(1)
    one, at, heard = ears(), 0.0, b""
    for frame in sound.frames(spoken):
        at += len(frame) / 8000
        event = one.feed(frame, at)
        if event is not None and event.kind is Kind.BEGAN:
            heard += event.sound
            start = round((event.start - PRE_ROLL) * 8000)
        elif one.hearing or (event is not None and event.kind is Kind.ENDED):
            heard += frame
    assert heard in spoken
    assert spoken.index(heard) == start
    assert len(heard) > len(sound.sentence())


@pytest.mark.parametrize("size", [1, 80, 159, 161, 800, 4000])
def test_pieces_of_any_size_are_heard_alike(size: int) -> None:
    heard = sound.quiet(1) + sound.sentence() + sound.quiet(2)
    whole, pieces = sound.heard(ears(), heard), sound.heard(ears(), heard, size=size)
    assert [event.kind for event in pieces] == [event.kind for event in whole] == TURN
    for one, other in zip(whole, pieces, strict=True):
        assert (one.start, one.end, one.at) == pytest.approx((other.start, other.end, other.at), abs=0.021)


def test_sound_that_was_held_up_and_comes_at_once_keeps_its_own_time() -> None:
    heard = sound.quiet(1) + sound.sentence() + sound.quiet(2)
    assert sound.heard(ears(), heard, size=4000)[0].start == pytest.approx(1.0, abs=0.1)


def test_a_line_that_sends_nothing_in_silence_ends_a_turn_by_empty_frames() -> None:
    one = ears()
    spoken = sound.sentence()
    sound.heard(one, sound.quiet(1) + spoken)
    assert one.hearing
    now = 1 + len(spoken) / 8000
    assert one.feed(b"", now + 0.3) is None
    ended = one.feed(b"", now + 1)
    assert ended is not None
    assert ended.kind is Kind.ENDED


def test_a_change_of_language_changes_how_words_are_judged() -> None:
    one = ears("en")
    one.language = "es"
    spoken = sound.quiet(1) + sound.said("quiero saber si", "es")
    sound.heard(one, spoken)
    one.words("quiero saber si")
    assert sound.heard(one, sound.quiet(1), begin=len(spoken) / 8000) == []
    assert one.hearing


@settings(max_examples=60, deadline=None)
@given(
    frames=st.lists(st.one_of(st.binary(max_size=400), st.sampled_from([0, 1, 159, 161, 4000, 20000]).map(bytes)), max_size=40)
)
def test_any_bytes_of_any_length_are_taken(frames: list[bytes]) -> None:
    one, at = ears(), 0.0
    for frame in frames:
        at += len(frame) / 8000
        event = one.feed(frame, at)
        assert event is None or event.start <= event.end <= event.at <= at + 1e-6
    one.close()
