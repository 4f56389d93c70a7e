"""Calls as the tests of what comes after them have them: begun, talked and ended on the real path, without a telephone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from bot.clock import new_id
from bot.conversation import Heard, Turn
from bot.errors import SendDelayed
from bot.message import InboundMessage, Text
from bot.records.calls import Call, CallDirection, CallStatus
from bot.records.conversations import Conversation, Message, MessageSender
from bot.services.phone_calls import address_of, sender_of
from bot.services.phone_provider import ProviderCall
from bot.testing.scene import Scene

OURS, THEIRS, SID = "+12025550100", "+12025550123", "CA00000000000000000000000000000001"
RECORDING = "RE00000000000000000000000000000001"
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(4000)


@dataclass
class Exchange:
    """A provider that knows what a test tells it, and can be away."""

    states: dict[str, ProviderCall] = field(default_factory=dict)
    recordings: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False

    async def call_state(self, sid: str) -> ProviderCall | None:
        self.asked.append(sid)
        self._require_there()
        return self.states.get(sid)

    async def fetch_recording(self, sid: str) -> AsyncIterator[bytes]:
        self.asked.append(sid)
        self._require_there()
        for start in range(0, len(self.recordings[sid]), 1000):
            yield self.recordings[sid][start : start + 1000]

    async def delete_recording(self, sid: str) -> None:
        self._require_there()
        self.recordings.pop(sid, None)
        self.deleted.append(sid)

    def _require_there(self) -> None:
        if self.is_away:
            raise SendDelayed("the provider is away")


class Mouth:
    """Speaks what is written: notes the messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def say(self, words: str) -> None:
        return

    def end(self) -> None:
        return

    def written(self, messages: Sequence[Message]) -> None:
        self.messages.extend(messages)


class Talk:
    """One call. Each thing that is said takes two seconds."""

    def __init__(self, scene: Scene, call: Call, conversation: Conversation) -> None:
        self.scene = scene
        self.call_id = call.id
        self.conversation_id = conversation.id
        self.address = address_of(OURS, call.external_call_id or "")
        self.second = 0.0

    async def says(self, words: str, *, confidence: float | None = 0.9) -> list[Message]:
        """They say something and hear the whole answer; the messages of the answer."""
        scene, start = self.scene, self.second
        await scene.clock.advance(2.0)
        self.second += 2.0
        content = Text(words, start=start, end=self.second, confidence=confidence)
        message = InboundMessage(new_id(), self.address, content, scene.clock.now(), sender_of(THEIRS))
        claim, mouth = await scene.app.lanes.turns.take(self.address.lane), Mouth()
        await scene.app.engine.turn(claim, Turn(self.address, (Heard(message.id, new_id(), message),)), mouth)
        await scene.app.lanes.turns.release(claim)
        for said in mouth.messages:
            await self.speaks(said)
        return mouth.messages

    async def speaks(self, message: Message, *, heard: str | None = None) -> None:
        """Something of ours is played; they have `heard` all of it, or only so much."""
        start = self.second
        await self.scene.clock.advance(2.0)
        self.second += 2.0
        await self.scene.app.phone_calls.spoke(message.id, start=start, end=self.second, heard=heard)

    async def ends(self, status: CallStatus = CallStatus.COMPLETED) -> None:
        """It is over, and nothing has been made of it yet."""
        assert await self.scene.app.phone_calls.move(self.call_id, status, provider_status=str(status))

    async def is_over(self, status: CallStatus = CallStatus.COMPLETED) -> Call:
        """It is over, and everything that comes at once has been made of it."""
        await self.ends(status)
        await self.scene.passes(10)
        return await self.call()

    async def call(self) -> Call:
        found = await self.scene.app.store.get(Call, self.call_id)
        assert found is not None
        return found

    async def conversation(self) -> Conversation:
        found = await self.scene.app.store.get(Conversation, self.conversation_id)
        assert found is not None
        return found

    async def said(self) -> list[Message]:
        """The timeline."""
        found = await self.scene.app.store.find(Message, {"conversation_id": self.conversation_id})
        return sorted(found, key=lambda message: message.id)

    async def of_ours(self) -> list[Message]:
        return [message for message in await self.said() if message.sender is not MessageSender.CUSTOMER]


async def talk(
    scene: Scene,
    *,
    sid: str = SID,
    theirs: str = THEIRS,
    direction: CallDirection = CallDirection.INBOUND,
    language: str = "en",
    answered: bool = True,
) -> Talk:
    """A call that has been answered."""
    calls = scene.app.phone_calls
    begun = await calls.begin(sid, ours=OURS, theirs=theirs, direction=direction, agent="support", language=language)
    if answered:
        await calls.move(begun.call.id, CallStatus.IN_PROGRESS)
    return Talk(scene, begun.call, begun.conversation)


async def later(scene: Scene, seconds: float) -> None:
    """So long afterwards: what fell due meanwhile happens then, and what recurs just once."""
    await scene.clock.advance(seconds)
    await scene.settle()
