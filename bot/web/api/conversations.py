"""Conversations: the desk's lists, one of them whole, and its timeline."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from bot.conversation import ConversationStatus
from bot.records.calls import Call as PhoneCall
from bot.records.calls import CallStatus
from bot.records.conversations import Conversation, ConversationKind
from bot.records.handoffs import Cause
from bot.records.users import User
from bot.services.queueing import Standing
from bot.services.replies import reason_why_not
from bot.store.base import In
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.faults import Invalid
from bot.web.fields import At, Query
from bot.web.paging import NEVER, Cursor, Limit, Mark, Page, Paged, next_of, stretch
from bot.web.rows import Named, Row, Rows, named, sees_whole
from bot.web.site import Site
from bot.web.timeline import HandoffEntry, Timeline, handoff_entry, read, shown

READ = "read:conversations"
_WITH_PEOPLE = In((ConversationKind.CUSTOMER, ConversationKind.CALL))
_UNDER_WAY = In((CallStatus.INITIATED, CallStatus.RINGING, CallStatus.IN_PROGRESS))
_HISTORY = 50
_RANKS = 4


class View(StrEnum):
    """Which conversations."""

    MINE = "mine"
    """Those the reader holds; snoozed ones only with `snoozed`."""
    WAITING = "waiting"
    """In a queue, in its order."""
    AI = "ai"
    """Held by the AI."""
    OPERATORS = "operators"
    """Held by operators."""
    RESOLVED = "resolved"
    CLOSED = "closed"
    """Resolved and closed ones."""
    CALLS = "calls"
    """Telephone calls that are under way, whoever holds them."""
    ALL = "all"


class Listed(Paged):
    view: View = View.MINE
    skill: Query = ""
    """Of the view `waiting`: one queue alone."""
    snoozed: bool = False
    """Of the view `mine`: those that are snoozed too."""
    customer_id: Query = ""
    """Those with one person, whatever the view."""


class Place(Model):
    """How it stands for who waits in a queue."""

    position: int
    """1 is next."""
    wait_minutes: int | None
    opens: At | None
    """When people of ours are back; null while they are there."""


class MayWrite(Model):
    """Whether an operator may write there now."""

    allowed: bool
    rule: str
    """`whatsapp_window`, `opted_out`, `closed`, ...; empty where it is allowed."""
    why: str
    """In a sentence."""


class Summary(Model):
    """What to know when taking it from the AI."""

    text: str
    by: str
    """The model that wrote it; empty for an extract."""
    cause: Cause
    reason: str
    at: At


class Costs(Model):
    """What the model took."""

    model_steps: int
    input_tokens: int
    output_tokens: int
    micros: int
    """Millionths of a US dollar."""


class Rating(Model):
    rating: int
    comment: str | None


class Whole(Row):
    """A conversation with everything that stands above it on the desk."""

    summary: Summary | None
    handoffs: list[HandoffEntry]
    """The newest first."""
    standing: Place | None
    may_write: MayWrite
    cost: Costs
    typing: list[Named]
    """Who types there now; the person is `person`."""
    resolution_notes: str | None
    resolved_by: Named | None
    rating: Rating | None
    first_response_minutes: float | None
    message_count: int


class Span(Model):
    """Which part of a timeline; without either, the latest."""

    limit: Limit = 50
    before: Cursor = ""
    after: Annotated[str, Field(max_length=300, description="What a timeline before gave as `after`.")] = ""


class Conversations:
    """Reads."""

    def __init__(self, site: Site) -> None:
        self._parts = site.parts
        self._store = site.parts.store
        self._desk = site.parts.desk
        self._rows = Rows(site.parts.store)

    @endpoint("GET", "/conversations", READ)
    async def listed(self, call: Call, query: Listed) -> Page[Row]:
        """Conversations of a view, in pages.

        Queues come in their own order, everything else with the latest change first.
        """
        mark = Mark.read(query.after)
        if query.view is View.CALLS and not query.customer_id:
            return Page(items=await self._rows.of(await self._calls(query.limit), whole=sees_whole(call.user)))
        if query.view is View.WAITING and not query.customer_id:
            found, following = await self._waiting(query, mark)
        else:
            found, following = await self._latest(call, query, mark)
        return Page(items=await self._rows.of(found, whole=sees_whole(call.user)), next=following)

    async def _calls(self, limit: int) -> list[Conversation]:
        """Of all lines together there are never more than fit on one page."""
        calls = await self._store.find(PhoneCall, {"status": _UNDER_WAY}, limit=limit)
        ids = [call.conversation_id for call in calls if call.conversation_id]
        return await self._store.find(Conversation, {"id": In(ids), "openness": "open"}) if ids else []

    async def _latest(self, call: Call, query: Listed, mark: Mark | None) -> tuple[list[Conversation], str | None]:
        found: list[Conversation] = []
        for where in self._wheres(call, query):
            found += await stretch(self._store, Conversation, where, "-updated_at", query.limit + 1, mark)
        found.sort(key=lambda one: (one.updated_at or one.created_at, one.id), reverse=True)
        following = next_of(found, "updated_at", query.limit)
        now, is_mine = self._parts.clock.now(), query.view is View.MINE and not query.snoozed and not query.customer_id
        shown = [one for one in found[: query.limit] if not (is_mine and one.snoozed_until and one.snoozed_until > now)]
        return shown, following

    @staticmethod
    def _wheres(call: Call, query: Listed) -> list[Mapping[str, Any]]:
        if query.customer_id:
            return [{"customer_id": query.customer_id, "kind": _WITH_PEOPLE}]
        statuses = _STATUSES.get(query.view)
        if query.view is View.MINE:
            return [{"status": ConversationStatus.ASSIGNED, "assigned_agent": call.user.id}]
        if statuses is None:
            return [{"kind": _WITH_PEOPLE}]
        return [{"status": status, "kind": _WITH_PEOPLE} for status in statuses]

    async def _waiting(self, query: Listed, mark: Mark | None) -> tuple[list[Conversation], str | None]:
        """Priority by priority, whoever waits longest first."""
        found: list[Conversation] = []
        of_skill = {"assignee_name": query.skill} if query.skill else {}
        for rank in range(mark.rank if mark is not None else 0, _RANKS):
            where = {"status": ConversationStatus.WAITING, **of_skill, "queue_rank": rank}
            here = mark if mark is not None and mark.rank == rank else None
            wanted = query.limit + 1 - len(found)
            found += await stretch(self._store, Conversation, where, "waiting_since", wanted, here)
            if len(found) > query.limit:
                break
        last = found[query.limit - 1] if len(found) > query.limit else None
        return found[: query.limit], str(_mark_of(last)) if last is not None else None

    @endpoint("GET", "/conversations/{id}", READ)
    async def one(self, call: Call, id: str) -> Whole:
        """One conversation: who holds it and why, its summary, whether one may write, what it cost."""
        conversation = await self._desk.transfers.get(id)
        row = await self._rows.one(conversation, whole=sees_whole(call.user))
        history = await self._desk.transfers.history(id, _HISTORY)
        users = await self._rows.by_id(
            User, [conversation.resolved_by, *(end for one in history for end in (one.from_name, one.to_name, one.by[5:]))]
        )
        summary = await self._desk.summaries.of(id)
        typing = self._desk.typing.who(conversation.lane)
        rated, cost = conversation.customer_satisfaction, conversation.cost
        return Whole(
            **row.model_dump(),
            summary=Summary(
                text=summary.summary, by=summary.summary_by, cause=summary.cause, reason=summary.reason, at=summary.at
            )
            if summary is not None
            else None,
            handoffs=[handoff_entry(one, users) for one in history],
            standing=_place(await self._desk.queueing.of(conversation)),
            may_write=await self._may_write(conversation),
            cost=Costs(
                model_steps=cost.model_steps,
                input_tokens=cost.input_tokens,
                output_tokens=cost.output_tokens,
                micros=cost.micros,
            ),
            typing=[Named(id=who, name=name) for who, name in typing.items()],
            resolution_notes=conversation.resolution_notes,
            resolved_by=named(conversation.resolved_by, users),
            rating=Rating(rating=rated.rating, comment=rated.comment) if rated is not None else None,
            first_response_minutes=conversation.first_response_time,
            message_count=conversation.message_count,
        )

    async def _may_write(self, conversation: Conversation) -> MayWrite:
        if conversation.status is ConversationStatus.CLOSED:
            return MayWrite(allowed=False, rule="closed", why="this conversation is closed; begin a new one with the person")
        verdict = await self._desk.replies.verdict(conversation, proactive=conversation.waiting_since is None)
        return MayWrite(allowed=verdict.allowed, rule=verdict.rule, why="" if verdict.allowed else reason_why_not(verdict))

    @endpoint("GET", "/conversations/{id}/messages", READ)
    async def messages(self, call: Call, id: str, query: Span) -> Timeline:
        """Its timeline: messages, notes and changes of hands, the oldest first.

        Without `before` and `after` the latest. What is told of a message may change (sent, delivered, read): look at the latest
        again.
        """
        before, after = Mark.read(query.before, "before"), Mark.read(query.after)
        if before is not None and after is not None:
            raise Invalid("query.before: give before or after, not both", field="before")
        conversation = await self._desk.transfers.get(id)
        found, has_more = await read(self._store, conversation, query.limit, before=before, after=after)
        crossed = await self._desk.transfers.crossed(id)
        entries = await shown(self._rows, found, call.user, crossed)
        has_older = has_more if after is None else True
        return Timeline(
            items=entries,
            before=str(Mark(*found[0][:2])) if found and has_older else None,
            after=str(Mark(*found[-1][:2])) if found else query.after or None,
        )


_STATUSES: Mapping[View, tuple[ConversationStatus, ...]] = {
    View.AI: (ConversationStatus.OPEN,),
    View.OPERATORS: (ConversationStatus.ASSIGNED,),
    View.WAITING: (ConversationStatus.WAITING,),
    View.RESOLVED: (ConversationStatus.RESOLVED,),
    View.CLOSED: (ConversationStatus.RESOLVED, ConversationStatus.CLOSED),
}


def _mark_of(conversation: Conversation) -> Mark:
    return Mark(conversation.waiting_since or NEVER, conversation.id, conversation.queue_rank)


def _place(standing: Standing | None) -> Place | None:
    if standing is None:
        return None
    return Place(position=standing.position, wait_minutes=standing.wait_minutes, opens=standing.opens)


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Conversations(site))
