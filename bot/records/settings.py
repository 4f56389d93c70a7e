"""System settings (S2-182 to S2-199). The whole set of rows comes with the records of the seeds."""

from __future__ import annotations

from typing import Any

from bot.records.base import Index, Record, record


@record("systemsettings", Index("key", unique=True), Index("category"))
class SystemSetting(Record):
    """One setting that can be changed while the program runs."""

    key: str
    value: Any = None
    description: str = ""
    category: str = "general"
    is_editable: bool = True
    updated_by: str | None = None
