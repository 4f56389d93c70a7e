"""For pytest: a Redis and a MongoDB that are there for a whole test session.

`mongo_uri` is SecantusDB and, where TEST_MONGODB_URI names a server, that one too. Switched on with
`pytest_plugins = ["bot.testing.fixtures"]` in a conftest.py.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.testing.redis import RedisServer, require_redis
from bot.testing.secantus import INSTALL, SERVER, Secantus, program


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A server that is there for the whole session; give each test a deployment name of its own."""
    require_redis()
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder)).start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session", params=["SecantusDB", *([SERVER] if os.environ.get(SERVER) else [])])
def mongo_uri(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that is there for the whole session; give each test a database of its own."""
    if request.param == SERVER:
        yield os.environ[SERVER]
        return
    if program() is None:
        pytest.skip(INSTALL)
    with tempfile.TemporaryDirectory(prefix="secantus-") as folder:
        server = Secantus(Path(folder)).start()
        try:
            yield server.uri
        finally:
            server.stop()
