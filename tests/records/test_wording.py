"""A validation error as its reader meets it: record, field, rule and a valid example, in one line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import RecordError
from bot.records.base import RECORDS, Record, explain
from bot.records.calls import Call
from bot.records.leads import Lead
from bot.records.tickets import Ticket
from bot.records.users import User
from bot.testing.contracts import example

pytestmark = pytest.mark.unit

_TICKET = {
    "id": "t",
    "ticket_id": "TICKET-2026-000001",
    "customer_id": "c",
    "subject": "No internet",
    "description": "Since yesterday",
    "category": "other",
    "last_activity_at": datetime(2026, 1, 15, tzinfo=UTC),
}
_LEAD = {"id": "l", "first_name": "John", "last_name": "Doe", "email": "john@example.org", "phone": "+1-555-0123"}
_CATEGORIES = "technical_support, billing, product_inquiry, complaint, feature_request, bug_report, general_inquiry, other"


def why(kind: type[Record], values: dict[str, Any], **wrong: Any) -> str:
    with pytest.raises(RecordError) as error:
        kind.new(**(values | wrong))
    return str(error.value)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"subject": "x" * 231},
            "Ticket.subject: at most 200 characters (it has 231); for example 'No internet since yesterday'",
        ),
        ({"subject": ""}, "Ticket.subject: at least 1 character (it has 0); for example 'No internet since yesterday'"),
        ({"subject": None}, "Ticket.subject: is required; for example 'No internet since yesterday'"),
        ({"subject": 7}, "Ticket.subject: must be text; for example 'No internet since yesterday'"),
        ({"category": "zz"}, f"Ticket.category: must be one of {_CATEGORIES}"),
        ({"ticket_id": "7"}, "Ticket.ticket_id: does not have the right form; for example 'TICKET-2026-000001'"),
        ({"subjct": "x"}, "Ticket.subjct: there is no such field; did you mean subject?"),
        ({"escalated": "maybe"}, "Ticket.escalated: must be true or false"),
        ({"last_activity_at": "soon"}, "Ticket.last_activity_at: must be a date and time; for example 2026-01-15T10:00:00Z"),
        ({"customer_feedback": {"rating": 6}}, "Ticket.customer_feedback.rating: at most 5 (it is 6); for example 5"),
        ({"customer_feedback": {"rating": 0}}, "Ticket.customer_feedback.rating: at least 1 (it is 0); for example 5"),
        (
            {"labels": [{"name": "x", "color": "red"}]},
            "Ticket.labels.0.color: does not have the right form; for example '#1A2B3C'",
        ),
        ({"notes": [{"agent": "a", "timestamp": "2026-01-15"}]}, "Ticket.notes.0.content: is required"),
        ({"tags": "vip"}, "Ticket.tags: must be a list"),
        ({"resolution": 3}, "Ticket.resolution: must be a mapping of names to values"),
        (
            {"tags": [1], "subject": ""},
            "Ticket.subject: at least 1 character (it has 0); for example 'No internet since yesterday' (and 1 more)",
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:60],
)
def test_a_wrong_ticket_says_what_is_wrong(wrong: dict[str, Any], sentence: str) -> None:
    assert why(Ticket, _TICKET, **wrong) == sentence


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"email": "not-an-email"}, "Lead.email: does not have the right form; for example 'john.doe@example.com'"),
        ({"phone": "abc"}, "Lead.phone: does not have the right form; for example '+52 55 5555 0123'"),
        ({"email": None}, "Lead: email is required where the source is manual"),
        ({"custom_fields": {str(n): 1 for n in range(51)}}, "Lead.custom_fields: at most 50 entries (it has 51)"),
        (
            {"custom_fields": {"Score": [1]}},
            "Lead.custom_fields.Score: must be text or true or false or a whole number or a number or a date and time; "
            "for example 'Value1'",
        ),
    ],
)
def test_a_wrong_lead_says_what_is_wrong(wrong: dict[str, Any], sentence: str) -> None:
    assert why(Lead, _LEAD, **wrong).startswith(sentence.partition("; for example 'Value1'")[0])


def test_numbers_say_how_exact_they_may_be() -> None:
    assert why(Call, {"id": "c"}, call_cost="0.00851") == "Call.call_cost: at most 4 decimal places; for example '0.0085'"
    assert why(Call, {"id": "c"}, call_cost="much") == "Call.call_cost: must be a number; for example '0.0085'"
    assert why(Call, {"id": "c"}, duration=-1) == "Call.duration: at least 0 (it is -1); for example 0"
    assert why(Call, {"id": "c"}, duration="long") == "Call.duration: must be a whole number; for example 0"


def test_a_permission_that_is_none_is_named_with_both_spellings() -> None:
    sentence = why(User, {"id": "u", "email": "a@example.org"}, permissions=["fly"])
    assert sentence == (
        "User.permissions.0: 'fly' is no permission; write resource:action or action:resource, like contacts:* or read:tickets"
    )


def test_a_wrong_value_that_may_name_somebody_is_not_repeated() -> None:
    for wrong in ({"email": "ana.ruiz"}, {"phone": "call Ana"}, {"source": "Ana Ruiz"}):
        sentence = why(Lead, _LEAD, **wrong)
        assert "ana" not in sentence.casefold().replace("ana@", "")


def test_a_document_from_outside_is_refused_by_its_own_names() -> None:
    document = {"_id": "l", "firstName": "x" * 51, "lastName": "Doe", "email": "a@example.org", "phone": "+1-555-0123"}
    with pytest.raises(RecordError, match=r"^Lead.firstName: at most 50 characters \(it has 51\); for example 'John'$"):
        Lead.arrived(document, datetime(2026, 1, 15, tzinfo=UTC))


def test_an_error_can_be_explained_by_the_name_of_the_record_alone() -> None:
    with pytest.raises(ValidationError) as error:
        Ticket.model_validate({**_TICKET, "category": "zz"})
    assert explain("Ticket", error.value).startswith("Ticket.category: must be one of technical_support")
    assert explain("NoSuchRecord", error.value).startswith("NoSuchRecord.category: must be one of")


@pytest.mark.parametrize("kind", RECORDS.values(), ids=lambda kind: kind.__name__)
def test_whatever_is_wrong_is_one_line_that_names_record_and_field(kind: type[Record]) -> None:
    """Every field of every record, with a value that none of them takes."""
    right = example(kind).model_dump()
    for name, info in kind.model_fields.items():
        if info.annotation is Any or name in ("version", "shape_number"):
            continue
        with pytest.raises(RecordError) as error:
            kind.new(**(right | {name: object()}))
        sentence = str(error.value)
        assert sentence.startswith(f"{kind.__name__}.{name}"), sentence
        assert "\n" not in sentence
        assert "Input should" not in sentence, sentence
