"""Telephone calls: placed, looked at, ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.errors import NotFound
from bot.records.calling import CallBasis
from bot.records.calls import Call as PhoneCall
from bot.records.calls import CallDirection, CallStatus, Speaker
from bot.records.people import Customer
from bot.records.users import User
from bot.services.call_view import CallView
from bot.services.calling_facts import To
from bot.services.dialling import MOST_ABOUT, Placed, State
from bot.services.masking import masked_phone
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.faults import Invalid
from bot.web.fields import At, Id
from bot.web.paging import Mark, Page, Paged, next_of, stretch
from bot.web.rows import PersonLine, Rows, person_line, sees_whole
from bot.web.site import Site

READ, WRITE = "read:calls", "write:calls"

Optional = Annotated[str, Field(max_length=200)]


class Wanted(Paged):
    customer_id: Optional = ""
    """Only theirs."""


class NewCall(Model):
    """Whom, by exactly one of number, customer and lead."""

    number: Annotated[str, Field(max_length=40, examples=["+12025550123"])] = ""
    """With its country code."""
    customer_id: Optional = ""
    lead_id: Optional = ""
    """One of the caller's own, or one that is nobody's."""
    callback_id: Optional = ""
    """The booked callback that this call answers: it is the consent."""
    about: Annotated[str, Field(max_length=MOST_ABOUT, examples=["your order of Monday"])] = ""
    """What the call is about: the AI says so."""
    language: Literal["", "es", "en", "hi"] = ""
    """What is spoken at first; empty: as it is on their record."""
    is_personal: bool = False
    """Whether one of the team calls somebody who was in touch with us, on their own account: that needs no recorded consent."""


class PhoneCallLine(Model):
    id: str
    direction: CallDirection | None
    status: CallStatus
    provider_status: str
    number: str
    """The other end's; masked for who sees numbers masked, empty where it is withheld."""
    person: PersonLine | None
    conversation_id: str | None
    about: str
    language: str | None
    basis: CallBasis | None
    answered_by: str
    started_at: At | None
    ended_at: At | None
    duration: int | None
    """Seconds."""
    created_at: At | None


class Answer(Model):
    """Whether the call was placed, and if not, by which rule."""

    state: State
    rule: str
    """Name of the rule that refuses; empty where none does."""
    detail: str
    again_at: At | None
    """From when on the same call may be allowed, where only time is in the way."""
    decision_id: str
    """Under which the decision is stored."""
    call: PhoneCallLine | None


class Said(Model):
    speaker: Speaker
    text: str
    start: float | None
    end: float | None
    """Seconds of the call."""


class WholeCall(PhoneCallLine):
    said: list[Said]
    """While it lasts, what was said so far."""
    summary: str
    outcome_tags: list[str]
    recording_link: str | None
    model_cost: str
    """US dollars."""
    total_cost: str | None
    """The same with the line; null while its price is not known."""


class Calls:
    def __init__(self, site: Site) -> None:
        self._parts = site.parts
        self._rows = Rows(site.parts.store)

    @endpoint("GET", "/calls", READ)
    async def listed(self, call: Call, query: Wanted) -> Page[PhoneCallLine]:
        """Calls in and out, the newest first."""
        where = {"customer_id": query.customer_id} if query.customer_id else {}
        mark = Mark.read(query.after)
        found = await stretch(self._parts.store, PhoneCall, where, "-created_at", query.limit + 1, mark)
        shown = found[: query.limit]
        people = await self._rows.by_id(Customer, (one.customer_id for one in shown))
        lines = [_line(one, people.get(one.customer_id or ""), call.user) for one in shown]
        return Page(items=lines, next=next_of(found, "created_at", query.limit))

    @endpoint("GET", "/calls/{id}", READ)
    async def one(self, call: Call, id: str) -> WholeCall:
        """One call, with what was said."""
        view = await self._parts.after_call.views.of(id)
        people = await self._rows.by_id(Customer, [view.call.customer_id])
        return _whole(view, people.get(view.call.customer_id or ""), call.user)

    @endpoint("POST", "/calls", WRITE)
    async def place(self, call: Call, body: NewCall) -> Answer:
        """Calls somebody, if they may be called.

        The answer is 200 also where a rule refuses: it says which, and since when it may be otherwise.
        """
        if sum(map(bool, (body.number, body.customer_id, body.lead_id))) != 1:
            raise Invalid("body.number: say whom by exactly one of number, customer_id and lead_id", field="number")
        if body.lead_id:
            await self._own_lead(call.user.id, body.lead_id)
        placed = await self._parts.calling.dialling.place(
            To(number=body.number, customer_id=body.customer_id, lead_id=body.lead_id),
            by=call.by,
            about=body.about,
            language=body.language,
            basis=_basis(body),
            callback_id=body.callback_id,
        )
        return await self._answer(placed, call.user)

    @endpoint("POST", "/calls/{id}/hang-up", WRITE)
    async def hang_up(self, call: Call, id: Id) -> PhoneCallLine:
        """Ends a call, or takes one back that waits; the record follows when the provider says so."""
        await self._parts.calling.dialling.hang_up(id)
        found = await self._parts.store.get(PhoneCall, id)
        if found is None:
            raise NotFound(f"there is no call {id}")
        people = await self._rows.by_id(Customer, [found.customer_id])
        return _line(found, people.get(found.customer_id or ""), call.user)

    async def _own_lead(self, user_id: str, lead_id: str) -> None:
        """Raises NotFound, for another user's lead in the same words."""
        try:
            await self._parts.services.leads.get(user_id, lead_id)
        except NotFound:
            await self._parts.services.leads.get(None, lead_id)

    async def _answer(self, placed: Placed, reader: User) -> Answer:
        verdict, of = placed.verdict, placed.call
        people = await self._rows.by_id(Customer, [of.customer_id] if of is not None else [])
        return Answer(
            state=placed.state,
            rule=verdict.rule,
            detail=placed.detail or verdict.detail,
            again_at=verdict.again_at,
            decision_id=verdict.decision_id,
            call=_line(of, people.get(of.customer_id or ""), reader) if of is not None else None,
        )


def _basis(body: NewCall) -> CallBasis:
    if body.callback_id:
        return CallBasis.CALLBACK
    return CallBasis.OPERATOR if body.is_personal else CallBasis.OUTREACH


def _line(call: PhoneCall, person: Customer | None, reader: User) -> PhoneCallLine:
    return PhoneCallLine(**_values(call, person, reader))


def _values(call: PhoneCall, person: Customer | None, reader: User) -> dict[str, object]:
    whole = sees_whole(reader)
    number = (call.caller_number if call.direction is CallDirection.INBOUND else call.dialed_number) or ""
    return {
        "id": call.id,
        "direction": call.direction,
        "status": call.status,
        "provider_status": call.provider_status or "",
        "number": number if whole or not number else masked_phone(number),
        "person": person_line(person, whole=whole) if person is not None else None,
        "conversation_id": call.conversation_id,
        "about": call.about,
        "language": call.language,
        "basis": call.basis,
        "answered_by": call.answered_by or "",
        "started_at": call.started_at,
        "ended_at": call.ended_at,
        "duration": call.duration,
        "created_at": call.created_at,
    }


def _whole(view: CallView, person: Customer | None, reader: User) -> WholeCall:
    summary = view.call.ai_summary
    return WholeCall(
        **_values(view.call, person, reader),
        said=[Said(speaker=one.speaker, text=one.text, start=one.start_time, end=one.end_time) for one in view.segments],
        summary=(summary.summary or "") if summary is not None else "",
        outcome_tags=view.call.tags,
        recording_link=view.recording_link,
        model_cost=str(view.model_cost),
        total_cost=str(view.total_cost) if view.total_cost is not None else None,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Calls(site))
