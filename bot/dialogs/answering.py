"""The answer to a turn: by the flow that waits for it, or by the agent that holds the conversation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import structlog

from bot.conversation import Queue
from bot.dialogs.describing import scenery_of
from bot.dialogs.flow import FlowTurn, Move, read, stored
from bot.dialogs.flows.confirmation import is_button
from bot.dialogs.hearing import Hearing
from bot.dialogs.llm import ToolCall
from bot.dialogs.prompts import Agent
from bot.dialogs.scene import Parts, Scene
from bot.dialogs.task import CONFIRMED, Answer, Task
from bot.errors import EpochMoved
from bot.memory.window import heard, recent
from bot.message import Reply
from bot.principal import PersonRef, Principal, Strength, UserRef, strength_in
from bot.records.conversations import Conversation, Message
from bot.records.people import Customer
from bot.records.work import Author, JournalKind
from bot.resources import say
from bot.services.conversations import agent_of
from bot.store.base import Change, In, Unit
from bot.tools.base import ToolContext

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
"""How often to look, while the model thinks, whether somebody has taken the conversation over."""


class Answering:
    """Answers turns of conversations that an agent holds."""

    def __init__(self, parts: Parts, hearing: Hearing) -> None:
        self._parts = parts
        self._hearing = hearing

    async def answer(self, scene: Scene) -> None:
        """Answers it, unless the conversation changes hands meanwhile: then it is recorded, and nothing is said."""
        try:
            await self._hearing.freeze(scene)
            move = await self._advance(scene)
            if move is None and all(map(is_button, scene.turn.messages)):
                # To a model the button's title would look like an answer to whatever was said last.
                move = Move((Reply(say(scene.language, "question_closed")),))
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
            await self._hearing.end(scene, unit)

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
        """The turn goes on with what the flow has changed: who they are, and how sure we are of it. Raises EpochMoved."""
        conversation = await self._parts.store.get(Conversation, scene.conversation.id) or scene.conversation
        if conversation.epoch != scene.conversation.epoch:
            raise EpochMoved
        customer = await self._parts.store.get(Customer, conversation.customer_id) if conversation.customer_id else None
        return replace(scene, conversation=conversation, customer=customer)

    async def _led(self, scene: Scene, task: Task) -> Answer:
        """The agent's answer, given up in mid-word when somebody takes the conversation over. Raises EpochMoved."""
        answering = asyncio.ensure_future(self._parts.loop.answer(task))
        watching = asyncio.ensure_future(self._moves(scene))
        try:
            await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                return answering.result()
            watching.result()
            raise EpochMoved
        finally:
            answering.cancel()
            watching.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)

    async def _moves(self, scene: Scene) -> None:
        """Returns when the conversation has changed hands."""
        now: Conversation | None = scene.conversation
        while now is not None and now.epoch == scene.conversation.epoch:
            await self._parts.clock.sleep(_LOOK_SECONDS)
            now = await self._parts.store.get(Conversation, scene.conversation.id)

    async def _task(self, scene: Scene, move: Move) -> Task:
        parts, conversation = self._parts, scene.conversation
        role = str(scene.user.role) if scene.user else ""
        # Also where its file is gone since: nobody is lost between agents.
        agent = parts.router.named(agent_of(conversation), conversation.kind, conversation.channel, role, language=scene.language)
        history, scenery = await asyncio.gather(recent(parts.store, conversation, scene.turn), scenery_of(parts, scene))

        def prompt(agent: Agent) -> str:
            text = agent.fill(replace(scenery, colleagues=parts.router.colleagues(agent.name)))
            return f"{text}\n\n{move.told}" if move.told else text

        system = {"role": "system", "content": prompt(agent)}
        return Task(
            agent,
            parts.agents,
            prompt,
            [system, *history, *_undone(move), heard(scene.shown.messages)],
            self._context(scene, agent.name),
            scene.journal,
            conversation.ai_model or "",
            _confirmed(move),
            scene.flow.slots if scene.flow else {},
            budget=await self._parts.spending.budget(scene.conversation),
            spent=scene.spent,
        )

    def _context(self, scene: Scene, agent: str) -> ToolContext:
        return ToolContext(
            principal=_principal(scene, strength_in(scene.conversation, self._parts.clock.now())),
            # In the language of this turn: what is stored is still that of the last one.
            conversation=scene.conversation.model_copy(update={"language": scene.told_language}),
            agent=agent,
            language=scene.language,
            services=self._parts.services,
            colleagues=tuple(colleague.name for colleague in self._parts.router.colleagues(agent)),
        )

    async def _say(self, scene: Scene, answer: Answer) -> None:
        """The end of the turn: replies, assignee and the finished messages, in one unit."""
        parts, conversation = self._parts, scene.conversation
        unit, epoch = Unit(), conversation.epoch
        assignee = parts.queue() if answer.trouble and not isinstance(answer.assignee, Queue) else answer.assignee
        if scene.user is not None and isinstance(assignee, Queue):
            assignee = None  # a user is one of those who would come
            answer.replies.append(Reply(say(scene.language, _sentence(answer, to_user=True))))
        if assignee is not None and assignee != conversation.assignee:
            by = f"agent:{agent_of(conversation)}"
            reason = (answer.over_budget or "the AI could not finish") if answer.trouble else answer.reason
            epoch = parts.conversations.assign(unit, conversation, assignee, by=by, reason=reason)
        said = parts.outbox.add(unit, conversation, answer.replies, Author.AI, epoch=epoch, turn_id=scene.turn.id)
        if isinstance(assignee, Queue):
            sentence = Reply(say(scene.language, _sentence(answer, to_user=False)))
            said += parts.outbox.add(unit, conversation, [sentence], Author.SYSTEM, turn_id=scene.turn.id)
        parts.conversations.said(unit, conversation, said, answer.spent.amounts())
        if answer.flow is not None and not answer.trouble:
            waiting = answer.flow.model_copy(update={"epoch": epoch})
            unit.add(Change(Conversation, {"id": conversation.id}, set={"flow": waiting}))
        unit.add(Change(Message, {"id": In(scene.turn.message_ids)}, set={"ai_processed": True}))
        scene.journal.flush(unit)
        unit.insert(scene.journal.row(JournalKind.END, "", _ending(answer)))
        await self._hearing.commit(scene, scene.journal.guard(unit))


def _principal(scene: Scene, strength: Strength) -> Principal:
    """Whom tools run for: whoever speaks in this conversation, and nobody that they name."""
    if scene.user is not None:
        return UserRef(scene.user.id, str(scene.user.role), scene.user.granted)
    return PersonRef(scene.conversation.customer_id or "", strength)


def _sentence(answer: Answer, *, to_user: bool) -> str:
    """Which fixed sentence is said where somebody else has to go on."""
    if answer.over_budget:
        return "limit_reached_for_user" if to_user else "limit_reached"
    if to_user:
        return "sorry_failed"
    return "trouble" if answer.trouble else "connecting"


def _confirmed(move: Move) -> ToolCall | None:
    if move.call is None:
        return None
    name, arguments = move.call
    return ToolCall(CONFIRMED, name, orjson.dumps(arguments).decode())


def _undone(move: Move) -> list[dict[str, Any]]:
    """The calls that were not run, as the agent made them, each with what came of it."""
    calls = [
        {"id": f"undone_{number}", "type": "function", "function": {"name": one.tool, "arguments": one.arguments}}
        for number, one in enumerate(move.undone)
    ]
    told = [{"role": "tool", "tool_call_id": f"undone_{number}", "content": one.why} for number, one in enumerate(move.undone)]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *told] if calls else []


def _ending(answer: Answer) -> dict[str, Any]:
    spent = answer.spent
    return {
        "replies": [reply.as_text() for reply in answer.replies],
        "trouble": answer.trouble,
        "reason": answer.over_budget if answer.trouble else answer.reason,
        "model": spent.model,
        "steps": spent.steps,
        "inputTokens": spent.input_tokens,
        "outputTokens": spent.output_tokens,
        "micros": spent.micros,
        "seconds": round(spent.seconds, 4),
        "offline": spent.offline,
    }
