"""Asks the person before a tool runs, and runs it with exactly what they were asked about.

Only a plain yes counts: the button of this very question, or words that are nothing but a yes. Anything else goes to the model,
which calls the tool again with what was corrected, and then the person is asked again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from bot.clock import new_id
from bot.dialogs.flow import FlowTurn, Move
from bot.message import Button, Choice, InboundMessage, Reply, Text
from bot.policy import plain, plain_words, without_politeness
from bot.records.conversations import FlowState
from bot.resources import say, words
from bot.tools.base import Result, ToolContext

NAME = "confirmation"
LIVES = timedelta(hours=1)
"""A yes that comes later than this after the question does nothing."""


_NOT_CONFIRMED = (
    "The system asked the person to confirm this. They have not said yes, so it was NOT done. If what they write now "
    "corrects it, call the tool again with what they want; if they ask something else, answer that."
)


class Said(Enum):
    """What a message is to a question that wants a yes or a no."""

    YES = "yes"
    NO = "no"
    NOTHING = "nothing"
    """Only politeness."""
    ELSE = "else"


def question(context: ToolContext, tool: str, arguments: Mapping[str, Any], asked: str, now: datetime) -> Result:
    """What a call that has to be confirmed gives back: the question with its buttons, and what is waited for from then on."""
    token = new_id()
    titles = {Said.YES: say(context.language, "yes"), Said.NO: say(context.language, "no")}
    state = FlowState(
        name=NAME,
        slots={"tool": tool, "arguments": dict(arguments), "asked": asked},
        token=token,
        agent=context.agent,
        asked_at=now,
        expires_at=now + LIVES,
    )
    buttons = tuple(Button(_button(token, said), title) for said, title in titles.items())
    return Result(
        "the person is being asked to confirm; nothing was done yet", (Reply(asked, buttons),), ends_turn=True, flow=state
    )


class Confirmation:
    """Waits for the yes."""

    name = NAME

    async def advance(self, turn: FlowTurn) -> Move:
        state, language = turn.state, turn.context.language
        tool, arguments = str(state.slots["tool"]), dict(state.slots["arguments"])
        match said(turn):
            case Said.YES if turn.now >= state.expires_at:
                return Move((Reply(say(language, "confirm_expired")),))
            case Said.YES:
                return Move(call=(tool, arguments))
            case Said.NO:
                return Move((Reply(say(language, "confirm_declined")),))
            case _:
                return Move(told=_NOT_CONFIRMED, undone=(tool, arguments))


def said(turn: FlowTurn) -> Said:
    """What the messages of a turn, all together, are to the question."""
    answers = {_answer(message, turn.state.token) for message in turn.messages} - {Said.NOTHING}
    return answers.pop() if len(answers) == 1 else Said.ELSE


def _answer(message: InboundMessage, token: str) -> Said:
    content = message.content
    if isinstance(content, Choice):  # never by its title: it may belong to another question
        return next((said for said in (Said.YES, Said.NO) if content.id == _button(token, said)), Said.ELSE)
    if not isinstance(content, Text):
        return Said.ELSE
    if _bare(content.text) in words("yes_words"):
        return Said.YES
    return _in_words(plain(content.text))


def _in_words(text: str) -> Said:
    rest = without_politeness(text)
    if rest in plain_words("yes_words"):
        return Said.YES
    if rest in plain_words("no_words"):
        return Said.NO
    return Said.NOTHING if rest in plain_words("polite_words") else Said.ELSE


def _bare(text: str) -> str:
    """An emoji without the colour of its skin and the mark that makes it one."""
    kept = (c for c in text.strip() if unicodedata.category(c) not in ("Sk", "Mn", "Cf"))
    return "".join(kept)


def _button(token: str, said: Said) -> str:
    return f"confirm:{token}:{said.value}"


FLOW = Confirmation()
