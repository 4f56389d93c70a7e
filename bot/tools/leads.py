"""Tools on leads: the person who talks to us as one, and, for users, taking them and moving their status."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.errors import ToolError
from bot.principal import Strength
from bot.records.leads import Lead, LeadStatus
from bot.records.people import Customer
from bot.resources import say
from bot.services.capture import QUESTIONS
from bot.services.numbers import number_of
from bot.tools.base import Result, ToolContext, clip, tool

Answer = Annotated[str, Field(description="In the person's own words; leave it out if they did not say.", max_length=500)]
Number = Annotated[str, Field(description="The lead's number, as a tool gave it.", min_length=1, max_length=40)]


# Of the person who writes


@tool(write=True)
async def capture_lead(
    context: ToolContext,
    interest: Annotated[
        str, Field(description="What they are interested in, in one or two sentences.", min_length=3, max_length=1000)
    ],
    first_name: Annotated[str, Field(description="Only if they say it.", max_length=50)] = "",
    last_name: Annotated[str, Field(description="Only if they say it.", max_length=50)] = "",
    email: Annotated[str, Field(description="Their e-mail address, exactly as they write it, if they do.", max_length=100)] = "",
    company: Annotated[str, Field(description="The company they speak for, if any.", max_length=100)] = "",
) -> Result:
    """Notes that the person you are talking to is interested, so that the sales team takes it up; more is added to it."""
    person = await _person(context)
    given = {"first_name": first_name, "last_name": last_name, "email": email, "company_name": company}
    details = {name: plain for name, value in given.items() if (plain := " ".join(value.split()))}
    lead = await context.services.capture.capture(
        context.unit, person, context.conversation, interest, details, is_sure=context.is_sure, by=context.by
    )
    # The number tells since when there is such a lead: nothing for somebody who only claims to be that person.
    return Result("noted for the sales team" + (f" as lead {number_of(lead)}" if context.is_sure else ""))


@tool(write=True, needs=Strength.SIGNED)
async def qualify_lead(
    context: ToolContext, need: Answer = "", budget: Answer = "", timeline: Answer = "", authority: Answer = ""
) -> Result:
    """Keeps what the person answered on what they need, what they can spend, by when, and who decides.

    Use it after capture_lead, as often as they tell more. Never guess an answer.
    """
    given = {"need": need, "budget": budget, "timeline": timeline, "authority": authority}
    answers = {name: plain for name, value in given.items() if (plain := " ".join(value.split()))}
    if not answers:
        raise ToolError("qualify_lead: give at least one answer: need, budget, timeline or authority")
    lead = context.services.capture.qualify(context.unit, await _own(context), answers, by=context.by)
    open_ = [name for name in QUESTIONS if name not in lead.custom_fields]
    rest = f"not answered yet: {', '.join(open_)}" if open_ else "all is answered"
    return Result(f"kept {', '.join(answers)}; the lead is {lead.status}; {rest}")


@tool(write=True, needs=Strength.SIGNED)
async def lead_status(
    context: ToolContext,
    to: Annotated[Literal["contacted", "qualified"], Field(description="Forward only; the rest is decided by the team.")],
    reason: Annotated[str, Field(description="Why, in one line.", min_length=3, max_length=500)],
) -> Result:
    """Moves the person you are talking to forward as a lead: contacted, then qualified."""
    lead = await _own(context)
    after = context.services.leads.put_status(context.unit, lead, LeadStatus(to), context.by, reason)
    return Result(f"the lead is {after.status} now" if context.unit else f"the lead is {after.status} already")


async def _person(context: ToolContext) -> Customer:
    """The person, who can be called back. Raises ToolError."""
    person = await context.services.people.get(context.customer_id)
    if person.phone_number is None:
        raise ToolError(
            "no phone number of the person is on record, so they cannot be kept as a lead; offer a ticket or a person instead"
        )
    return person


async def _own(context: ToolContext) -> Lead:
    lead = await context.services.capture.lead_of(await _person(context))
    if lead is None:
        raise ToolError("the person is no lead yet; capture_lead makes them one")
    return lead


# Of users


async def _ask_take(context: ToolContext, number: str) -> str:
    """What the assistant reads in a lead's words must not move anything without its user knowing."""
    lead = await context.services.leads.visible(context.user.user_id, number)
    return say(context.language, "confirm_take_lead", number=number_of(lead), who=_called(lead))


async def _ask_status(context: ToolContext, number: str, status: LeadStatus, reason: str = "") -> str:
    lead = await context.services.leads.visible(context.user.user_id, number)
    return say(context.language, "confirm_set_lead_status", number=number_of(lead), who=_called(lead), status=status)


def _called(lead: Lead) -> str:
    return clip(" ".join(name for name in (lead.first_name, lead.last_name) if name) or lead.phone, 60)


@tool(write=True, permission="leads:write", confirm=_ask_take)
async def take_lead(context: ToolContext, number: Number) -> Result:
    """Makes a lead that is nobody's yet your user's own. From then on no other user sees it.

    The system asks your user for their yes before it does.
    """
    lead = await context.services.leads.take(context.user.user_id, number, by=context.by, unit=context.unit)
    return Result(f"lead {number_of(lead)} is theirs" + ("" if context.unit else " already"))


@tool(write=True, permission="leads:write", confirm=_ask_status)
async def set_lead_status(
    context: ToolContext,
    number: Number,
    status: Annotated[LeadStatus, Field(description="What it is to be.")],
    reason: Annotated[str, Field(description="Why, as your user says it.", max_length=500)] = "",
) -> Result:
    """Gives one of your user's own leads another status, as they say. The system asks for their yes before it does."""
    leads, user = context.services.leads, context.user.user_id
    lead = await leads.visible(user, number)
    if lead.user_id != user:
        raise ToolError(f"lead {number_of(lead)} is nobody's yet; take_lead makes it your user's first")
    leads.put_status(context.unit, lead, status, context.by, reason)
    return Result(f"lead {number_of(lead)} is {status}" + (" now" if context.unit else " already"))
