"""Secrets that are stored can be read by nobody who lacks the key, and only for what they were sealed for."""

from __future__ import annotations

import pytest

from bot.errors import SettingsError
from bot.sealing import Seal

pytestmark = pytest.mark.unit

KEY = b"k" * 64


def test_what_is_closed_opens_again_and_shows_nothing() -> None:
    seal = Seal(KEY)
    closed = seal.close("hush 🤫", "webhook-1")
    assert "hush" not in closed
    assert seal.is_closed(closed)
    assert not seal.is_closed("hush")
    assert Seal(KEY).open(closed, "webhook-1") == "hush 🤫"
    assert seal.close("hush 🤫", "webhook-1") != closed


@pytest.mark.parametrize("how", ["another key", "another purpose", "changed", "cut", "no base64"])
def test_what_was_tampered_with_is_refused_in_one_line_that_names_the_fix(how: str) -> None:
    closed = Seal(KEY).close("hush", "webhook-1")
    seal = Seal(b"x" * 64) if how == "another key" else Seal(KEY)
    changed = {"changed": closed[:-6] + "AAAA" + closed[-2:], "cut": closed[:20], "no base64": "sealed:1:é"}.get(how, closed)
    with pytest.raises(SettingsError, match=r"^BOT_SECRET_KEY: .*renew the secret$"):
        seal.open(changed, "webhook-2" if how == "another purpose" else "webhook-1")
