"""How sure we have to be of who somebody is: every tool with its minimum, every channel with what it tells."""

from __future__ import annotations

import pytest

from bot.principal import PersonRef, Strength, strength_of
from bot.records.conversations import ChannelName
from bot.tools.base import Toolbox

pytestmark = pytest.mark.unit

CLAIMED, SIGNED, VERIFIED = Strength

NEEDS = {
    # Opens something new, or tells what everybody may know: a mistaken identity shows and spoils nothing.
    "create_ticket": CLAIMED,
    "hand_to_person": CLAIMED,
    "hand_to_agent": CLAIMED,
    "offer_choices": CLAIMED,
    "search_knowledge": CLAIMED,
    "book_callback": CLAIMED,  # rings the number on record, which nobody can choose here
    # Shows or changes what is on record about somebody.
    "my_record": SIGNED,
    "change_my_record": SIGNED,
    "list_my_tickets": SIGNED,
    "update_ticket": SIGNED,
    "close_my_ticket": SIGNED,
    "reopen_ticket": SIGNED,
    "rate_ticket": SIGNED,
    "move_callback": SIGNED,
    "cancel_callback": SIGNED,
    "list_my_callbacks": SIGNED,
    "remember": SIGNED,
    "recall": SIGNED,
    "forget": SIGNED,
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


def _names_in(schema: object) -> set[str]:
    """Every name of a property, however deep."""
    if isinstance(schema, list):
        return set().union(*(_names_in(part) for part in schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*(_names_in(part) for part in schema.values()))


@pytest.mark.parametrize("name", Toolbox.discover().names())
def test_no_argument_of_a_tool_names_whose_records_it_works_on(name: str) -> None:
    tool = Toolbox.discover().get(name)
    assert tool is not None
    for argument in _names_in(tool.schema):
        words = set(argument.replace("_", " ").split())
        assert not words & {"customer", "person", "people", "principal", "user", "lead", "contact", "owner", "phone", "id"}, (
            argument
        )


@pytest.mark.parametrize("name", Toolbox.discover().names())
def test_every_argument_of_a_tool_is_described_and_every_text_has_an_end(name: str) -> None:
    tool = Toolbox.discover().get(name)
    assert tool is not None
    for argument, part in tool.schema["function"]["parameters"].get("properties", {}).items():
        assert part.get("description"), argument
        if part.get("type") == "string" and "enum" not in part and part.get("format") != "date-time":
            assert "maxLength" in part, argument
