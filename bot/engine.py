"""One turn, from heard to answered (DESIGN 2): the order of the checks is `Engine.turn`. It knows no vendor."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from structlog.contextvars import bind_contextvars

from bot.conversation import Turn
from bot.dialogs.answering import Answering
from bot.dialogs.hearing import Hearing
from bot.dialogs.scene import Parts, Scene, fence_of
from bot.errors import EpochMoved
from bot.message import InboundMessage, Receipt, Reply
from bot.meter import Counted
from bot.policy import Wish, is_blocked, wish_of
from bot.records.conversations import ConversationKind
from bot.records.people import Customer
from bot.records.work import Author
from bot.resources import say
from bot.services.conversations import is_held_by_ai
from bot.store.base import Claim, Unit

log = structlog.get_logger()

_SAID = {Wish.STOP: "opted_out", Wish.RESUME: "resumed"}


class Engine:
    """Runs turns. Every method raises FenceLost when the lane was lost meanwhile, and has then written nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._hearing = Hearing(parts)
        self._answering = Answering(parts, self._hearing)

    async def turn(self, claim: Claim, turn: Turn) -> int:
        """Hears a turn and answers it, or records why not; how many of its messages are now done.

        Fewer than all, when an interrupted run had frozen the turn with only the first ones.
        """
        scene = await self._hearing.enter(claim, turn)
        bind_contextvars(turn=scene.turn.id, conversation=scene.conversation.id)
        asked = scene.flow is not None and self._parts.clock.now() < scene.flow.expires_at
        wishes = [(wish, message) for message in scene.turn.messages if (wish := wish_of(message, asked=asked))]
        if wishes and scene.customer is not None:
            stops = [one for one in wishes if one[0] is Wish.STOP]
            await self._obey(scene, scene.customer, *(stops or wishes)[-1])
        elif not self._may_be_answered(scene) or not is_held_by_ai(scene.conversation):
            await self._hearing.end(scene, Unit())
        elif not await self._parts.settings.value("ai_response_enabled"):
            await (self._queue(scene) if scene.user is None else self._hearing.end(scene, Unit(), _switched_off(scene)))
        else:
            await self._answering.answer(scene)
        return len(scene.turn.heard)

    async def give_up(self, claim: Claim, turn: Turn, error: str) -> None:
        """A turn failed too often: its messages are set aside, the person is told, a person is asked to look."""
        scene = await self._hearing.enter(claim, turn)
        unit = Unit(fence_of(claim))
        self._hearing.hear(scene, unit)
        unit.add(self._parts.inbox.dead(scene.turn.inbox_ids, error))
        replies = []
        if is_held_by_ai(scene.conversation) and scene.user is None:
            queue = self._parts.queue()
            self._parts.conversations.assign(unit, scene.conversation, queue, by="system", reason="a turn failed too often")
            replies.append(Reply(say(scene.language, "trouble")))
        elif scene.user is not None:
            replies.append(Reply(say(scene.language, "sorry_failed")))
        said = self._parts.outbox.add(unit, scene.conversation, replies, Author.SYSTEM, turn_id=scene.turn.id)
        self._parts.conversations.said(unit, scene.conversation, said)
        await self._parts.store.commit(unit)
        self._parts.meter.count(Counted.SET_ASIDE, "turns", by=len(scene.turn.inbox_ids))
        if replies and scene.user is None:
            self._parts.meter.count(Counted.HANDOFFS, "turn_failed")
        await self._parts.outbox.wake(scene.conversation.lane)

    async def notices(self, claim: Claim, received: Sequence[str]) -> None:
        """System events of a channel: noted, nothing to be done."""
        log.info("notices of a channel", count=len(received))
        await self._parts.store.commit(Unit(fence_of(claim), self._parts.inbox.done(received)))

    async def receipts(self, claim: Claim, received: Sequence[tuple[str, Receipt]]) -> None:
        """Applies receipts, each given with the id of its inbox row, and finishes their rows."""
        unit = Unit(fence_of(claim))
        lanes = {await self._parts.receipts.apply(unit, receipt) for _, receipt in received}
        unit.add(self._parts.inbox.done([inbox_id for inbox_id, _ in received]))
        await self._parts.store.commit(unit)
        for lane in lanes - {None}:
            await self._parts.outbox.wake(str(lane))

    async def _obey(self, scene: Scene, customer: Customer, wish: Wish, message: InboundMessage) -> None:
        unit = Unit()
        unit.insert(self._parts.policy.record(customer.id, wish, message))
        await self._hearing.end(scene, unit, Reply(say(scene.language, _SAID[wish])))

    async def _queue(self, scene: Scene) -> None:
        """The AI is switched off for everybody (S2-194): a person will answer."""
        unit = Unit()
        self._hearing.hear(scene, unit)
        queue = self._parts.queue()
        self._parts.conversations.assign(unit, scene.conversation, queue, by="system", reason="the AI is switched off")
        try:
            await self._hearing.finish(scene, unit, Reply(say(scene.language, "connecting")))
        except EpochMoved:
            await self._hearing.end(scene, Unit())  # an operator was faster
        else:
            self._parts.meter.count(Counted.HANDOFFS, "ai_off")

    def _may_be_answered(self, scene: Scene) -> bool:
        """Not a person who is blocked, nor a user who may not sign in or for whose role there is no assistant."""
        if scene.customer is not None:
            return not is_blocked(scene.customer)
        user, router = scene.user, self._parts.router
        return user is not None and user.is_active and router.has_agent(ConversationKind.ASSISTANT, str(user.role))


def _switched_off(scene: Scene) -> Reply:
    """A user is told: there is nobody to pass them to."""
    return Reply(say(scene.language, "ai_off"))
