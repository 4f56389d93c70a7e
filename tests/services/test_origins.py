"""The setting that says which sites may show the chat."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import SettingsError
from bot.services.origins import origins_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("https://shop.example.com", ("https://shop.example.com",)),
        ("https://A.example/, http://localhost:3000", ("https://a.example", "http://localhost:3000")),
        (["https://a.example", ""], ("https://a.example",)),
    ],
)
def test_origins_are_a_list_or_a_text_with_spaces_or_commas(value: Any, origins: tuple[str, ...]) -> None:
    assert origins_of(value) == origins


@pytest.mark.parametrize(
    "value",
    [
        "shop.example.com",
        "*",
        "https://*.example.com",
        "https://a.example/path",
        "https://a; script-src *",
        7,
        [7],
        {"a": 1},
        "ftp://a",
    ],
)
def test_what_is_no_origin_is_refused_by_name(value: Any) -> None:
    with pytest.raises(SettingsError, match=r"^web_chat_origins: "):
        origins_of(value)
