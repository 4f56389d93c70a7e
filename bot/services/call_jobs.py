"""The jobs that come after a call: their names and ids, and how they are planned."""

from __future__ import annotations

from typing import Any

from bot.jobs import Jobs
from bot.records.calls import Call, CallSummary, Transcript
from bot.store.base import Unit

TRANSCRIPT_JOB = "call-transcript"
SUMMARY_JOB = "call-summary"
PRICE_JOB = "call-price"
RECORDING_JOB = "call-recording"
DELETION_JOB = "call-recording-deletion"
RETENTION_JOB = "call-recording-retention"
STALE_JOB = "stale-calls"

SETTLED = 5.0
"""Seconds after its end when a call's timeline is read: what was said last is written behind."""
FIRST_PRICE = 60.0
"""Seconds after its end when a call's price is asked for first."""


def put_jobs(unit: Unit, jobs: Jobs, call_id: str) -> None:
    """Plans what follows in the unit that ends the call. A second unit that does so is void with Duplicate."""
    jobs.add(unit, TRANSCRIPT_JOB, {"call": call_id}, id=f"{TRANSCRIPT_JOB}:{call_id}", delay=SETTLED)
    jobs.add(unit, PRICE_JOB, {"call": call_id}, id=f"{PRICE_JOB}:{call_id}", delay=FIRST_PRICE)


def pending(call: Call) -> dict[str, Any]:
    """What is set when a call ends: what will be made of it; nothing where nobody answered."""
    if call.started_at is None or call.transcript is not None:
        return {}
    return {"transcript": Transcript(), "ai_summary": CallSummary()}
