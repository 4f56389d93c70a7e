"""Documents of the seeds as they stand there: in, out, and equal (C-10)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.errors import RecordError
from bot.records.base import RECORDS
from bot.records.dialect import camel, read
from bot.records.dialects import DIALECTS, from_seed, stored_path, to_seed

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 15, 10, tzinfo=UTC)
MORNING = datetime(2026, 1, 29, 10, 2, 15, tzinfo=UTC)

CONTACT = {
    "_id": "65f1a2b3c4d5e6f708192a3b",
    "firstName": "Rajesh",
    "lastName": "Sharma",
    "email": "rajesh.sharma@tatasteel.com",
    "phone": "+91-9876543210",
    "accountId": "a1",
    "importantDates": [
        {"_id": "d1", "type": "birthday", "label": "Birthday", "date": "03-15", "year": 1985, "sendTime": "09:00",
         "timezone": "Asia/Kolkata", "repeatAnnually": True, "optOut": False, "isActive": True, "nextSendAt": MORNING},
    ],
    "socialProfiles": [{"_id": "p1", "platform": "linkedin", "followers": 15420, "isVerified": True, "syncStatus": "success"}],
    "source": "manual",
    "tags": ["enterprise", "decision-maker"],
    "customFields": {"department": "Technology", "reportsTo": "CEO", "snake_case": {"kept_as": "it is"}},
}  # fmt: skip
CALL = {
    "_id": "c1",
    "type": "outbound",
    "status": "completed",
    "direction": "outbound",
    "startedAt": MORNING,
    "duration": 2715,
    "ctiProvider": "twilio",
    "externalCallId": "CA123456789abc",
    "recording": {
        "url": "s3://recordings/CA123456789abc.mp3",
        "duration": 2715,
        "size": 6547890,
        "format": "mp3",
        "status": "available",
    },
    "transcript": {
        "status": "completed",
        "segments": [
            {"speaker": "agent", "speakerId": "u1", "text": "Good morning", "startTime": 0.0, "endTime": 3.5, "confidence": 0.96},
            {"speaker": "contact", "speakerId": "x1", "text": "I'm well", "startTime": 3.8, "endTime": 8.2, "confidence": 0.93},
        ],
    },
    "aiSummary": {
        "status": "completed",
        "model": "gpt-4-turbo",
        "keyPoints": ["12% growth"],
        "actionItems": [{"_id": "i1", "description": "Send it", "dueDate": MORNING, "priority": "high", "status": "pending"}],
        "sentiment": {
            "overall": "positive",
            "score": 0.78,
            "breakdown": {"positive": 0.65, "neutral": 0.28, "negative": 0.07},
            "highlights": {"positive": ["excited"], "concerns": ["budget"]},
        },
        "topics": ["Q4"],
        "opportunities": [{"type": "upsell", "description": "CRM", "estimatedValue": 250000, "probability": 0.7}],
    },
    "tags": ["enterprise"],
}
S1_USER = {
    "_id": "u1",
    "email": "ravish.sahay@sequelstring.com",
    "passwordHash": "$2b$12$...",
    "firstName": "Ravish",
    "lastName": "Sahay",
    "avatarUrl": "https://sequelstring.com/avatars/rs.jpg",
    "role": "sales_head",
    "permissions": ["contacts:*", "accounts:*", "calls:*", "intelligence:read"],
    "preferences": {
        "timezone": "Asia/Kolkata",
        "language": "en",
        "emailNotifications": True,
        "pushNotifications": False,
        "theme": "light",
    },
    "isActive": True,
    "lastLoginAt": MORNING,
}
CHAT = {
    "_id": "x1",
    "conversation_id": "conv_1",
    "user_id": "user_1",
    "messages": [
        {"role": "user", "content": "A campaign, please", "timestamp": NOW},
        {"role": "assistant", "content": "For what?", "timestamp": NOW, "metadata": {"agent_name": "planner"}},
        {"role": "system", "content": "planned", "timestamp": NOW},
    ],
    "context": {"campaign_brief": {"target_audience": "students"}, "collected_info": {}, "ready_to_plan": False},
}
LEAD_ROW = {"id": 7, "first_name": "Asha", "phone_number": "919876543210", "language_preference": "hindi", "lead_source": "fair"}
CALL_ROW = {
    "id": 9,
    "campaign_lead_id": 4,
    "twilio_call_id": "CA1",
    "start_time": MORNING,
    "status": "no-answer",
    "call_cost": "0.0085",
}


def through(seed: str, collection: str, document: dict[str, Any]) -> dict[str, Any]:
    """The document after it was a record of ours; without what only a record's defaults added."""
    first, *others = [
        RECORDS[name].arrived({"_id": "new", **stored}, NOW).model_dump(by_alias=True)
        for name, stored in from_seed(seed, collection, document)
    ]
    return to_seed(seed, collection, first, others)


def without_what_was_added(found: Any, given: Any) -> Any:
    if isinstance(given, dict):
        return {key: without_what_was_added(found[key], value) for key, value in given.items()}
    if isinstance(given, list):
        assert len(found) == len(given)
        return [without_what_was_added(one, other) for one, other in zip(found, given, strict=True)]
    return str(found) if isinstance(given, str) else found


@pytest.mark.parametrize(
    ("seed", "collection", "document"),
    [
        ("S1", "contacts", CONTACT),
        ("S1", "calls", CALL),
        ("S1", "users", S1_USER),
        ("S3", "conversations", CHAT),
        ("S5", "leads", LEAD_ROW),
        ("S5", "calls", CALL_ROW),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_seeds_own_example_comes_back_equal(seed: str, collection: str, document: dict[str, Any]) -> None:
    assert without_what_was_added(through(seed, collection, document), document) == document


def test_the_other_party_of_a_call_is_stored_as_customer_and_shown_to_the_first_seed_as_contact() -> None:
    [(_, stored)] = from_seed("S1", "calls", CALL)
    assert [segment["speaker"] for segment in stored["transcript"]["segments"]] == ["agent", "customer"]


def test_a_chats_messages_become_documents_of_their_own() -> None:
    chat, *messages = from_seed("S3", "conversations", CHAT)
    assert (chat.collection, chat.document["kind"], chat.document["lane"]) == (
        "conversations",
        "assistant",
        "web:assistant:conv_1",
    )
    assert [(one.collection, one.document["sender"], one.document["conversationId"]) for one in messages] == [
        ("messages", "user", "x1"),
        ("messages", "ai", "x1"),
        ("messages", "system", "x1"),
    ]
    assert len({one.document["_id"] for one in messages}) == 3


def test_a_number_to_dial_has_a_plus_with_us_and_none_in_the_fifth_seed() -> None:
    for written in ("919876543210", "+91-9876543210", "+91 98765 43210"):
        [(_, stored)] = from_seed("S5", "leads", {"id": 1, "phone_number": written})
        assert (stored["phoneE164"], stored["source"]) == ("+919876543210", "call")
        assert to_seed("S5", "leads", stored)["phone_number"] == "919876543210"


def test_rows_that_were_counted_are_texts_with_us_and_our_own_ids_stay_texts() -> None:
    [(_, stored)] = from_seed("S5", "calls", CALL_ROW)
    assert (stored["_id"], stored["campaignLeadId"]) == ("9", "4")
    assert to_seed("S5", "calls", {**stored, "_id": "019abc"})["id"] == "019abc"


@pytest.mark.parametrize(
    ("document", "kind", "name"),
    [
        ({"assignedAgent": "op-1", "status": "assigned", "isAIEnabled": False}, "operator", "op-1"),
        ({"status": "waiting", "isAIEnabled": False}, "queue", "support"),
        ({"isAIEnabled": False}, "queue", "support"),
        ({}, "agent", "support"),
    ],
)
def test_who_holds_an_imported_conversation_follows_from_the_seeds_fields(document: dict[str, Any], kind: str, name: str) -> None:
    [(_, stored)] = from_seed("S2", "conversations", {"_id": "c", "customerId": "k", **document})
    assert (stored["assigneeKind"], stored["assigneeName"], stored["openness"]) == (kind, name, "open")


def test_a_closed_conversation_of_the_second_seed_is_closed() -> None:
    [(_, stored)] = from_seed("S2", "conversations", {"_id": "c", "customerId": "k", "status": "closed"})
    assert stored["openness"] == "c"


@pytest.mark.parametrize(("text", "kept"), [("131047: Re-engagement message", "131047"), ("it broke", "")])
def test_a_vendors_error_is_one_text_in_the_second_seed(text: str, kept: str) -> None:
    document = {"_id": "m", "conversationId": "c", "customerId": "k", "content": "x", "direction": "outbound", "sender": "ai"}
    [(_, stored)] = from_seed("S2", "messages", {**document, "whatsappError": text})
    assert stored["whatsappError"]["code"] == kept
    assert to_seed("S2", "messages", stored)["whatsappError"] == text


def test_the_one_switch_of_the_third_seed_stands_for_three() -> None:
    [(_, stored)] = from_seed("S3", "users", {"user_id": "u", "email": "a@example.org", "preferences": {"notifications": False}})
    assert stored["preferences"]["notifications"] == {"email": False, "push": False, "sound": False}
    stored["preferences"]["notifications"]["sound"] = True
    assert to_seed("S3", "users", stored)["preferences"]["notifications"] is True
    assert stored["_id"] == "u"


def test_who_did_it_is_a_user_of_ours_unless_it_was_the_system() -> None:
    for given, kept in (("u1", "user:u1"), ("system", "system"), ("agent:support", "agent:support")):
        [(_, stored)] = from_seed("S3", "audit_log", {"_id": "e", "user_id": given, "action": "login"})
        assert (stored["performedBy"], stored["stream"]) == (kept, "security")
        assert to_seed("S3", "audit_log", stored)["user_id"] == given


@pytest.mark.parametrize(
    ("seed", "collection", "document", "sentence"),
    [
        ("S5", "leads", {"id": 1}, "S5 leads.phone_number: is required"),
        ("S5", "leads", {"id": 1, "phone_number": "1", "fone": "x"}, "S5 leads.fone: there is no such field"),
        (
            "S3",
            "scheduled_jobs",
            {"schedule": {"executed": 1}},
            "S3 scheduled_jobs.schedule.executed: there is no such field; did you mean execute_at?",
        ),
        (
            "S2",
            "agents",
            {"email": "a@example.org", "password": "x", "firstName": "A", "lastName": "B", "role": "viewer"},
            "role: must be one of admin, supervisor, agent",
        ),
        ("S9", "leads", {}, "S9 has no collection 'leads'"),
        ("S4", "campaigns", {}, "S4 has no collection 'campaigns' that can be moved; it has import_jobs, leads"),
    ],
)
def test_what_is_no_document_of_the_seed_is_refused_by_name(
    seed: str, collection: str, document: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RecordError) as error:
        from_seed(seed, collection, document)
    assert str(error.value).startswith(sentence)


def test_only_what_the_seed_knows_is_told_in_its_words() -> None:
    stored = {"_id": "l", "firstName": "A", "phone": "+1", "dialable": True, "phoneE164": None, "customFields": {"a_b": 1}}
    assert to_seed("S4", "leads", stored) == {"_id": "l", "firstName": "A", "phone": "+1", "customFields": {"a_b": 1}}


@pytest.mark.parametrize(
    ("seed", "collection", "path", "stored"),
    [
        ("S5", "calls", "start_time", "startedAt"),
        ("S5", "calls", "recording_url", "recording.url"),
        ("S3", "scheduled_jobs", "schedule.execute_at", "schedule.executeAt"),
        ("S3", "audit_log", "user_id", "performedBy"),
        ("S1", "users", "preferences.emailNotifications", "preferences.notifications.email"),
        ("S2", "customers", "customFields.any_thing", "customFields.any_thing"),
    ],
)
def test_a_field_of_a_seed_lies_where_the_table_says(seed: str, collection: str, path: str, stored: str) -> None:
    assert stored_path(seed, collection, path) == stored


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: f"{dialect.seed} {dialect.name}")
def test_every_field_of_a_dialect_is_a_field_of_the_record(dialect: Any) -> None:
    known = set(RECORDS[dialect.collection].shape.stored_names.values())

    def places(nodes: Any, prefix: str = "") -> list[str]:
        return [place for node in nodes for place in (f"{prefix}{node.target}", *places(node.inside, f"{prefix}{node.target}."))]

    assert set(places(dialect.nodes)) <= known


def test_a_line_of_fields_is_read() -> None:
    [plain, renamed, part] = read("a_b, c>d.e, f{g, h{i}}")
    assert (plain.target, renamed.target, [inner.name for inner in part.inside]) == ("aB", "d.e", ["g", "h"])
    assert (camel("_id"), camel("created_at"), camel("isAIEnabled")) == ("_id", "createdAt", "isAIEnabled")
    with pytest.raises(ValueError, match="ends too early"):
        read("a}, b")
