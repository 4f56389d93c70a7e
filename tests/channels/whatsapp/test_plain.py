"""The shortcut for the plainest body says what the tolerant parser says, or nothing."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.whatsapp.parser import parse, parse_any
from bot.channels.whatsapp.plain import read_plain
from bot.errors import BadPayload

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
FIXTURES = sorted((Path(__file__).parents[4] / "shared" / "fixtures" / "whatsapp").rglob("*.json"))
PLAIN: dict[str, Any] = {
    "object": "whatsapp_business_account",
    "entry": [
        {
            "id": "102290129340398",
            "changes": [
                {
                    "value": {
                        "messaging_product": "whatsapp",
                        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
                        "contacts": [{"profile": {"name": "Ana"}, "wa_id": "12025550123", "user_id": "US.13491208655302741918"}],
                        "messages": [
                            {
                                "from": "12025550123",
                                "from_user_id": "US.13491208655302741918",
                                "id": "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRB",
                                "timestamp": "1749416383",
                                "type": "text",
                                "text": {"body": "Does it come in another colour?"},
                            }
                        ],
                    },
                    "field": "messages",
                }
            ],
        }
    ],
}
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        ["", "text", "\x00", "a\x00b", "1", "+1 202", "١٢٣", "x" * 300, "y" * 5000, "\u200b", "statuses", "1e9", "-5", " 7 "]
    ),
    st.just([]),
    st.just({}),
    st.just([{}, {}]),
    st.just({"body": "inner"}),
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def written(body: Any) -> bytes:
    return json.dumps(body).encode()


def agree(raw: bytes) -> bool:
    """Whether the shortcut took the body; it has to say the same then."""
    shortcut = read_plain(raw, NOW)
    if shortcut is not None:
        whole = parse_any(raw, NOW)
        assert (whole.items, whole.ignored) == ([shortcut], [])
    return shortcut is not None


def test_the_plainest_body_takes_the_shortcut() -> None:
    assert agree(written(PLAIN))
    assert parse(written(PLAIN), NOW) == parse_any(written(PLAIN), NOW)


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.name)
def test_every_fixture_is_read_alike(file: Path) -> None:
    agree(file.read_bytes())


@given(st.sampled_from(places(PLAIN)[1:]), STRANGE)
def test_a_body_with_anything_strange_at_any_place_is_read_alike_or_not_at_all(place: tuple[Any, ...], strange: Any) -> None:
    body = copy.deepcopy(PLAIN)
    node = body
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = strange
    try:
        agree(written(body))
    except BadPayload:
        pytest.fail("the shortcut took a body that is none")


@given(
    st.sampled_from([place for place in places(PLAIN) if place]),
    st.sampled_from(["context", "group_id", "statuses", "errors", "new"]),
)
def test_a_body_with_more_in_it_is_read_alike_or_not_at_all(place: tuple[Any, ...], more: str) -> None:
    body = copy.deepcopy(PLAIN)
    node = body
    for key in place:
        node = node[key]
    if isinstance(node, dict):
        node[more] = {"id": "wamid.other", "forwarded": True}
        agree(written(body))


@given(st.sampled_from(places(PLAIN)[1:]))
def test_a_body_with_something_missing_is_read_alike_or_not_at_all(place: tuple[Any, ...]) -> None:
    body = copy.deepcopy(PLAIN)
    node = body
    for key in place[:-1]:
        node = node[key]
    del node[place[-1]]
    agree(written(body))


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_text_and_name_are_read_alike(text: str, name: str) -> None:
    body = copy.deepcopy(PLAIN)
    value = body["entry"][0]["changes"][0]["value"]
    value["messages"][0]["text"]["body"] = text
    value["contacts"][0]["profile"]["name"] = name
    agree(written(body))
