"""What an operator should know who takes a conversation from the AI: what was asked, what was tried, what is known.

Without a model it is an extract, and says nothing that is not on record. With the setting `handoff_summary` at `model`, a model
writes it; where that fails, the extract stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

import structlog

from bot.errors import NOT_DONE, ModelError
from bot.live import Live
from bot.records.conversations import Conversation, Direction, Message, MessageSender, MessageStatus
from bot.records.handoffs import Handoff
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.work import JournalKind, JournalRow
from bot.resources import LANGUAGES, say
from bot.services.settings import SystemSettings
from bot.store.base import Between, Change, Store, Unit

log = structlog.get_logger()

_READ = 40
"""Messages that are looked at."""
_QUOTED = 4
_LENGTH = 240
_BACK = timedelta(days=2)


class Summariser(Protocol):
    """A model that sums up."""

    async def sum_up(self, transcript: str, language: str) -> tuple[str, str]:
        """A few sentences for an operator, and the model's name. Raises ModelError."""


class Summaries:
    """Sums up at handoffs."""

    def __init__(self, store: Store, settings: SystemSettings, live: Live, summariser: Summariser | None = None) -> None:
        self._store = store
        self._settings = settings
        self._live = live
        self._summariser = summariser

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        """The handler of the job: stored with the handoff. Run twice, it says the same."""
        handoff = await self._store.get(Handoff, payload["handoff"])
        conversation = await self._store.get(Conversation, handoff.conversation_id) if handoff is not None else None
        if handoff is None or conversation is None:
            return
        messages = await self._before(handoff)
        text = await self._extract(conversation, handoff, messages)
        await self._keep(conversation, handoff, text, "")
        if self._summariser is not None and await self._settings.value("handoff_summary") == "model":
            try:
                text, model = await self._summariser.sum_up(transcript(messages), _language(conversation))
            except ModelError as error:
                log.warning("no summary by the model; the extract stays", handoff=handoff.id, why=str(error))
                return
            await self._keep(conversation, handoff, text, model)

    async def of(self, conversation_id: str) -> Handoff | None:
        """The last handoff from the AI to people, with its summary; None where there was none."""
        passed = await self._store.find(Handoff, {"conversation_id": conversation_id}, sort=("-at",), limit=50)
        return next((one for one in passed if one.summary), None)

    async def _keep(self, conversation: Conversation, handoff: Handoff, text: str, model: str) -> None:
        await self._store.commit(Unit(Change(Handoff, {"id": handoff.id}, set={"summary": text, "summary_by": model})))
        self._live.tell(conversation.lane)

    async def _before(self, handoff: Handoff) -> list[Message]:
        """What was said up to the handoff, in its order, as far as anybody heard it."""
        until = Between(low=handoff.at - _BACK, high=handoff.at + timedelta(milliseconds=1))
        where = {"conversation_id": handoff.conversation_id, "timestamp": until}
        newest = await self._store.find(Message, where, sort=("-timestamp",), limit=_READ)
        return [message for message in newest[::-1] if message.status is not MessageStatus.FAILED or _is_theirs(message)]

    async def _extract(self, conversation: Conversation, handoff: Handoff, messages: Sequence[Message]) -> str:
        theirs = [message.content for message in messages if _is_theirs(message)]
        language = _language(conversation)
        lines = [say(language, "extract_why", reason=_cut(handoff.reason) or handoff.cause.value)]
        lines += [say(language, "extract_wrote", text=_cut(text)) for text in _ends(theirs)]
        if tried := await self._tried(messages, say(language, "extract_not_done")):
            lines.append(say(language, "extract_tried", tools=", ".join(tried)))
        lines += await self._known(conversation)
        return "\n".join(lines)

    async def _tried(self, messages: Sequence[Message], not_done: str) -> list[str]:
        """The tools that were run, and whether they did what they were asked."""
        turns = dict.fromkeys(message.turn_id for message in messages if message.turn_id)
        found: dict[str, None] = {}
        for turn in list(turns)[-_QUOTED:]:
            for row in await self._store.find(JournalRow, {"turn_id": turn}, sort=("step",)):
                if row.kind is JournalKind.TOOL:
                    failed = f" ({not_done})" if str(row.body["result"]).startswith(NOT_DONE) else ""
                    found[f"{row.body['tool']}{failed}"] = None
        return [name for name in found if not name.startswith(("hand_to_person", "offer_choices", "start_flow"))]

    async def _known(self, conversation: Conversation) -> list[str]:
        """Facts on record: what of theirs is unfinished, and whether we know them."""
        customer = await self._store.get(Customer, conversation.customer_id or "")
        tickets = await self._store.find(Ticket, {"conversation_id": conversation.id}, limit=5)
        lines = [f"Ticket {ticket.ticket_id}: {_cut(ticket.subject)} ({ticket.status})" for ticket in tickets]
        if customer is not None and customer.statistics.total_conversations > 1:
            lines.append(say(_language(conversation), "extract_known", count=customer.statistics.total_conversations))
        return lines


def transcript(messages: Sequence[Message]) -> str:
    """What was said, a line each."""
    names = {MessageSender.CUSTOMER: "Person", MessageSender.AGENT: "Operator"}
    return "\n".join(f"{names.get(message.sender, 'AI')}: {_cut(message.content, 1000)}" for message in messages)


def _language(conversation: Conversation) -> str:
    """The one that is spoken there: what is quoted is in it, too."""
    return conversation.language if conversation.language in LANGUAGES else LANGUAGES[0]


def _is_theirs(message: Message) -> bool:
    return message.direction is Direction.INBOUND


def _ends(texts: Sequence[str]) -> list[str]:
    """The first and the last of what was written."""
    return list(texts) if len(texts) <= _QUOTED else [texts[0], *texts[-(_QUOTED - 1) :]]


def _cut(text: str, length: int = _LENGTH) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
