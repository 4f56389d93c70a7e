"""Keys: what was offered, a number, or no more calls."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.voice.keys import MOST_DIGITS, Keys
from bot.message import Choice, Content, Text
from bot.records.conversations import InteractiveButton
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit

MENU = [InteractiveButton(id="yes", title="Yes"), InteractiveButton(id="no", title="No")]


class Pressed:
    """Keys with somebody who notes what comes of them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.said: list[Content] = []
        self.refusals = 0
        self.keys = Keys(self.clock, 1.5, said=self.said.append, no_more_calls=self._refused)

    def _refused(self) -> None:
        self.refusals += 1

    async def presses(self, keys: str) -> None:
        for key in keys:
            self.keys.press(key)
        await self.clock.advance(2)


async def test_a_digit_of_the_menu_chooses_at_once() -> None:
    pressed = Pressed()
    pressed.keys.offer(MENU)
    pressed.keys.press("2")
    assert pressed.said == [Choice("no", "No")]


async def test_nine_in_a_menu_of_nine_is_a_choice() -> None:
    pressed = Pressed()
    pressed.keys.offer([InteractiveButton(id=str(number), title=str(number)) for number in range(1, 12)])
    await pressed.presses("9")
    assert pressed.said == [Choice("9", "9")]
    assert pressed.refusals == 0


async def test_nine_beside_a_menu_is_for_no_more_calls() -> None:
    pressed = Pressed()
    pressed.keys.offer(MENU)
    await pressed.presses("9")
    assert (pressed.said, pressed.refusals) == ([], 1)


async def test_a_number_that_begins_with_nine_is_a_number() -> None:
    pressed = Pressed()
    await pressed.presses("912345")
    assert (pressed.said, pressed.refusals) == ([Text("912345")], 0)


async def test_where_a_number_is_expected_no_digit_is_a_choice_until_it_stays_alone() -> None:
    pressed = Pressed()
    pressed.keys.offer(MENU)
    pressed.keys.expects_number = True
    await pressed.presses("123456")
    assert pressed.said == [Text("123456")]
    await pressed.presses("1")
    assert pressed.said[1:] == [Choice("yes", "Yes")]


async def test_a_star_begins_anew() -> None:
    pressed = Pressed()
    await pressed.presses("12*34#")
    assert pressed.said == [Text("34")]


@given(st.text(alphabet="0123456789*#wA९", max_size=60))
def test_whatever_is_pressed_only_digits_come_of_it(keys: str) -> None:
    async def press() -> None:
        pressed = Pressed()
        await pressed.presses(keys)
        assert all(len(content.as_text()) <= MOST_DIGITS for content in pressed.said)
        assert all(content.as_text().isascii() and content.as_text().isdigit() for content in pressed.said)

    asyncio.run(press())
