"""A real SMTP server in a thread, and what it was given."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Mailbox:
    """Takes mail, or answers what it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.at: dict[str, str] = {}
        """Command -> what is answered to it instead."""
        self.hangs_up = False

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        return self.at.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.hangs_up:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if "RCPT" not in self.at:
            envelope.rcpt_tos.append(address)
        return self.at.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.at:
            return self.at["DATA"]
        assert isinstance(envelope.content, bytes)
        self.recipients += envelope.rcpt_tos
        self.mails.append(BytesParser(policy=default).parsebytes(envelope.content))
        return "250 OK"


def _lets_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data == LoginPassword(b"bot@example.com", b"p@ss"), handled=False)


@contextmanager
def served(box: Mailbox, scheme: str = "smtp", **options: Any) -> Iterator[str]:
    """The URL of a server that puts mail into the box, and lets one user in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"authenticator": _lets_in, "auth_require_tls": False, **options}
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield f"{scheme}://bot%40example.com:p%40ss@127.0.0.1:{port}"
    finally:
        controller.stop()


def code_in(mail: EmailMessage) -> str:
    """The one-time code of a mail."""
    [code] = re.findall(r"\b\d{6}\b", mail.get_content())
    return str(code)
