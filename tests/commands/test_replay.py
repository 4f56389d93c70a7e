"""`bot replay` as its user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import COMMANDS, cli
from bot.errors import NotFound

pytestmark = pytest.mark.scenario


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MONGODB_URI", "REDIS_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_a_conversation_is_found_by_the_number_of_the_person_and_by_its_id() -> None:
    runner = CliRunner()
    runner.invoke(cli, ["chat", "--as", "+12025550123"], input="open a ticket: my line is dead\nskip\nyes\n")
    shown = runner.invoke(cli, ["replay", "+12025550123"])
    assert shown.exit_code == 0
    assert "create_ticket(subject='my line is dead'" in shown.output
    assert "in all    $0.000000  [" in shown.output
    assert runner.invoke(cli, ["replay", shown.output.split()[1]]).output == shown.output


def test_a_stranger_is_said_so_with_an_example() -> None:
    missing = CliRunner().invoke(cli, ["replay", "+12025550199"])
    assert isinstance(missing.exception, NotFound)
    assert "for example `bot replay" in str(missing.exception)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_in_the_list_what_it_says_itself(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.get_short_help_str(200).rstrip(".").split(":")[0] == COMMANDS[name].rstrip(".").split(":")[0]


def test_an_unknown_command_is_one_line() -> None:
    wrong = CliRunner().invoke(cli, ["sevre"])
    assert wrong.exit_code == 2
    assert "No such command 'sevre'" in wrong.output
