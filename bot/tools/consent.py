"""The tool that takes somebody's consent to being written to back, when they say so in words that are no fixed ones."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.resources import say
from bot.tools.base import Result, ToolContext, tool


async def _ask_opt_out(context: ToolContext, words: str) -> str:
    return say(context.language, "confirm_opt_out")


@tool(write=True, confirm=_ask_opt_out)
async def opt_out(
    context: ToolContext,
    words: Annotated[str, Field(description="The person's own words that ask for it.", min_length=1, max_length=500)],
) -> Result:
    """Ends all messages that we begin to the person you are talking to, when they no longer want to be written to.

    The system asks for their yes before it does. Never use it to end a conversation, a call or a ticket.
    """
    context.services.consents.withdraw(context.unit, context.customer_id, str(context.conversation.channel), words)
    return Result("they are written to no more; what they write themselves is still answered")
