"""How a program is run."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bot.running import run

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def collector_as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_the_garbage_collector_waits_for_the_imports_and_no_longer() -> None:
    seen: list[tuple[bool, int]] = []

    async def main() -> None:
        seen.append((gc.isenabled(), gc.get_freeze_count()))

    gc.disable()
    run(main())
    [(is_enabled, frozen)] = seen
    assert is_enabled
    assert frozen > 1000, "what was imported is not looked through again"
