"""The engine's own bookkeeping: inbox, outbox, journal, jobs, counters, fences."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from bot.records.base import PII, Index, Part, Record, record

_RECEIPTS = "receipts:"
RECEIPTS_LANES = (_RECEIPTS, "receipts;")
"""Where they begin in the order of lanes, and where others go on."""


def receipts_lane(lane: str) -> str:
    """Where what a vendor tells of our messages to an address waits: apart, so that no slow turn holds it up."""
    return _RECEIPTS + lane


def is_receipts_lane(lane: str) -> bool:
    return lane.startswith(_RECEIPTS)


def address_lane(lane: str) -> str:
    """The lane of the address, of either."""
    return lane.removeprefix(_RECEIPTS)


_DAY = 24 * 3600
KEEP_DELIVERIES = 35 * _DAY
"""Seconds. Meta keeps a message for a phone that is off for 30 days, and its receipt finds the delivery until then."""
KEEP_JOURNAL = 30 * _DAY
"""Seconds for which it can be seen how a turn came about (`bot replay`)."""
KEEP_JOBS = 14 * _DAY
"""Seconds for which a finished job is known by its id."""


class InboxState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"
    """It failed its turn too often; shown by `bot check`, kept for a person to look at."""


@record(
    "inbox",
    Index("lane", "position", where={"state": "waiting"}),
    Index("state", "accepted_at", where={"state": "dead"}),
    Index("expires_at", ttl=0),
)
class InboxRow(Record):
    """One thing that was received. Its id is the provider's, so a second delivery of it is a duplicate key."""

    lane: str
    position: str
    """Sorts by arrival."""
    item: Annotated[str, PII]
    """The Incoming, as JSON (`bot.message.encode_incoming`)."""
    state: InboxState = InboxState.WAITING
    attempts: int = 0
    accepted_at: datetime
    error: str = ""
    expires_at: datetime | None = None
    """Set when done; vendors redeliver for up to 7 days, so a done row stays 14."""


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"
    """The POST may have gone out (a crash, a lost answer); waits for a receipt with our tracker before it is tried again."""
    SENT = "sent"
    REFUSED = "refused"
    DEAD = "dead"


class Author(StrEnum):
    AI = "ai"
    SYSTEM = "system"
    OPERATOR = "operator"


@record(
    "outbox",
    Index("lane", "position", where={"openness": "open"}),
    Index("provider_id"),
    Index("conversation_id", "position"),
    Index("state", "position", where={"state": "dead"}),
    Index("updated_at", where={"openness": "closed"}, ttl=KEEP_DELIVERIES),
)
class Delivery(Record):
    """One reply on its way to one person. Its id is the tracker that the vendor echoes in receipts."""

    lane: str
    position: str
    """Sorts in the order in which things are to be said."""
    conversation_id: str
    message_id: str
    author: Author
    epoch: int
    """An AI's reply may be said only while the conversation's epoch is this one."""
    reply: Annotated[dict[str, Any], PII]
    proactive: bool = False
    """Whether it answers nothing that the person wrote; such a one needs consent."""
    state: DeliveryState = DeliveryState.PENDING
    openness: str = "open"
    """`open` while something is still to be done about it, else `closed`."""
    attempts: int = 0
    resends: int = 0
    """How often it was posted again after an unconfirmed try: the only way a person can get it twice."""
    due_at: datetime
    claimed_by: int = 0
    """Fence of the worker that last claimed it."""
    crossed_at: datetime | None = None
    """Somebody took the conversation over while it was being posted: it may have been said all the same."""
    sent_at: datetime | None = None
    provider_id: str | None = None
    error_code: str = ""
    error: str = ""


class JournalKind(StrEnum):
    HEARD = "heard"
    FLOW = "flow"
    MODEL = "model"
    TOOL = "tool"
    END = "end"


@record("journal", Index("turn_id", "step"), Index("conversation_id", "turn_id"), Index("at", ttl=KEEP_JOURNAL))
class JournalRow(Record):
    """One step of one turn: what was heard, decided, called, said. Its id is `turn:kind:...`, so a step is written once."""

    turn_id: str
    conversation_id: str
    step: int
    kind: JournalKind
    at: datetime
    body: Annotated[dict[str, Any], PII]


class JobStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    """By a worker that marks it so; ours hold the job's lane instead."""
    COMPLETED = "completed"
    FAILED = "failed"
    """For good; shown by `bot check`."""


JOB_MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset(JobStatus) - {JobStatus.PENDING},
    JobStatus.PROCESSING: frozenset({JobStatus.PENDING, JobStatus.COMPLETED, JobStatus.FAILED}),
    JobStatus.COMPLETED: frozenset({JobStatus.PENDING}),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),
}


class JobSchedule(Part):
    """When a job is due, and how it comes again: every so many seconds, or by a cron expression."""

    execute_at: datetime
    recurring: bool = False
    cron_expression: Annotated[str | None, Field(examples=["0 9 * * 1-5"])] = None
    every_seconds: float | None = None


@record(
    "scheduled_jobs",
    Index("job_id", unique=True),
    Index("status", "schedule.execute_at"),
    Index("schedule.execute_at"),
    Index("updated_at", where={"status": "completed"}, ttl=KEEP_JOBS),
)
class Job(Record):
    """Work that is due at a time: once, or again and again (S3-149 to S3-158)."""

    job_id: str | None = None
    """S3's own key."""
    user_id: str | None = None
    job_type: str
    """The name its handler registered under; an open set."""
    payload: Annotated[dict[str, Any], PII] = {}
    schedule: JobSchedule
    status: JobStatus = JobStatus.PENDING
    attempts: int = 0
    max_attempts: int | None = None
    """None: what the scheduler allows."""
    result: dict[str, Any] = {}
    error: str = ""
    executed_at: datetime | None = None

    @property
    def due_at(self) -> datetime:
        return self.schedule.execute_at


@record("counters")
class Counter(Record):
    """A number that only grows, counted up atomically."""

    value: int = 0


@record("fences")
class Fence(Record):
    """The newest holder of a lease. A commit that names an older one is void."""

    value: int = 0
    holder: str = ""
    """The process that holds it, for people to read: host and pid."""
    held_until: datetime | None = None
    """By the store's clock; who has not beaten by then is gone."""
