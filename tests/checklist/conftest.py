"""The stores that the checklist runs on, and its table at the end of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.checklist import plan
from tests.checklist.bench import Bench, mongo_bench, sqlite_bench
from tests.checklist.lines import WITHOUT, lines


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """The embedded store, open, with all collections, for all lines one after the other."""
    async with sqlite_bench(tmp_path_factory.mktemp("checklist")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on_mongo(mongo_uri: str) -> AsyncIterator[Bench]:
    """Likewise the store on MongoDB."""
    async with mongo_bench(mongo_uri) as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("the seeds' checklist: covered / all")
    terminalreporter.write_line(plan.table() if lines() else WITHOUT)
