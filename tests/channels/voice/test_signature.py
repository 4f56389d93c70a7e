"""Twilio's signature, by the vectors that its own documents and libraries give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from bot.channels.voice.signature import Signatures, read_form
from bot.testing.twilio.vendor import signature

pytestmark = pytest.mark.unit

URL = "https://bot.example.com"
FORM: MultiDict[str] = MultiDict({"CallSid": "CA1", "Digits": "", "SpeechResult": "नमस्ते ji & co"})
PATH = "/webhooks/twilio/voice/gather?turn=1&wait=2"
SIGNED = signature("12345", URL + PATH, list(FORM.items()))

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "fixtures" / "request_validator_vectors.json").read_text())[
    "vectors"
]


def verdict(vector: dict[str, Any]) -> bool:
    """What we say of it."""
    parts = urlsplit(vector["url"])
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    is_handshake = parts.scheme.startswith("ws")
    public = f"{parts.scheme.replace('ws', 'http')}://{parts.netloc}"
    given = Signatures("12345", public)
    if is_handshake:
        return given.handshake(path, vector["signature"])
    if "body" in vector:
        return given.webhook(path, vector["body"], vector["signature"])
    pairs = [(name, value) for name, value in vector.get("params_list") or vector["params"].items()]
    return given.webhook(path, read_form(urlencode(pairs).encode()), vector["signature"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_known_signatures(vector: dict[str, Any]) -> None:
    assert verdict(vector) is vector["valid"]


def test_the_query_and_blank_values_are_signed_too() -> None:
    given = Signatures("12345", URL)
    assert given.webhook(PATH, FORM, SIGNED)
    assert not given.webhook("/webhooks/twilio/voice/gather?turn=2&wait=2", FORM, SIGNED)
    without = FORM.copy()
    del without["Digits"]
    assert not given.webhook(PATH, without, SIGNED)


def test_the_settings_header_chooses_the_algorithm() -> None:
    by_sha256 = signature("12345", URL + PATH, list(FORM.items()), "sha256")
    given = Signatures("12345", URL)
    assert given.webhook(PATH, FORM, by_sha256, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256")
    assert not given.webhook(PATH, FORM, by_sha256)
    assert not given.webhook(PATH, FORM, SIGNED, "key=1,algorithm=HMAC_MD5")


@pytest.mark.parametrize("header", [None, "", "=", "x" * 5000, "é" * 28, "\ud800"])
def test_an_odd_header_is_a_no_and_no_error(header: str | None) -> None:
    assert not Signatures("12345", URL).webhook(PATH, FORM, header)
    assert not Signatures("12345", URL).handshake("/relay", header)
    assert not Signatures("12345", URL).webhook(PATH, "{}", header)


def test_json_without_its_hash_is_a_no() -> None:
    assert not Signatures("12345", URL).webhook(PATH, '{"a": 1}', SIGNED)


def test_without_a_secret_nothing_is_signed() -> None:
    assert not Signatures("", URL).webhook(PATH, FORM, signature("", URL + PATH, list(FORM.items())))


@given(st.text(max_size=40), st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=4), st.none() | st.text())
def test_any_request_gets_an_answer(path: str, fields: dict[str, str], header: str | None) -> None:
    assert not Signatures("12345", URL).webhook(f"/{path}", MultiDict(fields), header)


def test_whatever_the_body_it_is_read_or_refused() -> None:
    assert list(read_form(b"a=&b=%F0%9F&%FF=1")) == ["a", "b", "\ufffd"]
    with pytest.raises(ValueError, match="fields"):
        read_form(b"&".join([b"a=1"] * 1000))
