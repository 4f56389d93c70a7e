"""Whether somebody may be called: who must not be, what was decided and on what grounds, and how often a number was dialled."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from bot.records.base import PII, Index, Record, record
from bot.records.fields import E164, Count


class CallBasis(StrEnum):
    """Why we call, which decides what has to be on record first."""

    OUTREACH = "outreach"
    """We begin: consent is needed, and attempts are counted."""
    CALLBACK = "callback"
    """They asked for it themselves: the booked callback is the consent."""
    OPERATOR = "operator"
    """One of the team calls somebody who has been in touch with us."""


@record("do_not_call", Index("number", unique=True), Index("-at"), Index("customer_id"))
class DoNotCall(Record):
    """A number that is never called again: our own list, one entry a number."""

    number: Annotated[E164, PII]
    source: str
    """Where it was said: `call`, `cli`, `api`, ..."""
    proof: Annotated[str, PII] = ""
    """Their own words, the pressed key, or a reference."""
    at: datetime
    by: str
    """As in the audit log: `person:<id>`, `user:<id>`, `system`, ..."""
    call_id: str | None = None
    """The call in which it was said."""
    customer_id: str | None = None
    lead_ids: list[str] = []
    """Leads whose `dnd_status` this entry has set."""


@record("calling_decisions", Index("number", "-at"), Index("customer_id", "-at"), Index("call_id"), Index("-at"))
class CallingDecision(Record):
    """One answer to "may we call?", with the rule that gave it and all that it looked at."""

    number: Annotated[str, PII]
    """E.164; as it was given where it cannot be read."""
    customer_id: str | None = None
    lead_id: str | None = None
    call_id: str | None = None
    basis: CallBasis
    allowed: bool
    rule: str
    """Name of the rule that refused; empty where none did."""
    detail: Annotated[str, PII] = ""
    at: datetime
    """The clock by which it was decided."""
    again_at: datetime | None = None
    """From when on the same question may be answered with yes."""
    zones: list[str] = []
    inputs: Annotated[dict[str, Any], PII] = {}
    """What was looked at: the hours, the attempts, the consent, the list."""
    by: str = ""


@record("dialled_numbers", Index("number", unique=True))
class DialledNumber(Record):
    """Counts the calls to a number, so that two that are decided at once cannot both go ahead."""

    number: Annotated[E164, PII]
    calls: Count = 0
