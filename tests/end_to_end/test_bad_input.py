"""What people set wrong where several processes share a MongoDB and a Redis: one line, the setting, the fix, and no password."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.records.conversations import Message
from bot.testing.audit import come_to_rest
from bot.testing.deployment import Deployment, deployment
from bot.testing.processes import WORKS, Program, free_port
from bot.testing.redis import RedisServer, require_redis
from bot.testing.secantus import Secantus
from bot.testing.secantus import program as secantus
from bot.testing.whatsapp.server import PHONE_ID, SECRET
from bot.testing.whatsapp.vendor import Vendor
from bot.worker import STOP_SECONDS

pytestmark = pytest.mark.end_to_end

PASSWORD = "s3cret"
LEASE_MS = 1000


@pytest.fixture(autouse=True, scope="module")
def _with_servers() -> None:
    require_redis()
    if secantus() is None:
        pytest.skip("SecantusDB is not installed; `uv sync` brings it")


@dataclass(frozen=True)
class Servers:
    """Addresses of what will do and of what will not."""

    mongo: str
    alone: str
    """Without a replica set."""
    locked: str
    """Lets nobody in."""
    redis: str
    locked_redis: str
    evicting: str
    nobody: int
    """A port where nobody listens."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:

        def mongo(name: str, *options: str) -> str:
            server = Secantus(folder / name, *options).start()
            stack.callback(server.stop)
            return server.uri

        def redis(name: str, *options: str) -> str:
            server = RedisServer(folder / name, *options).start()
            stack.callback(server.kill)
            return server.url

        yield Servers(
            mongo("mongo"),
            mongo("alone", "--standalone"),
            mongo("locked", "--auth").replace("//", f"//somebody:{PASSWORD}@"),
            redis("redis"),
            redis("locked-redis", "--requirepass", "right").replace("//", f"//:{PASSWORD}@"),
            redis("evicting", "--maxmemory-policy", "allkeys-lru", "--maxmemory", "50mb"),
            free_port(),
        )


WRONG = {
    "no MongoDB there": (
        ["work"],
        "mongodb://u:{password}@127.0.0.1:{nobody}/?replicaSet=rs0",
        "{redis}",
        "MONGODB_URI: no server answers at mongodb://127.0.0.1:{nobody} within 5 s; is it running, is the address right?",
    ),
    "no address of a MongoDB": (
        ["serve", "--no-worker"],
        "mongo:{password}@here",
        "{redis}",
        "MONGODB_URI: this is no address of a MongoDB; for example mongodb://",
    ),
    "no replica set": (
        ["work"],
        "{alone}",
        "{redis}",
        "this MongoDB has no replica set, which transactions need: start mongod with --replSet rs0 and run rs.initiate()",
    ),
    "wrong password of MongoDB": (["work"], "{locked}", "{redis}", "does not know this user or password"),
    "wrong password of Redis": (["work"], "{mongo}", "{locked_redis}", "REDIS_URL: redis://127.0.0.1:"),
    "no Redis there": (
        ["work"],
        "{mongo}",
        "redis://:{password}@127.0.0.1:{nobody}/0",
        "REDIS_URL: no Redis answers at redis://127.0.0.1:{nobody}/0; is it running, is the address right?",
    ),
    "no address of a Redis": (
        ["work"],
        "{mongo}",
        "http://{password}@here",
        "REDIS_URL: this is no address of a Redis; for example redis://",
    ),
    "no Redis": (["work"], "{mongo}", "", "REDIS_URL: not set; `bot work` is one of several processes"),
    "no MongoDB": (["serve", "--no-worker"], "", "{redis}", "MONGODB_URI: not set; `bot serve --no-worker` is one of several"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_setting_is_one_line_that_names_it_and_the_fix(case: str, servers: Servers, tmp_path: Path) -> None:
    command, mongo, redis, told = WRONG[case]
    values = {**vars(servers), "password": PASSWORD}
    settings = {
        "MONGODB_URI": mongo.format(**values),
        "REDIS_URL": redis.format(**values),
        "BOT_DATA_DIR": str(tmp_path / "data"),
        "BOT_LEASE_MS": str(LEASE_MS),
        "MONGODB_DATABASE": "switchboard_test_wrong",
    }
    code, said = await ran(tmp_path, settings, *command)
    assert code == 1
    assert said.startswith("bot: ")
    assert said.count("\n") == 1, said
    assert told.format(**values) in said
    assert PASSWORD not in said


async def test_a_redis_that_throws_keys_away_is_wrong_and_one_that_keeps_nothing_on_disk_is_fine(
    servers: Servers, tmp_path: Path
) -> None:
    settings = {"MONGODB_URI": servers.mongo, "MONGODB_DATABASE": "switchboard_test_check", "BOT_SECRET_KEY": "k" * 40}
    _, report = await ran(tmp_path, {**settings, "REDIS_URL": servers.evicting}, "check")
    assert "WRONG  REDIS_URL: throws keys away when its memory is full (allkeys-lru)" in report
    assert "->  CONFIG SET maxmemory-policy noeviction" in report
    _, report = await ran(tmp_path, {**settings, "REDIS_URL": servers.redis}, "check")
    assert "throws keys away" not in report
    assert "needs no persistence: MongoDB holds all that has to last" in report


async def ran(folder: Path, settings: dict[str, str], *command: str) -> tuple[int, str]:
    program = Program(["-m", "bot", *command], log=folder / "log", environment=settings)
    try:
        return await program.start().ended(30.0), program.output()
    finally:
        program.close()


# Clocks, and stopping


WITH_ANOTHER_CLOCK = """
import sys, time
real, off = time.time_ns, int(sys.argv.pop(1)) * 10**9
time.time_ns = lambda: real() + off
from bot.__main__ import main
main()
"""


async def write(running: Deployment, people: list[str], text: str) -> None:
    vendor = Vendor(target=running.around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=True)
    for person in people:
        await vendor.batch([vendor.text_node(person, text, f"wamid.{person}.{time.time_ns()}")], name="Ana")
    await vendor.close()


async def test_workers_whose_clocks_are_minutes_off_answer_in_order_once_and_on_the_stores_time(
    servers: Servers, tmp_path: Path
) -> None:
    people = [f"120255503{number:02}" for number in range(3)]
    async with deployment(tmp_path, servers.mongo, workers=0, lease_ms=3000) as running, asyncio.timeout(100):
        workers = [
            Program(
                ["-c", WITH_ANOTHER_CLOCK, str(minutes * 60), "work"],
                log=tmp_path / f"off-{minutes}.log",
                environment=running.around.settings,
                says_when_ready=WORKS,
            ).start()
            for minutes in (7, -7)
        ]
        try:
            for worker in workers:
                await worker.ready(40.0)
            await write(running, people, "Hello, are you open today?")
            await come_to_rest(running.store)
            assert all("this machine's clock is wrong; the store's is followed" in worker.output() for worker in workers)
            sends = [send.to for send in running.around.sends()]
            assert {person: sends.count(person) for person in people} == dict.fromkeys(people, 1)
            now = await running.store.now()
            messages = await running.store.find(Message, {}, sort=("id",), limit=100)
            assert len(messages) == 2 * len(people)
            assert all(abs(now - message.timestamp) < timedelta(minutes=2) for message in messages)
        finally:
            for worker in workers:
                worker.close()


@pytest.mark.timeout(300)  # two bounds of ten seconds, and processes that may start slowly
async def test_a_worker_in_the_middle_of_a_very_slow_turn_stops_within_its_bound_and_another_goes_on(
    servers: Servers, tmp_path: Path
) -> None:
    async with deployment(tmp_path, servers.mongo, lease_ms=8000, token_ms=5000) as running, asyncio.timeout(100):
        await write(running, ["12025550311"], "Hello there, are you open today, and until when would that be?")
        first = await running.worker_of("turns", "whatsapp:")
        assert await first.stop(within=STOP_SECONDS + 10.0) == 0
        await running.worker_of("turns", "whatsapp:", but=[first], within=6.0)  # given back: the lease would take longer
