"""What the second seed kept before it had customers and conversations: a thread of the model's vendor per phone number."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from bot.records.base import PII, Record, record


@record("userthreads")
class UserThread(Record):
    """Read by `bot migrate userthreads` and otherwise left as it is."""

    user_id: Annotated[str, PII]
    """The phone number."""
    thread_id: str
    message_count: int = 0
    last_interaction: datetime | None = None
    last_cleanup: datetime | None = None
