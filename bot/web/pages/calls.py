"""`/calls`: telephone calls, the newest first; and one of them whole: what was said, how it sounded, how long one waited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.conversation import AssigneeKind
from bot.errors import BotError, Conflict, NotFound, StoreUnavailable
from bot.records.calls import Call, CallDirection, CallStatus
from bot.records.people import Customer
from bot.records.permissions import allows
from bot.records.users import User
from bot.services.call_view import CallView
from bot.store.base import Between
from bot.web.access import needs
from bot.web.call_plot import plot_of
from bot.web.call_rows import call_line, item_line, segment_line
from bot.web.forms import clean, form_of
from bot.web.gate import asking
from bot.web.overview.words import Words
from bot.web.rows import Rows, holder_of, sees_whole
from bot.web.site import Site
from bot.web.texts import texts_of
from bot.web.times import day_of, shown, zone_of

PATH = "/calls"
READ, WRITE, ASSIGN = "read:conversations", "write:messages", "assign:conversations"
_PAGE = 50
_LENGTH = 100
_FILTERS = ("status", "direction", "from", "to")


class CallsPage:
    """What the team looks up about calls."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._store = site.parts.store
        self._after = site.parts.after_call
        self._rows = Rows(site.parts.store)

    def routes(self) -> list[web.RouteDef]:
        return [
            *needs(READ, web.get(PATH, self.page), web.get(f"{PATH}/{{id}}", self.one)),
            *needs(WRITE, web.post(f"{PATH}/{{id}}/items/{{item}}", self.decide)),
            *needs(ASSIGN, web.post(f"{PATH}/{{id}}/recording/delete", self.delete_recording)),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The list. Raises HTTPBadRequest for an `after` that there is not."""
        asked = {name: clean(request.query.get(name, "")).strip()[:_LENGTH] for name in _FILTERS}
        reader, language = asking(request).user, self._site.language(request)
        begins, ends = day_of(asked["from"], reader, 0), day_of(asked["to"], reader, 1)
        after = clean(request.query.get("after", ""))[:_LENGTH] or None
        try:
            found = await self._store.find(Call, _where(asked, begins, ends), sort=("-created_at",), limit=_PAGE + 1, after=after)
        except Conflict:
            raise web.HTTPBadRequest(text="after: there is no such call; begin with the first page") from None
        people = await self._rows.by_id(Customer, (call.customer_id for call in found[:_PAGE]))
        t, whole = texts_of("calls", language), sees_whole(reader)
        filters = {name: value for name, value in asked.items() if value}
        return self._site.page(
            request,
            "calls.html",
            texts="calls",
            here=f"{PATH}?{urlencode(filters)}&" if filters else f"{PATH}?",
            asked=asked,
            is_wrong=[name for name, at in (("from", begins), ("to", ends)) if asked[name] and at is None],
            calls=[call_line(call, people, t, reader, whole=whole) for call in found[:_PAGE]],
            more=urlencode({**filters, "after": found[_PAGE - 1].id}) if len(found) > _PAGE else "",
            statuses=[str(status) for status in CallStatus],
            directions=[str(direction) for direction in CallDirection],
        )

    async def one(self, request: web.Request) -> web.Response:
        """One call. Raises HTTPNotFound."""
        done = request.query.get("done", "")
        return await self._one(request, done=done if done in ("deleted", "accepted", "declined") else "")

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """An action item is accepted, or nothing is to become of it."""
        id_, item = clean(request.match_info["id"]), clean(request.match_info["item"])
        by, accepts = f"user:{asking(request).user.id}", (await form_of(request)).get("what") == "accept"
        try:
            await (self._after.items.accept if accepts else self._after.items.decline)(id_, item, by=by)
        except NotFound as error:
            raise web.HTTPNotFound(text=str(error)) from None
        except StoreUnavailable:
            raise
        except BotError as error:
            return await self._one(request, problem=str(error))
        raise web.HTTPSeeOther(f"{PATH}/{id_}?done={'accepted' if accepts else 'declined'}")

    async def delete_recording(self, request: web.Request) -> web.StreamResponse:
        """Nobody hears it any more; not without the tick that says so."""
        id_ = clean(request.match_info["id"])
        if "sure" not in await form_of(request):
            return await self._one(request, problem="sure")
        try:
            await self._after.recordings.delete(id_, by=f"user:{asking(request).user.id}")
        except NotFound as error:
            raise web.HTTPNotFound(text=str(error)) from None
        except StoreUnavailable:
            raise
        except BotError as error:
            return await self._one(request, problem=str(error))
        raise web.HTTPSeeOther(f"{PATH}/{id_}?done=deleted")

    async def _one(self, request: web.Request, *, problem: str = "", done: str = "") -> web.Response:
        try:
            view = await self._after.views.of(clean(request.match_info["id"]))
        except NotFound as error:
            raise web.HTTPNotFound(text=str(error)) from None
        who, language = asking(request), self._site.language(request)
        words = Words(texts_of("calls", language), zone_of(who.user))
        people = await self._rows.by_id(Customer, (view.call.customer_id,))
        granted = who.principal.permissions
        return self._site.page(
            request,
            "call.html",
            texts="calls",
            status=422 if problem else 200,
            here=f"{PATH}/{view.call.id}?",
            done=done,
            problem=words.t("problem_sure") if problem == "sure" else problem,
            call=call_line(view.call, people, words.t, who.user, whole=sees_whole(who.user)),
            chart=plot_of(view.turns, words),
            segments=[segment_line(one) for one in view.segments],
            holder=await self._holder(view, words),
            may={"write": allows(granted, "messages", "write"), "delete": allows(granted, "conversations", "assign")},
            **_what_came(view, words, who.user),
        )

    async def _holder(self, view: CallView, words: Words) -> dict[str, str]:
        conversation = view.conversation
        if conversation is None:
            return {}
        kind, name = conversation.assignee_kind, conversation.assignee_name
        users = await self._rows.by_id(User, (name,)) if kind is AssigneeKind.OPERATOR else {}
        tone = {AssigneeKind.AGENT: "ai", AssigneeKind.QUEUE: "wait", AssigneeKind.OPERATOR: "op"}[kind]
        return {"tone": tone, "text": words.t(f"holder_{kind}", who=holder_of(kind, name, users).name)}


def _where(asked: Mapping[str, str], begins: datetime | None, ends: datetime | None) -> dict[str, Any]:
    """What an index by the moment serves; words that there are not count as none."""
    where: dict[str, Any] = {}
    if asked["status"] in frozenset(CallStatus):
        where["status"] = CallStatus(asked["status"])
    if asked["direction"] in frozenset(CallDirection):
        where["direction"] = CallDirection(asked["direction"])
    if begins is not None or ends is not None:
        where["created_at"] = Between(low=begins, high=ends)
    return where


def _what_came(view: CallView, words: Words, reader: User) -> dict[str, Any]:
    """Recording, summary, items, what was made, cost."""
    call, t = view.call, words.t
    summary, recording = call.ai_summary, call.recording
    outcome = view.conversation.outcome if view.conversation is not None else None
    sentiment = summary.sentiment if summary is not None else None
    micros = float(view.model_cost) * 1_000_000
    return {
        "recording": {"link": view.recording_link or "", "status": str(recording.status) if recording else ""},
        "summary": summary,
        "items": [item_line(item, t, reader) for item in (summary.action_items if summary is not None else [])],
        "outcome": t(f"outcome_{outcome}") if outcome is not None else "",
        "sentiment": t(f"sentiment_{sentiment.overall}") if sentiment is not None else "",
        "tickets": [(ticket.ticket_id, ticket.subject) for ticket in view.tickets],
        "callbacks": [(shown(t.language, one.requested_time, reader), one.notes or "") for one in view.callbacks],
        "model_cost": words.money(micros) if micros else "",
        "total_cost": words.money(float(view.total_cost) * 1_000_000) if view.total_cost is not None else "",
    }


def routes(site: Site) -> list[web.RouteDef]:
    return CallsPage(site).routes()
