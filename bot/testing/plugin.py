"""The pytest plugin: the fixture `scene`, conversations in YAML as tests, and a kind that every test module has to name.

Switched on with `pytest_plugins = ["bot.testing.plugin"]` in a conftest.py.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from _pytest._code.code import TerminalRepr

from bot.errors import ResourceError
from bot.testing.conversations import Script, load, play
from bot.testing.scene import Scene, open_scene

KINDS = frozenset({"unit", "contract", "scenario", "end_to_end"})


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A running Switchboard with a scripted model, a clock under control and a fresh store."""
    async with open_scene(tmp_path) as opened:
        yield opened


def pytest_configure() -> None:
    """Plain log lines: pytest shows them with a test that fails, and drawn tracebacks take a second each."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test without one of our kinds is an error: nobody would know when it has to run."""
    bare = sorted({item.nodeid.partition("::")[0] for item in items if not KINDS & {mark.name for mark in item.iter_markers()}})
    if bare:
        raise pytest.UsageError(f"these test modules have no kind (pytestmark = pytest.mark.unit ...): {', '.join(bare)}")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Every *.yaml in a folder named `conversations` is a test."""
    if file_path.suffix == ".yaml" and file_path.parent.name == "conversations":
        return ConversationFile.from_parent(parent, path=file_path)
    return None


class ConversationFile(pytest.File):
    """One file, one conversation, one test."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            script = load(self.path)
        except ResourceError as error:
            raise self.CollectError(str(error)) from None
        item = ConversationItem.from_parent(self, name=script.name)
        item.script = script
        item.add_marker("scenario")
        yield item


class ConversationItem(pytest.Item):
    """Plays its conversation."""

    script: Script

    def runtest(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(play(self.script, Path(folder)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str | TerminalRepr:
        """One line for a conversation that goes another way; a traceback only for what is broken."""
        if isinstance(excinfo.value, AssertionError):
            return f"{self.path.name}: {' '.join(str(excinfo.value).split())}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"conversation: {self.name}"
