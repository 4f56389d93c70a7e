"""What came of a telephone call: how it is filed, how its turns went, what is to be done, its recording."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from bot.records.calls import ActionItem, ActionItemStatus, ActionKind, CallTurn, ProcessingStatus, RecordingStatus
from bot.records.conversations import Outcome
from bot.records.fields import Sentiment
from bot.services.call_view import CallView
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At, Id, Moment
from bot.web.site import Site

READ, WRITE, DELETE = "read:calls", "write:calls", "assign:conversations"


class Item(Model):
    id: str | None
    description: str
    kind: ActionKind | None
    """What it becomes."""
    priority: str | None
    due: At | None
    status: ActionItemStatus
    became: str | None
    """Id of the ticket or callback that was made of it."""
    decided_by: str | None


class Feeling(Model):
    overall: Sentiment
    score: float | None
    """-1 to 1."""
    positive: float | None
    neutral: float | None
    negative: float | None
    """Shares of what they said; the three sum to 1."""
    liked: list[str]
    concerns: list[str]


class Chance(Model):
    type: str
    description: str | None
    estimated_value: float | None
    probability: float | None


class Turn(Model):
    number: int
    line: str
    """`gather`, `relay` or `stream`."""
    ended: float
    """When the person stopped speaking, in seconds of the call."""
    transcript_ms: float | None
    first_token_ms: float | None
    first_audio_ms: float | None
    """Milliseconds from there."""
    interrupted: bool
    heard_ratio: float | None


class Results(Model):
    transcript: ProcessingStatus | None
    summary_status: ProcessingStatus | None
    made_by: str | None
    """The model, or `rules`."""
    outcome: Outcome | None
    intent: str | None
    sentiment: Feeling | None
    summary: str
    key_points: list[str]
    action_items: list[Item]
    topics: list[str]
    next_steps: str
    opportunities: list[Chance]
    recording: RecordingStatus | None
    recording_seconds: int | None
    recording_link: str | None
    line_cost: str | None
    line_cost_unit: str | None
    turns: list[Turn]


class Accept(Model):
    assignee_id: Annotated[str | None, Field(max_length=200)] = None
    """The user whom the ticket is given to."""
    due: Moment | None = None
    """When they are to be called, where the item says no time, or another one."""


class CallResults:
    def __init__(self, site: Site) -> None:
        self._after = site.parts.after_call

    @endpoint("GET", "/calls/{id}/results", READ)
    async def results(self, call: Call, id: Id) -> Results:
        """What came of a call; what is not known yet is null or empty."""
        return _results(await self._after.views.of(id))

    @endpoint("POST", "/calls/{id}/action-items/{item}/accept", WRITE)
    async def accept(self, call: Call, id: Id, item: Id, body: Accept) -> Item:
        """Makes a ticket or a callback of what is to be done."""
        return _item(await self._after.items.accept(id, item, by=call.by, assignee_id=body.assignee_id, due=body.due))

    @endpoint("POST", "/calls/{id}/action-items/{item}/decline", WRITE)
    async def decline(self, call: Call, id: Id, item: Id) -> Item:
        """Says that nothing is to be done about it."""
        return _item(await self._after.items.decline(id, item, by=call.by))

    @endpoint("DELETE", "/calls/{id}/recording", DELETE)
    async def delete_recording(self, call: Call, id: Id) -> None:
        """Deletes the recording, here and at the provider's."""
        await self._after.recordings.delete(id, by=call.by)


def _results(view: CallView) -> Results:
    call, conversation = view.call, view.conversation
    summary, recording = call.ai_summary, call.recording
    return Results(
        transcript=call.transcript.status if call.transcript is not None else None,
        summary_status=summary.status if summary is not None else None,
        made_by=summary.model if summary is not None else None,
        outcome=conversation.outcome if conversation is not None else None,
        intent=conversation.intent if conversation is not None else None,
        sentiment=_feeling(view),
        summary=(summary.summary or "") if summary is not None else "",
        key_points=summary.key_points if summary is not None else [],
        action_items=[_item(item) for item in summary.action_items] if summary is not None else [],
        topics=summary.topics if summary is not None else [],
        next_steps=(summary.next_steps or "") if summary is not None else "",
        opportunities=[Chance(**one.model_dump()) for one in summary.opportunities] if summary is not None else [],
        recording=recording.status if recording is not None else None,
        recording_seconds=recording.duration if recording is not None else None,
        recording_link=view.recording_link,
        line_cost=_amount(call.call_cost),
        line_cost_unit=call.call_cost_unit,
        turns=[_turn(turn) for turn in view.turns],
    )


def _feeling(view: CallView) -> Feeling | None:
    sentiment = view.call.ai_summary.sentiment if view.call.ai_summary is not None else None
    if sentiment is None:
        return None
    shares, quoted = sentiment.breakdown, sentiment.highlights
    return Feeling(
        overall=sentiment.overall,
        score=sentiment.score,
        positive=shares.positive if shares is not None else None,
        neutral=shares.neutral if shares is not None else None,
        negative=shares.negative if shares is not None else None,
        liked=quoted.positive if quoted is not None else [],
        concerns=quoted.concerns if quoted is not None else [],
    )


def _item(item: ActionItem) -> Item:
    return Item(
        id=item.id,
        description=item.description,
        kind=item.kind,
        priority=item.priority,
        due=item.due_date,
        status=item.status,
        became=item.became,
        decided_by=item.decided_by,
    )


def _turn(turn: CallTurn) -> Turn:
    return Turn(
        number=turn.number,
        line=turn.line,
        ended=turn.ended,
        transcript_ms=turn.transcript_ms,
        first_token_ms=turn.first_token_ms,
        first_audio_ms=turn.first_audio_ms,
        interrupted=turn.interrupted,
        heard_ratio=turn.heard_ratio,
    )


def _amount(cost: Decimal | None) -> str | None:
    return str(cost) if cost is not None else None


def endpoints(site: Site) -> list[Endpoint]:
    return declared(CallResults(site))
