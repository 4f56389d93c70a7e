"""A call as text: what the timeline of its conversation holds, in the order in which it was spoken (S1-071, S5-070)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.records.calls import Call, ProcessingStatus, Speaker, Transcript, TranscriptSegment
from bot.records.conversations import Conversation, Direction, Message
from bot.store.base import Store

MOST = 2000
"""Messages of one call that are read."""


async def spoken_in(store: Store, conversation_id: str) -> list[Message]:
    """The messages of a call that were really spoken, in the order in which they were written."""
    found = await store.find(Message, {"conversation_id": conversation_id}, sort=("timestamp",), limit=MOST)
    return [message for message in found if message.content.strip() and _was_said(message)]


def segments_of(call: Call, spoken: Sequence[Message]) -> list[tuple[Message, TranscriptSegment]]:
    """Each message with its segment, in the order of their beginnings; all of it lies within the call (S5-070)."""
    found = [(message, _segment(call, message)) for message in spoken]
    return sorted(found, key=lambda pair: (pair[1].start_time, pair[0].id))


def joined(segments: Sequence[TranscriptSegment]) -> str:
    """The text of a transcript: its segments, a line each."""
    return "\n".join(segment.text for segment in segments)


def transcript_of(conversation: Conversation, segments: Sequence[TranscriptSegment]) -> Transcript:
    """The transcript that these segments make; whoever keeps it says when it was made."""
    text = joined(segments)
    sure = [segment.confidence for segment in segments if segment.confidence is not None]
    return Transcript(
        status=ProcessingStatus.COMPLETED,
        language=conversation.language,
        text=text,
        confidence=round(sum(sure) / len(sure), 4) if sure else None,
        segments=list(segments),
        word_count=len(text.split()),
    )


def _was_said(message: Message) -> bool:
    """Of ours, only what was spoken has a time (`PhoneCalls.spoke`): the rest stood there, and nobody heard it."""
    return message.direction is Direction.INBOUND or message.start_time is not None


def _segment(call: Call, message: Message) -> TranscriptSegment:
    start = _within(call, message.start_time if message.start_time is not None else _offset(call, message))
    end = start if message.end_time is None else max(start, _within(call, message.end_time))
    is_theirs = message.direction is Direction.INBOUND
    return TranscriptSegment(
        speaker=Speaker.CUSTOMER if is_theirs else Speaker.AGENT,
        speaker_id=(message.customer_id if is_theirs else message.agent_id or str(message.sender)),
        text=message.content.strip(),
        start_time=start,
        end_time=end,
        confidence=message.confidence,
    )


def _offset(call: Call, message: Message) -> float:
    """By the clock on the wall, where nobody measured it: a line that is only asked from time to time cannot."""
    return (message.timestamp - call.started_at).total_seconds() if call.started_at is not None else 0.0


def _within(call: Call, second: float) -> float:
    end = float(call.duration) if call.duration is not None else second
    return min(max(0.0, float(second)), max(0.0, end))
