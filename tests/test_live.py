"""Whoever looks at a lane is told that there is something new."""

from __future__ import annotations

import pytest

from bot.live import ANYTHING, Live

pytestmark = pytest.mark.unit


def test_all_who_look_at_a_lane_are_told_and_nobody_else() -> None:
    live, told = Live(), []
    live.listen("web:chat:ana", lambda: told.append("one"))
    live.listen("web:chat:ana", lambda: told.append("two"))
    live.listen("web:chat:luis", lambda: told.append("other"))
    live.tell("web:chat:ana")
    live.tell("web:chat:nobody")
    assert told == ["one", "two"]


def test_who_has_stopped_looking_is_told_no_more_and_forgotten() -> None:
    live, told = Live(), []
    end = live.listen("a", lambda: told.append("told"))
    end()
    end()
    live.tell("a")
    assert told == []
    assert live.count() == 0


def test_somebody_may_stop_looking_while_being_told() -> None:
    live, told = Live(), []

    def once() -> None:
        told.append("one")
        end()

    end = live.listen("a", once)
    live.listen("a", lambda: told.append("two"))
    live.tell("a")
    live.tell("a")
    assert told == ["one", "two", "two"]
    assert live.count() == 1


def test_who_listens_to_anything_is_told_of_every_lane() -> None:
    live, told = Live(), []
    end = live.listen(ANYTHING, lambda: told.append("something"))
    live.tell("web:chat:ana")
    live.heard("whatsapp:106540352242922:12025550101")
    end()
    live.tell("web:chat:ana")
    assert told == ["something", "something"]


def test_what_is_told_here_is_passed_on_and_what_others_told_is_not() -> None:
    live = Live()
    passed: list[str] = []
    live.on_told(passed.append)
    live.tell("a")
    live.heard("b")
    assert passed == ["a"]


def test_who_overhears_is_told_which_lane_it_was() -> None:
    live = Live()
    told: list[str] = []
    end = live.overhear(told.append)
    live.tell("web:chat:ana")
    live.heard("web:chat:tom")
    end()
    end()
    live.tell("web:chat:ana")
    assert told == ["web:chat:ana", "web:chat:tom"]
