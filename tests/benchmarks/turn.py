"""A whole turn: 2 model calls, 1 tool, 60 paced tokens, through inbox, worker, engine, journal, store and outbox.

    python -m tests.benchmarks.turn [--rounds 3] [--secs 5] [--mongo] [--unmeasured]

The agent has its own prompt and is offered all of its own tools, beside the one that the model's stub calls. The anchor is a bare
aiohttp client with nothing stored and one tool. Own CPU of the whole process; the stub, and with `--mongo` SecantusDB (or the
server of TEST_MONGODB_URI), are processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from bot.app import App, assemble
from bot.clock import SystemClock, new_id
from bot.config import Settings
from bot.dialogs.agent import AgentLoop
from bot.dialogs.offline import Offline
from bot.dialogs.openai_model import OpenAIModel
from bot.dialogs.router import Router
from bot.engine import Engine
from bot.message import Address, InboundMessage, Reply, Sender, Text
from bot.meter import KEEPS_NOTHING
from bot.running import settle
from bot.sending import Sending
from bot.store.sqlite import SqliteStore
from bot.testing.channel import RecordingChannel
from bot.testing.processes import free_port
from bot.testing.secantus import SERVER, Secantus
from bot.tools.base import Result, Toolbox, ToolContext, tool
from bot.vendors import meter_of
from bot.worker import Worker
from tests.benchmarks.common import ANCHORS, json_lines, judge, middle, needs, run, spread

BARS = {"SQLite": 6.0, "MongoDB": 12.0}
AT_ONCE = 16
TURNS_EACH = 8
"""Turns of one person before the next one comes: a conversation has a history, and does not go on for ever."""
OURS = "106540352242922"
QUESTION = "Hi, can you tell me the status of ticket T-1042?"


@tool()
async def get_ticket(context: ToolContext, ticket_id: str) -> Result:
    """Look a ticket up by its id."""
    return Result(json.dumps({"id": ticket_id, "status": "open", "assignee": "Ravi", "slot": "tomorrow 10-12"}))


class Listener(RecordingChannel):
    """Tells whoever waits for a reply that it came."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: dict[str, asyncio.Future[str]] = {}

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        self.waiting.pop(to.theirs).set_result(reply.text)
        return f"sent.{tracker}"


def _worker(app: App, model: OpenAIModel) -> Worker:
    """The app's own worker, with the tool that the stub of the model calls beside the agents' own."""
    own = Toolbox.discover()
    toolbox = Toolbox({get_ticket.name: get_ticket, **{name: found for name in own.names() if (found := own.get(name))}})
    parts = app.engine._parts
    agents = {name: replace(agent, tools=(*agent.tools, get_ticket.name)) for name, agent in parts.agents.items()}
    loop = AgentLoop(model, Offline(parts.intents, parts.services.knowledge), toolbox, app.clock, meter=app.meter)
    engine = Engine(replace(parts, loop=loop, agents=agents, router=Router(agents)))
    sending = Sending(app.outbox, app.channels, app.shared, app.meter)
    return Worker(app.store, app.lanes, app.inbox, app.outbox, engine, sending, app.jobs, meter=app.meter)


async def _turn(app: App, listener: Listener, number: int) -> None:
    address = Address("whatsapp", OURS, f"1202{number:08d}")
    told = listener.waiting[address.theirs] = asyncio.get_running_loop().create_future()
    message = InboundMessage(f"wamid.{new_id()}", address, Text(QUESTION), SystemClock().now(), Sender("Ana", address.theirs))
    await app.inbox.accept([message])
    text = await told
    assert text.startswith("Your ticket T-1042"), text


async def measure(settings: Settings, base: str, seconds: float, is_measured: bool) -> tuple[float, float, float, float]:
    """CPU ms a turn, turns a second, median ms of a turn, commits a turn (0 where they are not counted)."""
    listener = Listener()
    model = OpenAIModel("x", base, "stub")
    meter = meter_of(settings, SystemClock()) if is_measured else KEEPS_NOTHING
    async with assemble(settings, model=model, channels={listener.name: listener}, meter=meter) as app:
        worker = _worker(app, model)
        await worker.start()
        settle()
        for number in range(AT_ONCE):
            await _turn(app, listener, number)
        times: list[float] = []
        stop = time.perf_counter() + seconds

        async def people(first: int) -> None:
            number, said = first, 0
            while time.perf_counter() < stop:
                began = time.perf_counter()
                await _turn(app, listener, number)
                times.append(time.perf_counter() - began)
                said += 1
                if said % TURNS_EACH == 0:
                    number += AT_ONCE

        commits, cpu, began = _commits(app), time.process_time(), time.perf_counter()
        await asyncio.gather(*(people(AT_ONCE + number) for number in range(AT_ONCE)))
        cpu, wall, commits = time.process_time() - cpu, time.perf_counter() - began, _commits(app) - commits
        await worker.stop()
    turns = len(times)
    return cpu / turns * 1e3, turns / wall, middle(times) * 1e3, commits / turns


def _commits(app: App) -> int:
    return app.store.commits if isinstance(app.store, SqliteStore) else 0


@contextmanager
def _settings(on_mongo: bool) -> Iterator[Settings]:
    """A fresh store, on this machine's disk or on a server."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        more: dict[str, Any] = {}
        if on_mongo:
            uri = os.environ.get(SERVER)
            if not uri:
                server = Secantus(Path(folder)).start()
                stack.callback(server.stop)
                uri = server.uri
            more = {"MONGODB_URI": uri, "MONGODB_DATABASE": f"turn_{new_id()[-12:]}"}
        yield Settings(_env_file=None, BOT_DATA_DIR=Path(folder) / "data", BOT_QUIET_MS=0, **more)


@contextmanager
def _stub(folder: Path) -> Iterator[str]:
    """The anchors' model, one token every 2 ms."""
    port = free_port()
    stub = subprocess.Popen([sys.executable, ANCHORS / "llm_stub.py", "--port", str(port), "--pace-ms", "2"])
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        stub.terminate()
        stub.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=float, default=5)
    parser.add_argument("--mongo", action="store_true", help="on MongoDB instead of SQLite")
    parser.add_argument("--unmeasured", action="store_true", help="without the metrics that `bot serve` always keeps")
    options = parser.parse_args()
    needs()
    store = "MongoDB" if options.mongo else "SQLite"
    anchors, rounds = [], []
    with tempfile.TemporaryDirectory() as scratch, _stub(Path(scratch)) as base:
        time.sleep(0.5)
        for _ in range(options.rounds):
            arguments = ["raw", "--base", base, "--secs", str(options.secs), "--conc", str(AT_ONCE)]
            anchors.append(json_lines(run(ANCHORS / "turn_clients.py", *arguments))[-1])
            with _settings(options.mongo) as settings:
                rounds.append(uvloop.run(measure(settings, base, options.secs, not options.unmeasured)))
    raw = [anchor["cpu_ms_turn"] for anchor in anchors]
    cpu, per_second, median, commits = ([figures[at] for figures in rounds] for at in range(4))
    print(f"own CPU per turn, ms: anchor raw {spread(raw)}, ours {spread(cpu)}, ratio {middle(cpu) / middle(raw):.2f}")
    print(
        f"ours: {middle(per_second):.0f} turns/s, median {middle(median):.0f} ms a turn, {middle(commits):.2f} commits a turn;",
        end=" ",
    )
    print(
        f"anchor: {middle([a['turns_s'] for a in anchors]):.0f} turns/s, median {middle([a['p50_ms'] for a in anchors]):.0f} ms"
    )
    sys.exit(0 if judge(f"own CPU per turn on {store}, median", middle(cpu), BARS[store], " ms") else 1)


if __name__ == "__main__":
    main()
