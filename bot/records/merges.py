"""What became of customers that were merged into others."""

from __future__ import annotations

from datetime import datetime

from bot.records.base import Index, Record, record


@record("merges", Index("into"), Index("at"))
class Merge(Record):
    """A customer that is no more. Its id is theirs, so that whoever kept it still finds the person (C-02)."""

    into: str
    """The customer that everything went to; itself the last of the line when they were merged further."""
    by: str
    at: datetime
    reason: str
