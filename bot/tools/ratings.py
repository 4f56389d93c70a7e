"""The tool that keeps what the person thinks of this conversation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.tools.base import Result, ToolContext, tool


@tool(write=True)
async def rate_conversation(
    context: ToolContext,
    rating: Annotated[int, Field(description="From 1 (very bad) to 5 (very good), as they say it; never guess it.", ge=1, le=5)],
    comment: Annotated[str, Field(description="What they say about it, if anything.", max_length=2000)] = "",
) -> Result:
    """Keeps what the person thinks of how they were served in this conversation."""
    await context.services.ratings.rate(context.unit, context.conversation, rating, comment.strip(), by=context.by)
    return Result(f"rated this conversation with {rating} of 5")
