"""Conversations in YAML: what is said about one that is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import ResourceError
from bot.testing.conversations import load

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
    ],
)
def test_everything_that_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(ResourceError) as caught:
        load(file)
    assert str(caught.value) == told


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
