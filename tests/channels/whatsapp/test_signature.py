from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.whatsapp.signature import sign, verify, well_formed

pytestmark = pytest.mark.unit

SECRET = "41678a4f4d3c2b1a"
VECTORS = {  # from Meta's own examples and captures: body in base64, header
    "ascii": (
        "eyJvYmplY3QiOiJ3aGF0c2FwcF9idXNpbmVzc19hY2NvdW50IiwiZW50cnkiOltdfQ==",
        "sha256=2ba0fade094831db2121502a2ab9f8bc1689bd7ecb1ff8738edd7260228b2de8",
    ),
    "escaped unicode": (
        "eyJ0IjoiXHUwOTI4XHUwOTJlXHUwOTM4XHUwOTRkXHUwOTI0XHUwOTQ3IFwvIFx1ZDgzZFx1ZGU0ZiJ9",
        "sha256=df09a6e2384c7c507718f44cf92a7dd91911338e42b5db0f81e2a80921ff516e",
    ),
    "raw utf-8": (
        "eyJ0Ijoi4KSo4KSu4KS44KWN4KSk4KWHIC8g8J+ZjyJ9",
        "sha256=9cf985a2df8d3e042b63ad958f27621b4e9525b5cc1f41159cc300a42fab7dd9",
    ),
    "trailing newline": ("eyJhIjogMX0K", "sha256=1f8ac4fc9913a63ff50c9fba0bc288e4213c7a053d8f64e1f7eab5bfffd40946"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_known_signatures(name: str) -> None:
    body, header = VECTORS[name]
    raw = base64.b64decode(body)
    assert sign(SECRET, raw) == header
    assert verify(SECRET, raw, header)
    assert not verify(SECRET, raw + b" ", header)
    assert not verify("another secret", raw, header)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 63,
        "sha256=" + "0" * 65,
        "sha1=" + "0" * 64,
        "sha256=" + "G" * 64,
        "sha256=" + "é" * 64,
        "0" * 71,
    ],
)
def test_a_malformed_header_is_told_from_a_wrong_one(header: str | None) -> None:
    assert not verify(SECRET, b"{}", header)
    assert not well_formed(header)
    assert well_formed("sha256=" + "0" * 64)
    assert not verify(SECRET, b"{}", "sha256=" + "0" * 64)


def test_an_empty_secret_verifies_nothing() -> None:
    assert not verify("", b"{}", sign("", b"{}"))


@given(st.text(min_size=1).filter(lambda secret: secret.isprintable()), st.binary(), st.none() | st.text())
def test_any_header_gets_an_answer(secret: str, raw: bytes, header: str | None) -> None:
    assert verify(secret, raw, sign(secret, raw))
    assert not verify(secret, raw, header)
