"""Tools of users on telephone calls: the AI calls somebody on their behalf."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.errors import ToolError
from bot.resources import say
from bot.services.calling_facts import Asked, To
from bot.services.dialling import MOST_ABOUT, State
from bot.services.masking import masked_phone
from bot.services.phones import read_phone
from bot.tools.base import Result, ToolContext, clip, tool

_PERSON = "person"


async def _ask(context: ToolContext, to: str, about: str, kind: str = _PERSON, language: str = "") -> str:
    who = await _who(context, to, kind)
    return say(context.language, "confirm_place_call", who=clip(who, 60), about=clip(about, 120))


@tool(write=True, permission="write:calls", confirm=_ask)
async def place_call(
    context: ToolContext,
    to: Annotated[
        str, Field(description="The number of the person or lead, as a tool gave it, or a phone number.", max_length=40)
    ],
    about: Annotated[
        str, Field(description="What the call is about, as it is said to them.", min_length=1, max_length=MOST_ABOUT)
    ],
    kind: Annotated[Literal["person", "lead", "phone"], Field(description="What `to` is.")] = "person",
    language: Annotated[Literal["", "es", "en", "hi"], Field(description="What to speak at first, if your user said so.")] = "",
) -> Result:
    """Has the AI call somebody on the telephone now, where consent, the do-not-call list and calling hours allow it.

    The system asks your user for their yes. If it is refused, say why, and do not try it again.
    """
    asked = Asked(await _to(context, to, kind), by=context.by)
    planned = await context.services.dialling.plan(context.unit, asked, about=about, language=language)
    if planned.state is State.REFUSED or planned.call is None:
        verdict = planned.verdict
        again = f"; it may be from {verdict.again_at:%Y-%m-%d %H:%M} UTC on" if verdict.again_at else ""
        raise ToolError(f"the call was not made: {verdict.detail} ({verdict.rule}){again}")
    return Result(f"the call is being placed, as call {planned.call.id}")


async def _to(context: ToolContext, to: str, kind: str) -> To:
    if kind == "lead":
        return To(lead_id=(await context.services.leads.visible(context.user.user_id, to)).id)
    if kind == _PERSON:
        return To(customer_id=(await context.services.directory.person(to)).person.id)
    return To(number=to)


async def _who(context: ToolContext, to: str, kind: str) -> str:
    """Who is called, as the question names them."""
    if kind == "lead":
        lead = await context.services.leads.visible(context.user.user_id, to)
        return " ".join(part for part in (lead.first_name, lead.last_name) if part) or masked_phone(lead.phone)
    if kind == _PERSON:
        person = (await context.services.directory.person(to)).person
        return " ".join(part for part in (person.first_name, person.last_name) if part) or masked_phone(person.phone_number or to)
    return read_phone(to, field="place_call.to").typed
