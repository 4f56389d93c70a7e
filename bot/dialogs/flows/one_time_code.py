"""Waits for a one-time code.

Whatever is no code, and no wish for another one or for none, goes to the agent, and the code stays awaited.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from bot.dialogs.flow import FlowTurn, Move
from bot.errors import LimitReached, ServiceError
from bot.message import Button, Choice, InboundMessage, Reply, Text
from bot.outbox import HIDDEN
from bot.policy import plain, plain_words, without_politeness
from bot.principal import PersonRef
from bot.records.conversations import FlowState
from bot.resources import say
from bot.services.one_time_codes import DIGITS
from bot.services.verification import FLOW as NAME
from bot.services.verification import TRIES, Asker, Proof, after_wrong, asking, button_id, buttons, challenge_of, minutes

_NUMBER = re.compile(r"\d(?:[ \t.\-]{0,2}\d)*")
"""Digits, in groups or not: a code stands in one, and nothing of a longer number is one."""

_VERIFIED = "The person has just been verified with a one-time code; go on with what they asked for before."
_ADDRESS = (
    "The person has just shown with a one-time code that the e-mail address is theirs; it is on their record now. It did not "
    "verify them any further. Go on with what they asked for before."
)
_AWAITED = (
    "The system still waits for the one-time code that it sent; the person can write it at any time. Answer what they write now."
)
_EXPIRED = (
    "The one-time code that the person was sent has expired; offer another one if it is still needed. Answer what they write now."
)


class OneTimeCode:
    """Checks codes, counts tries, sends another one."""

    name = NAME

    async def advance(self, turn: FlowTurn) -> Move:
        language = turn.context.language
        if _wants(turn, "again"):
            return await self._again(turn)
        if _wants(turn, "cancel"):
            return _over(language, "code_cancelled")
        typed = next((code for message in turn.messages if (code := code_in(message))), None)
        if turn.now >= turn.state.expires_at:
            return Move(told=_EXPIRED) if typed is None else _over(language, "code_expired")
        if typed is None:
            return Move(state=turn.state, told=_AWAITED)
        if not turn.context.services.verification.is_right(challenge_of(turn.state), typed):
            return _wrong(turn.state, language)
        return await self._right(turn)

    async def _right(self, turn: FlowTurn) -> Move:
        context = turn.context
        if not isinstance(context.principal, PersonRef):
            return _for_a_person(context.language, "code_shows_nothing")
        challenge = challenge_of(turn.state)
        match await context.services.verification.accept(context.unit, context.conversation, context.principal, challenge):
            case Proof.VERIFIED:
                return Move(told=_VERIFIED)
            case Proof.ADDRESS:
                return Move(told=_ADDRESS)
            case _:
                return _for_a_person(context.language, "code_shows_nothing")

    async def _again(self, turn: FlowTurn) -> Move:
        """Another code; the one before is void, and its wrong tries count on."""
        context, challenge = turn.context, challenge_of(turn.state)
        asker = Asker(context.customer_id, context.conversation, context.language, turn.state.agent)
        try:
            state = await context.services.verification.begin(
                context.unit, asker, challenge.via, challenge.to, tries=challenge.tries
            )
        except LimitReached as error:
            waiting = turn.state if turn.now < turn.state.expires_at else None
            return Move((Reply(say(context.language, "code_too_many", count=minutes(error.wait))),), waiting)
        except ServiceError:
            return _for_a_person(context.language, "code_no_way")
        return Move((asking(state, context.language),), state)

    def veiled(self, message: InboundMessage) -> InboundMessage:
        """The message as it stands on the timeline and before the model: without whatever may be the code."""
        if not isinstance(message.content, Text):
            return message
        text = _NUMBER.sub(lambda found: HIDDEN if _is_code(found) else found.group(), message.content.text)
        return msgspec.structs.replace(message, content=Text(text))


def code_in(message: InboundMessage) -> str | None:
    """The code that a message holds, in the digits of any script, in one piece or in groups; None where it holds none."""
    if not isinstance(message.content, Text):
        return None
    return next((_digits(found.group()) for found in _NUMBER.finditer(message.content.text) if _is_code(found)), None)


def _is_code(found: re.Match[str]) -> bool:
    return len(_digits(found.group())) == DIGITS


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())


def _wants(turn: FlowTurn, what: str) -> bool:
    return any(_asks(message, turn.state, what) for message in turn.messages)


def _asks(message: InboundMessage, state: FlowState, what: str) -> bool:
    if isinstance(message.content, Choice):  # never by its title: it may belong to an older code
        return message.content.id == button_id(state, what)
    if not isinstance(message.content, Text):
        return False
    return without_politeness(plain(message.content.text)) in plain_words(f"code_{what}_words")


def _wrong(state: FlowState, language: str) -> Move:
    after = after_wrong(state)
    if after is None:
        return _for_a_person(language, "code_used_up")
    left = TRIES - challenge_of(after).tries
    return Move((Reply(say(language, "code_wrong", count=left), buttons(after, language)),), after)


def _over(language: str, name: str) -> Move:
    return Move((Reply(say(language, name)),))


def _for_a_person(language: str, name: str) -> Move:
    """It ends here; a person can help, if they like."""
    return Move((Reply(say(language, name), (Button("person", say(language, "option_person")),)),))


FLOW = OneTimeCode()
