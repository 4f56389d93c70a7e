"""The world is made once; each attack works on a copy of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bot.dialogs.roster import load_agents
from bot.tools.base import Toolbox
from tests.guardrails.world import World, build


@pytest.fixture(scope="module")
def agents_read_once() -> Iterator[None]:
    """Reading the agents' files is most of the start of a program, and they are the same in every attack."""
    agents = load_agents(Toolbox.discover().names())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.app.load_agents", lambda names: agents)
        yield


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The attacker, the victims and the operator, in a data directory of their own."""
    return asyncio.run(build(tmp_path_factory.mktemp("world")))
