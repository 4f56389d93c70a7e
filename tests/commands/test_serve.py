"""What `bot serve` says when it starts, and when it cannot."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from bot.__main__ import cli
from bot.commands.serve import _data
from bot.config import Settings
from bot.errors import SettingsError
from bot.web.listening import cannot_listen
from bot.web.server import run_site

pytestmark = pytest.mark.unit


async def refusal(host: str, port: int) -> str:
    async def started(_: int) -> None:
        raise AssertionError

    with pytest.raises(SettingsError) as caught:
        await run_site(web.Application(), host, port, started)
    return str(caught.value)


async def test_a_host_that_is_none_of_ours_is_blamed_on_the_host() -> None:
    assert (await refusal("192.0.2.1", 0)).startswith("BOT_HOST: cannot listen on 192.0.2.1:0")


async def test_a_host_that_can_be_no_name_is_one_line_about_the_host() -> None:
    said = await refusal("x" * 80, 8080)
    assert said.startswith("BOT_HOST: ")
    assert "\n" not in said


async def test_a_taken_port_is_blamed_on_the_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert (await refusal("127.0.0.1", taken.getsockname()[1])).startswith("BOT_PORT: ")


@pytest.mark.parametrize(("port", "setting"), [(80, "BOT_PORT"), (8080, "BOT_HOST")])
def test_a_refused_permission_is_blamed_on_a_low_port_only(port: int, setting: str) -> None:
    denied = OSError(errno.EACCES, "permission denied")
    assert str(cannot_listen("127.0.0.1", port, denied)).startswith(f"{setting}: ")


MONGO, REDIS = ("MONGODB_URI", "mongodb://127.0.0.1:1/"), ("REDIS_URL", "redis://127.0.0.1:1/0")


@pytest.mark.parametrize("command", [["serve", "--no-worker"], ["work"]])
@pytest.mark.parametrize(
    ("given", "missing"), [([], "MONGODB_URI and REDIS_URL"), ([MONGO], "REDIS_URL"), ([REDIS], "MONGODB_URI")]
)
def test_one_of_several_processes_needs_what_they_share(
    command: list[str], given: list[tuple[str, str]], missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in given:
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(cli, command)
    why = f"`bot {' '.join(command)}` is one of several processes, and they share a MongoDB and a Redis"
    assert str(result.exception) == f"{missing}: not set; {why}; `bot serve` alone needs neither"


def test_redis_without_mongodb_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(*REDIS)
    result = CliRunner().invoke(cli, ["serve"])
    assert str(result.exception).startswith("REDIS_URL: Redis joins several processes, and the embedded store serves one")


def test_the_first_line_names_where_the_data_is() -> None:
    assert _data(Settings(_env_file=None, BOT_DATA_DIR="here")) == "here"
    on_mongo = Settings(_env_file=None, MONGODB_URI="mongodb://user:hunter2@x", MONGODB_DATABASE="desk")
    assert _data(on_mongo) == "MongoDB, database desk"
    shared = Settings(_env_file=None, MONGODB_URI="mongodb://x", REDIS_URL="redis://user:hunter2@y")
    assert _data(shared) == "MongoDB, database switchboard, with Redis"
