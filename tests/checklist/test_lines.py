"""Every line that can be parsed, on every store."""

from __future__ import annotations

import pytest

from tests.checklist import plan
from tests.checklist.bench import Bench
from tests.checklist.checks import CHECKS
from tests.checklist.lines import WITHOUT, Line, lines

pytestmark = [
    pytest.mark.contract,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not lines(), reason=WITHOUT),
]


every_line = pytest.mark.parametrize("line", [line for line in lines() if plan.runs(line)], ids=str)


@every_line
async def test_a_line_of_the_checklist_holds_on_sqlite(on_sqlite: Bench, line: Line) -> None:
    await CHECKS[line.kind](on_sqlite, line)


@every_line
async def test_a_line_of_the_checklist_holds_on_mongo(on_mongo: Bench, line: Line) -> None:
    await CHECKS[line.kind](on_mongo, line)
