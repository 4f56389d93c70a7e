"""Canned replies: what operators say often, under a shortcut."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.records.base import Index, Record, record
from bot.records.conversations import Category


@record("canned_replies", Index("key", unique=True), Index("owner_id"))
class CannedReply(Record):
    """One text for all, or for the operator whose it is. Its blanks: {name}, {operator}, {number}."""

    key: str
    """The owner's id (or nothing), the shortcut and the language: each is there once."""
    shortcut: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9_-]+$", examples=["hello"])]
    """Typed after a slash."""
    title: Annotated[str, Field(min_length=1, max_length=80, examples=["Greeting"])]
    text: Annotated[str, Field(min_length=1, max_length=4000, examples=["Hello {name}, I am {operator}."])]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$", examples=["es"])] = "es"
    owner_id: str | None = None
    """None: everybody's."""
    category: Category | None = None
    used: int = 0
