"""The beginning and the end of a turn: who speaks, what was heard, and the one unit that finishes it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.conversation import Turn
from bot.dialogs.flow import Discreet
from bot.dialogs.language import guess_language
from bot.dialogs.scene import Parts, Scene, fence_of
from bot.dialogs.speaking import Speaker
from bot.errors import EpochMoved
from bot.journal import Guard, Journal, steps_of
from bot.message import Reply, Sender
from bot.meter import Stage
from bot.principal import SHOWN_ONLY, user_in
from bot.records.conversations import Conversation, ConversationKind, FlowState, Message
from bot.records.people import Customer
from bot.records.users import User
from bot.records.work import Author, JournalKind, JournalRow
from bot.resources import LANGUAGES
from bot.services.conversations import is_held_by_ai
from bot.services.quoting import without_sources
from bot.store.base import Change, Claim, Require, Unit

CALL_OVER_AFTER = timedelta(minutes=15)
"""After so long a silence what comes from a number is another call. A one-time code lives shorter, so that it can be fetched."""


class Hearing:
    """Begins turns and ends them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def enter(self, claim: Claim, turn: Turn, speaker: Speaker | None = None) -> Scene:
        """Who speaks, in which conversation, and what an interrupted run has left behind."""
        with self._parts.meter.stage(Stage.HEARD):
            return replace(await self._enter(claim, turn), speaker=speaker)

    async def _enter(self, claim: Claim, turn: Turn) -> Scene:
        parts = self._parts
        who, conversation, steps = await asyncio.gather(  # together they are one hop to the store
            self._who(turn), parts.conversations.open_one(turn.address), steps_of(parts.store, turn)
        )
        customer, user = (who, None) if isinstance(who, Customer) else (None, who)
        if conversation is not None and not steps and _is_another_call(conversation, turn):
            unit = Unit(fence_of(claim))
            parts.conversations.put_close(unit, conversation, reason="the call was over")
            await parts.store.commit(unit)
            conversation = None
        conversation = conversation or await self._begin(turn, customer, user)
        guard = Guard((fence_of(claim), Require(Conversation, {"id": conversation.id, "epoch": conversation.epoch}, EpochMoved)))
        journal = Journal(parts.store, parts.clock, turn, conversation.id, guard, steps, parts.meter)
        frozen = journal.heard()
        if frozen is not None:
            turn = turn.only(frozen)
        known = conversation.language or (customer.last_language if customer else None)
        told = guess_language(_words(turn), known)
        flow = journal.flow() if frozen is not None else _awaited(conversation)
        language, shown = told or self._untold(customer), self._shown(turn, flow)
        return Scene(claim, turn, shown, customer, user, conversation, journal, language, told, flow)

    def _shown(self, turn: Turn, state: FlowState | None) -> Turn:
        flow = self._parts.flows.get(state.name) if state is not None else None
        if not isinstance(flow, Discreet):
            return turn
        return Turn(turn.address, tuple(replace(item, message=flow.veiled(item.message)) for item in turn.heard))

    async def _who(self, turn: Turn) -> Customer | User | None:
        """The person or the user who speaks; None for a user who is not there any more."""
        user_id = user_in(turn.address)
        if user_id:
            return await self._parts.store.get(User, user_id)
        sender = next((m.sender for m in reversed(turn.messages) if m.sender != Sender()), Sender())
        return await self._parts.people.recognise(turn.address, sender, turn.messages[0].sent_at)

    async def _begin(self, turn: Turn, customer: Customer | None, user: User | None) -> Conversation:
        address, router, conversations = turn.address, self._parts.router, self._parts.conversations
        if customer is not None:
            language = guess_language(_words(turn), customer.last_language) or self._untold(customer)
            agent = router.first(ConversationKind.CUSTOMER, address.channel, language=language)
            return await conversations.current(customer, address, agent.name)
        role = str(user.role) if user else ""
        has_agent = router.has_agent(ConversationKind.ASSISTANT, role)
        agent_name = router.first(ConversationKind.ASSISTANT, address.channel, role).name if has_agent else ""
        return await conversations.current_of_user(user_in(address), address, agent_name)

    def _untold(self, customer: Customer | None) -> str:
        """The language for who has written nothing yet that tells one: what is set for them, if we speak it."""
        own = customer.own_language if customer else None
        return own if own in LANGUAGES else self._parts.default_language

    def hear(self, scene: Scene, unit: Unit, *, reopens: bool = True) -> None:
        """Records what was heard, unless an interrupted run has done so. Not everything `reopens` what was resolved."""
        if scene.journal.heard() is None:
            self._parts.conversations.heard(unit, scene.conversation, scene.shown)
            if reopens:
                self._parts.conversations.reopen(unit, scene.conversation)
        news: dict[str, Any] = {}
        if scene.told_language != scene.conversation.language:
            news["language"] = scene.told_language
        if scene.conversation.flow is not None and scene.journal.heard() is None:
            news["flow"] = None  # whatever is said takes the question off the table; who still waits asks again
        if news:
            unit.add(Change(Conversation, {"id": scene.conversation.id}, set=news))
        if scene.customer is not None and _is_news_of_them(scene):
            unit.add(Change(Customer, {"id": scene.customer.id}, set={"last_language": scene.told_language}))

    async def freeze(self, scene: Scene) -> None:
        """From here on the turn consists of these messages, also after a crash; what comes later is the next turn."""
        if scene.journal.heard() is None:
            unit = Unit()
            self.hear(scene, unit)
            await scene.journal.commit(unit, heard_row(scene))

    async def end(self, scene: Scene, unit: Unit, *replies: Reply) -> None:
        """Finishes a turn without the agent, in one unit: what was heard, the fixed replies, the inbox rows."""
        self.hear(scene, unit)
        await self.finish(scene, unit, *replies)

    async def finish(self, scene: Scene, unit: Unit, *replies: Reply) -> None:
        """The same where the unit holds already what was heard."""
        said = self.say(scene, unit, replies, Author.SYSTEM)
        self._parts.conversations.said(unit, scene.conversation, said)
        await self.commit(scene, unit, scene.fence, said=said)

    def say(self, scene: Scene, unit: Unit, replies: Sequence[Reply], author: Author, *, epoch: int = 0) -> list[Message]:
        """Puts replies into a unit: to be delivered, or as spoken where somebody speaks them at once.

        On a call sources are not said: they stand in the message's metadata (S5-089).
        """
        is_call, is_spoken = scene.conversation.kind is ConversationKind.CALL, scene.speaker is not None
        messages: list[Message] = []
        for reply in replies:
            text, sources = without_sources(reply.text) if is_call else (reply.text, ())
            said = self._parts.outbox.add(
                unit,
                scene.conversation,
                [Reply(text, reply.buttons, reply.media)],
                author,
                epoch=epoch,
                turn_id=scene.turn.id,
                spoken=is_spoken,
            )
            if said and sources:
                said[0].metadata["sources"] = list(sources)
            messages += said
        return messages

    async def commit(self, scene: Scene, unit: Unit, *conditions: Require, said: Sequence[Message] = ()) -> None:
        """Commits the last unit of a turn under these conditions; what is to be said can be sent from then on."""
        unit.first(*conditions)
        unit.add(self._parts.inbox.done(scene.turn.inbox_ids))
        with self._parts.meter.stage(Stage.COMMIT):
            await self._parts.store.commit(unit)
        if scene.speaker is not None:
            scene.speaker.written(said)
        else:
            await self._parts.outbox.wake(scene.conversation.lane)


def heard_row(scene: Scene) -> JournalRow:
    """What remembers that the turn consists of these messages, and what they were heard as an answer to."""
    body: dict[str, Any] = {"inbox": list(scene.turn.inbox_ids)}
    if scene.flow is not None:
        body["flow"] = scene.flow.model_dump(mode="json")
    return scene.journal.row(JournalKind.HEARD, "", body)


def _is_another_call(conversation: Conversation, turn: Turn) -> bool:
    """Whether somebody else may be speaking than before, where an address is only shown: by the time that has gone by.

    They get neither to hear what was said before, nor what was shown with a one-time code.
    """
    last = conversation.last_message
    is_shown_only = conversation.channel in SHOWN_ONLY and is_held_by_ai(conversation)
    if conversation.kind is ConversationKind.CALL:  # it has a lane of its own, which nobody else can come to
        return False
    return is_shown_only and last is not None and turn.messages[0].sent_at - last.timestamp >= CALL_OVER_AFTER


def _is_news_of_them(scene: Scene) -> bool:
    """Whether they write in another language than when last heard; who only shows a number may be somebody else."""
    known = scene.customer.last_language if scene.customer else None
    return scene.told_language not in (None, known) and scene.conversation.channel not in SHOWN_ONLY


def _words(turn: Turn) -> str:
    return " ".join(message.content.as_text() for message in turn.messages)


def _awaited(conversation: Conversation) -> FlowState | None:
    """What the conversation waits for, unless it has changed hands since it was asked."""
    flow = conversation.flow
    return flow if flow is not None and flow.epoch == conversation.epoch else None
