"""What all tests share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.logs import Foreign

pytest_plugins = ["bot.testing.plugin", "bot.testing.fixtures"]


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that is run inside a test sets up the logs of the whole process; the other tests must not meet that."""
    before, root = structlog.get_config(), logging.getLogger()
    level = root.level
    yield
    structlog.configure(**before)
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, Foreign)]
    root.setLevel(level)
    logging.captureWarnings(False)
