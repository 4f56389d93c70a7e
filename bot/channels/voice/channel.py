"""The telephone as a channel. Replies need no transport: whoever has the call reads them from the timeline and speaks them.

On `gather` that is the webhook with which Twilio asks what to say next, on `relay` and `stream` the process that holds the call.
"""

from __future__ import annotations

import re

from bot.message import Address, Reply

NAME = "voice"
LIMIT = 3000
"""Characters that are spoken in one piece: Twilio takes 4,096 in one <Say> (docs, "TwiML <Say>")."""

_BORDERS = (re.compile(r"\n+"), re.compile(r"(?<=[.!?…।])\s+"), re.compile(r"\s+"))


class VoiceChannel:
    """A reply counts as sent when it is on the timeline."""

    name = NAME
    tracks = True
    """One whose sending broke off is sent again: on the timeline it is one message either way."""

    def shape(self, reply: Reply) -> list[Reply]:
        pieces = _split(reply.text.strip()) if len(reply.text) > LIMIT else [reply.text]
        if reply.buttons:
            return [*(Reply(piece) for piece in pieces[:-1]), Reply(pieces[-1], reply.buttons)]
        return [Reply(piece) for piece in pieces if piece.strip()]

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        return f"{NAME}.{tracker}"

    async def close(self) -> None:
        return


def _split(text: str) -> list[str]:
    """The text in pieces, each cut at the best border of its second half: line, sentence, word."""
    pieces = []
    while len(text) > LIMIT:
        cut = next((found for border in _BORDERS if (found := _last(border, text))), LIMIT)
        pieces.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*pieces, text]


def _last(border: re.Pattern[str], text: str) -> int:
    """Where the last border of the second half begins; 0 where there is none."""
    return max((found.start() for found in border.finditer(text, LIMIT // 2, LIMIT)), default=0)
