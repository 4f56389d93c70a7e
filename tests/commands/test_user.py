"""`bot user` as its user runs it."""

from __future__ import annotations

import os
import re
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


def user(*words: str, input: str = "") -> Result:
    return CliRunner().invoke(cli, ["user", *words], input=input)


def test_somebody_is_added_with_a_link_for_a_password_and_listed() -> None:
    assert "there is nobody yet; for example `bot user add" in user("list").output
    added = user("add", "Ana@Example.org", "--name", "Ana Ruiz", "--role", "supervisor")
    first, second, link = added.output.splitlines()
    assert (added.exit_code, first) == (0, "ana@example.org is added, supervisor")
    assert second == "They choose a password here, once, within 7 days:"
    assert re.fullmatch(r"  http://127\.0\.0\.1:8080/invite/[A-Za-z0-9_-]{43}", link)
    user("add", "bo@example.org", "--name", "Bo", "--role", "sales_rep")
    listed = user("list").output.splitlines()
    assert listed == ["ana@example.org  supervisor  Ana Ruiz  (invited)", "bo@example.org  sales_rep  Bo  (invited)"]


def test_the_link_begins_with_the_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_PUBLIC_URL", "https://bot.example.com/")
    assert "  https://bot.example.com/invite/" in user("add", "a@example.org", "--name", "A", "--role", "admin").output


def test_a_password_can_be_piped_in_and_is_kept_as_a_hash_only() -> None:
    password = "three words together"
    added = user("add", "a@example.org", "--name", "A", "--role", "admin", "--password-stdin", input=f"{password}\n")
    assert added.output == "a@example.org is added, admin\nThey sign in at http://127.0.0.1:8080/login\n"
    assert user("list").output == "a@example.org  admin  A\n"
    data = b"".join(file.read_bytes() for file in Path("data").iterdir())
    assert b"$2b$12$" in data
    assert password.encode() not in data


@pytest.mark.parametrize(
    ("typed", "message"), [("short", "12 characters or more"), ("", "12 characters or more"), ("x" * 73, "longer than 72 bytes")]
)
def test_a_password_that_cannot_be_one_adds_nobody(typed: str, message: str) -> None:
    wrong = user("add", "a@example.org", "--name", "A", "--role", "admin", "--password-stdin", input=f"{typed}\n")
    assert isinstance(wrong.exception, BotError)
    assert message in str(wrong.exception)
    assert "there is nobody yet" in user("list").output


def test_somebody_is_changed_let_go_and_let_in_again() -> None:
    user("add", "boss@example.org", "--name", "Boss", "--role", "admin")
    user("add", "a@example.org", "--name", "A", "--role", "agent")
    assert user("role", "A@example.org", "supervisor").output == "a@example.org is supervisor now\n"
    assert user("deactivate", "a@example.org").output == "a@example.org is not active any more\n"
    assert "a@example.org  supervisor  A  (not active)" in user("list").output
    assert "activate them first" in str(user("invite", "a@example.org").exception)
    assert user("activate", "a@example.org").output == "a@example.org is active again\n"
    assert "/invite/" in user("invite", "a@example.org").output
    assert "/reset/" in user("reset", "a@example.org").output
    assert user("sign-out", "a@example.org").output == "a@example.org is signed out everywhere\n"


def test_the_last_administrator_stays_one() -> None:
    user("add", "boss@example.org", "--name", "Boss", "--role", "admin")
    for words in (("deactivate", "boss@example.org"), ("role", "boss@example.org", "agent")):
        assert "is the last administrator; make somebody else one first" in str(user(*words).exception)


@pytest.mark.parametrize("what", ["invite", "reset", "deactivate", "activate", "sign-out"])
def test_who_is_not_there_is_told(what: str) -> None:
    assert "there is no user nobody@example.org; `bot user list` shows all" in str(user(what, "nobody@example.org").exception)


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
    assert user("list").output == "ana@example.org  agent  Ana  (invited)\n"


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


def test_the_help_says_how_the_first_administrator_is_made() -> None:
    assert "bot user add EMAIL --name NAME --role admin" in " ".join(user("--help").output.split())
