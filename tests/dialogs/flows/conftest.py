"""A scene without a model, with the shipped articles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.testing.scene import Scene, open_scene


@pytest_asyncio.fixture
async def offline(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, with_model=False) as scene:
        await scene.app.knowledge.ensure()
        yield scene
