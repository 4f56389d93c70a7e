"""One turn, from heard to answered (DESIGN 2): the order of the checks is `Engine.turn`. It knows no vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import structlog

from bot.clock import Clock
from bot.conversation import Queue, Turn
from bot.dialogs.agent import AgentLoop
from bot.dialogs.flow import Flow, FlowTurn, Move, read, stored
from bot.dialogs.language import guess_language
from bot.dialogs.llm import ToolCall
from bot.dialogs.prompts import Agent
from bot.dialogs.task import Answer, Spent, Task
from bot.errors import EpochMoved, FenceLost
from bot.inbox import Inbox
from bot.journal import Guard, Journal, steps_of
from bot.memory.window import heard, recent
from bot.message import Receipt, Reply, Sender
from bot.outbox import Outbox
from bot.policy import Policy, Wish, is_blocked, wish_of
from bot.principal import PersonRef, strength_of
from bot.records.conversations import Conversation, FlowState, Message
from bot.records.people import Customer
from bot.records.work import Author, Fence, JournalKind
from bot.resources import say
from bot.services.conversations import Conversations, agent_of, is_held_by_ai
from bot.services.people import People
from bot.services.receipts import Receipts
from bot.services.settings import SystemSettings
from bot.services.spending import Spending
from bot.store.base import Change, Claim, In, Require, Store, Unit
from bot.tools.base import Services, ToolContext

log = structlog.get_logger()

_SAID = {Wish.STOP: "opted_out", Wish.RESUME: "resumed"}
_LOOK_SECONDS = 1.0
"""How often to look, while the model thinks, whether somebody has taken the conversation over."""
_LANGUAGES = {"es": "Spanish", "en": "English", "hi": "Hindi"}


@dataclass(frozen=True)
class Parts:
    """What the engine works with."""

    store: Store
    clock: Clock
    inbox: Inbox
    outbox: Outbox
    policy: Policy
    people: People
    conversations: Conversations
    receipts: Receipts
    settings: SystemSettings
    spending: Spending
    services: Services
    loop: AgentLoop
    agents: Mapping[str, Agent]
    flows: Mapping[str, Flow]
    company: str
    default_language: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a turn is about: who, where, what, and what an interrupted run of it has left behind."""

    claim: Claim
    turn: Turn
    customer: Customer
    conversation: Conversation
    journal: Journal
    language: str
    told_language: str | None
    """What their words have told so far; None while `language` is only the default."""
    flow: FlowState | None
    """What the conversation has been waiting for, if this turn is heard as an answer to it."""
    spent: Spent = field(default_factory=Spent)
    """What the model takes for it, also if somebody takes over and nothing of it is said."""


class Engine:
    """Runs turns. Every method raises FenceLost when the lane was lost meanwhile, and has then written nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def turn(self, claim: Claim, turn: Turn) -> int:
        """Hears a turn and answers it, or records why not; how many of its messages are now done.

        Fewer than all, when an interrupted run had frozen the turn with only the first ones.
        """
        scene = await self._enter(claim, turn)
        wishes = [wish for message in scene.turn.messages if (wish := wish_of(message))]
        if wishes:
            await self._obey(scene, Wish.STOP if Wish.STOP in wishes else wishes[-1])
        elif is_blocked(scene.customer) or not is_held_by_ai(scene.conversation):
            await self._end(scene, Unit())
        elif not await self._parts.settings.value("ai_response_enabled"):
            await self._queue(scene)
        else:
            await self._answer(scene)
        return len(scene.turn.heard)

    async def give_up(self, claim: Claim, turn: Turn, error: str) -> None:
        """A turn failed too often: its messages are set aside, the person is told, a person is asked to look."""
        scene = await self._enter(claim, turn)
        unit = Unit(_fence(claim))
        self._hear(scene, unit)
        unit.add(self._parts.inbox.dead(scene.turn.inbox_ids, error))
        replies = []
        if is_held_by_ai(scene.conversation):
            queue = _queue_of(self._parts)
            self._parts.conversations.assign(unit, scene.conversation, queue, by="system", reason="a turn failed too often")
            replies.append(Reply(say(scene.language, "trouble")))
        said = self._parts.outbox.add(unit, scene.conversation, replies, Author.SYSTEM, turn_id=scene.turn.id)
        self._parts.conversations.said(unit, scene.conversation, said)
        await self._parts.store.commit(unit)
        await self._parts.outbox.wake(scene.conversation.lane)

    async def notices(self, claim: Claim, received: Sequence[str]) -> None:
        """System events of a channel: noted, nothing to be done."""
        log.info("notices of a channel", count=len(received))
        await self._parts.store.commit(Unit(_fence(claim), self._parts.inbox.done(received)))

    async def receipts(self, claim: Claim, received: Sequence[tuple[str, Receipt]]) -> None:
        """Applies receipts, each given with the id of its inbox row, and finishes their rows."""
        unit = Unit(_fence(claim))
        lanes = {await self._parts.receipts.apply(unit, receipt) for _, receipt in received}
        unit.add(self._parts.inbox.done([inbox_id for inbox_id, _ in received]))
        await self._parts.store.commit(unit)
        for lane in lanes - {None}:
            await self._parts.outbox.wake(str(lane))

    async def _enter(self, claim: Claim, turn: Turn) -> Scene:
        parts = self._parts
        sender = next((m.sender for m in reversed(turn.messages) if m.sender != Sender()), Sender())
        customer, conversation, steps = await asyncio.gather(  # together they are one hop to the store
            parts.people.recognise(turn.address, sender, turn.messages[0].sent_at),
            parts.conversations.open_one(turn.address),
            steps_of(parts.store, turn),
        )
        conversation = conversation or await parts.conversations.current(customer, turn.address)
        guard = Guard((_fence(claim), Require(Conversation, {"id": conversation.id, "epoch": conversation.epoch}, EpochMoved)))
        journal = Journal(parts.store, parts.clock, turn, conversation.id, guard, steps)
        frozen = journal.heard()
        if frozen is not None:
            turn = turn.only(frozen)
        told = (
            guess_language(" ".join(m.content.as_text() for m in turn.messages), conversation.language) or conversation.language
        )
        flow = journal.flow() if frozen is not None else _awaited(conversation)
        return Scene(claim, turn, customer, conversation, journal, told or parts.default_language, told, flow)

    def _hear(self, scene: Scene, unit: Unit) -> None:
        """Records what was heard, unless an interrupted run has done so."""
        if scene.journal.heard() is None:
            self._parts.conversations.heard(unit, scene.conversation, scene.turn)
            self._parts.conversations.reopen(unit, scene.conversation)
        news: dict[str, Any] = {}
        if scene.told_language != scene.conversation.language:
            news["language"] = scene.told_language
        if scene.conversation.flow is not None and scene.journal.heard() is None:
            news["flow"] = None  # whatever is said takes the question off the table; who still waits asks again
        if news:
            unit.add(Change(Conversation, {"id": scene.conversation.id}, set=news))

    async def _end(self, scene: Scene, unit: Unit, *replies: Reply) -> None:
        """Finishes a turn without the agent, in one unit: what was heard, the fixed replies, the inbox rows."""
        self._hear(scene, unit)
        await self._finish(scene, unit, *replies)

    async def _finish(self, scene: Scene, unit: Unit, *replies: Reply) -> None:
        said = self._parts.outbox.add(unit, scene.conversation, replies, Author.SYSTEM, turn_id=scene.turn.id)
        self._parts.conversations.said(unit, scene.conversation, said)
        await self._commit(scene, unit, _fence(scene.claim))

    async def _obey(self, scene: Scene, wish: Wish) -> None:
        message = next(message for message in reversed(scene.turn.messages) if wish_of(message) is wish)
        unit = Unit()
        unit.insert(self._parts.policy.record(scene.customer.id, wish, message))
        await self._end(scene, unit, Reply(say(scene.language, _SAID[wish])))

    async def _queue(self, scene: Scene) -> None:
        """The AI is switched off for everybody (S2-194): a person will answer."""
        unit = Unit()
        self._hear(scene, unit)
        queue = _queue_of(self._parts)
        self._parts.conversations.assign(unit, scene.conversation, queue, by="system", reason="the AI is switched off")
        try:
            await self._finish(scene, unit, Reply(say(scene.language, "connecting")))
        except EpochMoved:
            await self._end(scene, Unit())  # an operator was faster

    async def _answer(self, scene: Scene) -> None:
        try:
            await self._freeze(scene)
            move = await self._advance(scene)
            if move is not None and not move.goes_to_agent:
                await self._say(scene, Answer(list(move.replies), flow=move.state))
                return
            if move is not None:
                scene = await self._after_flow(scene)
            answer = await self._led(scene, await self._task(scene, move or Move()))
            if move is not None:
                answer.replies[:0] = move.replies
                answer.flow = answer.flow or move.state
            await self._say(scene, answer)
        except EpochMoved:
            log.info("turn discarded: the conversation changed hands", turn=scene.turn.id, conversation=scene.conversation.id)
            unit = Unit()
            scene.journal.flush(unit)
            self._parts.conversations.said(unit, scene.conversation, (), scene.spent.amounts())
            await self._end(scene, unit)

    async def _freeze(self, scene: Scene) -> None:
        """From here on the turn consists of these messages, also after a crash; what comes later is the next turn."""
        if scene.journal.heard() is None:
            unit = Unit()
            self._hear(scene, unit)
            body: dict[str, Any] = {"inbox": list(scene.turn.inbox_ids)}
            if scene.flow is not None:
                body["flow"] = scene.flow.model_dump(mode="json")
            await scene.journal.commit(unit, scene.journal.row(JournalKind.HEARD, "", body))

    async def _advance(self, scene: Scene) -> Move | None:
        """What the flow that has been waiting makes of this turn, once; None where none has."""
        state = scene.flow
        if state is None or state.name not in self._parts.flows:  # a flow whose file is gone waits no more
            return None
        recorded = scene.journal.recorded(JournalKind.FLOW, state.name)
        if recorded is not None:
            return read(recorded)
        context = self._context(scene, state.agent)
        turn = FlowTurn(state, scene.turn.messages, context, self._parts.clock.now())
        move = await self._parts.flows[state.name].advance(turn)
        row = scene.journal.row(JournalKind.FLOW, state.name, stored(move))
        if context.unit:
            await scene.journal.commit(context.unit, row)
        else:
            scene.journal.later(row)
        return move

    async def _after_flow(self, scene: Scene) -> Scene:
        """The turn goes on with what the flow has changed: who they are, and how sure we are of it."""
        conversation = await self._parts.store.get(Conversation, scene.conversation.id) or scene.conversation
        customer = await self._parts.store.get(Customer, conversation.customer_id or "") or scene.customer
        return replace(scene, conversation=conversation, customer=customer)

    async def _led(self, scene: Scene, task: Task) -> Answer:
        """The agent's answer, given up in mid-word when somebody takes the conversation over. Raises EpochMoved."""
        answering = asyncio.ensure_future(self._parts.loop.answer(task))
        try:
            while not (await asyncio.wait((answering,), timeout=_LOOK_SECONDS))[0]:
                if await self._has_moved(scene):
                    raise EpochMoved
            return answering.result()
        finally:
            if not answering.done():
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)

    async def _has_moved(self, scene: Scene) -> bool:
        now = await self._parts.store.get(Conversation, scene.conversation.id)
        return now is None or now.epoch != scene.conversation.epoch

    async def _task(self, scene: Scene, move: Move) -> Task:
        agent = self._parts.agents[agent_of(scene.conversation)]
        history = await recent(self._parts.store, scene.conversation, scene.turn)

        def prompt(agent: Agent) -> str:
            text = self._prompt(agent, scene)
            return f"{text}\n\n{move.told}" if move.told else text

        system = {"role": "system", "content": prompt(agent)}
        return Task(
            agent,
            self._parts.agents,
            prompt,
            [system, *history, heard(scene.turn.messages)],
            self._context(scene, agent.name),
            scene.journal,
            scene.conversation.ai_model or "",
            _confirmed(move),
            budget=await self._parts.spending.budget(scene.conversation),
            spent=scene.spent,
        )

    def _context(self, scene: Scene, agent: str) -> ToolContext:
        known = self._parts.agents.get(agent)
        return ToolContext(
            principal=PersonRef(scene.customer.id, strength_of(scene.turn.address.channel)),
            conversation=scene.conversation,
            agent=agent,
            language=scene.language,
            services=self._parts.services,
            colleagues=known.handoffs if known else (),
        )

    def _prompt(self, agent: Agent, scene: Scene) -> str:
        names = (scene.customer.first_name, scene.customer.last_name)
        return agent.render(
            company=self._parts.company,
            language=_LANGUAGES.get(scene.language, scene.language),
            now=self._parts.clock.now().strftime("%A %d %B %Y %H:%M"),
            person=" ".join(name for name in names if name),
        )

    async def _say(self, scene: Scene, answer: Answer) -> None:
        """The end of the turn: replies, assignee and the finished messages, in one unit."""
        parts, conversation = self._parts, scene.conversation
        unit, epoch = Unit(), conversation.epoch
        assignee = _queue_of(parts) if answer.trouble and not isinstance(answer.assignee, Queue) else answer.assignee
        if assignee is not None and assignee != conversation.assignee:
            by = f"agent:{agent_of(conversation)}"
            reason = answer.reason or "the AI could not finish"
            epoch = parts.conversations.assign(unit, conversation, assignee, by=by, reason=reason)
        said = parts.outbox.add(unit, conversation, answer.replies, Author.AI, epoch=epoch, turn_id=scene.turn.id)
        if isinstance(assignee, Queue):
            sentence = Reply(say(scene.language, answer.apology if answer.trouble else "connecting"))
            said += parts.outbox.add(unit, conversation, [sentence], Author.SYSTEM, turn_id=scene.turn.id)
        parts.conversations.said(unit, conversation, said, answer.spent.amounts())
        if answer.flow is not None and not answer.trouble:
            waiting = answer.flow.model_copy(update={"epoch": epoch})
            unit.add(Change(Conversation, {"id": conversation.id}, set={"flow": waiting}))
        unit.add(Change(Message, {"id": In(scene.turn.message_ids)}, set={"ai_processed": True}))
        scene.journal.flush(unit)
        unit.insert(scene.journal.row(JournalKind.END, "", _ending(answer)))
        await self._commit(scene, scene.journal.guard(unit))

    async def _commit(self, scene: Scene, unit: Unit, *conditions: Require) -> None:
        unit.first(*conditions)
        unit.add(self._parts.inbox.done(scene.turn.inbox_ids))
        await self._parts.store.commit(unit)
        await self._parts.outbox.wake(scene.conversation.lane)


def _fence(claim: Claim) -> Require:
    return Require(Fence, {"id": claim.fence_id, "value": claim.fence}, FenceLost)


def _awaited(conversation: Conversation) -> FlowState | None:
    """What the conversation waits for, unless it has changed hands since it was asked."""
    flow = conversation.flow
    return flow if flow is not None and flow.epoch == conversation.epoch else None


def _confirmed(move: Move) -> ToolCall | None:
    if move.call is None:
        return None
    name, arguments = move.call
    return ToolCall("confirmed", name, orjson.dumps(arguments).decode())


def _queue_of(parts: Parts) -> Queue:
    return parts.services.handoffs.queue_for()


def _ending(answer: Answer) -> dict[str, Any]:
    spent = answer.spent
    return {
        "replies": [reply.as_text() for reply in answer.replies],
        "trouble": answer.trouble,
        "reason": answer.reason,
        "model": spent.model,
        "steps": spent.steps,
        "inputTokens": spent.input_tokens,
        "outputTokens": spent.output_tokens,
        "micros": spent.micros,
        "seconds": round(spent.seconds, 4),
        "offline": spent.offline,
    }
