"""How sure we have to be of who somebody is: every tool with its minimum, every channel with what it tells."""

from __future__ import annotations

import pytest

from bot.records.conversations import ChannelName
from bot.tools.base import PersonRef, Strength, Toolbox, strength_of

pytestmark = pytest.mark.unit

CLAIMED, SIGNED, VERIFIED = Strength

NEEDS = {
    # Opens something new, or tells what everybody may know: a mistaken identity shows and spoils nothing.
    "create_ticket": CLAIMED,
    "hand_to_person": CLAIMED,
    "offer_choices": CLAIMED,
    # Shows or changes what is on record about somebody.
    "list_my_tickets": SIGNED,
}
"""A new tool goes in here, with the least that a mistaken identity may cost."""


def test_every_tool_is_in_the_table_with_the_strength_it_needs() -> None:
    toolbox = Toolbox.discover()
    assert {name: tool.needs for name in toolbox.names() if (tool := toolbox.get(name))} == NEEDS


@pytest.mark.parametrize(
    ("channel", "strength"), [("whatsapp", SIGNED), ("console", SIGNED), ("web", CLAIMED), ("voice", CLAIMED)]
)
def test_a_channel_tells_how_sure_we_are(channel: str, strength: Strength) -> None:
    assert strength_of(channel) is strength


def test_of_any_other_channel_we_are_not_sure() -> None:
    assert {strength_of(name) for name in (*set(ChannelName) - {"whatsapp", "console"}, "pigeon", "")} == {CLAIMED}


def test_a_principal_is_only_claimed_unless_somebody_says_more() -> None:
    assert PersonRef("ana").strength is CLAIMED
    assert CLAIMED < SIGNED < VERIFIED
