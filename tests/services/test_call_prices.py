"""What calls cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from bot.records.work import Job, JobStatus
from bot.services.call_jobs import PRICE_JOB
from bot.services.call_prices import WAITS, total_cost
from bot.services.phone_provider import ProviderCall
from bot.testing.llm import Said, ScriptedModel
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import set_setting
from tests.services.call_helpers import SID, Exchange, later, talk

pytestmark = pytest.mark.scenario

HOUR = 3600.0


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(states={SID: ProviderCall("completed")})


@pytest_asyncio.fixture
async def scene(tmp_path: Path, exchange: Exchange) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, phone_provider=exchange, model=ScriptedModel(name="gpt-4o-mini")) as opened:
        yield opened


async def test_the_price_is_asked_for_until_it_is_there_and_kept_exactly(scene: Scene, exchange: Exchange) -> None:
    talking = await talk(scene)
    await talking.is_over()
    await scene.passes(60)
    assert (await talking.call()).call_cost is None
    exchange.states[SID] = ProviderCall("completed", Decimal("-0.00850"), "USD")
    for _ in range(4):
        await later(scene, HOUR / 2)
    call = await talking.call()
    assert (call.call_cost, call.call_cost_unit) == (Decimal("0.0085"), "USD")
    assert str(call.call_cost) == "0.0085"
    asked = len(exchange.asked)
    for _ in range(10):
        await later(scene, 6 * HOUR)
    assert len(exchange.asked) == asked


async def test_a_sum_of_prices_has_no_drift(scene: Scene, exchange: Exchange) -> None:
    costs = []
    for number in range(10):
        sid = f"CA{number:032d}"
        exchange.states[sid] = ProviderCall("completed", Decimal("-0.1"), "USD")
        talking = await talk(scene, sid=sid)
        await talking.is_over()
        await scene.passes(61)
        costs.append((await talking.call()).call_cost or Decimal(0))
    assert sum(costs) == Decimal(1)


async def test_a_price_that_never_comes_is_asked_for_so_often_and_no_more(scene: Scene, exchange: Exchange) -> None:
    talking = await talk(scene)
    await talking.is_over()
    for _ in range(30):
        await later(scene, 6 * HOUR)
    assert len(exchange.asked) == 1 + len(WAITS)
    assert (await talking.call()).call_cost is None
    waiting = await scene.app.store.find(Job, {"status": JobStatus.PENDING})
    assert not [job for job in waiting if job.job_type == PRICE_JOB]


async def test_a_provider_that_is_away_is_asked_again(scene: Scene, exchange: Exchange) -> None:
    exchange.states[SID] = ProviderCall("completed", Decimal("-0.02"), "USD")
    exchange.is_away = True
    talking = await talk(scene)
    await talking.is_over()
    await scene.passes(70)
    exchange.is_away = False
    await scene.passes(600)
    assert (await talking.call()).call_cost == Decimal("0.02")


async def test_a_call_costs_its_line_and_its_models(scene: Scene, exchange: Exchange) -> None:
    await set_setting(scene, "call_summary", "rules")
    exchange.states[SID] = ProviderCall("completed", Decimal("-0.0085"), "USD")
    talking = await talk(scene)
    scene.model.will(Said("Until eight."))
    await talking.says("Until when are you open? Thanks.")
    await talking.is_over()
    before = await scene.app.after_call.views.of(talking.call_id)
    assert before.total_cost is None
    await scene.passes(61)
    view = await scene.app.after_call.views.of(talking.call_id)
    micros = (await talking.conversation()).cost.micros
    assert micros > 0
    assert view.model_cost == Decimal(micros) / 1_000_000
    assert view.total_cost == Decimal("0.0085") + view.model_cost
    in_pesos = view.call.model_copy(update={"call_cost_unit": "MXN"})
    assert total_cost(in_pesos, micros) is None
