"""What both stores make of a record's searchable fields, and what they refuse alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.errors import StoreError
from bot.records.base import Record
from bot.records.tokens import document_tokens

TOKENS = "searchTokens"
"""Where a document's tokens are stored. They are the store's own: no record has them, no export holds them."""


class Searched:
    """The searchable fields of a record type that has some."""

    def __init__(self, kind: type[Record]) -> None:
        text = kind.shape.text
        if text is None:
            raise StoreError(f"{kind.shape.collection}: declares no fields by whose words it is searched")
        self.collection = kind.shape.collection
        self.paths = text.fields
        self.stored = tuple(kind.shape.stored_name(path) for path in text.fields)
        self.newest = text.newest
        self.newest_stored = kind.shape.stored_name(text.newest)

    def tokens(self, values: Mapping[str, Any]) -> list[str]:
        """The tokens of a record with these values, by Python's names."""
        return document_tokens(values[path] for path in self.paths)

    def tokens_of_document(self, document: Mapping[str, Any]) -> list[str]:
        """The tokens of a stored document."""
        return document_tokens(document.get(name) for name in self.stored)

    def tokens_after(self, sets: Mapping[str, Any], others: Iterable[str]) -> list[str] | None:
        """The tokens that a change of single fields leaves; None where it changes none. `others` are counted up or pushed to.

        Raises StoreError for a change that does not say all of what they are made of.
        """
        others = set(others)
        if self.newest in sets or self.newest in others:
            raise StoreError(f"{self.collection}.{self.newest}: orders what is found; put the whole record to change it")
        if others.intersection(self.paths):
            raise StoreError(f"{self.collection}: what is searched by its words can only be set")
        if not any(path in sets for path in self.paths):
            return None
        missing = [path for path in self.paths if path not in sets]
        if missing:
            raise StoreError(f"{self.collection}: is searched by the words of {', '.join(missing)} too; set them all at once")
        return self.tokens(sets)


def searched_of(kind: type[Record]) -> Searched | None:
    """The searchable fields of a record type; None where it has none."""
    return None if kind.shape.text is None else Searched(kind)


def require_changeable(kind: type[Record]) -> None:
    """Raises StoreError for records that are only ever added to."""
    if kind.shape.append_only:
        raise StoreError(f"{kind.shape.collection}: is only added to; nothing in it is changed or deleted")
