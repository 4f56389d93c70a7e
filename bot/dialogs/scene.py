"""What a turn works with, and what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.conversation import Queue, Turn
from bot.dialogs.agent import AgentLoop
from bot.dialogs.flow import Flow
from bot.dialogs.intents import Intents
from bot.dialogs.prompts import Agent
from bot.dialogs.router import Router
from bot.dialogs.speaking import Speaker
from bot.dialogs.task import Spent
from bot.errors import FenceLost
from bot.inbox import Inbox
from bot.journal import Journal
from bot.meter import KEEPS_NOTHING, Meter
from bot.outbox import Outbox
from bot.policy import Policy
from bot.records.conversations import Conversation, FlowState
from bot.records.people import Customer
from bot.records.users import User
from bot.records.work import Fence
from bot.services.conversations import Conversations
from bot.services.hours import Hours
from bot.services.people import People
from bot.services.queueing import Queueing
from bot.services.receipts import Receipts
from bot.services.settings import SystemSettings
from bot.services.spending import Spending
from bot.store.base import Claim, Require, Store
from bot.tools.base import Services


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
    router: Router
    hours: Hours
    queueing: Queueing
    flows: Mapping[str, Flow]
    intents: Intents
    company: str
    default_language: str
    meter: Meter = KEEPS_NOTHING

    def queue(self) -> Queue:
        """Where a conversation waits for a person when nothing tells which skill is needed."""
        return self.services.handoffs.queue_for()


@dataclass(frozen=True, slots=True)
class Scene:
    """What a turn is about: who, where, what, and what an interrupted run of it has left behind."""

    claim: Claim
    turn: Turn
    shown: Turn
    """The same as it is kept and as the model reads it: without what was said to a flow alone."""
    customer: Customer | None
    """Who speaks, where that is a person."""
    user: User | None
    """Who speaks, where that is a user."""
    conversation: Conversation
    journal: Journal
    language: str
    told_language: str | None
    """What their words have told so far; None while `language` is only the default."""
    flow: FlowState | None
    """What the conversation has been waiting for, if this turn is heard as an answer to it."""
    spent: Spent = field(default_factory=Spent)
    """What the model takes for it, also if somebody takes over and nothing of it is said."""
    speaker: Speaker | None = None
    """Who speaks the answer at once, on a call; None where it is delivered."""

    @property
    def fence(self) -> Require:
        """The lane is still ours."""
        return fence_of(self.claim)


def fence_of(claim: Claim) -> Require:
    """The condition that a lane is still ours."""
    return Require(Fence, {"id": claim.fence_id, "value": claim.fence}, FenceLost)
