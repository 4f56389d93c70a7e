from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.whatsapp.parser import Parsed, parse
from bot.errors import BadPayload
from bot.message import (
    Address,
    Card,
    Choice,
    Contacts,
    Content,
    InboundMessage,
    Incoming,
    Location,
    Media,
    Notice,
    Reaction,
    Receipt,
    ReceiptStatus,
    Sender,
    Text,
    Unsupported,
    decode_incoming,
    encode_incoming,
)
from tests.channels.whatsapp.payloads import (
    ANA,
    ANA_ID,
    KINDS,
    NOON,
    OURS,
    Node,
    change,
    contact,
    document,
    entry,
    message,
    raw,
    status,
)

pytestmark = pytest.mark.unit

SENT_AT = datetime.fromtimestamp(NOON, UTC)
RECEIVED_AT = SENT_AT + timedelta(seconds=2)
ADDRESS = Address("whatsapp", OURS, ANA)
FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "whatsapp"


def read(body: bytes) -> Parsed:
    parsed = parse(body, RECEIVED_AT)
    for item in parsed.items:  # the inbox keeps them as JSON: whatever a field holds must survive that, and be of its type
        assert decode_incoming(encode_incoming(item)) == item
    return parsed


def one(*nodes: Node, **more: Any) -> Incoming:
    parsed = read(raw(*nodes, **more))
    assert parsed.ignored == []
    (item,) = parsed.items
    return item


def said(*nodes: Node, **more: Any) -> InboundMessage:
    item = one(*nodes, **more)
    assert isinstance(item, InboundMessage)
    return item


def ignored(*nodes: Node, **more: Any) -> list[str]:
    parsed = read(raw(*nodes, **more))
    assert parsed.items == []
    return parsed.ignored


def test_a_text_message_with_everything_about_it() -> None:
    context = {"from": OURS, "id": "wamid.before", "forwarded": True}
    assert one(message(from_user_id=ANA_ID, context=context)) == InboundMessage(
        id="wamid.text",
        address=ADDRESS,
        content=Text("Hello"),
        sent_at=SENT_AT,
        sender=Sender("Ana", ANA, ANA_ID),
        reply_to="wamid.before",
        forwarded=True,
    )


@pytest.mark.parametrize(
    ("kind", "part", "content"),
    [
        ("text", None, Text("Hello")),
        ("image", None, Media("image", "65463453", "image/jpeg", caption="Look", sha256="4654+8g=")),
        ("video", None, Media("video", "65463454", "video/mp4")),
        ("audio", None, Media("audio", "65463455", "audio/ogg; codecs=opus", voice=True)),
        ("document", None, Media("document", "65463456", "application/pdf", caption="My bill", filename="bill.pdf")),
        ("sticker", None, Media("sticker", "65463457", "image/webp")),
        ("image", {"url": "https://example.org/1"}, Media("image")),
        ("location", None, Location(12.25089, 43.0, "Shop", "1 Main St")),
        ("contacts", None, Contacts((Card("Chandler Bing", ("+1 202-555-0110", "12025550111")),))),
        ("contacts", [7, {"name": {"first_name": "Monica", "last_name": "Geller"}}], Contacts((Card("Monica Geller"),))),
        ("interactive", None, Choice("yes", "Yes", "button")),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "r1", "title": "Row"}}, Choice("r1", "Row", "list")),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow"}}, Unsupported("nfm_reply", "flow")),
        (
            "interactive",
            {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}},
            Unsupported("call_permission_reply", "accept"),
        ),
        ("interactive", {"type": "hologram"}, Unsupported("hologram")),
        ("button", None, Choice("again", "Call me again", "quick_reply")),
        ("button", {"text": "Stop"}, Choice("Stop", "Stop", "quick_reply")),
        ("reaction", None, Reaction("👍", "wamid.target")),
        ("reaction", {"message_id": "wamid.target"}, Reaction("", "wamid.target")),
        ("order", None, Unsupported("order", "Two, please")),
        ("unsupported", None, Unsupported("poll")),
        ("edit", None, Text("Better so")),
    ],
)
def test_every_kind_of_message(kind: str, part: object, content: Content) -> None:
    assert said(message(kind, part)).content == content


def test_an_unsupported_message_says_why() -> None:
    node = message("unsupported", {}, errors=[{"code": 131051, "title": "Message type unknown"}])
    assert said(node).content == Unsupported("unsupported", "Message type unknown")


def test_a_kind_we_do_not_know_is_unsupported_and_its_name_is_safe() -> None:
    assert said({**message(), "type": "thought"}).content == Unsupported("thought")
    assert said({**message(), "type": "Call +1 202 555 0123!\n"}).content == Unsupported("unknown")


def test_an_edit_is_heard_as_what_it_now_says() -> None:
    item = said(message("edit", id="wamid.edit"))
    assert (item.id, item.reply_to) == ("wamid.edit", "wamid.first")
    assert ignored(message("edit", {"message": {"type": "edit", "edit": {}}})) == ["message edit without its content"]


def test_what_is_not_said_by_the_person_is_a_notice() -> None:
    assert one(message("system")) == Notice("wamid.system", ADDRESS, "user_changed_number", SENT_AT, "Ana changed her number")
    assert one(message("revoke")) == Notice("wamid.revoke", ADDRESS, "revoke", SENT_AT, "wamid.first")


@pytest.mark.parametrize(
    ("raw_status", "expected"),
    [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read"), ("failed", "failed")],
)
@pytest.mark.parametrize("contacts", [None, [], "none"])
def test_statuses_become_receipts(raw_status: str, expected: str, contacts: object) -> None:
    assert one(status(raw_status), contacts=contacts) == Receipt(
        id=f"wamid.ours:{raw_status}",
        address=ADDRESS,
        provider_id="wamid.ours",
        status=ReceiptStatus(expected),
        at=SENT_AT,
        tracker="d1",
        raw_status=raw_status,
    )


def test_a_failed_receipt_says_why() -> None:
    item = one(status("failed", errors=[7, {"code": 131047, "title": "Re-engagement message"}]))
    assert isinstance(item, Receipt)
    assert (item.error_code, item.error_title) == ("131047", "Re-engagement message")


def test_a_receipt_of_somebody_without_a_number() -> None:
    item = one(status(recipient_id=None, recipient_user_id=ANA_ID))
    assert item.address.theirs == ANA_ID
    item = one(status(recipient_id=None), contacts=[{"user_id": ANA_ID}])
    assert item.address.theirs == ANA_ID
    assert ignored(status(recipient_id=None), contacts=[]) == ["status without a recipient"]


def test_statuses_we_do_not_know_are_ignored() -> None:
    assert ignored(status("teleported"), status("Ana's!"), status(recipient_type="group")) == [
        "status teleported",
        "status unknown",
        "status of a group",
    ]


@pytest.mark.parametrize(
    ("node", "contacts", "theirs", "sender"),
    [
        (message(), [contact(user_id=None)], ANA, Sender("Ana", ANA)),  # bodies from before 2026, and Meta's own example
        (message(), [], ANA, Sender("", ANA)),
        (message(), {"wa_id": ANA}, ANA, Sender("", ANA)),
        (message(), [contact(wa_id=None)], ANA, Sender("Ana", ANA, ANA_ID)),
        (message(from_=None), [contact(wa_id=None)], ANA_ID, Sender("Ana", "", ANA_ID)),
        (message(from_=None), [contact()], ANA, Sender("Ana", ANA, ANA_ID)),
        (message(from_=None, from_user_id=ANA_ID), [], ANA_ID, Sender("", "", ANA_ID)),
        (message(from_user_id=ANA_ID), [contact(wa_id="12025550199")], ANA, Sender("Ana", ANA, ANA_ID)),
        (message(), [contact(wa_id="12025550199", user_id="US.2")], ANA, Sender("", ANA)),  # somebody else's contact
        (message(), [contact(wa_id="12025550199", profile={"name": "Bo"}), contact()], ANA, Sender("Ana", ANA, ANA_ID)),
        (message(from_="+1 (202) 555-0123"), [], ANA, Sender("", ANA)),
        (message(from_=int(ANA)), [], ANA, Sender("", ANA)),
    ],
)
def test_who_it_is_from(node: Node, contacts: object, theirs: str, sender: Sender) -> None:
    item = said(node, contacts=contacts)
    assert (item.address.theirs, item.sender) == (theirs, sender)


def test_a_message_that_cannot_be_answered_is_ignored() -> None:
    nobody = message(from_=None)
    assert ignored(nobody, contacts=[]) == ["message without a sender"]
    assert ignored(nobody, contacts=[contact(), contact(wa_id="12025550199")]) == ["message without a sender"]
    assert ignored(message(id=None)) == ["message without an id"]
    assert ignored(message(id="x" * 600)) == ["message without an id"]
    assert ignored(message(group_id="g1")) == ["message of a group"]


@pytest.mark.parametrize(
    ("timestamp", "sent_at"),
    [
        (str(NOON), SENT_AT),
        (NOON, SENT_AT),
        (None, RECEIVED_AT),
        ("soon", RECEIVED_AT),
        (0, RECEIVED_AT),
        (-1, RECEIVED_AT),
        (True, RECEIVED_AT),
        (1.5, RECEIVED_AT),
        ([], RECEIVED_AT),
        ("9" * 19, RECEIVED_AT),
        ("9" * 5000, RECEIVED_AT),
        (NOON + 86_400, RECEIVED_AT),
    ],
)
def test_when_it_was_sent(timestamp: object, sent_at: datetime) -> None:
    assert said({**message(), "timestamp": timestamp}).sent_at == sent_at


def test_everything_in_a_body_is_read() -> None:
    body = orjson.dumps(
        {
            "entry": [
                entry(change(message(id="1"), message("image", id="2")), change(status("sent"), message(id="3"))),
                entry(change(message(id="4"))),
            ]
        }
    )
    assert [item.id for item in read(body).items] == ["1", "2", "3", "wamid.ours:sent", "4"]


def test_parts_that_are_not_for_us_are_ignored_with_a_reason() -> None:
    changes: list[Any] = [
        {**change(message()), "field": "account_update"},
        {**change(message()), "field": "what? +1"},
        {"field": "messages"},
        7,
        change(message(), metadata={}),
        change(message(), errors=[{"code": 1}]),
        change(contacts=[], messages="none", statuses=7),
        change(contacts=[], messages=[7, None]),
    ]
    body = orjson.dumps({"entry": [{"changes": changes}, 7, {"changes": {}}]})
    parsed = read(body)
    assert [item.id for item in parsed.items] == ["wamid.text"]
    assert parsed.ignored == [
        "field account_update",
        "field unknown",
        "change without a value",
        "change without a value",
        "change without a phone number id",
        "errors of the account",
        "messages that are no list",
        "statuses that are no list",
        "messages: not an object",
        "messages: not an object",
        "entry without changes",
        "entry without changes",
    ]


def test_a_body_with_nothing_in_it_is_fine() -> None:
    assert read(b'{"entry":[]}') == Parsed([], [])
    assert read(orjson.dumps(document(statuses=[], contacts=[]))) == Parsed([], [])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("unsupported",)])
@pytest.mark.parametrize("part", [7, "x", [], None])
def test_a_message_without_its_content_is_ignored(kind: str, part: object) -> None:
    assert ignored({**message(kind), kind: part}) == [f"message {kind} without its content"]


@pytest.mark.parametrize("place", [(91, 0), (0, 181), (True, 0), ("1", "2"), (None, None)])
def test_a_place_that_is_none_is_ignored(place: tuple[object, object]) -> None:
    assert ignored(message("location", {"latitude": place[0], "longitude": place[1]})) == ["message location without its content"]


def test_texts_are_cut_and_tidied() -> None:
    assert said(message(part={"body": "a\0b"})).content == Text("ab")
    assert said(message(part={"body": "é" * 20_000})).content == Text("é" * 8_192)
    assert said(message(part={"body": "🙏" * 5_000})).content == Text("🙏" * 4_096)


def test_half_an_emoji_costs_only_itself() -> None:
    body = raw(message(part={"body": "a HALF b"}), contacts=[contact(profile={"name": "Ana 🙏"})]).replace(b"HALF", rb"\ud83d")
    (item,) = read(body).items
    assert isinstance(item, InboundMessage)
    assert item.content == Text("a  b")
    assert item.sender.name == "Ana 🙏"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b'"entry"',
        b"7",
        b"null",
        b"\xff\xfe",
        b'{"entry":{}}',
        b'{"entry":null}',
        b'{"entry":[NaN]}',
        b'{"entry":[' + b"9" * 5000 + b"]}e",
        b'{"entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"entry":["\\ud83d"' + b",[" * 2_000 + b"]" * 2_000 + b"]}",
    ],
)
def test_what_is_no_webhook_is_refused(body: bytes) -> None:
    with pytest.raises(BadPayload):
        parse(body, RECEIVED_AT)


def test_reasons_hold_nothing_personal() -> None:
    broken = [{**message(kind), kind: 7, "id": ANA} for kind in KINDS] + [{**message(), "type": ANA, "id": 0.5}]
    parsed = read(raw(*broken, {**status(), "status": f"Ana {ANA}"}, contacts=[contact()]))
    assert parsed.ignored
    assert not any(word in reason for reason in parsed.ignored for word in (ANA, "Ana", ANA_ID))


def _needs_fixtures() -> list[Any]:
    files = sorted(path for path in FIXTURES.glob("*__*.json") if "api_responses" not in path.name) if FIXTURES.is_dir() else []
    absent = pytest.param(None, marks=pytest.mark.skip(reason=f"no captured webhooks at {FIXTURES}"))
    return [pytest.param(path, id=path.stem) for path in files] or [absent]


@pytest.mark.parametrize("path", _needs_fixtures())
def test_captured_webhooks_are_read_whole(path: Path) -> None:
    parsed = read(path.read_bytes())
    assert parsed.ignored == []
    value = json.loads(path.read_bytes())["entry"][0]["changes"][0]["value"]
    assert len(parsed.items) == len(value.get("messages", [])) + len(value.get("statuses", []))


# Anything at all -----------------------------------------------------------------------------------------------------------

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
META_WORDS = st.sampled_from(
    [*KINDS, "entry", "changes", "value", "field", "metadata", "phone_number_id", "messages", "statuses", "id", "from", "type"]
)
DOCUMENTS = st.recursive(
    SCALARS | META_WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(META_WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=30,
)


@given(st.binary(max_size=200) | st.text().map(str.encode) | DOCUMENTS.map(orjson.dumps))
def test_anything_posted_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadPayload):
        read(body)


@given(st.sampled_from([*KINDS]), DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_anything_inside_a_webhook_is_read_or_ignored(kind: str, part: Any, contacts: Any, error: Any) -> None:
    nodes = [{**message(kind), kind: part, "context": error}, {**status("failed"), "errors": error}]
    read(
        orjson.dumps({"entry": [entry(change(*nodes, contacts=contacts), change(messages=part, statuses=contacts, contacts=[]))]})
    )


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, child in inner for found in _paths(child, (*path, key)))]


def _good() -> Node:
    """Each kind of message in a change of its own, then all kinds in one change, then all statuses."""
    kinds = [*KINDS]
    statuses = [status(name, id=f"wamid.{name}") for name in ("sent", "delivered", "read", "played", "failed")]
    alone = [change(message(kind, id=f"alone.{kind}")) for kind in kinds]
    return {
        "entry": [entry(*alone), entry(change(*(message(kind, id=f"batch.{kind}") for kind in kinds))), entry(change(*statuses))]
    }


GOOD_RAW = orjson.dumps(_good())
GOOD: Node = orjson.loads(GOOD_RAW)
GOOD_ITEMS = {item.id: item for item in read(GOOD_RAW).items}
PATHS = [path for path in _paths(GOOD) if len(path) > 1]  # the root and the list of entries are the body itself
DELETED = object()


def _home(path: tuple[Any, ...]) -> tuple[Any, ...]:
    """What may suffer from a change at this path: the message or status it is in, or else the change or entry."""
    where = path.index("messages") if "messages" in path else path.index("statuses") if "statuses" in path else -1
    if where >= 0 and len(path) > where + 1:
        return path[: where + 2]
    return path[:4] if len(path) > 3 else path[:2]


def _ids_under(path: tuple[Any, ...]) -> set[str]:
    node: Any = GOOD
    for key in path:
        node = node[key]
    text = orjson.dumps(node).decode()
    return {id for id in GOOD_ITEMS if f'"{id.rsplit(":", 1)[0]}"' in text}


def test_the_good_payload_is_whole() -> None:
    assert len(GOOD_ITEMS) == 2 * len(KINDS) + 5


@settings(max_examples=200)
@given(st.sampled_from(PATHS), st.just(DELETED) | DOCUMENTS)
def test_one_broken_node_never_costs_a_sibling(path: tuple[Any, ...], instead: Any) -> None:
    broken = orjson.loads(GOOD_RAW)
    parent: Any = broken
    for key in path[:-1]:
        parent = parent[key]
    if instead is DELETED:
        del parent[path[-1]]
    else:
        parent[path[-1]] = instead
    items = {item.id: item for item in read(orjson.dumps(broken)).items}
    for id in set(GOOD_ITEMS) - _ids_under(_home(path)):
        assert items.get(id) == GOOD_ITEMS[id]
