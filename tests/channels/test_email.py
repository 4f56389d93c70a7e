"""Outgoing e-mail, against a real SMTP server."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.breakers import Breaker, BreakerState, Tolerance
from bot.channels.base import Checkable
from bot.channels.email import EmailSender
from bot.config import SmtpServer, read_smtp_url
from bot.errors import BotError, SendDelayed, SendRefused, VendorLeftAlone
from bot.testing.clock import ManualClock
from tests.mailbox import Mailbox, served

pytestmark = pytest.mark.contract


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


Serve = Callable[..., SmtpServer]


@pytest.fixture
def serve(box: Mailbox) -> Iterator[Serve]:
    """Starts a server; where it is."""
    with ExitStack() as running:

        def start(scheme: str = "smtp", **options: Any) -> SmtpServer:
            return read_smtp_url(running.enter_context(served(box, scheme, **options)))

        yield start


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's own certificate, and a client's belief in it."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))


async def _send(server: SmtpServer, tls: ssl.SSLContext | None = None, **values: str) -> None:
    mail = {"to": "ana@example.org", "subject": "Su código", **values}
    await EmailSender(server, ManualClock(), tls).send(mail["to"], mail["subject"], "Hola, ñandú.\nआपका कोड", "k1")


async def test_a_mail_arrives_with_its_words_in_every_script(box: Mailbox, serve: Serve) -> None:
    await _send(serve())
    [mail] = box.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == ("bot@example.com", "ana@example.org", "Su código")
    assert mail.get_content().replace("\r\n", "\n") == "Hola, ñandú.\nआपका कोड\n"
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<k1@example.com>", "auto-generated")
    assert mail["Date"].datetime == ManualClock().now()


async def test_the_sender_can_be_another_than_the_user(box: Mailbox, serve: Serve) -> None:
    server = serve()
    await _send(read_smtp_url(f"smtp://127.0.0.1:{server.port}?from=hello@example.net"))
    assert box.mails[0]["From"] == "hello@example.net"


async def test_mail_is_encrypted_where_the_server_offers_it(
    box: Mailbox, serve: Serve, certificate: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    theirs, ours = certificate
    await _send(serve(tls_context=theirs, require_starttls=True, auth_require_tls=True), ours)
    assert len(box.mails) == 1


async def test_mail_goes_inside_tls_from_the_first_byte(
    box: Mailbox, serve: Serve, certificate: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    theirs, ours = certificate
    await _send(serve("smtps", ssl_context=theirs), ours)
    assert len(box.mails) == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    box: Mailbox, serve: Serve, certificate: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with pytest.raises(SendDelayed, match="cannot be reached: self-signed certificate"):
        await _send(serve(tls_context=certificate[0]))
    assert box.mails == []


async def test_no_password_goes_unencrypted_to_another_machine(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setattr("bot.channels.email._is_this_machine", lambda host: False)
    with pytest.raises(SendRefused, match="offers no encryption"):
        await _send(server)


@pytest.mark.parametrize(
    ("command", "answer", "kind", "told"),
    [
        ("RCPT", "550 5.1.1 <ana@example.org> unknown", SendRefused, "does not take mail for this address (550 5.1.1)"),
        ("RCPT", "450 greylisted, ana@example.org", SendDelayed, "does not take mail for this address (450)"),
        ("RCPT", "421 4.7.0 too many", SendDelayed, "does not take mail for this address (421 4.7.0)"),
        ("MAIL", "553 5.7.1 not yours", SendRefused, "does not take mail from the sender of SMTP_URL (553 5.7.1)"),
        ("DATA", "554 5.6.0 spam", SendRefused, "does not take the mail (554 5.6.0)"),
        ("DATA", "451 4.3.0 later", SendDelayed, "does not take the mail (451 4.3.0)"),
    ],
)
async def test_what_the_server_says_decides_whether_it_is_tried_again(
    box: Mailbox, serve: Serve, command: str, answer: str, kind: type[BotError], told: str
) -> None:
    box.at[command] = answer
    with pytest.raises(kind) as caught:
        await _send(serve())
    assert str(caught.value) == f"the mail server {told}"


async def test_a_wrong_password_is_told_apart(serve: Serve) -> None:
    server = serve()
    wrong = read_smtp_url(f"smtp://bot%40example.com:wrong@127.0.0.1:{server.port}")
    with pytest.raises(SendRefused, match=r"does not take the user and password of SMTP_URL \(535 5\.7\.8\)"):
        await _send(wrong)


async def test_a_server_that_signs_nobody_in_is_told_apart(serve: Serve) -> None:
    with pytest.raises(SendRefused, match="cannot do what is needed"):
        await _send(serve(authenticator=None, auth_exclude_mechanism=["LOGIN", "PLAIN"]))


async def test_a_dropped_connection_is_tried_again(box: Mailbox, serve: Serve) -> None:
    box.hangs_up = True
    with pytest.raises(SendDelayed):
        await _send(serve())


async def test_nobody_listening_is_tried_again(serve: Serve) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(SendDelayed, match="cannot be reached: Connection refused"):
        await _send(read_smtp_url(f"smtp://127.0.0.1:{port}?from=bot@example.com"))


@pytest.mark.parametrize(
    "values",
    [
        {"to": "ana@example.org\nBcc: bo@example.org"},
        {"to": "ana@example.org, bo@example.org"},
        {"to": "ana@example.org\r"},
        {"to": "Ana <ana@example.org>"},
        {"to": ""},
        {"to": "@"},
        {"subject": "Hello\r\nBcc: bo@example.org"},
    ],
)
async def test_no_header_can_be_smuggled_in(box: Mailbox, serve: Serve, values: dict[str, str]) -> None:
    with pytest.raises(SendRefused, match="cannot stand in a header"):
        await _send(serve(), None, **values)
    assert box.recipients == []


async def test_check_signs_in_and_sends_nothing(box: Mailbox, serve: Serve, tmp_path: Path) -> None:
    server = serve()
    sender = EmailSender(server, ManualClock())
    assert isinstance(sender, Checkable)
    assert await sender.check() == f"127.0.0.1:{server.port} lets us in"
    assert box.mails == []


async def test_a_server_that_keeps_being_away_is_left_alone_and_then_tried_again(
    box: Mailbox, serve: Serve, unused_tcp_port: int
) -> None:
    clock = ManualClock()
    breaker = Breaker("e-mail", clock)
    away = EmailSender(read_smtp_url(f"smtp://127.0.0.1:{unused_tcp_port}?from=bot@example.com"), clock, breaker=breaker)
    for _ in range(Tolerance().failures):
        with pytest.raises(SendDelayed, match="cannot be reached"):
            await away.send("ana@example.org", "Hello", "Hello", "k1")
    back = EmailSender(serve(), clock, breaker=breaker)
    with pytest.raises(VendorLeftAlone, match=r"^e-mail failed too often") as refused:
        await back.send("ana@example.org", "Hello", "Hello", "k1")
    assert (refused.value.wait, box.mails) == (Tolerance().cool_down, [])
    await clock.advance(refused.value.wait)
    await back.send("ana@example.org", "Hello", "Hello", "k1")
    await back.send("bo@example.org", "Hello", "Hello", "k2")
    assert len(box.mails) == 2


async def test_what_one_mailbox_refuses_holds_nothing_against_the_server(box: Mailbox, serve: Serve) -> None:
    breaker = Breaker("e-mail", ManualClock())
    sender = EmailSender(serve(), ManualClock(), breaker=breaker)
    box.at["RCPT"] = "450 4.2.1 try later"
    for _ in range(2 * Tolerance().failures):
        with pytest.raises(SendDelayed, match="for this address"):
            await sender.send("ana@example.org", "Hello", "Hello", "k1")
    assert breaker.state is BreakerState.CLOSED
