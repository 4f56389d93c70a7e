"""How sure we have to be of who somebody is: every tool with its minimum, every channel with what it tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import ToolError
from bot.principal import PersonRef, Strength, strength_in, strength_of
from bot.records.conversations import ChannelName, Conversation, Verification
from bot.records.users import Role, User
from bot.services.users import Users
from bot.tools.base import Toolbox

pytestmark = pytest.mark.unit

CLAIMED, SIGNED, VERIFIED = Strength

NEEDS = {
    # Opens something new, or tells what everybody may know: a mistaken identity shows and spoils nothing.
    "create_ticket": CLAIMED,
    "hand_to_person": CLAIMED,
    "hand_to_agent": CLAIMED,
    "send_code": CLAIMED,  # it is how somebody becomes more than a claim
    "offer_choices": CLAIMED,
    "search_knowledge": CLAIMED,
    "book_callback": CLAIMED,  # rings the number on record, which nobody can choose here
    "start_flow": CLAIMED,  # only asks; what comes of it is another tool's call
    "rate_conversation": CLAIMED,  # this very conversation, whoever has it
    "opt_out": CLAIMED,  # as with "stop": who is written to once too little can say so
    "capture_lead": CLAIMED,  # only ever adds, and tells nothing of what is there
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
    "qualify_lead": SIGNED,
    "lead_status": SIGNED,
}
"""A new tool goes in here, with the least that a mistaken identity may cost."""

PERMISSIONS = {
    "find_people": "read:customers",
    "show_person": "read:customers",
    "find_tickets": "read:tickets",
    "show_ticket": "read:tickets",
    "note_on_ticket": "manage:tickets",
    "move_ticket": "manage:tickets",
    "find_leads": "leads:read",
    "show_lead": "leads:read",
    "take_lead": "leads:write",
    "set_lead_status": "leads:write",
    "place_call": "write:calls",
    "find_conversations": "read:conversations",
    "read_conversation": "read:conversations",
}
"""A new tool that is for users alone goes in here, with what they have to be permitted."""

_CONVERSATIONS, _TICKETS = {"find_conversations", "read_conversation"}, {"find_tickets", "show_ticket"}
_PEOPLE, _CHANGES = {"find_people", "show_person"}, {"note_on_ticket", "move_ticket"}
_LEADS = {"find_leads", "show_lead"}
MAY_USE = {
    Role.ADMIN: set(PERMISSIONS),
    Role.SUPERVISOR: _PEOPLE | _TICKETS | _CHANGES | _CONVERSATIONS | {"place_call"},
    Role.AGENT: _PEOPLE | _TICKETS | _CHANGES | _CONVERSATIONS | {"place_call"},
    Role.SALES_HEAD: _PEOPLE | _CONVERSATIONS | _LEADS | {"take_lead", "set_lead_status", "place_call"},
    Role.SALES_REP: _PEOPLE | _LEADS | {"take_lead", "set_lead_status", "place_call"},
    Role.MANAGER: set(),
    Role.USER: set(),
    Role.VIEWER: _PEOPLE | _TICKETS | _CONVERSATIONS | _LEADS,
}
"""Which of them a role is offered when nothing is granted besides."""


def test_every_tool_is_in_the_table_with_the_strength_it_needs() -> None:
    toolbox = Toolbox.discover()
    needs = {name: tool.needs for name in toolbox.names() if (tool := toolbox.get(name)) and not tool.permission}
    assert needs == NEEDS


def test_every_tool_for_users_is_in_the_table_with_its_permission_and_no_person_is_offered_one() -> None:
    toolbox = Toolbox.discover()
    for_users = [tool for name in toolbox.names() if (tool := toolbox.get(name)) and tool.permission]
    assert {tool.name: tool.permission for tool in for_users} == PERMISSIONS
    for tool in for_users:
        with pytest.raises(ToolError, match="has no permission for it"):
            tool.check(PersonRef("ana", VERIFIED))


@pytest.mark.parametrize("role", Role)
def test_a_role_is_offered_what_its_permissions_allow_and_refused_all_else(role: Role) -> None:
    toolbox = Toolbox.discover()
    user = Users.principal_of(User.new(id="u", email="a@example.org", role=role))
    tools = {name: tool for name in PERMISSIONS if (tool := toolbox.get(name))}
    assert {name for name, tool in tools.items() if tool.is_for(user)} == MAY_USE[role]
    for name in set(PERMISSIONS) - MAY_USE[role]:
        with pytest.raises(ToolError, match="has no permission for it"):
            tools[name].check(user)


@pytest.mark.parametrize(
    ("channel", "strength"), [("whatsapp", SIGNED), ("console", SIGNED), ("web", CLAIMED), ("voice", CLAIMED)]
)
def test_a_channel_tells_how_sure_we_are(channel: str, strength: Strength) -> None:
    assert strength_of(channel) is strength


def test_of_any_other_channel_we_are_not_sure() -> None:
    assert {strength_of(name) for name in (*set(ChannelName) - {"whatsapp", "console"}, "pigeon", "")} == {CLAIMED}


def test_a_code_counts_until_its_time_is_over_and_then_the_channel_does() -> None:
    now = datetime(2026, 1, 15, tzinfo=UTC)
    conversation = Conversation(
        id="c", customer_id="ana", lane="web:1:2", our_address="1", their_address="2", channel=ChannelName.WEB, assignee_name="s"
    )
    assert strength_in(conversation, now) is CLAIMED
    conversation.verification = Verification(via="email", at=now, until=now + timedelta(hours=12))
    assert strength_in(conversation, now + timedelta(hours=11, minutes=59)) is VERIFIED
    assert strength_in(conversation, now + timedelta(hours=12)) is CLAIMED
    conversation.channel = ChannelName.WHATSAPP
    assert strength_in(conversation, now + timedelta(hours=12)) is SIGNED


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
