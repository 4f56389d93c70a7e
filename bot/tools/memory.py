"""Tools on what is remembered of the person."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.principal import Strength
from bot.resources import say
from bot.store.base import Unit
from bot.tools.base import Result, ToolContext, clip, tool

_SHOWN = 300
"""Characters of one memory that the model gets to see: an imported one may be long."""


@tool(write=True, needs=Strength.SIGNED)
async def remember(
    context: ToolContext,
    what: Annotated[str, Field(description="One fact or wish, in one short sentence.", min_length=3, max_length=300)],
) -> Result:
    """Remembers something that the person told about themselves and that will help them another time.

    Never what they did not say, and never passwords, card numbers, health or other people's affairs.
    """
    is_new = await context.services.memories.remember(
        context.unit,
        context.customer_id,
        what,
        conversation_id=context.conversation.id,
        agent=context.agent,
    )
    return Result("remembered" if is_new else "that is remembered already")


@tool(needs=Strength.SIGNED)
async def recall(
    context: ToolContext,
    about: Annotated[str, Field(description="A few words; leave it out for everything.", max_length=200)] = "",
) -> Result:
    """Tells what is remembered of the person you are talking to from earlier conversations, the newest first."""
    found = await context.services.memories.recall(context.customer_id, about)
    return Result("\n".join(f"- {clip(text, _SHOWN)}" for text in found) or "nothing is remembered")


async def _ask_forget(context: ToolContext, what: str) -> str:
    gone = await context.services.memories.forget(Unit(), context.customer_id, what, agent=context.agent)
    return say(context.language, "confirm_forget", what="; ".join(clip(text, _SHOWN) for text in gone))


@tool(write=True, needs=Strength.SIGNED, confirm=_ask_forget)
async def forget(
    context: ToolContext,
    what: Annotated[str, Field(description="Words that are all in what is to be forgotten.", min_length=3, max_length=300)],
) -> Result:
    """Forgets something that is remembered of the person, when they ask for it.

    The system asks for their yes before it does. Tell them afterwards what was forgotten.
    """
    gone = await context.services.memories.forget(context.unit, context.customer_id, what, agent=context.agent)
    if not gone:
        return Result("nothing like that is remembered; recall tells what is")
    return Result("forgotten:\n" + "\n".join(f"- {clip(text, _SHOWN)}" for text in gone))
