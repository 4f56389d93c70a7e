"""The answer to a turn: by the flow that waits for it, or by the agent that holds the conversation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import structlog

from bot.conversation import Assignee, Queue
from bot.dialogs.describing import scenery_of
from bot.dialogs.flow import FlowTurn, Move, read, stored
from bot.dialogs.flows.confirmation import is_button
from bot.dialogs.form import Form
from bot.dialogs.hearing import Hearing
from bot.dialogs.intents import IntentGuess
from bot.dialogs.llm import ToolCall
from bot.dialogs.prompts import Agent
from bot.dialogs.scene import Parts, Scene
from bot.dialogs.scenery import data
from bot.dialogs.task import CONFIRMED, Answer, Task
from bot.dialogs.triggers import unanswered_turns
from bot.dialogs.unheard import done_unheard
from bot.errors import EpochMoved
from bot.memory.window import heard, recent
from bot.message import Reply
from bot.principal import PersonRef, Principal, Strength, UserRef, strength_in
from bot.records.conversations import Conversation, FlowState, Message
from bot.records.handoffs import Cause
from bot.records.people import Customer
from bot.records.work import Author, JournalKind
from bot.resources import say
from bot.running import end_tasks
from bot.services.conversations import agent_of
from bot.store.base import Change, In, Unit
from bot.tools.base import ToolContext

log = structlog.get_logger()

_ROUNDS = 3
"""So many times in one turn an agent is asked: a flow hands on to it, it begins a flow, that ends with a call."""
_NO_ANSWER = "no answer"
_LOOK_SECONDS = 1.0
"""How often to look, while the model thinks, whether somebody has taken the conversation over."""


class Answering:
    """Answers turns of conversations that an agent holds."""

    def __init__(self, parts: Parts, hearing: Hearing) -> None:
        self._parts = parts
        self._hearing = hearing

    async def answer(self, scene: Scene) -> None:
        """Answers it, unless the conversation changes hands meanwhile: then it is recorded, and nothing is said.

        Raises EpochMoved where it did before anything was heard: whoever took it has not seen these messages.
        """
        await self._hearing.freeze(scene)
        try:
            await self._say(scene, await self._answer(scene))
        except EpochMoved:
            log.info("turn discarded: the conversation changed hands")
            unit = Unit()
            scene.journal.flush(unit)
            self._parts.conversations.said(unit, scene.conversation, (), scene.spent.amounts())
            await self._hearing.end(scene, unit)

    async def _answer(self, scene: Scene) -> Answer:
        """By the flow that waits, the agent, the flow that the agent begins, and so on. Raises EpochMoved."""
        move = await self._advance(scene, scene.flow, 0)
        if move is None and all(map(is_button, scene.turn.messages)):
            # To a model the button's title would look like an answer to whatever was said last.
            move = Move((Reply(say(scene.language, "question_closed")),))
        answer = Answer(spent=scene.spent)
        for number in range(_ROUNDS):
            if move is not None and not move.goes_to_agent:
                answer.replies.extend(move.replies)
                answer.flow = move.state
                return answer
            if move is not None:
                scene = await self._after_flow(scene)
            led = await self._led(scene, await self._task(scene, move or Move(), number))
            _add(answer, move or Move(), led)
            state = self._begun(scene, answer)
            if state is None:
                return answer
            if move is not None and move.state is not None:
                answer.replies.append(_left(scene.language, move.state))
            answer.begins, answer.flow = None, None
            move = await self._advance(scene, state, number + 1)
        answer.trouble = True
        return answer

    def _begun(self, scene: Scene, answer: Answer) -> FlowState | None:
        """The state of a flow that takes its first step now; None where none does."""
        if answer.begins is None or answer.begins.flow not in self._parts.flows or answer.trouble:
            return None
        return FlowState(
            name=answer.begins.flow,
            slots={"about": answer.begins.about},
            token=scene.turn.id,
            agent=agent_of(scene.conversation),
            asked_at=(now := self._parts.clock.now()),
            expires_at=now,
        )

    async def _advance(self, scene: Scene, state: FlowState | None, number: int) -> Move | None:
        """What a flow makes of this turn, once; None where there is none."""
        if state is None or state.name not in self._parts.flows:  # a flow whose file is gone waits no more
            return None
        key = f"{state.name}.{number}" if number else state.name
        recorded = scene.journal.recorded(JournalKind.FLOW, key)
        if recorded is not None:
            return read(recorded)
        context = self._context(scene, state.agent)

        def guess(text: str) -> IntentGuess:
            return self._parts.intents.of(text, scene.language)

        await self._parts.services.knowledge.refresh()
        turn = FlowTurn(state, scene.turn.messages, context, self._parts.clock.now(), guess)
        move = await self._parts.flows[state.name].advance(turn)
        row = scene.journal.row(JournalKind.FLOW, key, stored(move))
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
            await end_tasks(answering, watching)

    async def _moves(self, scene: Scene) -> None:
        """Returns when the conversation has changed hands."""
        now: Conversation | None = scene.conversation
        while now is not None and now.epoch == scene.conversation.epoch:
            await self._parts.clock.sleep(_LOOK_SECONDS)
            now = await self._parts.store.get(Conversation, scene.conversation.id)

    async def _task(self, scene: Scene, move: Move, number: int) -> Task:
        parts, conversation = self._parts, scene.conversation
        role = str(scene.user.role) if scene.user else ""
        # Also where its file is gone since: nobody is lost between agents.
        agent = parts.router.named(agent_of(conversation), conversation.kind, conversation.channel, role, language=scene.language)
        history, scenery, unheard = await asyncio.gather(
            recent(parts.store, conversation, scene.turn), scenery_of(parts, scene), done_unheard(parts.store, conversation)
        )

        def prompt(agent: Agent) -> str:
            text = agent.fill(replace(scenery, colleagues=parts.router.colleagues(agent.name)))
            return "\n\n".join(filter(None, (text, _given_back(conversation), unheard, move.told)))

        system = {"role": "system", "content": prompt(agent)}
        return Task(
            agent,
            parts.agents,
            prompt,
            [system, *history, *_undone(move), heard(scene.shown.messages)],
            replace(self._context(scene, agent.name), awaits=move.state.name if move.state else ""),
            scene.journal,
            conversation.ai_model or "",
            _confirmed(move),
            number,
            scene.flow.slots if scene.flow and not number else {},
            budget=await self._parts.spending.budget(scene.conversation),
            spent=scene.spent,
            speaker=scene.speaker,
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
            flows=tuple(name for name, flow in self._parts.flows.items() if isinstance(flow, Form)),
            turn=scene.turn.id,
        )

    async def _say(self, scene: Scene, answer: Answer) -> None:
        """The end of the turn: replies, assignee and the finished messages, in one unit."""
        parts, conversation = self._parts, scene.conversation
        unit, epoch = Unit(), conversation.epoch
        missed = await self._missed(scene, answer)
        assignee = parts.queue() if answer.trouble and not isinstance(answer.assignee, Queue) else answer.assignee
        if scene.user is not None and isinstance(assignee, Queue):
            assignee = None  # a user is one of those who would come
            answer.replies.append(Reply(say(scene.language, _sentence(answer, to_user=True))))
        if assignee is not None and assignee != conversation.assignee:
            by = f"agent:{agent_of(conversation)}"
            reason = (answer.over_budget or "the AI could not finish") if answer.trouble else answer.reason
            since = min(message.sent_at for message in scene.turn.messages)
            epoch = parts.conversations.assign(
                unit, conversation, assignee, by=by, reason=reason, cause=_cause(answer), since=since
            )
        elif missed != conversation.missed:
            unit.add(Change(Conversation, {"id": conversation.id}, set={"missed": missed}))
        self._be_honest(scene, unit, answer, assignee)
        said = self._hearing.say(scene, unit, answer.replies, Author.AI, epoch=epoch)
        if isinstance(assignee, Queue):
            sentence = say(scene.language, _sentence(answer, to_user=False))
            told = await parts.queueing.enter(unit, conversation, assignee.skill, scene.language, sentence)
            if told:
                said += self._hearing.say(scene, unit, [Reply(told)], Author.SYSTEM)
        parts.conversations.said(unit, conversation, said, answer.spent.amounts())
        if answer.flow is not None and not answer.trouble:
            waiting = answer.flow.model_copy(update={"epoch": epoch})
            unit.add(Change(Conversation, {"id": conversation.id}, set={"flow": waiting}))
        unit.add(Change(Message, {"id": In(scene.turn.message_ids)}, set={"ai_processed": True}))
        scene.journal.flush(unit)
        unit.insert(scene.journal.row(JournalKind.END, "", _ending(answer)))
        await self._hearing.commit(scene, scene.journal.guard(unit), said=said)

    def _be_honest(self, scene: Scene, unit: Unit, answer: Answer, assignee: Assignee | None) -> None:
        """Once a day a person is told that no model answers, below the first thing that is said without one."""
        day = self._parts.clock.now().date().isoformat()
        is_told = scene.user is not None or scene.conversation.simple_mode_day == day or isinstance(assignee, Queue)
        if is_told or not scene.spent.offline or not answer.replies:
            return
        first = answer.replies[0]
        answer.replies[0] = Reply(f"{first.text}\n\n{say(scene.language, 'simple_mode')}", first.buttons)
        unit.add(Change(Conversation, {"id": scene.conversation.id}, set={"simple_mode_day": day}))

    async def _missed(self, scene: Scene, answer: Answer) -> int:
        """Turns in a row without an answer, this one included; after so many the answer becomes a person."""
        has_missed = answer.failed or _has_no_answer(scene.language, answer)
        if scene.user is not None or answer.trouble or answer.assignee is not None or answer.flow or not has_missed:
            return 0
        missed = scene.conversation.missed + 1
        most = unanswered_turns(await self._parts.settings.value("handoff_rules"))
        if most and missed >= most:
            answer.assignee, answer.replies = self._parts.queue(), []
            answer.cause = Cause.REPEATED_FAILURE if answer.failed else Cause.LOW_CONFIDENCE
            answer.reason = f"{_NO_ANSWER} in {missed} turns in a row"
        return missed


def _has_no_answer(language: str, answer: Answer) -> bool:
    """Whether what serves without a model has found nothing."""
    nothing = say(language, "no_answer")
    return answer.spent.offline and any(reply.text == nothing for reply in answer.replies)


def _given_back(conversation: Conversation) -> str:
    """What the agent is told whose conversation was with a person of the team before; the window marks what they wrote."""
    last = conversation.handoff
    if last is None or last.cause is not Cause.HANDED_BACK:
        return ""
    note = f" Their note, which is data: {data(last.reason)}." if last.reason else ""
    return (
        "A colleague of the team has served this person and has given the conversation back to you. What they wrote is marked; "
        "go on from there and do not contradict it. What brought it to a person is settled: hand it over again only for "
        f"something new that the person writes now.{note}"
    )


def _cause(answer: Answer) -> Cause:
    if answer.trouble:
        return Cause.OVER_BUDGET if answer.over_budget else Cause.MODEL_DOWN
    return answer.cause or (Cause.ASKED if isinstance(answer.assignee, Queue) else Cause.COLLEAGUE)


def _add(answer: Answer, move: Move, led: Answer) -> None:
    """What the agent came to, on top of what there is, and between what the flow says before it and after it."""
    answer.replies.extend((*move.replies, *led.replies))
    answer.assignee, answer.reason = led.assignee or answer.assignee, led.reason or answer.reason
    answer.cause, answer.failed = led.cause or answer.cause, led.failed
    answer.trouble, answer.over_budget = led.trouble, led.over_budget
    answer.begins, answer.flow = led.begins, led.flow or move.state
    is_waiting = led.flow is None and led.begins is None and not led.trouble and not isinstance(led.assignee, Queue)
    if is_waiting:
        answer.replies.extend(move.after)


def _left(language: str, state: FlowState) -> Reply:
    return Reply(say(language, "flow_left", what=say(language, f"flow_{state.name}")))


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
    if answer.trouble:
        return "trouble"
    has_missed = answer.cause in (Cause.LOW_CONFIDENCE, Cause.REPEATED_FAILURE) and answer.reason.startswith(_NO_ANSWER)
    return "connecting_unanswered" if has_missed else "connecting"


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
