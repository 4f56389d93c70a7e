"""Conversations in YAML: what is said about one that is wrong, or goes another way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import ResourceError
from bot.testing.conversations import load, play

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model: off", "x.yaml: name is missing; turns is missing"),
        ("turns: []", "x.yaml: name is missing"),
        ("name: a\nturns: [{bott: Hi}]", "x.yaml: turn 1, bott is not known here"),
        ("name: a\nturns: [{bot: Hi}, hello]", "x.yaml: turn 2 must be a mapping of names to values"),
        ("- a list", "x.yaml: the whole must be a mapping of names to values"),
        ("name: a\nturns: [{bot: [1]}]", "x.yaml: turn 1, bot: Input should be a valid string"),
        (
            "name: a\nturns: [{user: Hi}]",
            "x.yaml: turn 1: nobody is the user; write user: {email: ..., role: ...} at the top",
        ),
        ("name: a\ngiven: {tickets: [{subject: Wifi}]}\nturns: []", "x.yaml: given, tickets, 0, description is missing"),
    ],
)
def test_everything_that_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(ResourceError) as caught:
        load(file)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("tool: close_my_ticket\n    with: {number: T-1}", "turn 2: close_my_ticket gave 'error: there is no ticket T-1"),
        ("tool: recall\n    refused: not certain", "turn 2: recall gave 'nothing is remembered'"),
        ("tool: recall\n    gives: tea", "turn 2: recall gave 'nothing is remembered'"),
        (
            "tool: remember\n    with: {what: a}\n  - tool: remember\n    with: {what: likes tea}",
            "refused in the end: {'remember': 1}, not {}",
        ),
        ("mail: ana@example.org", "turn 2: mail went to []"),
        ("leads: [{status: new}]", "turn 2: 0 instead of 1: []"),
    ],
)
async def test_what_is_not_as_it_says_is_told(tmp_path: Path, lines: str, told: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"name: a\nturns:\n  - person: Hello\n  - {lines}\n  - bot: Bye.\n")
    with pytest.raises(AssertionError) as caught:
        await play(load(file), tmp_path)
    assert str(caught.value).startswith(told)


async def test_what_cannot_be_given_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text('name: a\ngiven: {leads: [{phone: "+12025550188"}]}\nturns: []')
    with pytest.raises(AssertionError, match=r"^given: Lead: firstName is required where the source is manual"):
        await play(load(file), tmp_path)


def test_a_conversation_that_goes_another_way_fails_with_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "conversations"
    folder.mkdir()
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["bot.testing.plugin"]\n')
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = scenario\nasyncio_default_fixture_loop_scope = function\n")
    (folder / "x.yaml").write_text("name: a\nmodel: off\nturns:\n  - person: Hello\n  - assignee: queue:support\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "\nx.yaml: turn 2: agent:support holds the conversation, not queue:support\n" in run.stdout
    assert "Traceback" not in run.stdout
