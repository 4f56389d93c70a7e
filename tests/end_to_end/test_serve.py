"""The real `bot` as a process: how it starts, refuses to start, stops, and does without a disk."""

from __future__ import annotations

import asyncio
import hashlib
import resource
import socket
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from bot.clock import SystemClock
from bot.records.conversations import Direction, Message
from bot.records.tickets import Ticket
from bot.store.sqlite import SqliteStore
from bot.testing.processes import Program, Surroundings, free_port, surroundings
from bot.testing.whatsapp import PHONE_ID, SECRET, Vendor, person

pytestmark = pytest.mark.end_to_end


@pytest_asyncio.fixture
async def around(tmp_path: Path) -> AsyncIterator[Surroundings]:
    async with surroundings(tmp_path / "around") as made:
        yield made


@pytest_asyncio.fixture
async def meta(around: Surroundings) -> AsyncIterator[Vendor]:
    vendor = Vendor(target=around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=False)
    yield vendor
    await vendor.close()


@asynccontextmanager
async def opened(around: Surroundings) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(around.data / "bot.db", SystemClock())
    await store.open()
    yield store
    await store.close()


async def until_sent(around: Surroundings, *parts: str, within: float = 10.0) -> list[str]:
    """Waits until replies with all these words have arrived; the texts of all replies."""
    async with asyncio.timeout(within):
        while True:
            texts = [send.text for send in around.sends()]
            if all(any(part in text for text in texts) for part in parts):
                return texts
            await asyncio.sleep(0.02)


async def refusal(program: Program) -> str:
    """Starts a program that must not start; its one line."""
    program.start()
    assert await program.ended() == 1, program.output()
    lines = program.output().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("bot: ")
    return lines[0]


def fingerprints(data: Path) -> dict[str, str]:
    """What the files of a data directory hold; the lock names the last process that came by."""
    files = (path for path in data.iterdir() if path.name != "worker.lock")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


async def test_a_webhook_is_answered_and_sigterm_ends_the_server_soon_with_exit_code_0(
    around: Surroundings, meta: Vendor
) -> None:
    server = around.bot("serve").start()
    await server.ready()
    assert (await meta.text(person(1), "Hello there.")).status == 200
    await until_sent(around, "Hello there.")
    began = time.monotonic()
    assert await server.stop() == 0
    assert time.monotonic() - began < 3
    assert "Traceback" not in server.output()


async def test_what_was_accepted_right_before_sigterm_is_answered_once_by_then_or_after_the_next_start(tmp_path: Path) -> None:
    async with surroundings(tmp_path / "slow", token_ms=30) as around:
        meta = Vendor(target=around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=False)
        server = around.bot("serve").start()
        await server.ready()
        posted = await meta.burst(20, body="Message number {} of a burst.")
        await meta.close()
        assert {answer.status for answer in posted} == {200}
        assert await server.stop() == 0
        assert "Traceback" not in server.output()
        await server.start().ready()
        texts = await until_sent(around, *(f"number {number} of" for number in range(20)))
        assert len(texts) == 20, texts
        assert await server.stop() == 0


async def test_a_second_server_on_the_same_data_refuses_and_names_the_first(around: Surroundings) -> None:
    first = around.bot("serve").start()
    await first.ready()
    line = await refusal(around.bot("serve", "--port", "0"))
    assert f"pid {first.process.pid}" in line
    assert "BOT_DATA_DIR" in line
    assert first.process.poll() is None


async def test_a_taken_port_is_one_line_that_names_the_setting(around: Surroundings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = await refusal(around.bot("serve", "--port", str(port)))
    assert "BOT_PORT" in line
    assert str(port) in line


async def test_a_data_directory_that_is_a_file_is_one_line_and_the_file_stays(around: Surroundings) -> None:
    around.data.write_text("precious")
    line = await refusal(around.bot("serve"))
    assert str(around.data) in line
    assert "BOT_DATA_DIR" in line
    assert around.data.read_text() == "precious"


async def test_a_wrong_setting_is_one_line_that_names_it(around: Surroundings) -> None:
    line = await refusal(around.bot("serve", BOT_QUIET_MS="soon"))
    assert "BOT_QUIET_MS" in line


async def test_data_of_a_newer_version_is_refused_and_left_untouched(around: Surroundings) -> None:
    server = around.bot("serve").start()
    await server.ready()
    await server.stop()
    file = around.data / "bot.db"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = fingerprints(around.data)
    line = await refusal(around.bot("serve"))
    assert "newer version" in line
    assert fingerprints(around.data) == before


async def test_a_full_disk_is_a_503_with_nothing_half_written_and_the_server_goes_on_once_there_is_space(
    around: Surroundings, meta: Vendor
) -> None:
    server = around.bot("serve", BOT_QUIET_MS="0").start()
    await server.ready()
    assert (await meta.text(person(1), "Before it is full.")).status == 200
    await until_sent(around, "Before it is full.")
    # No file of the server may grow any more: to it this is a disk without space.
    size = max(path.stat().st_size for path in around.data.iterdir() if path.name != "bot.db")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    refused = [await meta.text(person(2), f"While it is full {number}.") for number in range(20)]
    assert refused[-1].status == 503
    assert {answer.status for answer in refused} <= {200, 503}
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    again = [answer for answer in refused if answer.status == 503]
    for answer in again:  # as Meta does
        assert (await meta.duplicate(answer)).status == 200
    assert (await meta.text(person(1), "Now there is space.")).status == 200
    await until_sent(around, "Now there is space.", *(f"While it is full {number}." for number in range(20)))
    assert await server.stop() == 0
    async with opened(around) as store:
        heard = [m for m in await store.find(Message, {}, limit=1000) if m.direction is Direction.INBOUND]
        assert len(heard) == 22


async def test_the_same_webhook_twice_at_once_and_after_a_restart_opens_one_ticket(around: Surroundings, meta: Vendor) -> None:
    server = around.bot("serve").start()
    await server.ready()
    posted = await meta.text(person(1), "I need a ticket, please.")
    again = await asyncio.gather(*(meta.duplicate(posted) for _ in range(10)))
    assert {answer.status for answer in (posted, *again)} == {200}
    year = SystemClock().now().year
    await until_sent(around, f"TICKET-{year}-000001")
    assert (await meta.duplicate(posted)).status == 200
    server.kill()
    await server.start().ready()
    assert (await meta.duplicate(posted)).status == 200
    assert (await meta.text(person(1), "Thanks.")).status == 200
    await until_sent(around, "Thanks.")
    assert await server.stop() == 0
    async with opened(around) as store:
        tickets = await store.find(Ticket, {}, limit=10)
    assert [ticket.ticket_id for ticket in tickets] == [f"TICKET-{year}-000001"]
    assert len(around.sends()) == 2


async def test_a_line_piped_into_bot_chat_is_answered(tmp_path: Path) -> None:
    program = Program(["-m", "bot", "chat"], log=tmp_path / "chat.log", environment={"BOT_DATA_DIR": str(tmp_path / "data")})
    program.start(stdin="hello, my internet is down\n")
    try:
        assert await program.ended() == 0, program.output()
    finally:
        program.close()
    assert "bot> " in program.output()
    assert "Traceback" not in program.output()


async def test_bot_chat_beside_a_running_server_is_answered_by_that_server(around: Surroundings) -> None:
    server = around.bot("serve").start()
    await server.ready()
    chat = around.bot("chat").start(stdin="hello from the terminal\n")
    assert await chat.ended() == 0, chat.output()
    assert "You said: hello from the terminal" in chat.output()
    assert await server.stop() == 0


def test_free_ports_differ_while_they_are_held() -> None:
    port = free_port()
    with socket.socket() as held:
        held.bind(("127.0.0.1", port))
        assert free_port() != port
