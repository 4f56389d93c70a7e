"""The terminal. Replies need no transport: whoever sits at the terminal reads them from the timeline."""

from __future__ import annotations

from bot.clock import Clock, new_id
from bot.message import Address, Button, Choice, Content, InboundMessage, Reply, Sender, Text

NAME = "console"


class ConsoleChannel:
    """A reply counts as sent when it is on the timeline, so `bot chat` may run in another process than the worker."""

    name = NAME
    tracks = True

    def shape(self, reply: Reply) -> list[Reply]:
        return [reply] if reply.text or reply.buttons else []

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        return f"console.{tracker}"

    async def close(self) -> None:
        return


def address_of(who: str) -> Address:
    """Where somebody talks at the terminal: a person by their number, a user by `user_address`; else whoever sits there."""
    return Address(NAME, "local", who or "terminal")


def typed(text: str, who: str, clock: Clock) -> InboundMessage:
    """What somebody typed at the terminal."""
    return _message(Text(text), who, clock)


def tapped(button: Button, who: str, clock: Clock) -> InboundMessage:
    """A button that somebody chose at the terminal."""
    return _message(Choice(button.id, button.title), who, clock)


def _message(content: Content, who: str, clock: Clock) -> InboundMessage:
    sender = Sender(phone=who if who.isdecimal() else "")
    return InboundMessage(id=new_id(), address=address_of(who), content=content, sent_at=clock.now(), sender=sender)
