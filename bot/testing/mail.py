"""A mail server's stand-in that keeps what it is given to send."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that went out."""

    to: str
    subject: str
    text: str
    key: str


class RecordingMailer:
    """Stands in for `bot.channels.email`: remembers every mail."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    async def send(self, to: str, subject: str, text: str, key: str) -> None:
        self.sent.append(Mail(to, subject, text, key))
