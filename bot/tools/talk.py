"""Tools that steer the conversation itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.conversation import AgentRef
from bot.errors import ToolError
from bot.message import Button, Reply
from bot.records.handoffs import Cause
from bot.tools.base import Result, ToolContext, clip, tool

_CAUSES = {
    "asked": Cause.ASKED,
    "cannot_help": Cause.LOW_CONFIDENCE,
    "upset": Cause.SENTIMENT,
    "must_decide": Cause.POLICY,
}


@tool(write=True)
async def hand_to_person(
    context: ToolContext,
    reason: Annotated[str, Field(description="Why, in one line, for the operator who takes over.", min_length=1, max_length=500)],
    skill: Annotated[str, Field(description="Which team is needed: support, sales or billing.", max_length=40)] = "support",
    why: Annotated[
        Literal["asked", "cannot_help", "upset", "must_decide"],
        Field(description="asked: they want a person; cannot_help: you cannot; upset: they are; must_decide: only a person may."),
    ] = "asked",
) -> Result:
    """Hands the conversation to a person of the team and ends your part in it.

    Use it when the person asks for a human, or you cannot help. They are told by the system that they are being connected;
    say nothing more yourself.
    """
    queue, wanted = context.services.handoffs.queue_for(skill), clip(skill.lower(), 40)
    words = reason if wanted in ("", queue.skill) else f"{reason} (asked for: {wanted})"
    return Result(f"handed over: {reason}", assignee=queue, reason=words, ends_turn=True, cause=_CAUSES[why])


@tool()
async def hand_to_agent(
    context: ToolContext,
    agent: Annotated[str, Field(description="Name of the agent, as your instructions give it.", max_length=40)],
    reason: Annotated[str, Field(description="Why, and what they need to know, in one line.", min_length=1, max_length=500)],
) -> Result:
    """Hands the conversation on to another AI agent who is better at it, in the middle of your answer.

    The person notices nothing: say nothing about it yourself.
    """
    if agent not in context.colleagues:
        others = f"there are {', '.join(context.colleagues)}" if context.colleagues else "answer yourself or hand to a person"
        raise ToolError(f"it cannot be handed to {agent!r} now; {others}")
    return Result(
        f"{agent} answers from here on; you are {agent} now", assignee=AgentRef(agent), reason=reason, cause=Cause.COLLEAGUE
    )


@tool()
async def offer_choices(
    context: ToolContext,
    text: Annotated[str, Field(description="What you say above the buttons.", min_length=1, max_length=1024)],
    options: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=60)]],
        Field(description="One to three short button titles, at most 20 characters each.", min_length=1, max_length=3),
    ],
) -> Result:
    """Answers with up to three buttons to tap, and waits for the person. Use it when they have to choose between few things."""
    buttons = tuple(Button(f"choice:{number}", title) for number, title in enumerate(options, 1))
    return Result("offered", replies=(Reply(text, buttons),), ends_turn=True)
