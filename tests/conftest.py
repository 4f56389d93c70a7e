"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["bot.testing.plugin", "bot.testing.fixtures"]


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that is run inside a test sets up the logs of the whole process; the other tests must not meet that."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
