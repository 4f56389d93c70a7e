"""The tool that looks into the knowledge base."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.services.knowledge import Passage
from bot.tools.base import Result, ToolContext, clip, tool

_SOURCE, _QUESTION, _ANSWER = 100, 200, 1200
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

    Use it before you answer such a question, and answer with nothing but what it finds. Each entry begins with its id, then its
    source.
    """
    passages = await context.services.knowledge.find(words, context.language)
    if not passages:
        return Result("nothing found: say that you do not know, or try other words once")
    return Result("\n".join(map(_line, passages)))


def _line(passage: Passage) -> str:
    source = "" if passage.source == passage.title else f"{clip(passage.source, _SOURCE)}: "
    return f"[{passage.id}] {source}{clip(passage.title, _QUESTION)} {clip(passage.text, _ANSWER)}"
