"""The tool that looks into the knowledge base."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.tools.base import Result, ToolContext, clip, tool

_QUESTION, _ANSWER = 200, 1200
"""Characters of an entry that the model gets to see."""


@tool()
async def search_knowledge(
    context: ToolContext,
    words: Annotated[
        str,
        Field(description="A few words that the answer would hold, in the person's language.", min_length=1, max_length=200),
    ],
) -> Result:
    """Looks for an answer in what the company has written down: products, prices, rules, how things are done.

    Use it before you answer such a question, and answer with nothing but what it finds. Each entry begins with its id.
    """
    entries = await context.services.search.knowledge(words, language=context.language)
    if not entries:
        return Result("nothing found: say that you do not know, or try other words once")
    return Result("\n".join(f"[{e.id}] {clip(e.question, _QUESTION)} {clip(e.answer, _ANSWER)}" for e in entries))
