"""What the declarations promise beyond the checklist's lines."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from bot.errors import RecordError
from bot.records import calls, leads, lines, tickets, work
from bot.records.audit import AuditAction, AuditEntry, AuditStream, stream_of
from bot.records.base import RECORDS, Record
from bot.records.conversations import Conversation, ConversationKind, Message
from bot.records.leads import Lead
from bot.records.people import Customer, CustomerPreferences, PostalAddress
from bot.records.tickets import TicketNote
from bot.records.work import Job
from bot.store.catalog import every_kind
from bot.testing.contracts import example

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 15, 10, tzinfo=UTC)
MOVES: dict[str, tuple[type[StrEnum], Any]] = {
    "calls": (calls.CallStatus, calls.CALL_MOVES),
    "callbacks": (calls.CallbackStatus, calls.CALLBACK_MOVES),
    "leads": (leads.LeadStatus, leads.LEAD_MOVES),
    "import_jobs": (leads.ImportStatus, leads.IMPORT_MOVES),
    "lines": (lines.ProvisioningStatus, lines.PROVISIONING_MOVES),
    "tickets": (tickets.TicketStatus, tickets.TICKET_MOVES),
    "scheduled_jobs": (work.JobStatus, work.JOB_MOVES),
}


@pytest.mark.parametrize("name", MOVES)
def test_every_status_has_its_moves_and_none_leads_to_itself(name: str) -> None:
    statuses, moves = MOVES[name]
    assert set(moves) == set(statuses)
    for status, after in moves.items():
        assert status not in after
        assert after <= set(statuses)


def test_a_call_only_moves_forward_whatever_twilio_tells() -> None:
    assert set(calls.TWILIO_STATUSES.values()) <= set(calls.CallStatus)
    ended = [status for status, after in calls.CALL_MOVES.items() if not after]
    assert {str(status) for status in ended} == {"completed", "failed", "no-answer", "missed", "cancelled"}
    assert calls.CallStatus.RINGING not in calls.CALL_MOVES[calls.CallStatus.IN_PROGRESS]


def test_every_collection_of_the_step_is_declared_once() -> None:
    wanted = """accounts agent_events agent_memory audit_log callbacks calls consents contacts conversations conversationthreads
        counters customers global_memory identities import_jobs inbox journal knowledge_base leads lines lists messages
        organizations outbox scheduled_jobs sessions systemsettings tickets user_memory users"""
    assert set(wanted.split()) <= set(RECORDS)
    assert len(every_kind()) == len(RECORDS)


@pytest.mark.parametrize("kind", RECORDS.values(), ids=lambda kind: kind.__name__)
def test_every_declared_field_is_there_and_nothing_else_is_taken(kind: type[Record]) -> None:
    written = example(kind).model_dump(by_alias=True)
    assert kind.model_validate(written).model_dump(by_alias=True) == written
    with pytest.raises(RecordError, match="there is no such field"):
        kind.arrived({**written, "noSuchField": 1}, NOW)
    names = set(kind.shape.stored_names)
    paths = {path for index in kind.shape.indexes for path in (*index.fields, *index.where)} - {"id"}
    assert paths <= names
    assert set(kind.shape.text.fields if kind.shape.text else ()) <= names
    assert {kind.shape.vector} - {None} <= names


@pytest.mark.parametrize(("kind", "needed"), [("customer", "customerId"), ("assistant", "userId"), ("call", "callId")])
def test_a_conversation_needs_whom_its_kind_is_with(kind: str, needed: str) -> None:
    base = {"_id": "c", "kind": kind, "lane": "l", "ourAddress": "o", "theirAddress": "t", "assigneeName": "support"}
    assert Conversation.arrived({**base, needed: "x"}, NOW).kind is ConversationKind(kind)
    with pytest.raises(RecordError, match=f"^Conversation: {needed} is required where the kind is {kind}$"):
        Conversation.arrived(base, NOW)


def test_only_a_customers_message_needs_a_customer() -> None:
    base = {"_id": "m", "conversationId": "c", "content": "x", "direction": "inbound", "sender": "customer"}
    for kind in ("assistant", "call"):
        assert Message.arrived({**base, "kind": kind}, NOW).customer_id is None
    with pytest.raises(RecordError, match=r"^Message: customerId is required where the kind is customer$"):
        Message.arrived(base, NOW)


def test_a_moment_that_is_missing_is_now_only_in_what_comes_from_outside() -> None:
    assert TicketNote.model_validate({"agent": "a", "content": "x", "timestamp": NOW}).timestamp == NOW
    base = {"_id": "m", "conversationId": "c", "customerId": "k", "content": "x", "direction": "inbound", "sender": "customer"}
    assert Message.arrived(base, NOW).timestamp == NOW
    with pytest.raises(RecordError, match=r"^Message.timestamp: is required"):
        Message.new(**{"id" if key == "_id" else key: value for key, value in base.items()})


def test_what_is_only_a_default_can_be_told_from_what_somebody_said() -> None:
    nobody_said = Customer.new(id="c")
    assert (nobody_said.preferences.language, nobody_said.address.country) == ("es", "México")
    assert (nobody_said.own_language, nobody_said.own_country) == (None, None)
    hindi = Customer.new(id="c", preferences=CustomerPreferences(language="hi"), address=PostalAddress(country="India"))
    assert (hindi.own_language, hindi.own_country) == ("hi", "India")
    spanish = CustomerPreferences(language="es", is_language_chosen=True)
    mexican = Customer.new(id="c", preferences=spanish, address=PostalAddress(is_country_known=True))
    assert (mexican.own_language, mexican.own_country) == ("es", "México")
    assert Lead.new(id="l", source="call", phone="+911234567890").own_language is None
    assert Lead.new(id="l", source="call", phone="+911234567890", language_preference="hindi").own_language == "hindi"


@pytest.mark.parametrize("typed", ["+1-555-0123", "(555) 012-3456", "+91 98765 43210", "5215512345678", "123.4567"])
def test_a_phone_is_taken_as_it_was_typed(typed: str) -> None:
    assert Lead.new(id="l", source="call", phone=typed).phone == typed


@pytest.mark.parametrize("typed", ["abc", "123456", "1234567890123456", "+", "", "555-0123 ext 4", "+1-555-0123\n+1-555-0124 "])
def test_what_is_no_phone_is_refused(typed: str) -> None:
    with pytest.raises(RecordError, match=r"^Lead.phone: "):
        Lead.new(id="l", source="call", phone=typed)


@pytest.mark.parametrize(
    ("entity", "action", "stream"),
    [
        ("ticket", "created", AuditStream.ACTIVITY),
        ("agent", "escalated", AuditStream.ACTIVITY),
        ("lead", "created", AuditStream.SECURITY),
        ("ticket", "login", AuditStream.SECURITY),
    ],
)
def test_what_the_second_seeds_words_can_say_is_an_activity(entity: str, action: str, stream: AuditStream) -> None:
    assert stream_of(entity, action) is stream
    entry = AuditEntry.new(id="e", stream=stream, entity_type=entity, entity_id="x", action=action, timestamp=NOW)
    assert entry.action == action


def test_an_action_that_the_activity_log_knows_is_one_of_its_words() -> None:
    entry = AuditEntry.new(id="e", entity_type="ticket", entity_id="x", action="created", timestamp=NOW)
    assert entry.action is AuditAction.CREATED
    with pytest.raises(RecordError, match=r"^AuditEntry: action of an activity must be one of created, updated"):
        AuditEntry.new(id="e", entity_type="ticket", entity_id="x", action="login", timestamp=NOW)


def test_a_job_is_due_when_its_schedule_says() -> None:
    assert Job.new(id="j", job_type="sweep", schedule={"execute_at": NOW}).due_at == NOW
