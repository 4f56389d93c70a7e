"""Outgoing e-mail over SMTP (RFC 5321), by the standard library's client in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from ipaddress import ip_address

from bot.breakers import Breaker
from bot.clock import Clock
from bot.config import SmtpServer
from bot.errors import Reach, SendDelayed, SendError, SendRefused

_SECONDS = 20.0
"""Bound on each step of the dialogue with the server."""
_ENHANCED = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\b")
"""RFC 3463: the part of an answer that says more than its number, and holds nobody's address."""


class EmailSender:
    """Hands mails to one server. Errors hold neither addresses nor the server's words, which repeat them."""

    name = "e-mail"

    def __init__(
        self, server: SmtpServer, clock: Clock, tls: ssl.SSLContext | None = None, breaker: Breaker | None = None
    ) -> None:
        """`tls` says which certificates are believed; by default those that this machine believes."""
        self._breaker = breaker or Breaker(self.name, clock)
        self._server = server
        self._clock = clock
        self._tls = tls or ssl.create_default_context()

    async def send(self, to: str, subject: str, text: str, key: str) -> None:
        """Sends one mail; with the same `key` it is the same mail, should it arrive twice.

        Raises SendDelayed (the server is away, busy, or says 4xx), VendorLeftAlone (it was not even tried) and SendRefused (it
        says 5xx, or `to` is no address).
        """
        message = self._message(to, subject, text, key)
        async with self._breaker.asking(_is_the_servers_fault):
            await asyncio.to_thread(self._talk, lambda client: client.send_message(message, self._server.sender, [to]))

    async def check(self) -> str:
        """Signs in and says nothing. Raises SendDelayed, SendRefused."""
        await asyncio.to_thread(self._talk, lambda client: client.noop())
        return f"{self._server.host}:{self._server.port} lets us in"

    def _message(self, to: str, subject: str, text: str, key: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        try:
            message["From"] = Address(addr_spec=self._server.sender)
            message["To"] = Address(addr_spec=to)
            message["Subject"] = subject
        except (ValueError, IndexError, MessageError):  # a line break in a header, or no address: the library takes neither
            raise SendRefused("the mail was not sent: its address or its subject cannot stand in a header") from None
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{key}@{self._server.sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: so that no out-of-office answers it
        message.set_content(text)
        return message

    def _talk(self, say: Callable[[smtplib.SMTP], object]) -> None:
        with _translated(), self._connected() as client:
            if self._server.user:
                client.login(self._server.user, self._server.password)
            say(client)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        if server.is_tls:
            client: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=self._tls)
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
        with client:
            client.ehlo_or_helo_if_needed()
            if not server.is_tls and client.has_extn("starttls"):
                client.starttls(context=self._tls)
            elif server.user and not server.is_tls and not _is_this_machine(server.host):
                raise SendRefused("the mail server offers no encryption, so the password was not sent; use smtps:// if it can")
            yield client


def _is_the_servers_fault(error: Exception) -> bool:
    return isinstance(error, SendError) and error.reach is Reach.VENDOR


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """The library's errors in our words."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise _refusal(
            error.smtp_code, error.smtp_error, "does not take the user and password of SMTP_URL", Reach.VENDOR
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        code, answer = next(iter(error.recipients.values()))
        raise _refusal(code, answer, "does not take mail for this address") from None
    except smtplib.SMTPSenderRefused as error:
        raise _refusal(
            error.smtp_code, error.smtp_error, "does not take mail from the sender of SMTP_URL", Reach.VENDOR
        ) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error, "does not take the mail") from None
    except smtplib.SMTPServerDisconnected:
        raise SendDelayed("the mail server ended the connection", reach=Reach.VENDOR) from None
    except smtplib.SMTPException:  # an extension or a way of signing in that it does not have
        raise SendRefused("the mail server cannot do what is needed: sign us in, or take such an address") from None
    except OSError as error:  # unreachable, too slow, a certificate that is not believed
        reason = getattr(error, "verify_message", "") or error.strerror or type(error).__name__
        raise SendDelayed(f"the mail server cannot be reached: {reason}", reach=Reach.VENDOR) from None


def _refusal(code: int, answer: bytes | str, what: str, reach: Reach = Reach.MESSAGE) -> SendDelayed | SendRefused:
    """4xx asks for another try, 5xx for none (RFC 5321, 4.2.1); what is neither is an accident on the way."""
    more = _ENHANCED.match(answer if isinstance(answer, bytes) else answer.encode())
    shown = f"{code} {more.group(1).decode()}" if more else str(code)
    kind = SendRefused if 500 <= code < 600 else SendDelayed
    # 421 says that the service goes away, whatever was asked for (RFC 5321, 3.8).
    return kind(f"the mail server {what} ({shown})", code=str(code), reach=Reach.VENDOR if code == 421 else reach)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
