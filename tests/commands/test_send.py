"""`bot send` as its user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import cli

pytestmark = pytest.mark.scenario


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("seconds", ["nan", "-1", "inf", "soon"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(seconds: str) -> None:
    wrong = CliRunner().invoke(cli, ["send", "+12025550123", "hello", "--wait", seconds])
    assert wrong.exit_code == 2
    assert "Invalid value for '--wait'" in wrong.output


@pytest.mark.parametrize("text", ["   ", "\u200b", " \u200d\n\ufeff\t"])
def test_a_text_that_nobody_can_see_is_refused(text: str) -> None:
    wrong = CliRunner().invoke(cli, ["send", "+12025550123", text])
    assert wrong.exit_code == 2
    assert wrong.output.splitlines()[-1] == "Error: TEXT is blank: give some words"
    assert not Path("data").exists()
