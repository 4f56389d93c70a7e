"""The tool that lets the system ask the person step by step."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.errors import ToolError
from bot.tools.base import Begun, Result, ToolContext, tool


@tool()
async def start_flow(
    context: ToolContext,
    name: Annotated[
        str,
        Field(
            description="open_ticket, ticket_status, book_callback, move_callback, cancel_callback, capture_lead, rate "
            "or talk_to_person.",
            max_length=40,
        ),
    ],
    about: Annotated[
        str, Field(description="What they have said on it so far, in their own words; nothing of your own.", max_length=8000)
    ] = "",
) -> Result:
    """Lets the system ask the person for what something needs, step by step with buttons, and do it.

    Use it when they leave things open, or to take a rating. When they have said all that is needed, call the tool itself. The
    system asks the first question now: say nothing more yourself.
    """
    if name not in context.flows:
        raise ToolError(f"there is no flow {name[:40]!r} to begin now; there are {', '.join(context.flows) or 'none'}")
    return Result(f"the system goes on with {name}", ends_turn=True, begins=Begun(name, about.strip()))
