"""The recipe "add a tool" of docs/recipes.md, followed to the letter in a clean copy of the project."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.resources import ROOT
from bot.tools.base import tool

pytestmark = pytest.mark.end_to_end

RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
RECIPE = RECIPES.partition("**Add a tool**")[2].partition("**Change what the bot says**")[0]
CONVERSATION, TABLE = r"tests/conversations/\w+\.yaml", r"tests/tools/\w+\.py"
TESTS = ("__init__.py", "conftest.py", "tools", "scenarios/__init__.py", "scenarios/helpers.py", "conversations")
PARTS = ("bot", "prompts", "knowledge", "pyproject.toml", *(f"tests/{name}" for name in TESTS))


def block(kind: str) -> str:
    """The recipe's only block of this kind."""
    [text] = re.findall(rf"```{kind}\n(.*?)```", RECIPE, re.DOTALL)
    return str(text)


def named(pattern: str) -> str:
    """The only thing in backticks that looks like this, and where it is written more than once, the same."""
    [text] = set(re.findall(rf"`({pattern})`", RECIPE))
    return str(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What a clean clone has of it."""
    for part in PARTS:
        source, target = ROOT / part, tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path


def add_below(file: Path, line: str, above: str) -> None:
    """Adds a line below the first one that reads like `above`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    place = lines.index(above)
    file.write_text("\n".join([*lines[: place + 1], line, *lines[place + 1 :]]) + "\n", encoding="utf-8")


def uv_run(project: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Runs `uv run ...` of the recipe, in this environment instead of one of uv's."""
    name, *arguments = command.removeprefix("uv run ").split()
    extra = ["-p", "no:cacheprovider"] if name == "pytest" else []
    return subprocess.run(
        [sys.executable, "-m", name, *arguments, *extra], cwd=project, capture_output=True, text=True, timeout=110, check=False
    )


def follow(project: Path, *, without: str = "") -> None:
    """Every step of the recipe but one."""
    (project / named(r"bot/tools/\w+\.py")).write_text(block("python"), encoding="utf-8")
    if without != "conversation":
        (project / named(CONVERSATION)).write_text(block("yaml"), encoding="utf-8")
    if without != "agent":
        add_below(project / named(r"prompts/agents/\w+\.md"), named(r"  - \w+"), "tools:")
    if without != "table":
        add_below(project / named(TABLE), "    " + named(r'"\w+": CLAIMED,'), "NEEDS = {")


def tools_of_support(project: Path) -> int:
    """How many tools `bot check` finds the agent to have."""
    check = uv_run(project, named("uv run bot check"))
    assert check.returncode == 0, check.stdout + check.stderr
    [number] = re.findall(r"^agent support .* (\d+) tools", check.stdout, re.MULTILINE)
    return int(number)


def test_the_recipe_works_as_it_is_written(project: Path) -> None:
    before = tools_of_support(project)
    follow(project)
    assert tools_of_support(project) == before + 1
    tests = uv_run(project, named("uv run pytest [^`]+"))
    assert tests.returncode == 0, tests.stdout + tests.stderr


def test_a_tool_that_no_agent_has_does_not_pass(project: Path) -> None:
    follow(project, without="agent")
    tests = uv_run(project, "uv run pytest " + named(CONVERSATION))
    assert tests.returncode == 1
    assert "there is no tool 'opening_hours'" in tests.stdout


def test_a_tool_that_is_not_in_the_table_does_not_pass(project: Path) -> None:
    follow(project, without="table")
    tests = uv_run(project, "uv run pytest " + named(TABLE))
    assert tests.returncode == 1
    assert "opening_hours" in tests.stdout


def test_a_tool_that_no_conversation_shows_does_not_pass(project: Path) -> None:
    follow(project, without="conversation")
    tests = uv_run(project, "uv run pytest tests/tools/test_conversations.py")
    assert tests.returncode == 1
    assert "no conversation in tests/conversations shows opening_hours" in tests.stdout


def test_every_word_of_the_decorator_is_in_the_recipe() -> None:
    parameters = set(inspect.signature(tool).parameters) - {"timeout"}
    assert {name for name in parameters if f"`{name}=" in RECIPE} == parameters
