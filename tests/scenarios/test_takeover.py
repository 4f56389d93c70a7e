"""An operator takes over: from that instant no AI reply is claimed any more."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.conversation import OperatorRef, Queue
from bot.dialogs.llm import ModelRequest, ModelStep
from bot.errors import EpochMoved
from bot.message import Address, Reply
from bot.records.conversations import Conversation, MessageStatus
from bot.records.tickets import Ticket
from bot.records.work import Author, Delivery, DeliveryState, JournalKind, JournalRow
from bot.store.base import Change, Insert, Unit
from bot.testing.channel import Spoken
from bot.testing.llm import Called, Calls, Said, ScriptedModel, Step
from bot.testing.scene import Scene, ScenePerson, open_scene
from tests.scenarios.helpers import ANA, HeldModel, deliveries, hand_back, operator_says, put_in_outbox, said, take_over, until

pytestmark = pytest.mark.scenario


async def test_a_take_over_while_the_model_thinks_discards_its_reply(tmp_path: Path) -> None:
    model = HeldModel("hard", Said("The AI's answer."))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await take_over(scene, ana)
        model.go.set()
        await ana.hears_nothing()
        assert [message.content for message in await ana.timeline()] == ["A hard question."]
        assert await deliveries(scene, ana) == []
        assert await ana.journal(JournalKind.END) == []
        await operator_says(scene, ana, "I am Eva, I look into it.")
        await ana.hears("I am Eva")


async def test_a_take_over_while_the_model_thinks_stops_its_tools(tmp_path: Path) -> None:
    model = HeldModel("hard", Called("create_ticket", subject="a", description="b"))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await take_over(scene, ana)
        model.go.set()
        await ana.hears_nothing()
        assert await ana.tickets() == []


@pytest.mark.parametrize("is_given_back", [True, False])
async def test_what_changes_hands_before_a_turn_is_heard_is_for_whoever_holds_it_then(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, is_given_back: bool
) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."), *([Said("The AI's answer.")] if is_given_back else []))
    await ana.says("Hi.")
    await ana.hears("Hello")
    commit, taken = scene.app.store.commit, list[str]()

    async def slow(unit: Unit) -> None:
        """An operator is faster than the commit with which the turn begins."""
        hears = any(isinstance(one, Insert) and isinstance(one.record, JournalRow) for one in unit.operations)
        if hears and not taken:
            taken.append("by op-1")
            await take_over(scene, ana)
            if is_given_back:
                await hand_back(scene, ana)
        await commit(unit)

    monkeypatch.setattr(scene.app.store, "commit", slow)
    await ana.says("Are you there?")
    await (ana.hears("The AI's answer") if is_given_back else ana.hears_nothing())
    assert taken == ["by op-1"]
    assert [message.content for message in await ana.timeline()][2] == "Are you there?"


class Endless:
    """A model that talks and talks, and notes when it is left."""

    def __init__(self) -> None:
        self.words = 0
        self.left = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        try:
            while True:
                self.words += 1
                yield "word "
                await asyncio.sleep(0)
        finally:
            self.left = True

    async def close(self) -> None:
        return


async def test_a_take_over_leaves_the_models_stream_within_a_second_and_nothing_is_said(tmp_path: Path) -> None:
    model = Endless()
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await until(lambda: model.words > 100)
        await scene.clock.advance(1)  # somebody looks, and nobody has taken over
        assert not model.left
        await take_over(scene, ana)
        await scene.clock.advance(1)
        await until(lambda: model.left)
        await ana.hears_nothing()
        assert [message.content for message in await ana.timeline()] == ["A hard question."]
        assert (await ana.journal(JournalKind.END), await deliveries(scene, ana)) == ([], [])
        assert (await ana.conversation()).assignee == OperatorRef("op-1")


async def test_a_further_message_is_no_reason_to_stop_thinking(tmp_path: Path) -> None:
    """Only a change of hands is: the next message is the next turn."""
    model = HeldModel("hard", Said("The answer."))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await ana.says("And another.")
        await scene.clock.advance(5)
        model.script.will(Said("And the other answer."))
        model.go.set()
        await ana.hears("The answer")
        await ana.hears("the other answer")


async def test_messages_after_a_discarded_turn_are_recorded_for_the_operator(tmp_path: Path) -> None:
    model = HeldModel("hard", Said("The AI's answer."))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await ana.says("And another.")
        await take_over(scene, ana)
        model.go.set()
        await ana.hears_nothing()
        assert [message.content for message in await ana.timeline()] == ["A hard question.", "And another."]


async def test_a_take_over_after_the_turns_end_and_before_the_claim_refuses_the_reply(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    [ai] = await put_in_outbox(scene, ana, "The AI's answer.", author=Author.AI)
    [system] = await put_in_outbox(scene, ana, "We are closed tomorrow.", author=Author.SYSTEM)
    await take_over(scene, ana)
    await operator_says(scene, ana, "I am Eva.")
    await scene.settle()
    assert said(scene) == ["Hello.", "We are closed tomorrow.", "I am Eva."]
    refused, done, _ = (await deliveries(scene, ana))[1:]
    assert (refused.id, refused.state, refused.error_code) == (ai, DeliveryState.REFUSED, "epoch")
    assert (done.id, done.state) == (system, DeliveryState.SENT)
    assert [message.status for message in await ana.timeline() if message.content == "The AI's answer."] == [MessageStatus.FAILED]


async def test_the_words_of_the_turn_that_hands_off_are_still_said(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("hand_to_person", reason="wants one"))
    await ana.says("A person, please.")
    await ana.hears("passing you")

    bo = scene.person("12025550199", name="Bo")
    scene.model.will(Calls(Called("hand_to_person", reason="upset"), said="I am sorry about this."))
    await bo.says("I want to talk to somebody.")
    await bo.hears("I am sorry about this")
    await bo.hears("passing you")
    assert (await bo.conversation()).assignee == Queue("support")
    assert [delivery.epoch for delivery in await deliveries(scene, bo) if delivery.author is Author.AI] == [1]


async def test_a_take_over_right_after_a_handoff_refuses_the_ais_words_but_not_the_systems(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    held = asyncio.Event()
    post = scene.channel.send

    async def waits(to: Address, reply: Reply, tracker: str) -> str:
        await held.wait()
        return await post(to, reply, tracker)

    scene.channel.send = waits  # type: ignore[method-assign]
    await operator_says(scene, ana, "(first, something slow)")
    scene.model.will(Calls(Called("hand_to_person", reason="upset"), said="I am sorry about this."))
    await ana.says("I want to talk to somebody.")
    await scene.clock.advance(1)
    async with asyncio.timeout(5):
        while (await ana.conversation()).epoch == 0:
            await asyncio.sleep(0.001)
    await take_over(scene, ana)
    held.set()
    await scene.settle()
    assert [text[:11] for text in said(scene)] == ["Hello.", "(first, som", "I am passin"]


async def test_one_that_is_being_posted_at_the_take_over_is_recorded_as_said(scene: Scene) -> None:
    ana = scene.person(ANA)
    post = scene.channel.send

    async def taken_over_meanwhile(to: Address, reply: Reply, tracker: str) -> str:
        await take_over(scene, ana)
        return await post(to, reply, tracker)

    scene.channel.send = taken_over_meanwhile  # type: ignore[method-assign]
    scene.model.will(Said("Just in time."))
    await ana.says("Hi.")
    await ana.hears("Just in time")
    assert (await ana.timeline())[-1].status is MessageStatus.SENT


async def test_of_two_operators_one_gets_the_conversation(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    await ana.says("Hi.")
    await ana.hears("Hello")
    conversation = await ana.conversation()
    units = []
    for name in ("eva", "tom"):
        unit = Unit()
        scene.app.conversations.assign(unit, conversation, OperatorRef(name), by=f"user:{name}", reason="mine")
        units.append(unit)
    results = await asyncio.gather(*(scene.app.store.commit(unit) for unit in units), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["EpochMoved", "NoneType"]
    assert isinstance(next(result for result in results if result), EpochMoved)
    after = await ana.conversation()
    assert (after.epoch, after.assigned_agent in ("eva", "tom")) == (1, True)


class Dawdling:
    """A model that takes its time and opens a ticket, says something or hands off, as chance will have it."""

    def __init__(self, chance: random.Random, dawdle: Callable[[], Awaitable[None]]) -> None:
        self._chance = chance
        self._dawdle = dawdle

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        await self._dawdle()
        steps: list[Step] = [Said("Your answer."), Called("create_ticket", subject="s", description=str(self._chance.random()))]
        if self._chance.random() < 0.1:
            steps = [Called("hand_to_person", reason="by chance")]
        step = Said("Done.") if request.messages[-1]["role"] == "tool" else self._chance.choice(steps)
        async for item in ScriptedModel(step).stream(request):
            yield item
        await self._dawdle()

    async def close(self) -> None:
        return


class Watched:
    """Writes down when take-overs were committed and which claims began after that."""

    def __init__(self, scene: Scene) -> None:
        self._commit = scene.app.store.commit
        self.claims: list[tuple[str, set[str]]] = []
        """Deliveries that were claimed, each with the conversations that had been taken over before its claim began."""
        self.taken: set[str] = set()
        scene.app.store.commit = self.commit  # type: ignore[method-assign]

    async def commit(self, unit: Unit) -> None:
        changes = (step for step in unit.operations if isinstance(step, Change) and step.kind is Delivery)
        claimed = [str(step.where["id"]) for step in changes if step.set.get("state") is DeliveryState.SENDING]
        taken_before = set(self.taken)
        await self._commit(unit)
        self.claims += [(id_, taken_before) for id_ in claimed]


@pytest.mark.parametrize("seed", range(6))
async def test_after_the_commit_of_a_take_over_no_ai_delivery_is_ever_claimed(tmp_path: Path, seed: int) -> None:
    """40 conversations a seed, each with a take-over at a moment of its own: 240 interleavings with turns, tools and sends."""
    chance = random.Random(seed)

    async def dawdle() -> None:
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() * 0.01)

    model = Dawdling(chance, dawdle)
    async with open_scene(tmp_path, model=model, quiet_ms=0) as scene:
        watched = Watched(scene)
        post = scene.channel.send

        async def send(to: Address, reply: Reply, tracker: str) -> str:
            await dawdle()
            return await post(to, reply, tracker)

        scene.channel.send = send  # type: ignore[method-assign]
        people = [scene.person(f"1202555{number:04d}") for number in range(40)]

        async def live(person: ScenePerson) -> tuple[str, int]:
            await person.says("hello")
            async with asyncio.timeout(8):
                while not await scene.app.store.find(Conversation, {"lane": person.address.lane, "openness": "open"}):
                    await asyncio.sleep(0.001)
            await dawdle()
            await person.says("and more")
            await asyncio.sleep(chance.random() * 0.15)
            while True:
                try:
                    await take_over(scene, person)
                    break
                except EpochMoved:
                    continue
            conversation = (await person.conversation()).id
            watched.taken.add(conversation)
            await person.says("still there?")
            return conversation, len([spoken for spoken in scene.channel.spoken if spoken.to == person.address])

        taken = await asyncio.gather(*(live(person) for person in people))
        await scene.passes(30)
        assert watched.taken == {conversation for conversation, _ in taken}
        for person in people:
            conversation = await person.conversation()
            assert conversation.assignee == OperatorRef("op-1")
            every = {delivery.id: delivery for delivery in await deliveries(scene, person)}
            late = [every[id_] for id_, taken_before in watched.claims if id_ in every and conversation.id in taken_before]
            assert [delivery.reply for delivery in late if delivery.author is Author.AI] == []
            assert all(delivery.openness == "closed" for delivery in every.values())
            refused = [delivery for delivery in every.values() if delivery.state is DeliveryState.REFUSED]
            assert {delivery.error_code for delivery in refused} <= {"epoch"}
            assert len(spoken_ids(scene, person)) == len(set(spoken_ids(scene, person)))
            heard = [message.content for message in await person.timeline() if message.sender == "customer"]
            assert heard == ["hello", "and more", "still there?"]
            assert conversation.message_count == len(await person.timeline())
            tickets = await scene.app.store.find(Ticket, {"customer_id": conversation.customer_id})
            assert len(tickets) <= 3


def spoken_ids(scene: Scene, person: ScenePerson) -> list[str]:
    spoken: list[Spoken] = scene.channel.spoken
    return [item.tracker for item in spoken if item.to == person.address]
