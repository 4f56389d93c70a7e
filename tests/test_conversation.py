"""Who holds a conversation, which status may follow which, and what a turn is."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from bot.conversation import (
    MOVES,
    SEED_FIELDS,
    AgentRef,
    Assignee,
    AssigneeKind,
    ConversationStatus,
    Heard,
    OperatorRef,
    Queue,
    Turn,
    assignee_of,
    check_move,
    kind_of,
    name_of,
)
from bot.errors import MoveRefused
from bot.message import Address, InboundMessage, Text

pytestmark = pytest.mark.unit

S = ConversationStatus


@pytest.mark.parametrize(
    ("assignee", "kind", "name"),
    [
        (AgentRef("support"), AssigneeKind.AGENT, "support"),
        (Queue("billing"), AssigneeKind.QUEUE, "billing"),
        (OperatorRef("op-1"), AssigneeKind.OPERATOR, "op-1"),
    ],
)
def test_an_assignee_is_a_kind_and_a_name_and_back(assignee: Assignee, kind: AssigneeKind, name: str) -> None:
    assert (kind_of(assignee), name_of(assignee)) == (kind, name)
    assert assignee_of(kind, name) == assignee


def test_the_seeds_fields_follow_from_the_kind_alone() -> None:
    assert SEED_FIELDS == {
        AssigneeKind.AGENT: (S.OPEN, True),
        AssigneeKind.QUEUE: (S.WAITING, False),
        AssigneeKind.OPERATOR: (S.ASSIGNED, False),
    }


ALLOWED = {(now, to) for now, to in product(S, S) if now is not S.CLOSED} - {(S.OPEN, S.OPEN), (S.RESOLVED, S.RESOLVED)}


@pytest.mark.parametrize(("now", "to"), list(product(S, S)))
def test_a_status_follows_another_only_by_the_table(now: ConversationStatus, to: ConversationStatus) -> None:
    if (now, to) in ALLOWED:
        check_move(now, to)
    else:
        with pytest.raises(MoveRefused, match=f"from {now} to {to}"):
            check_move(now, to)


def test_every_status_has_its_moves_and_a_closed_one_none() -> None:
    assert set(MOVES) == set(S)
    assert MOVES[S.CLOSED] == frozenset()


def turn(*positions: str) -> Turn:
    address = Address("whatsapp", "1", "2")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Turn(address, tuple(Heard(f"in-{p}", p, InboundMessage(p, address, Text(p), at)) for p in positions))


def test_a_turn_is_named_after_its_first_message() -> None:
    assert turn("a", "b").id == turn("a").id == "a"
    assert turn("a", "b").inbox_ids == ("in-a", "in-b")
    assert turn("a", "b").message_ids == ("a", "b")
    assert [message.id for message in turn("a", "b").messages] == ["a", "b"]


def test_a_frozen_turn_leaves_out_what_came_later_and_what_came_between() -> None:
    assert turn("a", "b", "c").only(["in-a", "in-b"]) == turn("a", "b")
    assert turn("0", "a", "b").only(["in-a", "in-b"]) == turn("a", "b")
