"""The tool that lets a person show who they are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.errors import ToolError
from bot.principal import PersonRef, Strength
from bot.services.verification import Asker, Via, asking
from bot.tools.base import Result, ToolContext, tool


@tool(write=True)
async def send_code(
    context: ToolContext,
    to: Annotated[
        Literal["whatsapp", "email"],
        Field(description="whatsapp: their number on record, where they wrote to us lately; email: the address that they name."),
    ],
    address: Annotated[
        str,
        Field(description="For email: their e-mail address, exactly as they write it. Ask for it first.", max_length=254),
    ] = "",
) -> Result:
    """Sends the person a one-time code, so that they can show who they are; the system asks them for it and checks it.

    Use it when something needs them to be verified and they agree. Never ask for a code yourself and never repeat one.
    """
    via = Via(to)
    if via is Via.EMAIL and not address.strip():
        raise ToolError("address: is required for email; ask the person for their e-mail address")
    principal = context.principal
    if via is Via.WHATSAPP and isinstance(principal, PersonRef) and principal.strength is Strength.VERIFIED:
        return Result("the person is verified already; go on with what they asked")
    asker = Asker(context.customer_id, context.conversation, context.language, context.agent)
    state = await context.services.verification.begin(context.unit, asker, via, address)
    return Result(
        "a code is on its way; the system asks the person for it",
        (asking(state, context.language),),
        ends_turn=True,
        flow=state,
    )
