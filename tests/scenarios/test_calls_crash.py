"""The process dies right before or right after any write of what comes after a call: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from bot.dialogs.llm import ModelRequest, ModelStep
from bot.records.calls import Call, CallStatus, ProcessingStatus, RecordingStatus
from bot.records.conversations import Conversation, Outcome
from bot.records.media import MediaFile
from bot.records.tickets import Ticket
from bot.services.phone_provider import ProviderCall
from bot.testing.clock import ManualClock
from bot.testing.scene import Scene, open_scene
from tests.scenarios.test_crashes import Died, Doom
from tests.services.call_helpers import MP3, RECORDING, SID, Exchange, Talk, talk
from tests.services.test_call_filing import FORM

pytestmark = pytest.mark.scenario

NEWS = {"RecordingSid": RECORDING, "RecordingStatus": "completed", "RecordingDuration": "12"}
FILED = orjson.dumps(FORM | {"action_items": [{"kind": "ticket", "description": "Send the contract"}]}).decode()


class Clerk:
    """A model that fills in the same form whenever it is asked, in whatever life."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        text = FILED if request.schema is not None else "Of course."
        yield text
        yield ModelStep(text, model="clerk")

    async def close(self) -> None:
        return


async def end(scene: Scene, talking: Talk) -> None:
    """What the provider's webhooks do; it sends them again where they were not answered."""
    await scene.app.phone_calls.move(talking.call_id, CallStatus.COMPLETED)
    await scene.app.after_call.recordings.recorded(await talking.call(), NEWS)


async def live(folder: Path, doom: Doom) -> None:
    """A call ends, the process dies at that write, and another one begins."""
    clock = ManualClock()
    exchange = Exchange({SID: ProviderCall("completed", Decimal("-0.01"), "USD")}, {RECORDING: MP3})
    with suppress(Died):
        async with open_scene(folder, clock=clock, model=Clerk(), phone_provider=exchange) as scene:
            talking = await talk(scene)
            await talking.says("Send me the contract. Bye.")
            doom.over(scene)
            with suppress(Died):
                await end(scene, talking)
            for _ in range(7):
                await scene.passes(0 if doom.dead else 10)
            if doom.dead:
                raise Died
    async with open_scene(folder, clock=clock, model=Clerk(), phone_provider=exchange) as again:
        talking.scene = again
        await end(again, talking)
        await again.passes(75)
        await check(again, talking, exchange)


async def check(scene: Scene, talking: Talk, exchange: Exchange) -> None:
    store = scene.app.store
    call, conversation = await store.get(Call, talking.call_id), await store.get(Conversation, talking.conversation_id)
    assert call is not None
    assert conversation is not None
    assert call.transcript is not None
    assert call.ai_summary is not None
    assert call.recording is not None
    assert call.transcript.status is call.ai_summary.status is ProcessingStatus.COMPLETED
    [ticket] = await store.find(Ticket, {"conversation_id": conversation.id})
    assert [item.became for item in call.ai_summary.action_items] == [ticket.id]
    assert (conversation.outcome, conversation.openness) == (Outcome.INTERESTED, conversation.id)
    assert (call.recording.status, call.call_cost) == (RecordingStatus.AVAILABLE, Decimal("0.01"))
    [file] = await store.find(MediaFile, {"conversation_id": conversation.id})
    assert file.id == call.recording.media_id


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_what_comes_after_a_call_survives_a_crash_at_every_write(tmp_path: Path, after: bool) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, told: None)  # jobs that died are nobody's any more
    at, died = 0, True
    while died:
        at += 1
        doom = Doom(at, after)
        await live(tmp_path / str(at), doom)
        died = doom.dead
        gc.collect()
    assert at > 12
