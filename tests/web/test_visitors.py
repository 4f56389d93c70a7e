"""A visitor's token: theirs alone, not to be made up, good for 30 days."""

from __future__ import annotations

import pytest

from bot.testing.clock import ManualClock
from bot.web.chat.visitors import KEEP, Visitors

pytestmark = pytest.mark.unit

KEY = b"k" * 32


async def test_a_token_says_whose_it_is_for_30_days() -> None:
    clock = ManualClock()
    visitors = Visitors(KEY, clock)
    visitor = visitors.new()
    assert visitors.read(visitor.token) == visitor
    await clock.advance(KEEP.total_seconds() - 1)
    kept = visitors.read(visitor.token)
    assert kept is not None
    assert kept.is_due
    assert visitors.renewed(kept).id == visitor.id
    await clock.advance(2)
    assert visitors.read(visitor.token) is None


def test_a_token_with_any_character_changed_is_nobodys() -> None:
    visitors = Visitors(KEY, ManualClock())
    token = visitors.new().token
    for place in range(len(token)):
        changed = token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]
        assert visitors.read(changed) is None, place


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é" * 80, "0" * 32 + ".0." + "A" * 43, "x" * 100_000])
def test_what_is_no_token_is_nobodys(token: str) -> None:
    assert Visitors(KEY, ManualClock()).read(token) is None


def test_a_token_of_another_key_is_nobodys() -> None:
    token = Visitors(b"x" * 32, ManualClock()).new().token
    assert Visitors(KEY, ManualClock()).read(token) is None
