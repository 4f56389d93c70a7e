"""The audit finds what it is there for: in a story where all is well each test breaks one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import pytest

from bot.records.base import Record
from bot.records.conversations import Conversation, Direction, Message
from bot.records.people import Customer, CustomerStatistics
from bot.records.tickets import Ticket
from bot.records.work import Author, Delivery, DeliveryState, InboxRow, InboxState
from bot.testing.audit import Account, Audit, Evidence, Invariant, TakeOver
from bot.testing.crowd import Written
from bot.testing.processes import Send

pytestmark = pytest.mark.unit

ANA = "12025550101"
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


R = TypeVar("R", bound=Record)


def made(kind: type[R], **values: Any) -> R:
    """A record of which only this is known."""
    return cast(R, kind.model_construct(**values))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def story() -> Evidence:
    """Ana writes twice, a second apart; the second time she asks for a ticket. Each is answered half a second later."""
    written, inbox, messages, deliveries, sends = [], {}, {}, {}, []
    tickets = [made(Ticket, id="t", ticket_id="TICKET-2026-000001", description="Message 2.", customer_id="ana")]
    for number, reply in ((1, "You said: Message 1."), (2, "Done: TICKET-2026-000001")):
        id_, text = f"wamid.{number}", f"Message {number}."
        written.append(Written(id_, ANA, number, text, number == 2, 1, is_twice=False))
        inbox[f"whatsapp:{id_}"] = made(InboxRow, id=f"whatsapp:{id_}", state=InboxState.DONE, updated_at=at(number + 0.4))
        messages[f"{number}-in"] = made(
            Message,
            id=f"{number}-in",
            conversation_id="conversation",
            content=text,
            direction=Direction.INBOUND,
            whatsapp_message_id=id_,
            turn_id=f"turn-{number}",
            created_at=at(number),
        )
        messages[f"{number}-out"] = made(
            Message,
            id=f"{number}-out",
            conversation_id="conversation",
            content=reply,
            direction=Direction.OUTBOUND,
            turn_id=f"turn-{number}",
        )
        deliveries[f"d{number}"] = made(
            Delivery,
            id=f"d{number}",
            conversation_id="conversation",
            message_id=f"{number}-out",
            author=Author.AI,
            epoch=0,
            state=DeliveryState.SENT,
            attempts=1,
            created_at=at(number + 0.4),
        )
        sends.append(Send(f"sent-{number}", ANA, reply, f"d{number}", at(number + 0.5)))
    conversation = made(
        Conversation, id="conversation", message_count=4, status="open", epoch=1, assignee_kind="agent", assignee_name="support"
    )
    customer = made(Customer, id="ana", statistics=CustomerStatistics(total_tickets=1))
    return Evidence(sends, written, [], set(), inbox, messages, deliveries, tickets, [conversation], [customer])


def found(evidence: Evidence) -> set[Invariant]:
    return {problem.invariant for problem in audited(evidence).problems}


def audited(evidence: Evidence) -> Account:
    account = Account(7)
    Audit(account, evidence).check()
    return account


def taken_over(evidence: Evidence, begun: float, back: float, tries: dict[str, int] | None = None) -> Evidence:
    """An operator has the conversation from `begun` until `back`; what is written after that has the epoch that began with it."""
    for delivery in evidence.deliveries.values():
        delivery.epoch = 2 if (delivery.created_at or NOON) > at(back) else 0
    take = TakeOver("conversation", ANA, 1, at(begun), at(begun + 0.01), at(back), tries or {})
    return replace(evidence, take_overs=[take])


def test_a_story_in_which_all_is_well_has_no_problem() -> None:
    account = audited(story())
    assert account.problems == []
    assert (account.figures["messages accepted"], account.figures["sends"], account.figures["tickets"]) == (2, 2, 1)


def test_a_message_that_is_not_on_the_timeline_is_lost() -> None:
    known = story()
    del known.messages["1-in"]
    assert Invariant.LOST in found(known)


def test_a_message_that_still_waits_is_lost_and_one_that_was_given_up_is_set_aside() -> None:
    known = story()
    known.inbox["whatsapp:wamid.1"].state = InboxState.WAITING
    known.inbox["whatsapp:wamid.2"].state = InboxState.DEAD
    assert found(known) == {Invariant.LOST, Invariant.SET_ASIDE}


def test_a_reply_that_never_arrived_is_lost() -> None:
    known = story()
    assert found(replace(known, sends=known.sends[:1])) == {Invariant.LOST}


def test_a_turn_without_a_reply_is_lost_unless_an_operator_had_the_conversation() -> None:
    known = story()
    known.conversations[0].message_count = 3
    silent = replace(
        known,
        sends=known.sends[1:],
        messages={id_: message for id_, message in known.messages.items() if id_ != "1-out"},
        deliveries={"d2": known.deliveries["d2"]},
    )
    assert found(silent) == {Invariant.LOST}
    assert found(taken_over(silent, 0.5, 1.2)) == set()
    assert found(taken_over(silent, 1.6, 1.9)) == {Invariant.LOST}


def test_what_arrived_twice_needs_a_post_that_was_in_flight_and_is_named() -> None:
    known = story()
    known.deliveries["d1"].resends = 1
    twice = replace(known, sends=[*known.sends, replace_send(known.sends[0], 6.5)])
    assert found(twice) == {Invariant.DUPLICATED}
    account = audited(replace(twice, in_flight={"d1"}))
    assert account.problems == []
    assert account.twice == [f"conversation conversation, delivery d1, to {ANA} at 12:00:01.500, 12:00:06.500"]


def replace_send(send: Send, seconds: float) -> Send:
    return Send(send.id + "-again", send.to, send.text, send.tracker, at(seconds))


def test_something_that_no_delivery_tells_of_is_found() -> None:
    known = story()
    assert found(replace(known, sends=[*known.sends, Send("x", ANA, "?", "nobody's", at(9))])) == {Invariant.DUPLICATED}


def test_replies_in_another_order_are_found() -> None:
    known = story()
    assert found(replace(known, sends=known.sends[::-1])) == {Invariant.OUT_OF_ORDER}


def test_messages_in_another_order_are_found() -> None:
    known = story()
    first, second = known.messages["1-in"], known.messages["2-in"]
    first.id, second.id = second.id, first.id
    assert found(known) == {Invariant.OUT_OF_ORDER}


def test_an_effect_that_is_missing_or_repeated_is_found() -> None:
    known = story()
    again = made(Ticket, id="u", ticket_id="TICKET-2026-000002", description="Message 2.", customer_id="ana")
    assert Invariant.REPEATED in found(replace(known, tickets=[*known.tickets, again]))
    assert Invariant.MISSING in found(replace(known, tickets=[]))


def test_a_second_reply_to_one_turn_is_found() -> None:
    known = story()
    known.messages["2-out"].turn_id = "turn-1"
    assert Invariant.REPEATED in found(known)


def test_a_claim_after_a_take_over_is_found_and_one_before_it_is_not() -> None:
    known = story()
    assert found(taken_over(known, 1.45, 1.9, {"d1": 0})) == {Invariant.AFTER_TAKE_OVER}
    assert found(taken_over(known, 1.45, 1.9, {"d1": 1})) == set()
    assert found(taken_over(known, 1.35, 1.9)) == {Invariant.AFTER_TAKE_OVER}, "written after it, with the epoch before it"


def test_a_reply_that_was_refused_after_a_take_over_is_no_loss() -> None:
    known = story()
    known.deliveries["d1"].state, known.deliveries["d1"].error_code = DeliveryState.REFUSED, "epoch"
    known.deliveries["d1"].attempts = 0
    unsaid = replace(known, sends=known.sends[1:])
    assert found(unsaid) == {Invariant.LOST}
    assert found(taken_over(unsaid, 1.45, 1.9, {"d1": 0})) == set()


def test_counters_that_differ_from_a_recount_are_found() -> None:
    known = story()
    known.conversations[0].message_count = 5
    assert found(known) == {Invariant.COUNTERS}
