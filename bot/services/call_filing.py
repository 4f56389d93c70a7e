"""What is made of a call once it is over: transcript, summary, outcome, what is to be done (S1-071 to S1-074, S5-070 to S5-072).

Two jobs, one after the other; each writes all that it has found in one unit, so a kill at any moment repeats nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from bot.clock import Clock
from bot.conversation import AssigneeKind, Queue
from bot.errors import Conflict, Duplicate, MoveRefused, NotFound, ServiceError
from bot.jobs import Jobs
from bot.live import Live
from bot.meter import KEEPS_NOTHING, Counted, Meter
from bot.policy import CALLS, MESSAGES
from bot.records.calls import (
    CALL_MOVES,
    ActionKind,
    Call,
    Callback,
    CallDirection,
    CallStatus,
    CallSummary,
    ProcessingStatus,
    TranscriptSegment,
)
from bot.records.conversations import Conversation, Direction, Message, Outcome
from bot.records.handoffs import Cause, Handoff
from bot.records.leads import LEAD_MOVES, Lead, LeadStatus
from bot.records.people import Consent, ConsentState, Customer
from bot.records.tickets import Ticket
from bot.resources import LANGUAGES
from bot.services.action_items import ActionItems
from bot.services.call_jobs import SUMMARY_JOB, pending, put_jobs
from bot.services.call_reading import CallFacts, CallReader, CallReading, Taken, is_midway, read_by_rules
from bot.services.call_text import joined, segments_of, spoken_in, transcript_of
from bot.services.capture import Capture
from bot.services.conversations import Conversations
from bot.services.leads import Leads
from bot.services.sentiment import score_of
from bot.services.settings import SystemSettings
from bot.services.spending import Spending
from bot.store.base import Change, In, Store, Unit

log = structlog.get_logger()

_UNDONE = In([ProcessingStatus.PENDING, ProcessingStatus.PROCESSING, ProcessingStatus.FAILED])
_INTENT = 50


class CallFiling:
    """The handlers of the jobs, and how they are begun."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        jobs: Jobs,
        live: Live,
        settings: SystemSettings,
        spending: Spending,
        conversations: Conversations,
        leads: Leads,
        capture: Capture,
        items: ActionItems,
        reader: CallReader | None = None,
        meter: Meter = KEEPS_NOTHING,
    ) -> None:
        self._store = store
        self._clock = clock
        self._jobs = jobs
        self._live = live
        self._settings = settings
        self._spending = spending
        self._conversations = conversations
        self._leads = leads
        self._capture = capture
        self._items = items
        self._reader = reader
        self._meter = meter

    async def ended(self, call_id: str) -> bool:
        """A call is over: what follows is planned, unless it was with its end (`PhoneCalls.move`); whether it was just now.

        Raises NotFound.
        """
        call = await self._call(call_id)
        if CALL_MOVES[call.status]:
            return False
        unit = Unit()
        if news := pending(call):
            unit.add(Change(Call, {"id": call.id}, set=news))
        put_jobs(unit, self._jobs, call.id)
        try:
            await self._store.commit(unit)
        except Duplicate:
            return False
        return True

    # The transcript

    async def transcribe(self, payload: Mapping[str, Any]) -> None:
        """The handler of the first job. Raises NotFound where there is no timeline."""
        call = await self._call(payload["call"])
        if call.started_at is None:
            await self._close(call)
            self._count(call, str(call.status))
            return
        if call.transcript is not None and call.transcript.status is ProcessingStatus.COMPLETED:
            await self._close(call)
            return
        began = self._clock.monotonic()
        await self._set(call, "transcript.status", ProcessingStatus.PROCESSING)
        conversation = await self._conversation(call)
        pairs = segments_of(call, await spoken_in(self._store, conversation.id))
        segments = [segment for _, segment in pairs]
        transcript = transcript_of(conversation, segments)
        transcript.processed_at = self._clock.now()
        transcript.processing_time = round(self._clock.monotonic() - began, 3)
        unit = Unit(
            Change(Call, {"id": call.id, "transcript.status": _UNDONE}, set={"transcript": transcript}, must=1),
            Change(Conversation, {"id": conversation.id}, set={"transcript": joined(segments)}),
        )
        for message, segment in pairs:  # also those that nobody has timed: they lie within the call
            times = {"start_time": int(segment.start_time or 0), "end_time": int(segment.end_time or 0)}
            feeling = {"sentiment_score": score_of(message.content)} if message.direction is Direction.INBOUND else {}
            unit.add(Change(Message, {"id": message.id}, set={**times, **feeling}))
        self._jobs.add(unit, SUMMARY_JOB, {"call": call.id}, id=f"{SUMMARY_JOB}:{call.id}")
        await self._store.commit(unit)
        await self._close(call)
        self._live.tell(conversation.lane)

    async def not_transcribed(self, payload: Mapping[str, Any]) -> None:
        """It failed too often: the transcript says so, and no summary begins (S1-072)."""
        await self._set(await self._call(payload["call"]), "transcript.status", ProcessingStatus.FAILED)

    # The summary

    async def sum_up(self, payload: Mapping[str, Any]) -> None:
        """The handler of the second job: everything that is made of the transcript, in one unit."""
        call = await self._call(payload["call"])
        if call.transcript is None or call.transcript.status is not ProcessingStatus.COMPLETED:
            return
        if call.ai_summary is not None and call.ai_summary.status is ProcessingStatus.COMPLETED:
            return
        began = self._clock.monotonic()
        await self._set(call, "ai_summary.status", ProcessingStatus.PROCESSING)
        conversation = await self._conversation(call)
        facts = await self._facts(call, conversation, call.transcript.segments)
        reading, taken = await self._read(conversation, facts)
        unit = Unit()
        by_rule = await self._settings.value("call_action_items") == "rule"
        items = await self._items.made_of(unit, call, facts, reading.wanted, by_rule=by_rule)
        is_booked = any(item.became and item.kind is ActionKind.CALLBACK for item in items)
        outcome = Outcome.CALLBACK if is_booked and not facts.opted_out else reading.outcome
        summary = CallSummary(
            status=ProcessingStatus.COMPLETED,
            model=reading.model,
            summary=reading.summary,
            key_points=reading.key_points,
            action_items=items,
            sentiment=reading.sentiment,
            topics=reading.topics,
            next_steps=reading.next_steps,
            opportunities=reading.opportunities,
            generated_at=self._clock.now(),
            processing_time=round(self._clock.monotonic() - began, 3),
        )
        unit.first(Change(Call, {"id": call.id, "ai_summary.status": _UNDONE}, set={"ai_summary": summary}, must=1))
        self._file(unit, conversation, reading, outcome, taken)
        await self._move_lead(unit, call, outcome)
        await self._store.commit(unit)
        self._count(call, str(outcome))
        self._live.tell(conversation.lane)

    async def not_summed_up(self, payload: Mapping[str, Any]) -> None:
        """It failed too often."""
        await self._set(await self._call(payload["call"]), "ai_summary.status", ProcessingStatus.FAILED)

    async def _read(self, conversation: Conversation, facts: CallFacts) -> tuple[CallReading, Taken]:
        """By the model, where one is wanted, paid for and answers; else by rules."""
        taken = Taken()
        if self._reader is not None and facts.said and await self._settings.value("call_summary") == "model":
            budget = await self._spending.budget(conversation)
            if not budget.used_up(0):
                reading, taken = await self._reader.read(facts)
                budget.charge(taken.micros)
                if reading is not None:
                    return reading, taken
                log.warning("no summary of a call by the model; an extract takes its place", conversation=conversation.id)
        return read_by_rules(facts), taken

    async def _facts(self, call: Call, conversation: Conversation, segments: Sequence[TranscriptSegment]) -> CallFacts:
        """What is on record of what was done in the call."""
        spoken = await spoken_in(self._store, conversation.id)
        since = call.started_at or call.ended_at or self._clock.now()
        return CallFacts(
            language=conversation.language if conversation.language in LANGUAGES else LANGUAGES[0],
            segments=segments,
            ended_at=call.ended_at or self._clock.now(),
            callbacks=await self._booked(call, conversation),
            tickets=await self._store.find(Ticket, {"conversation_id": conversation.id}, limit=10),
            opted_out=await self._opted_out(call, since),
            person_asked=conversation.assignee_kind is not AssigneeKind.AGENT,
            midway=is_midway(bool(spoken) and spoken[-1].interrupted, segments),
            failed=call.status is CallStatus.FAILED,
        )

    async def _booked(self, call: Call, conversation: Conversation) -> list[Callback]:
        where = {"customer_id": call.customer_id} if call.customer_id is not None else {"lead_id": call.lead_id}
        if None in where.values():
            return []
        found = await self._store.find(Callback, where)
        return [callback for callback in found if callback.conversation_id == conversation.id]

    async def _opted_out(self, call: Call, since: datetime) -> bool:
        if call.customer_id is None:
            return False
        where = {"customer_id": call.customer_id, "purpose": In([MESSAGES, CALLS])}
        found = await self._store.find(Consent, where)
        until = call.ended_at or self._clock.now()
        return any(one.state is ConsentState.WITHDRAWN and since <= one.at <= until for one in found)

    def _file(self, unit: Unit, conversation: Conversation, reading: CallReading, outcome: Outcome, taken: Taken) -> None:
        """What the conversation says of the call."""
        score = reading.sentiment.score or 0.0
        news = {"outcome": outcome, "sentiment_score": _hundredths(score)}
        if reading.intent:
            news["intent"] = reading.intent[:_INTENT]
        unit.add(Change(Conversation, {"id": conversation.id}, set=news))
        spent = {"model_steps": taken.steps, "input_tokens": taken.input_tokens, "output_tokens": taken.output_tokens}
        self._conversations.said(unit, conversation, (), {**spent, "micros": taken.micros})

    async def _move_lead(self, unit: Unit, call: Call, outcome: Outcome) -> None:
        """Forward only (S5-025). A number that a call to us shows is nobody's proof: it rejects no lead."""
        lead = await self._lead_of(call)
        if lead is None:
            return
        is_refusal = outcome is Outcome.NOT_INTERESTED and call.direction is CallDirection.OUTBOUND
        to = LeadStatus.REJECTED if is_refusal else LeadStatus.CONTACTED
        if lead.status is LeadStatus.REJECTED and outcome not in (Outcome.INTERESTED, Outcome.CALLBACK):
            return
        if to in LEAD_MOVES[lead.status]:
            self._leads.put_status(unit, lead, to, "system", f"call: {outcome}")

    async def _lead_of(self, call: Call) -> Lead | None:
        if call.lead_id is not None:
            return await self._store.get(Lead, call.lead_id)
        customer = await self._store.get(Customer, call.customer_id or "")
        try:
            return await self._capture.lead_of(customer) if customer is not None else None
        except ServiceError:
            return None  # no number of theirs is on record

    async def _close(self, call: Call) -> None:
        """The conversation of a call is over with it, unless people of ours have it or are waited for."""
        conversation = await self._store.get(Conversation, call.conversation_id or "")
        if conversation is None or conversation.openness != "open" or conversation.assignee_kind is not AssigneeKind.AGENT:
            return
        try:
            if conversation.flow is not None and (queue := await self._left_waiting(conversation)) is not None:
                unit, why = Unit(), "hung up before anybody was free, and before a call back was booked"
                self._conversations.assign(unit, conversation, queue, by="system", reason=why, cause=Cause.ASKED)
                unit.add(Change(Conversation, {"id": conversation.id}, set={"flow": None}))
                await self._store.commit(unit)
            else:
                await self._conversations.close(conversation, by="system", reason="the call is over")
        except (Conflict, MoveRefused):
            log.info("the conversation of a call stays open: somebody has it", call=call.id)

    async def _left_waiting(self, conversation: Conversation) -> Queue | None:
        """The queue in which they waited for a person whom they never got: the desk has to see that they did."""
        note = conversation.handoff
        if note is None or note.cause is not Cause.HANDED_BACK or note.by != "system":
            return None
        last = await self._store.find(Handoff, {"conversation_id": conversation.id}, sort=("-at",), limit=1)
        return Queue(last[0].from_name) if last and last[0].from_kind is AssigneeKind.QUEUE else None

    async def _set(self, call: Call, name: str, status: ProcessingStatus) -> None:
        part = name.partition(".")[0]
        if getattr(call, part) is not None:
            await self._store.change(Call, {"id": call.id, name: _UNDONE}, set={name: status})

    async def _call(self, call_id: str) -> Call:
        call = await self._store.get(Call, call_id)
        if call is None:
            raise NotFound(f"there is no call {call_id}")
        return call

    async def _conversation(self, call: Call) -> Conversation:
        found = await self._store.get(Conversation, call.conversation_id or "")
        if found is None:
            raise NotFound(f"call {call.id} has no conversation, so nothing is known of what was said")
        return found

    def _count(self, call: Call, outcome: str) -> None:
        self._meter.count(Counted.CALLS, str(call.direction or "unknown"), outcome)


def _hundredths(score: float) -> Decimal:
    return round(min(Decimal(1), max(Decimal(-1), Decimal(str(score)))), 2)
