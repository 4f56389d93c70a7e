"""One turn, from heard to answered (DESIGN 2): the order of the checks is `Engine.turn`. It knows no vendor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import structlog
from structlog.contextvars import bind_contextvars

from bot.conversation import AssigneeKind, Turn
from bot.dialogs.answering import Answering
from bot.dialogs.hearing import Hearing, heard_row
from bot.dialogs.scene import Parts, Scene, fence_of
from bot.dialogs.speaking import Speaker
from bot.dialogs.triggers import Trigger, trigger_of
from bot.errors import Duplicate, EpochMoved
from bot.message import InboundMessage, Receipt, Reply
from bot.meter import Counted
from bot.policy import Wish, is_blocked, wish_of
from bot.records.conversations import QUEUE_RANKS, ChannelName, Conversation, ConversationKind, Message, Priority
from bot.records.handoffs import Cause
from bot.records.people import Customer
from bot.records.work import Author, JournalKind
from bot.resources import say, spoken
from bot.services.closing import rating_in
from bot.services.conversations import is_held_by_ai
from bot.store.base import Change, Claim, Require, Unit

log = structlog.get_logger()

_SAID = {Wish.STOP: "opted_out", Wish.RESUME: "resumed"}


class Engine:
    """Runs turns. What takes a claim raises FenceLost when the lane was lost meanwhile, and has then written nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._hearing = Hearing(parts)
        self._answering = Answering(parts, self._hearing)

    async def turn(self, claim: Claim, turn: Turn, speaker: Speaker | None = None) -> int:
        """Hears a turn and answers it, or records why not; how many of its messages are now done.

        Fewer than all, when an interrupted run had frozen the turn with only the first ones. With a `speaker` the answer is
        spoken while it is written, and nothing is left to be delivered.
        """
        with spoken(turn.address.channel == ChannelName.VOICE):
            return await self._turn(claim, turn, speaker)

    async def _turn(self, claim: Claim, turn: Turn, speaker: Speaker | None) -> int:
        scene = await self._hearing.enter(claim, turn, speaker)
        bind_contextvars(turn=scene.turn.id, conversation=scene.conversation.id)
        asked = scene.flow is not None and self._parts.clock.now() < scene.flow.expires_at
        wishes = [(wish, message) for message in scene.turn.messages if (wish := wish_of(message, asked=asked))]
        if wishes and scene.customer is not None:
            stops = [one for one in wishes if one[0] is Wish.STOP]
            await self._obey(scene, scene.customer, *(stops or wishes)[-1])
        elif rating := _rating(scene):
            await self._rate(scene, *rating)
        elif not self._may_be_answered(scene):
            await self._hearing.end(scene, Unit())
        elif not is_held_by_ai(scene.conversation):
            await self._wait(scene)
        elif not await self._parts.settings.value("ai_response_enabled"):
            off = Trigger(Cause.AI_OFF, "the AI is switched off")
            await (self._pass_on(scene, off) if scene.user is None else self._hearing.end(scene, Unit(), _switched_off(scene)))
        elif trigger := await self._trigger(scene, asked=asked):
            await self._pass_on(scene, trigger)
        else:
            try:
                await self._answering.answer(scene)
            except EpochMoved:  # before anything was heard: it is for whoever holds it now
                return await self._turn(claim, turn, speaker)
        return len(scene.turn.heard)

    async def break_off(self, claim: Claim, turn: Turn, heard: str) -> Message | None:
        """Ends a turn in the middle of whose answer the person spoke: what they had `heard` of it is what was said.

        What stands on the timeline for it then; None where they heard nothing, and where the turn had ended all the same.
        """
        with suppress(Duplicate):  # what was cancelled had a commit under way: perhaps no more than that it was heard
            return await self._break_off(claim, turn, heard)
        with suppress(Duplicate):  # a turn without an agent is heard and ended in one
            return await self._break_off(claim, turn, heard)
        return None

    async def _break_off(self, claim: Claim, turn: Turn, heard: str) -> Message | None:
        scene = await self._hearing.enter(claim, turn)
        if scene.journal.recorded(JournalKind.END, "") is not None:
            return None
        unit, conversation = Unit(), scene.conversation
        self._hearing.hear(scene, unit)
        replies = [Reply(heard)] if heard else []
        said = self._parts.outbox.add(unit, conversation, replies, Author.AI, turn_id=scene.turn.id, spoken=True)
        self._parts.conversations.said(unit, conversation, said)
        unit.insert(scene.journal.row(JournalKind.END, "", {"brokenOff": True, "replies": [heard] if heard else []}))
        await self._hearing.commit(scene, unit, scene.fence)
        return said[0] if said else None

    async def give_up(self, claim: Claim, turn: Turn, error: str, speaker: Speaker | None = None) -> None:
        """A turn failed too often: its messages are set aside, the person is told, a person is asked to look."""
        with spoken(turn.address.channel == ChannelName.VOICE):
            await self._give_up(claim, turn, error, speaker)

    async def _give_up(self, claim: Claim, turn: Turn, error: str, speaker: Speaker | None) -> None:
        scene = await self._hearing.enter(claim, turn, speaker)
        unit = Unit(fence_of(claim))
        self._hearing.hear(scene, unit)
        if scene.journal.heard() is None:  # `bot retry` runs the same turn again
            unit.insert(heard_row(scene))
        unit.add(self._parts.inbox.dead(scene.turn.inbox_ids, error))
        replies = []
        if is_held_by_ai(scene.conversation) and scene.user is None:
            queue = self._parts.queue()
            why = "a turn failed too often"
            self._parts.conversations.assign(unit, scene.conversation, queue, by="system", reason=why, cause=Cause.MODEL_DOWN)
            trouble = say(scene.language, "trouble")
            told = await self._parts.queueing.enter(unit, scene.conversation, queue.skill, scene.language, trouble)
            replies.append(Reply(told or trouble))
        elif scene.user is not None:
            replies.append(Reply(say(scene.language, "sorry_failed")))
        said = self._hearing.say(scene, unit, replies, Author.SYSTEM)
        self._parts.conversations.said(unit, scene.conversation, said)
        await self._parts.store.commit(unit)
        self._parts.meter.count(Counted.SET_ASIDE, "turns", by=len(scene.turn.inbox_ids))
        if speaker is not None:
            speaker.written(said)
        await self._parts.outbox.wake(scene.conversation.lane)

    async def notices(self, received: Sequence[str]) -> None:
        """System events of a channel: noted, nothing to be done."""
        log.info("notices of a channel", count=len(received))
        await self._parts.store.commit(Unit(self._parts.inbox.done(received)))

    async def receipts(self, received: Sequence[tuple[str, Receipt]]) -> None:
        """Applies receipts, each given with the id of its inbox row, and finishes their rows. Done twice it changes nothing."""
        unit = Unit()
        lanes = {await self._parts.receipts.apply(unit, receipt) for _, receipt in received}
        unit.add(self._parts.inbox.done([inbox_id for inbox_id, _ in received]))
        await self._parts.store.commit(unit)
        for lane in lanes - {None}:
            await self._parts.outbox.wake(str(lane))

    async def _obey(self, scene: Scene, customer: Customer, wish: Wish, message: InboundMessage) -> None:
        unit = Unit()
        unit.insert(self._parts.policy.record(customer.id, wish, message))
        self._hearing.hear(scene, unit)
        if wish is Wish.STOP and scene.conversation.assignee_kind is AssigneeKind.OPERATOR:
            # They want no answer to this: what the operator writes next would be begun by us.
            unit.add(Change(Conversation, {"id": scene.conversation.id}, set={"waiting_since": None}))
        await self._hearing.finish(scene, unit, Reply(say(scene.language, _SAID[wish])))

    async def _trigger(self, scene: Scene, *, asked: bool) -> Trigger | None:
        """What hands it to a person before anything is answered; a turn that was begun already is gone on with."""
        if scene.user is not None or scene.journal.heard() is not None:
            return None
        rules = await self._parts.settings.value("handoff_rules")
        return trigger_of(rules, scene.shown.messages, scene.conversation, asked=asked)

    async def _pass_on(self, scene: Scene, trigger: Trigger) -> None:
        """A person will answer: this is said, and how it stands in the queue."""
        unit, conversation = Unit(), scene.conversation
        self._hearing.hear(scene, unit)
        queue = self._parts.services.handoffs.queue_for(trigger.skill)
        self._parts.conversations.assign(
            unit, conversation, queue, by="system", reason=trigger.reason, cause=trigger.cause, since=_first(scene)
        )
        priority = _higher(conversation.priority, trigger.priority)
        if priority is not conversation.priority:
            rank = {"priority": priority, "queue_rank": QUEUE_RANKS[priority]}
            unit.add(Change(Conversation, {"id": conversation.id}, set=rank))
        sentence = say(scene.language, "connecting_upset" if trigger.cause is Cause.SENTIMENT else "connecting")
        told = await self._parts.queueing.enter(unit, conversation, queue.skill, scene.language, sentence, priority)
        try:
            await self._hearing.finish(scene, unit, *((Reply(told),) if told else ()))
        except EpochMoved:
            await self._hearing.end(scene, Unit())  # an operator was faster

    async def _wait(self, scene: Scene) -> None:
        """People of ours have it: it is recorded. Who waits for one is told how it stands, though not each time."""
        unit, conversation = Unit(), scene.conversation
        told = ""
        if conversation.kind is ConversationKind.CALL:  # a line on which nobody answers is dead to who hears it
            told = say(scene.language, "call_still_waiting") if conversation.assignee_kind is AssigneeKind.QUEUE else ""
        elif scene.customer is not None:
            told = await self._parts.queueing.again(unit, conversation, scene.language)
        if not told:
            await self._hearing.end(scene, Unit())
            return
        unit.first(Require(Conversation, {"id": conversation.id, "epoch": conversation.epoch}, EpochMoved))
        try:
            await self._hearing.end(scene, unit, Reply(told))
        except EpochMoved:
            await self._hearing.end(scene, Unit())  # they wait no more

    async def _rate(self, scene: Scene, rating: int, comment: str) -> None:
        """They say how it was: the conversation stays resolved, and nobody owes them an answer."""
        unit, conversation = Unit(), scene.conversation
        by = f"person:{conversation.customer_id}"
        await self._parts.services.ratings.rate(unit, conversation, rating, comment, by=by)
        self._hearing.hear(scene, unit, reopens=False)
        unit.add(Change(Conversation, {"id": conversation.id}, set={"waiting_since": None}))
        await self._hearing.finish(scene, unit, Reply(say(scene.language, "csat_thanks")))

    def _may_be_answered(self, scene: Scene) -> bool:
        """Not a person who is blocked, nor a user who may not sign in or for whose role there is no assistant."""
        if scene.customer is not None:
            return not is_blocked(scene.customer)
        user, router = scene.user, self._parts.router
        return user is not None and user.is_active and router.has_agent(ConversationKind.ASSISTANT, str(user.role))


def _switched_off(scene: Scene) -> Reply:
    """A user is told: there is nobody to pass them to."""
    return Reply(say(scene.language, "ai_off"))


def _rating(scene: Scene) -> tuple[int, str] | None:
    """What they say of how it was, where they say nothing else."""
    if scene.customer is None:
        return None
    given = [rating_in(message, scene.conversation) for message in scene.turn.messages]
    return given[-1] if all(given) else None


def _first(scene: Scene) -> datetime:
    """When they wrote what is to be answered."""
    return min(message.sent_at for message in scene.turn.messages)


def _higher(now: Priority, wanted: Priority | None) -> Priority:
    return now if wanted is None or QUEUE_RANKS[now] <= QUEUE_RANKS[wanted] else wanted
