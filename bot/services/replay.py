"""What happened in a conversation, turn by turn: heard, decided, called, written, said, refused; with times and costs.

Read from the timeline, the journal and the outbox; for `bot replay` and, later, the desk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bot.errors import NOT_DONE
from bot.records.conversations import Conversation, Direction, Message
from bot.records.work import Delivery, DeliveryState, JournalKind, JournalRow
from bot.services.spending import dollars
from bot.store.base import Store

_LONGEST = 300
"""Characters of one text that are shown."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the replay."""

    turn_id: str
    what: str
    """`heard`, `answer` (to a question of the runtime's), `decided`, `called`, then `gave`, `asked` (the person is to confirm it)
    or `refused`, `handed`, `said`, `ended`."""
    text: str


async def replay(store: Store, conversation: Conversation, limit: int = 500) -> list[Event]:
    """The events of the conversation's newest messages, oldest first. The text of each is one line."""
    where = {"conversation_id": conversation.id}
    newest = await store.find(Message, where, sort=("-timestamp",), limit=limit)
    messages = sorted(newest, key=lambda message: (message.timestamp, message.id))
    steps = await store.find(JournalRow, where)
    deliveries = {delivery.message_id: delivery for delivery in await store.find(Delivery, where)}
    by_turn = {turn: list(rows) for turn, rows in groupby(sorted(steps, key=_place), key=lambda row: row.turn_id)}
    events: list[Event] = []
    for turn, of_turn in groupby(messages, key=lambda message: message.turn_id or ""):
        events.extend(_events(turn, list(of_turn), by_turn.pop(turn, []), deliveries))
    return events


def total(conversation: Conversation) -> str:
    """What the model has taken for the whole conversation, and of it for its last day."""
    cost = conversation.cost
    of_day = f", {dollars(cost.day_micros)} of it on {cost.day}" if cost.day else ""
    return f"{dollars(cost.micros)}{of_day}  [{cost.model_steps} steps, {cost.input_tokens + cost.output_tokens} tokens]"


def _events(
    turn: str, messages: Sequence[Message], steps: Sequence[JournalRow], deliveries: dict[str, Delivery]
) -> Iterator[Event]:
    """One turn in the order in which it came about."""
    for message in messages:
        if message.direction is Direction.INBOUND:
            yield Event(turn, "heard", _line(message.content))
    for row in steps:
        yield from _decided(row)
    for message in messages:
        if message.direction is Direction.OUTBOUND:
            yield Event(turn, "said", _said(message, deliveries.get(message.id)))
    yield from (Event(turn, "ended", _ending(row.body)) for row in steps if row.kind is JournalKind.END)


def _place(row: JournalRow) -> tuple[str, int]:
    return row.turn_id, row.step


def _decided(row: JournalRow) -> Iterator[Event]:
    if row.kind is JournalKind.MODEL:
        yield Event(row.turn_id, "decided", _step(row.body))
    elif row.kind is JournalKind.TOOL:
        yield from _called(row.turn_id, row.body)
    elif row.kind is JournalKind.FLOW:
        yield Event(row.turn_id, "answer", row.body.get("outcome") or _outcome(row.body))


def _outcome(body: dict[str, Any]) -> str:
    """What became of a question whose flow does not say it."""
    if body["told"] or body["call"]:
        return "to the agent"
    return "asked on" if body["state"] else "over"


def _called(turn: str, body: dict[str, Any]) -> Iterator[Event]:
    """A call, and what came of it."""
    yield Event(turn, "called", f"{body['tool']}({_arguments(body['arguments'])})")
    if body.get("flow"):
        yield Event(turn, "asked", " / ".join(_line(reply["text"]) for reply in body["replies"]))
    else:
        reason = body["result"].removeprefix(NOT_DONE)
        what = "gave" if reason == body["result"] else "refused"
        yield Event(turn, what, f"{_line(reason)}  [{_seconds(body)}]")
    if body.get("assignee"):
        yield Event(turn, "handed", f"to {body['assignee']['kind']}:{body['assignee']['name']}: {_line(body['reason'])}")


def _step(body: dict[str, Any]) -> str:
    calls = ", ".join(call["name"] for call in body["calls"])
    words = _line(body["text"]) or (f"to call {calls}" if calls else "nothing")
    tokens = f"{body['inputTokens']}+{body['outputTokens']} tokens"
    return f"{words}  [{body['model'] or 'model'}, prompt {body['prompt']}, {tokens}, {_seconds(body)}]"


def _ending(body: dict[str, Any]) -> str:
    cost = f", {dollars(body['micros'])}" if body.get("micros") else ""
    how = "gave up" if body["trouble"] else "without a model" if body["offline"] else "answered"
    if body["trouble"] and body["reason"]:
        how = f"{how}: {body['reason']}"
    tokens = body["inputTokens"] + body["outputTokens"]
    return f"{how}  [{body['steps']} steps, {tokens} tokens{cost}, {_seconds(body)}]"


def _said(message: Message, delivery: Delivery | None) -> str:
    state = f"{delivery.state}" if delivery else str(message.status)
    why = f": {delivery.error}" if delivery and delivery.error and delivery.state is not DeliveryState.SENT else ""
    again = f", sent again {delivery.resends} times" if delivery and delivery.resends else ""
    return f"{_line(message.content)}  [{message.sender}, {state}{why}{again}]"


def _arguments(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}"[:_LONGEST] for name, value in arguments.items())


def _seconds(body: dict[str, Any]) -> str:
    return f"{body['seconds']:.2f} s"


def _line(text: str) -> str:
    line = " / ".join(part for part in text.splitlines() if part.strip())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
