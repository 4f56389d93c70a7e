"""When a turn begins, ends, interrupts: the rules alone, on judgements of 20 ms and with words as a recogniser tells them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.voice.turn_taking import Event, Kind, Rules, TurnTaking

pytestmark = pytest.mark.unit

FRAME = 0.02


@dataclass
class Caller:
    """Somebody on the telephone, heard by turns."""

    language: str = "en"
    rules: Rules | None = None
    at: float = 0.0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turns = TurnTaking(self.language, self.rules)

    def hears(self, probability: float, seconds: float) -> Caller:
        for _ in range(round(seconds / FRAME)):
            self.at += FRAME
            event = self.turns.step(probability, FRAME, self.at)
            if event is not None:
                self.events.append(event)
                if event.kind is Kind.INTERRUPTED:
                    self.turns.we_speak = False
        return self

    def speaks(self, seconds: float) -> Caller:
        return self.hears(0.9, seconds)

    def is_silent(self, seconds: float) -> Caller:
        return self.hears(0.0, seconds)

    def told(self, words: str) -> Caller:
        self.turns.words(words)
        return self

    def while_we_speak(self) -> Caller:
        self.turns.we_speak = True
        return self

    @property
    def kinds(self) -> list[Kind]:
        return [event.kind for event in self.events]

    @property
    def waited(self) -> float:
        """Seconds from the end of speech to the event that was last."""
        return round(self.events[-1].at - self.events[-1].end, 2)


def test_speech_begins_a_turn_after_a_tenth_of_a_second_and_silence_ends_it() -> None:
    caller = Caller().is_silent(1).speaks(0.5).is_silent(1)
    assert caller.kinds == [Kind.BEGAN, Kind.ENDED]
    began, ended = caller.events
    assert (round(began.at, 2), round(began.start, 2)) == (1.1, 1.0)
    assert (round(ended.start, 2), round(ended.end, 2)) == (1.0, 1.5)
    assert (ended.over_us, ended.interrupted) == (False, False)


@pytest.mark.parametrize("seconds", [0.02, 0.04, 0.08])
def test_a_click_begins_nothing(seconds: float) -> None:
    caller = Caller()
    for _ in range(100):
        caller.speaks(seconds).is_silent(0.4)
    assert caller.kinds == []


def test_what_was_too_short_for_a_word_is_a_false_alarm() -> None:
    assert Caller().speaks(0.1).is_silent(1).kinds == [Kind.BEGAN, Kind.FALSE_ALARM]


def test_syllables_with_noise_between_them_are_gathered() -> None:
    caller = Caller().speaks(0.06).hears(0.2, 0.06).speaks(0.06).hears(0.2, 0.06).speaks(0.06)
    assert caller.kinds == [Kind.BEGAN]
    assert caller.events[0].start == pytest.approx(0.0)


def test_the_soft_end_of_a_word_belongs_to_it_but_begins_nothing() -> None:
    caller = Caller().hears(0.4, 1.0)
    assert caller.kinds == []
    caller.speaks(0.3).hears(0.4, 0.2).is_silent(1)
    assert caller.kinds == [Kind.BEGAN, Kind.ENDED]
    assert caller.events[-1].end == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("seconds", "words", "language", "waits"),
    [
        (0.3, "yes", "en", 0.3),
        (0.3, "sí", "es", 0.3),
        (0.3, "हाँ", "hi", 0.3),
        (0.5, "2", "es", 0.3),
        (2.0, "I want to cancel my order.", "en", 0.3),
        (1.0, "I would like to", "en", 1.2),
        (0.6, "para el", "es", 1.2),
        (1.5, "मुझे टिकट चाहिए और", "hi", 1.2),
        (0.4, "um", "en", 1.2),
        (2.0, "cinco cinco cinco", "es", 1.2),
        (1.5, "mi pedido de zapatos", "es", 0.66),
        (0.3, "", "en", 0.46),
        (2.0, "", "en", 0.7),
    ],
)
def test_how_long_silence_must_last_depends_on_what_was_said(seconds: float, words: str, language: str, waits: float) -> None:
    caller = Caller(language).speaks(seconds).told(words).is_silent(2)
    assert caller.kinds == [Kind.BEGAN, Kind.ENDED]
    assert caller.waited == pytest.approx(waits, abs=0.021)


def test_a_pause_inside_an_unfinished_sentence_does_not_end_it() -> None:
    caller = Caller().speaks(1).told("I would like to").is_silent(1).speaks(1).told("I would like to book a callback please")
    caller.is_silent(1)
    assert caller.kinds == [Kind.BEGAN, Kind.ENDED]
    assert caller.waited == pytest.approx(0.3, abs=0.021)


def test_words_that_come_late_shorten_or_lengthen_the_wait() -> None:
    assert Caller().speaks(1).is_silent(0.5).told("I would like to").is_silent(0.5).kinds == [Kind.BEGAN]
    caller = Caller().speaks(0.4).is_silent(0.3).told("yes please").is_silent(0.16)
    assert caller.kinds == [Kind.BEGAN, Kind.ENDED]


def test_words_that_have_not_caught_up_do_not_end_a_turn_early() -> None:
    caller = Caller().speaks(3).told("yes").is_silent(0.6)
    assert caller.kinds == [Kind.BEGAN]


def test_words_are_given_a_moment_to_settle() -> None:
    caller = Caller().speaks(0.6).is_silent(0.28).told("yes").is_silent(0.1)
    assert caller.kinds == [Kind.BEGAN]
    assert caller.is_silent(0.1).kinds == [Kind.BEGAN, Kind.ENDED]


def test_somebody_who_was_cut_off_is_given_more_time_from_then_on() -> None:
    caller = Caller().speaks(1).is_silent(0.9).speaks(1).is_silent(2)
    assert caller.kinds == [Kind.BEGAN, Kind.ENDED] * 2
    assert caller.waited == pytest.approx(0.85, abs=0.021)
    for _ in range(20):
        caller.speaks(1).is_silent(1.3)
    assert caller.speaks(1).is_silent(3).waited == pytest.approx(1.15, abs=0.021)
    for _ in range(20):
        caller.speaks(1).is_silent(3)
    assert caller.waited == pytest.approx(0.7, abs=0.021)  # they were whole again


def test_an_answer_to_what_we_said_is_no_rest_of_a_turn() -> None:
    caller = Caller().speaks(1).is_silent(0.72).while_we_speak().is_silent(0.1)
    caller.turns.we_speak = False
    assert caller.speaks(1).is_silent(1).waited == pytest.approx(0.7, abs=0.021)


def test_speech_over_us_interrupts_after_some_three_tenths_of_a_second() -> None:
    caller = Caller().while_we_speak().is_silent(1).speaks(2).is_silent(1)
    assert caller.kinds == [Kind.BEGAN, Kind.INTERRUPTED, Kind.ENDED]
    assert caller.events[1].at == pytest.approx(1.28)
    assert caller.events[-1].over_us
    assert caller.events[-1].interrupted


def test_the_first_words_of_a_sentence_interrupt_sooner() -> None:
    caller = Caller().while_we_speak().speaks(0.2).told("no that")
    assert caller.speaks(0.02).kinds == [Kind.BEGAN, Kind.INTERRUPTED]


def test_words_that_come_after_the_speech_still_interrupt() -> None:
    caller = Caller().while_we_speak().speaks(0.2).is_silent(0.1).told("wait").is_silent(0.02)
    assert caller.kinds == [Kind.BEGAN, Kind.INTERRUPTED]


@pytest.mark.parametrize(("words", "language"), [("aha", "en"), ("ajá", "es"), ("हाँ हाँ", "hi"), ("vale, vale", "es")])
def test_a_backchannel_does_not_interrupt(words: str, language: str) -> None:
    caller = Caller(language).while_we_speak().speaks(0.2).told(words).speaks(0.5).is_silent(1)
    assert caller.kinds == [Kind.BEGAN, Kind.BACKCHANNEL]


def test_a_backchannel_that_goes_on_as_a_sentence_interrupts() -> None:
    caller = Caller().while_we_speak().speaks(0.2).told("yeah").speaks(0.4).told("yeah but what about my order").speaks(0.1)
    assert caller.kinds == [Kind.BEGAN, Kind.INTERRUPTED]


def test_the_same_word_said_after_us_is_an_answer() -> None:
    caller = Caller("es").while_we_speak().speaks(0.2).told("sí")
    caller.turns.we_speak = False
    assert caller.speaks(0.1).is_silent(1).kinds == [Kind.BEGAN, Kind.ENDED]


def test_a_short_word_over_us_that_nobody_has_understood_yet_is_given_to_the_recogniser() -> None:
    caller = Caller().while_we_speak().speaks(0.22).is_silent(1)
    assert caller.kinds == [Kind.BEGAN, Kind.ENDED]
    assert caller.events[-1].over_us
    assert not caller.events[-1].interrupted


def test_a_recogniser_that_tells_words_is_waited_for_before_we_fall_silent() -> None:
    caller = Caller().speaks(0.5).told("hello").is_silent(1).while_we_speak()
    caller.events.clear()
    assert caller.speaks(0.4).kinds == [Kind.BEGAN]
    assert caller.speaks(0.2).kinds == [Kind.BEGAN, Kind.INTERRUPTED]


def test_an_interruption_without_words_is_taken_back_within_a_second() -> None:
    caller = Caller().while_we_speak().speaks(0.28).is_silent(1)
    assert caller.kinds == [Kind.BEGAN, Kind.INTERRUPTED, Kind.ENDED]
    assert caller.events[-1].at - caller.events[1].at <= 0.5  # the recogniser has the other half for its empty answer


def test_noise_over_us_of_which_a_recogniser_makes_no_words_is_a_false_alarm() -> None:
    caller = Caller().speaks(0.5).told("hello").is_silent(1).while_we_speak()
    caller.events.clear()
    assert caller.speaks(0.4).is_silent(1).kinds == [Kind.BEGAN, Kind.FALSE_ALARM]


def test_whoever_was_speaking_already_interrupts_us_once_we_begin() -> None:
    caller = Caller().speaks(1).while_we_speak().speaks(0.26)
    assert caller.kinds == [Kind.BEGAN]
    assert caller.speaks(0.04).kinds == [Kind.BEGAN, Kind.INTERRUPTED]


def test_a_turn_has_a_longest_length_and_the_next_one_needs_a_pause() -> None:
    caller = Caller().speaks(600)
    assert caller.kinds == [Kind.BEGAN, Kind.ENDED]
    assert caller.events[-1].at == pytest.approx(30, abs=0.05)
    assert caller.is_silent(0.4).speaks(1).is_silent(1).kinds == [Kind.BEGAN, Kind.ENDED] * 2
    assert caller.waited == pytest.approx(0.7, abs=0.021)


def test_time_that_passes_without_any_sound_ends_a_turn_too() -> None:
    caller = Caller().speaks(1)
    event = caller.turns.step(0.0, 0.0, caller.at + 1)
    assert event is not None
    assert event.kind is Kind.ENDED


def test_time_that_goes_back_changes_nothing() -> None:
    caller = Caller().speaks(1)
    assert caller.turns.step(0.9, FRAME, 0.0) is None
    assert caller.is_silent(1).kinds == [Kind.BEGAN, Kind.ENDED]


WORDS = st.sampled_from(["", "yes", "aha", "I would like to", "wait", "55 5555", "my order", "no that is wrong"])
STRETCHES = st.lists(st.tuples(st.floats(0, 1), st.floats(0.02, 3), WORDS, st.booleans()), max_size=30)


@settings(max_examples=200)
@given(stretches=STRETCHES)
def test_whatever_is_heard_each_beginning_has_one_end(stretches: list[tuple[float, float, str, bool]]) -> None:
    caller = Caller()
    for probability, seconds, words, we_speak in stretches:
        caller.turns.we_speak = we_speak
        caller.hears(probability, seconds).told(words)
    caller.is_silent(31)
    assert not caller.turns.hearing
    spoken = False
    for event in caller.events:
        assert spoken is (event.kind is not Kind.BEGAN)
        spoken = event.kind in (Kind.BEGAN, Kind.INTERRUPTED)
        assert event.start <= event.end <= event.at
        assert event.at - event.start <= 30.1
        assert event.interrupted or event.kind is not Kind.INTERRUPTED
    assert not spoken
