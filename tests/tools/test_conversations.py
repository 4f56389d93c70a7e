"""Each tool is shown by a conversation in YAML, where it is run on real records, on both stores."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.testing.conversations import Script, load
from bot.tools.base import Toolbox

pytestmark = pytest.mark.scenario

TESTS = Path(__file__).parents[1]
SCRIPTS = {file.stem: load(file) for file in sorted((TESTS / "conversations").glob("*.yaml"))}
MONGO = "end_to_end/test_mongo.py"


def run_in(script: Script) -> set[str]:
    """The tools that are run in it; playing it fails where one of them is refused after all."""
    return {line.tool for line in script.turns if line.tool is not None and line.refused is None}


def test_every_tool_is_run_in_some_conversation() -> None:
    missing = set(Toolbox.discover().names()) - set().union(*map(run_in, SCRIPTS.values()))
    assert not missing, f"no conversation in tests/conversations shows {', '.join(sorted(missing))}; write one that does"


@pytest.mark.skipif(not (TESTS / MONGO).exists(), reason="the tests on MongoDB are not here")
def test_every_conversation_is_played_on_both_stores() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-p",
        "no:cacheprovider",
        "tests/conversations",
        f"tests/{MONGO}",
    ]
    collected = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"tests/conversations/(\w+)\.yaml::", collected)) == set(SCRIPTS)
    assert set(re.findall(r"test_conversations_are_the_same_on_mongo\[(?:[^\]]+-)?(\w+)\]", collected)) == set(SCRIPTS)
