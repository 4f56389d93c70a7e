"""The play-out of a call, against a telephone that knows what was really heard; minutes of it, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.voice.base import Clause, Played
from bot.channels.voice.frames import Outgoing
from bot.channels.voice.playing import ECHO, LEAD, LONGEST, SLOW, Playing
from bot.testing.virtual_time import LoopClock, run_virtual
from tests.channels.voice.telephone import RATE, Notes, Script, Telephone

pytestmark = pytest.mark.unit

SECOND = [(0.0, RATE)]
"""A clause of one second that is there at once."""


class Mouth:
    """A `Playing` with a telephone at its other end."""

    def __init__(self, *clauses: Sequence[tuple[float, int]], telephone: Telephone | None = None) -> None:
        self.voice = Script(*clauses)
        self.telephone = telephone or Telephone()
        self.notes = Notes()
        self.playing = Playing(Outgoing("MZ1"), self.telephone.send, self.voice.speak, self.notes, LoopClock())
        self.telephone.marked = self.playing.marked
        self._next = 0

    def say(self, count: int = 1) -> None:
        for _ in range(count):
            self._next += 1
            self.playing.say(Clause(self._next, "x" * max(1, len(self.voice.sounds[self._next - 1]) // 560), "en"))

    async def end(self) -> None:
        """As whoever owns it does; nothing may be left."""
        self.playing.close()
        for task in self.playing.tasks:
            task.cancel()
        await asyncio.sleep(10)
        assert not self.playing.tasks
        assert self.voice.open == 0
        assert len(asyncio.all_tasks()) == 1


def test_clauses_are_played_in_order_without_a_gap_and_told_one_by_one() -> None:
    async def main() -> None:
        mouth = Mouth(SECOND, SECOND, SECOND)
        mouth.say(3)
        await asyncio.sleep(3.1)
        assert bytes(mouth.telephone.sound) == b"".join(mouth.voice.sounds)
        assert mouth.telephone.gaps == []
        assert mouth.notes.said == [
            ("sounding", True),
            ("played", 1),
            ("played", 2),
            ("played", 3),
            ("sounding", False),
            ("silent", None),
        ]
        assert mouth.playing.is_silent
        await mouth.end()

    run_virtual(main())


def test_no_more_than_the_lead_is_ever_sent_ahead() -> None:
    async def main() -> None:
        mouth = Mouth([(0.0, 20 * RATE)])
        mouth.say()
        await asyncio.sleep(20.1)
        assert 0.3 < mouth.telephone.most_ahead <= LEAD + 1e-6
        assert mouth.notes.of("played") == [1]
        await mouth.end()

    run_virtual(main())


def test_the_first_sound_goes_out_as_soon_as_it_is_there_however_short() -> None:
    async def main() -> None:
        mouth = Mouth([(0.1, 80), (0.0, 8000)])
        mouth.say()
        await asyncio.sleep(0.1001)
        assert mouth.telephone.heard_bytes() >= 0
        assert len(mouth.telephone.sound) >= 80
        await mouth.end()

    run_virtual(main())


def test_the_next_clause_is_made_while_the_one_before_plays_and_only_one_ahead() -> None:
    async def main() -> None:
        slow = [(0.3, 4000), (0.3, 4000)]
        mouth = Mouth(*[slow] * 5)
        mouth.say(5)
        await asyncio.sleep(8)
        assert mouth.voice.most_open == 2
        assert mouth.voice.begun[1] == pytest.approx(0.3)  # once the first sounds
        assert mouth.voice.begun[2] >= 0.89  # not before all of the first is sent
        assert mouth.telephone.gaps == []
        assert mouth.notes.of("played") == [1, 2, 3, 4, 5]
        await mouth.end()

    run_virtual(main())


def test_a_voice_that_is_slower_than_speech_is_counted_as_an_underrun() -> None:
    async def main() -> None:
        mouth = Mouth([(0.0, 800), (0.5, 800), (0.1, 800)])
        mouth.say()
        await asyncio.sleep(2)
        assert mouth.playing.underruns == len(mouth.telephone.gaps) == 1
        assert mouth.playing.longest_underrun == pytest.approx(mouth.telephone.gaps[0]) == pytest.approx(0.4)
        await mouth.end()

    run_virtual(main())


def test_silence_between_two_answers_is_no_underrun() -> None:
    async def main() -> None:
        mouth = Mouth(SECOND, SECOND)
        mouth.say()
        await asyncio.sleep(5)
        mouth.say()
        await asyncio.sleep(5)
        assert mouth.playing.underruns == 0
        assert mouth.notes.of("sounding") == [True, False, True, False]
        assert mouth.notes.of("silent") == [None, None]
        await mouth.end()

    run_virtual(main())


def test_stopping_tells_how_much_of_which_clause_was_heard_and_clears_the_rest() -> None:
    async def main() -> None:
        mouth = Mouth(SECOND, SECOND, SECOND)
        mouth.say(3)
        await asyncio.sleep(1.25)
        played = mouth.playing.stop()
        assert played is not None
        assert played.clause == 2
        assert played.fraction == pytest.approx(0.25, abs=0.01)
        assert mouth.telephone.clears == 0
        await asyncio.sleep(0.001)
        assert mouth.telephone.clears == 1
        assert mouth.telephone.heard_bytes() == pytest.approx(10_000, abs=80)
        await asyncio.sleep(20)
        assert mouth.notes.of("played") == [1]  # the marks that the clear gave back tell nothing
        assert mouth.playing.stop() is None
        assert mouth.telephone.clears == 1
        await mouth.end()

    run_virtual(main())


def test_stopping_before_the_first_sound_tells_that_nothing_was_heard() -> None:
    async def main() -> None:
        mouth = Mouth([(1.0, RATE)])
        mouth.say()
        await asyncio.sleep(0.5)
        assert mouth.playing.stop() == Played(1, 0.0)
        await asyncio.sleep(5)
        assert mouth.telephone.messages == 0  # nothing was sent, so there is nothing to clear
        await mouth.end()

    run_virtual(main())


def test_what_is_said_after_a_stop_is_played_at_once_and_its_marks_count() -> None:
    async def main() -> None:
        mouth = Mouth([(0.0, 5 * RATE)], SECOND, telephone=Telephone(there=0.05, back=0.05))
        mouth.say()
        await asyncio.sleep(2)
        mouth.playing.stop()
        mouth.say()
        await asyncio.sleep(1.2)
        assert bytes(mouth.telephone.sound).endswith(mouth.voice.sounds[1])
        assert mouth.notes.of("played") == [2]
        await mouth.end()

    run_virtual(main())


def test_a_clause_still_being_made_is_measured_by_its_expected_length() -> None:
    async def main() -> None:
        mouth = Mouth([(0.0, RATE), (3.0, RATE), (0.0, 2 * RATE)])
        mouth.say()
        await asyncio.sleep(0.5)
        played = mouth.playing.stop()
        assert played is not None
        assert played.fraction == pytest.approx(0.125, abs=0.01)
        await mouth.end()

    run_virtual(main())


def test_sound_that_the_provider_plays_late_is_not_taken_for_heard() -> None:
    async def main() -> None:
        telephone = Telephone(there=0.8)
        mouth = Mouth(SECOND, [(0.0, 4 * RATE)], telephone=telephone)
        mouth.say(2)
        await asyncio.sleep(2.8)  # the first's mark has come, 0.8 s late
        played = mouth.playing.stop()
        assert played is not None
        assert played.clause == 2
        assert played.fraction * 4 * RATE <= telephone.heard_bytes() - RATE + 0.25 * RATE
        await mouth.end()

    run_virtual(main())


def test_marks_that_never_come_back_hold_nothing_up() -> None:
    async def main() -> None:
        mouth = Mouth(SECOND, SECOND, telephone=Telephone(loses_marks=True))
        mouth.say(2)
        await asyncio.sleep(2 + ECHO - 0.1)
        assert mouth.notes.of("played") == []
        await asyncio.sleep(0.2)
        assert mouth.notes.of("played") == [2]
        assert mouth.notes.of("silent") == [None]
        await mouth.end()

    run_virtual(main())


def test_one_lost_mark_is_made_good_by_the_next() -> None:
    async def main() -> None:
        mouth = Mouth(SECOND, SECOND)
        mouth.telephone.marked = lambda name: None if name == "1" else mouth.playing.marked(name)
        mouth.say(2)
        await asyncio.sleep(2.1)
        assert mouth.notes.of("played") == [2]
        await mouth.end()

    run_virtual(main())


def test_marks_that_nobody_sent_mean_nothing() -> None:
    async def main() -> None:
        mouth = Mouth(SECOND)
        mouth.say()
        await asyncio.sleep(0.1)
        for name in ("", "2", "one", "1" * 1000):
            mouth.playing.marked(name)
        assert mouth.notes.of("played") == []
        await mouth.end()

    run_virtual(main())


def test_a_voice_that_is_down_is_told_and_nothing_behind_it_is_said() -> None:
    async def main() -> None:
        mouth = Mouth(SECOND, [(0.2, 0), (-1.0, 0)], SECOND)
        mouth.say(3)
        await asyncio.sleep(5)
        assert bytes(mouth.telephone.sound) == mouth.voice.sounds[0]
        assert mouth.notes.of("failed") == [2]
        assert mouth.notes.of("played") == [1]
        assert mouth.notes.of("silent") == [None]
        await mouth.end()

    run_virtual(main())


def test_a_voice_that_fails_in_mid_clause_leaves_it_unheard() -> None:
    async def main() -> None:
        mouth = Mouth([(0.0, RATE), (0.3, 0), (-1.0, 0)], SECOND)
        mouth.say(2)
        await asyncio.sleep(0.5)
        assert mouth.notes.of("failed") == [1]
        played = mouth.playing.stop()
        assert played is not None
        assert played.clause == 1
        assert 0.0 < played.fraction < 1.0
        await asyncio.sleep(5)
        assert mouth.notes.of("played") == []
        await mouth.end()

    run_virtual(main())


def test_a_voice_that_says_nothing_for_too_long_has_failed() -> None:
    async def main() -> None:
        mouth = Mouth([(SLOW + 1, RATE)], [(SLOW - 1, RATE)])
        mouth.say()
        await asyncio.sleep(SLOW + 0.1)
        assert mouth.notes.of("failed") == [1]
        mouth.say()
        await asyncio.sleep(SLOW + 2)
        assert mouth.notes.of("played") == [2]
        await mouth.end()

    run_virtual(main())


def test_a_voice_that_never_ends_has_failed() -> None:
    async def main() -> None:
        mouth = Mouth([(0.0, LONGEST), (0.0, RATE)])
        mouth.say()
        await asyncio.sleep(1)
        assert mouth.notes.of("failed") == [1]
        await mouth.end()

    run_virtual(main())


def test_sound_of_our_own_is_played_between_clauses() -> None:
    async def main() -> None:
        mouth = Mouth(SECOND, SECOND)
        mouth.say()
        mouth.playing.sound(b"\x01" * 1600)
        mouth.say()
        await asyncio.sleep(3)
        assert bytes(mouth.telephone.sound) == mouth.voice.sounds[0] + b"\x01" * 1600 + mouth.voice.sounds[1]
        assert mouth.notes.of("played") == [1, 2]
        await mouth.end()

    run_virtual(main())


def test_a_clause_without_any_sound_counts_as_played() -> None:
    async def main() -> None:
        mouth = Mouth([])
        mouth.say()
        await asyncio.sleep(0.1)
        assert mouth.notes.said == [("played", 1), ("silent", None)]
        await mouth.end()

    run_virtual(main())


pieces = st.lists(st.tuples(st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.7]), st.integers(0, 4000)), max_size=6)
ways = st.sampled_from([0.0, 0.02, 0.1])


@given(
    clauses=st.lists(pieces, min_size=1, max_size=5),
    pauses=st.lists(st.sampled_from([0.0, 0.2, 2.0]), min_size=5),
    there=ways,
    back=ways,
)
@settings(max_examples=60, deadline=None)
def test_all_is_heard_once_in_order_and_never_too_far_ahead(
    clauses: list[list[tuple[float, int]]], pauses: list[float], there: float, back: float
) -> None:
    async def main() -> None:
        telephone = Telephone(there=there, back=back)
        mouth = Mouth(*clauses, telephone=telephone)
        for place in range(len(clauses)):
            mouth.say()
            await asyncio.sleep(pauses[place])
        await asyncio.sleep(60)
        assert bytes(telephone.sound) == b"".join(mouth.voice.sounds)
        assert telephone.most_ahead <= LEAD + 1e-6
        assert mouth.notes.of("played") == sorted(mouth.notes.of("played"))  # type: ignore[type-var]
        assert mouth.notes.of("played")[-1] == len(clauses)
        assert mouth.notes.said[-1] == ("silent", None)
        assert mouth.playing.is_silent
        await mouth.end()

    run_virtual(main())


@given(clauses=st.lists(pieces, min_size=1, max_size=4), at=st.floats(0, 6), there=ways, back=ways)
@settings(max_examples=120, deadline=None)
def test_stopped_at_any_moment_it_knows_what_was_heard_and_leaves_nothing(
    clauses: list[list[tuple[float, int]]], at: float, there: float, back: float
) -> None:
    async def main() -> None:
        telephone = Telephone(there=there, back=back)
        mouth = Mouth(*clauses, telephone=telephone)
        mouth.say(len(clauses))
        await asyncio.sleep(at)
        was_silent = mouth.playing.is_silent
        played = mouth.playing.stop()
        await asyncio.sleep(there + 0.001)
        heard = telephone.heard_bytes()
        assert (played is None) is was_silent
        if played is not None:
            before = sum(len(sound) for sound in mouth.voice.sounds[: played.clause - 1])
            ours = before + played.fraction * len(mouth.voice.sounds[played.clause - 1])
            in_the_making = 0.0 if played.fraction in (0.0, 1.0) else len(mouth.voice.sounds[played.clause - 1])
            assert ours == pytest.approx(heard, abs=(0.13 * RATE) + in_the_making)
        told = len(mouth.notes.said)
        await asyncio.sleep(30)
        assert len(mouth.notes.said) == told
        assert telephone.heard_bytes() == heard
        await mouth.end()

    run_virtual(main())
