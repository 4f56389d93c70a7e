"""What the tests of commands share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command run inside the tests sets up the logs of the whole process; the other tests must not meet that."""
    configure = structlog.configure

    def without_caching(**given: object) -> None:
        partial(configure, **{**given, "cache_logger_on_first_use": False})()  # type: ignore[arg-type]

    monkeypatch.setattr(structlog, "configure", without_caching)
    yield
    structlog.reset_defaults()
