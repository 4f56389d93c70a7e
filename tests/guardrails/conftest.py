"""The world is made once; each attack works on a copy of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.guardrails.world import World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The attacker, the victims and the operator, in a data directory of their own."""
    return asyncio.run(build(tmp_path_factory.mktemp("world")))
