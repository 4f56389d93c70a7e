"""The pytest plugin: `scene` is a running Switchboard, and every module says what kind of test it holds.

Switched on with `pytest_plugins = ["bot.testing.plugin"]` in a conftest.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.testing.scene import Scene, open_scene

KINDS = frozenset({"unit", "contract", "scenario", "end_to_end"})


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A running Switchboard with a scripted model, a clock under control and a fresh store."""
    async with open_scene(tmp_path) as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test without one of our kinds is an error: nobody would know when it has to run."""
    bare = sorted({item.nodeid.partition("::")[0] for item in items if not KINDS & {mark.name for mark in item.iter_markers()}})
    if bare:
        raise pytest.UsageError(f"these test modules have no kind (pytestmark = pytest.mark.unit ...): {', '.join(bare)}")
