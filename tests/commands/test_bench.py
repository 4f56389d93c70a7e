"""`bot bench chaos` as its user runs it; that it proves something is in `tests/end_to_end/test_chaos.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from bot.__main__ import cli
from bot.commands.bench import _again
from bot.errors import BotError
from bot.testing import secantus
from bot.testing.redis import RedisServer
from bot.testing.shared_chaos import Plan

pytestmark = pytest.mark.scenario

NOBODY = "127.0.0.1:9"


def chaos(*words: str) -> Result:
    return CliRunner().invoke(cli, ["bench", "chaos", *words])


def test_a_missing_redis_server_is_told_in_one_line_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    error = chaos().exception
    assert isinstance(error, BotError)
    assert str(error) == "redis-server is not installed: `apt-get install redis-server` brings it; or give --redis-url"


def test_a_missing_secantusdb_is_told_in_one_line_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secantus, "program", lambda: None)
    error = chaos("--redis-url", f"redis://{NOBODY}/0").exception
    assert isinstance(error, BotError)
    assert "pip install SecantusDB" in str(error)
    assert "--mongodb-uri" in str(error)


def test_a_redis_that_does_not_answer_is_told_in_one_line() -> None:
    error = chaos("--redis-url", f"redis://{NOBODY}/0", "--mongodb-uri", f"mongodb://{NOBODY}/").exception
    assert isinstance(error, BotError)
    assert f"no Redis answers at redis://{NOBODY}/0" in str(error)


def test_a_redis_that_holds_something_is_not_emptied(redis_server: RedisServer) -> None:
    url = f"{redis_server.url.removesuffix('/0')}/9"
    with Redis.from_url(url) as client:
        client.set("somebody", "else's")
        error = chaos("--redis-url", url, "--mongodb-uri", f"mongodb://{NOBODY}/").exception
        assert isinstance(error, BotError)
        assert "holds 1 keys and would be emptied" in str(error)
        assert client.delete("somebody") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--minutes", "1", "--conversations", "5"), "either --minutes or --conversations"),
        (("--conversations", "10001"), "10001 is not in the range"),
        (("--web", "0"), "0 is not in the range"),
    ],
)
def test_what_cannot_be_run_is_told_before_anything_starts(words: tuple[str, ...], message: str) -> None:
    result = chaos(*words)
    assert result.exit_code == 2
    assert message in result.output


def test_how_to_run_it_again_names_the_seed_and_no_password() -> None:
    again = _again(Plan(7, 60.0), 1.0, None, "mongodb://ana:secret@db/", "")
    assert again == "bot bench chaos --minutes 1 --seed 7 --web 2 --workers 2 --mongodb-uri ..."


def test_nothing_is_left_behind_where_it_cannot_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    chaos("--redis-url", f"redis://{NOBODY}/0", "--mongodb-uri", f"mongodb://{NOBODY}/")
    assert list(tmp_path.iterdir()) == []
