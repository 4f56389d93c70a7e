"""`bot chat` as its user runs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import cli
from bot.store.local import DataDirectory
from bot.testing.processes import Program

pytestmark = pytest.mark.scenario

HELD = "(a person holds this conversation now)"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MONGODB_URI", "REDIS_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Program]:
    path = str(Path(__file__).parents[2])
    settings = {"BOT_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    program = Program(["-m", "bot", "chat"], log=tmp_path / "chat.log", environment=settings, says_when_ready="Ctrl-D ends")
    yield program
    program.close()


def test_bytes_that_are_no_utf_8_are_taken_as_they_can_be() -> None:
    done = CliRunner().invoke(cli, ["chat"], input=b"hola \xff\xfe\n")
    assert (done.exit_code, done.exception) == (0, None)
    assert "bot> " in done.output


def test_that_a_person_holds_the_conversation_is_told_once_after_the_last_answer() -> None:
    done = CliRunner().invoke(cli, ["chat"], input="hello there\nTalk to somebody\n3\nare you there?\nhello?\n")
    assert done.exit_code == 0
    assert done.output.count(HELD) == 1
    assert done.output.index(HELD) > done.output.rindex("bot> ")


def test_nothing_is_told_about_persons_while_the_bot_answers() -> None:
    assert HELD not in CliRunner().invoke(cli, ["chat"], input="hello there\n").output


async def test_a_chat_ends_with_one_line_when_the_process_that_answers_has_ended(chat: Program, tmp_path: Path) -> None:
    worker = DataDirectory.hold(tmp_path / "data")
    chat.start("hello\n")
    assert "Another `bot` process answers." in await chat.ready()
    await asyncio.sleep(1.2)
    assert chat.process.poll() is None
    worker.release()
    assert await chat.ended(10) == 1
    assert chat.output().splitlines()[-1] == "bot: the process that answered has ended; run `bot chat` again"
    assert "Traceback" not in chat.output()
