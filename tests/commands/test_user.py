"""`bot user` as its user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.__main__ import cli
from bot.config import setting_names
from bot.errors import BotError

pytestmark = pytest.mark.scenario


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)


def user(*words: str) -> Result:
    return CliRunner().invoke(cli, ["user", *words])


def test_somebody_is_added_and_listed() -> None:
    assert "there is nobody yet; for example `bot user add" in user("list").output
    added = user("add", "Ana@Example.org", "--name", "Ana Ruiz", "--role", "supervisor")
    assert (added.exit_code, added.output) == (0, "ana@example.org is added, supervisor\n")
    user("add", "bo@example.org", "--name", "Bo", "--role", "sales_rep")
    assert user("list").output.splitlines() == ["ana@example.org  supervisor  Ana Ruiz", "bo@example.org  sales_rep  Bo"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "ana", "--name", "Ana", "--role", "agent"), "User.email: must be an e-mail address"),
        (("add", "bo@example.org", "--name", " ", "--role", "agent"), "User.name: is required"),
        (("add", "ANA@example.org", "--name", "Ana", "--role", "agent"), "is another user's already"),
    ],
)
def test_what_is_wrong_is_one_line_and_adds_nobody(words: tuple[str, ...], message: str) -> None:
    user("add", "ana@example.org", "--name", "Ana", "--role", "agent")
    wrong = user(*words)
    assert isinstance(wrong.exception, BotError)
    assert message in str(wrong.exception)
    assert "\n" not in str(wrong.exception)
    assert user("list").output == "ana@example.org  agent  Ana\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "a@example.org", "--name", "Ana", "--role", "boss"), "'boss' is not one of 'admin', 'supervisor', 'agent'"),
        (("add", "a@example.org", "--name", "Ana"), "Missing option '--role'"),
        (("add", "a@example.org", "--role", "agent"), "Missing option '--name'"),
        (("remove",), "No such command 'remove'"),
    ],
)
def test_a_wrong_option_is_named(words: tuple[str, ...], message: str) -> None:
    wrong = user(*words)
    assert wrong.exit_code == 2
    assert message in wrong.output
    assert not Path("data").exists()


def test_the_program_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "user", "add", "ana", "--name", "Ana", "--role", "agent"]
    here = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(here)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "bot: User.email: must be an e-mail address; for example 'ana@example.org'\n"


def test_the_help_says_that_there_is_no_password_yet() -> None:
    for words in (("--help",), ("add", "--help")):
        assert "signing in comes with the desk" in " ".join(user(*words).output.split())
