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

import orjson

from bot.clock import new_id
from bot.dialogs.flow import FlowTurn, Move, Undone
from bot.message import Button, Choice, InboundMessage, Reply, Text
from bot.policy import once, plain, plain_words, without_politeness
from bot.records.conversations import FlowState
from bot.resources import say, words
from bot.tools.base import Result, ToolContext

NAME = "confirmation"
_BUTTONS = "confirm:"
"""What the ids of the buttons begin with."""
LIVES = timedelta(hours=1)
"""A yes that comes later than this after the question does nothing."""


_NOT_CONFIRMED = (
    "The system asked the person to confirm this. They have not said yes, so it was NOT done. If what they write now "
    "corrects it, call the tool again with what they want; if they ask something else, answer that."
)
_LEFT = "This was NOT done: the system had to ask the person about another call first. Make it now if it is still wanted."


class Said(Enum):
    """What a message is to a question that wants a yes or a no."""

    YES = "yes"
    NO = "no"
    NOTHING = "nothing"
    """Only politeness, or emoji that answer nothing."""
    ELSE = "else"


def question(context: ToolContext, tool: str, arguments: Mapping[str, Any], asked: str, now: datetime) -> Result:
    """What a call that has to be confirmed gives back: the question with its buttons, and what is waited for from then on."""
    token = new_id()
    state = FlowState(
        name=NAME,
        slots={"tool": tool, "arguments": dict(arguments), "asked": asked, "language": context.language},
        token=token,
        agent=context.agent,
        asked_at=now,
        expires_at=now + LIVES,
    )
    buttons = yes_or_no(token, context.language)
    return Result(
        "the person is being asked to confirm; nothing was done yet", (Reply(asked, buttons),), ends_turn=True, flow=state
    )


def yes_or_no(token: str, language: str) -> tuple[Button, ...]:
    """The buttons under a question that `said` reads the answer to, in a flow that waits with this token."""
    return tuple(Button(_button(token, answer), say(language, answer.value)) for answer in (Said.YES, Said.NO))


class Confirmation:
    """Waits for the yes."""

    name = NAME

    async def advance(self, turn: FlowTurn) -> Move:
        state, language = turn.state, turn.context.language
        tool, arguments = str(state.slots["tool"]), dict(state.slots["arguments"])
        left = tuple(_left(str(name), str(given)) for name, given in state.slots.get("left", ()))
        match said(turn):
            case Said.YES if turn.now >= state.expires_at:
                return Move((Reply(say(language, "confirm_expired")),), outcome="a yes, too late")
            case Said.YES:
                return Move(call=(tool, arguments), undone=left, outcome=f"confirmed: {tool}")
            case Said.NO:
                return Move((Reply(say(language, "confirm_declined")),), outcome=f"declined: {tool}")
            case _:
                asked = Undone(tool, orjson.dumps(arguments).decode(), _NOT_CONFIRMED)
                return Move(undone=(asked, *left), outcome=f"not confirmed: {tool}; to the agent")


def said(turn: FlowTurn) -> Said:
    """What the messages of a turn, all together, are to the question."""
    return _together(*(_answer(message, turn.state) for message in turn.messages))


def _together(*answers: Said) -> Said:
    """Of several answers the only one that says something; ELSE where they differ, or none does."""
    telling = set(answers) - {Said.NOTHING}
    return telling.pop() if len(telling) == 1 else Said.ELSE


def _answer(message: InboundMessage, state: FlowState) -> Said:
    content, token = message.content, state.token
    if isinstance(content, Choice):  # never by its title: it may belong to another question
        return next((said for said in (Said.YES, Said.NO) if content.id == _button(token, said)), Said.ELSE)
    if not isinstance(content, Text) or message.forwarded:  # what is forwarded are somebody else's words
        return Said.ELSE
    if "?" in unicodedata.normalize("NFKC", content.text):  # "ok?" asks us
        return Said.ELSE
    written, drawn = _in_words(plain(content.text)), _in_emoji(content.text)
    meant = Said.NOTHING if written is drawn is Said.NOTHING else _together(written, drawn)
    return Said.NOTHING if meant is Said.YES and _is_older(message, state) else meant


def _is_older(message: InboundMessage, state: FlowState) -> bool:
    """Whether it was written before the question: an "ok" that somebody sent after their wish is no yes to what came of it.

    To the whole second, as vendors tell it no finer.
    """
    return message.sent_at < state.asked_at.replace(microsecond=0)


def _in_words(text: str) -> Said:
    rest = once(without_politeness(text))
    if rest in plain_words("yes_words"):
        return Said.YES
    if rest in plain_words("no_words"):
        return Said.NO
    return Said.NOTHING if not rest or rest in plain_words("polite_words") else Said.ELSE


def _in_emoji(text: str) -> Said:
    """By the symbols alone: the colour of a skin is a modifier, and no symbol. Others than those in the lists say nothing."""
    symbols = {c for c in text if unicodedata.category(c) == "So"}
    answers = [said for said in (Said.YES, Said.NO) if symbols & words(f"{said.value}_words")]
    return _together(*answers) if answers else Said.NOTHING


def _button(token: str, said: Said) -> str:
    return f"{_BUTTONS}{token}:{said.value}"


def is_button(message: InboundMessage) -> bool:
    """Whether somebody has tapped the yes or no of a question, of whichever."""
    return isinstance(message.content, Choice) and message.content.id.startswith(_BUTTONS)


def _left(name: str, arguments: str) -> Undone:
    """A call that stood behind the one that was asked about, so that none is lost in silence."""
    try:
        orjson.loads(arguments)
    except orjson.JSONDecodeError:  # it was malformed, or too long to keep
        arguments = "{}"
    return Undone(name, arguments, _LEFT)


FLOW = Confirmation()
