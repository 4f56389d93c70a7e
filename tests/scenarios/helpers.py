"""What several scenarios need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace

from bot.conversation import AgentRef, Assignee, OperatorRef
from bot.dialogs.llm import Model, ModelRequest, ModelStep
from bot.dialogs.prompts import Agent
from bot.dialogs.router import Router
from bot.message import Reply
from bot.records.people import Consent
from bot.records.settings import SystemSetting
from bot.records.work import Author, Delivery
from bot.store.base import Unit
from bot.testing.llm import ScriptedModel, ScriptedStep
from bot.testing.scene import Scene, ScenePerson

ANA = "12025550123"
BO = "12025550124"


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits until something that other tasks do has happened."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.0005)


async def assign(scene: Scene, person: ScenePerson, to: Assignee) -> None:
    """What the desk does: one unit of its own, by compare-and-set."""
    unit = Unit()
    scene.app.conversations.assign(unit, await person.conversation(), to, by="user:op-1", reason="from the desk")
    await scene.app.store.commit(unit)


async def take_over(scene: Scene, person: ScenePerson) -> None:
    await assign(scene, person, OperatorRef("op-1"))


async def hand_back(scene: Scene, person: ScenePerson) -> None:
    await assign(scene, person, AgentRef("support"))


async def operator_says(scene: Scene, person: ScenePerson, text: str) -> None:
    conversation = await person.conversation()
    unit = Unit()
    scene.app.outbox.add(unit, conversation, [Reply(text)], Author.OPERATOR)
    await scene.app.store.commit(unit)
    await scene.app.outbox.wake(conversation.lane)


async def put_in_outbox(scene: Scene, person: ScenePerson, *texts: str, author: Author = Author.SYSTEM) -> list[str]:
    """Deliveries as a turn's end leaves them, not yet woken; their ids."""
    conversation = await person.conversation()
    ids = []
    for text in texts:
        unit = Unit()
        scene.app.outbox.add(unit, conversation, [Reply(text)], author, epoch=conversation.epoch)
        await scene.app.store.commit(unit)
        ids += [delivery.id for delivery in await deliveries(scene, person) if delivery.id not in ids]
    return ids[-len(texts) :]


async def deliveries(scene: Scene, person: ScenePerson) -> list[Delivery]:
    """Their deliveries, in the order in which they are to be said."""
    where = {"conversation_id": (await person.conversation()).id}
    return await scene.app.store.find(Delivery, where, sort=("position",))


async def consents(scene: Scene, person: ScenePerson) -> list[Consent]:
    found = await scene.app.store.find(Consent, {"customer_id": (await person.customer()).id, "purpose": "messages"})
    return sorted(found, key=lambda consent: consent.id)


async def set_setting(scene: Scene, key: str, value: object) -> None:
    await scene.app.store.upsert([SystemSetting(id=key, key=key, value=value)])
    await scene.passes(3)  # values are remembered for two seconds


def with_agents(scene: Scene, *agents: Agent) -> None:
    """These agents beside, or in place of, those of the prompt files; before anybody has written."""
    parts = scene.app.engine._parts
    put_agents(scene, {**parts.agents, **{agent.name: agent for agent in agents}})


def put_agents(scene: Scene, agents: Mapping[str, Agent]) -> None:
    """These agents in place of those of the prompt files."""
    parts = scene.app.engine._parts
    object.__setattr__(parts, "agents", agents)
    object.__setattr__(parts, "router", Router(agents))


def with_sales(scene: Scene) -> None:
    """`support` and `sales`, which hand on to each other."""
    support = scene.app.engine._parts.agents["support"]
    tools = ("hand_to_agent", "hand_to_person", "create_ticket", "book_callback")
    with_agents(
        scene,
        replace(support, tools=tuple({*support.tools, "hand_to_agent"}), handoffs=("sales",)),
        Agent("sales", "Sells.", tools, "sales-model", "You are the seller of {{ company }}.", "sales-hash", ("support",)),
    )


def said(scene: Scene) -> list[str]:
    """Everything that went out, to whomever."""
    return [spoken.reply.text for spoken in scene.channel.spoken]


class HeldModel:
    """A scripted model that thinks, for the conversations whose last message holds `word`, until `go` is set."""

    def __init__(self, word: str, *steps: ScriptedStep) -> None:
        self.script = ScriptedModel(*steps)
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self._word = word

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        if self._word in str(request.messages[-1]["content"]):
            self.asked.set()
            await self.go.wait()
        async for item in self.script.stream(request):
            yield item

    async def close(self) -> None:
        return


_: type[Model] = HeldModel
