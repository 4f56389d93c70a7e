"""What happened in a stretch of time, counted again from the records one by one."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.records.handoffs import Cause
from bot.services.overview import KEPT_LONGER_SECONDS, KEPT_SECONDS, Overviews, days_until, hours_of_today, percentile
from bot.testing.scene import Scene
from tests.web.seeded import seed

pytestmark = pytest.mark.unit

MEXICO = ZoneInfo("America/Mexico_City")


async def test_every_number_equals_a_recount_of_the_records(scene: Scene) -> None:
    seeded = await seed(scene.app, scene.clock, days=20, each=15)
    found = await Overviews(scene.app.store, scene.clock).lately(7, MEXICO)
    whole = found.whole
    begun = [one for one in seeded.conversations if one.created_at and whole.begins <= one.created_at < whole.ends]
    resolved = [one for one in seeded.conversations if one.resolved_at and whole.begins <= one.resolved_at < whole.ends]
    handed = {one.conversation_id for one in seeded.handoffs}
    rated = Counter(one.customer_satisfaction.rating for one in resolved if one.customer_satisfaction)
    assert whole.conversations == len(begun) > 50
    assert whole.passed == len([one for one in begun if one.id in handed]) > 10
    assert whole.cost_micros == sum(one.cost.micros for one in begun)
    assert sorted(whole.first_responses) == sorted(
        one.first_response_time for one in begun if one.first_response_time is not None
    )
    assert (whole.resolved, whole.ratings) == (len(resolved), rated)
    assert found.causes == Counter(one.cause for one in seeded.handoffs if whole.begins <= one.at < whole.ends)
    local = Counter(one.created_at.astimezone(MEXICO).hour for one in begun if one.created_at)
    assert [local[hour] for hour in range(24)] == list(found.hours)


async def test_the_parts_add_up_to_the_whole(scene: Scene) -> None:
    await seed(scene.app, scene.clock, days=20)
    for days in (1, 7, 30):
        found = await Overviews(scene.app.store, scene.clock).lately(days, MEXICO)
        assert sum(part.conversations for part in found.parts) == found.whole.conversations == sum(found.hours)
        assert sum(part.passed for part in found.parts) == found.whole.passed
        assert found.whole.contained + found.whole.passed == found.whole.conversations
        assert sum(part.cost_micros for part in found.parts) == found.whole.cost_micros
        assert sum((part.ratings for part in found.parts), Counter()) == found.whole.ratings


async def test_it_is_compared_with_the_same_stretch_before(scene: Scene) -> None:
    seeded = await seed(scene.app, scene.clock, days=20)
    found = await Overviews(scene.app.store, scene.clock).lately(7, MEXICO)
    assert (found.whole.begins - found.before.begins, found.whole.ends - found.before.ends) == (timedelta(days=7),) * 2
    earlier = [
        one for one in seeded.conversations if one.created_at and found.before.begins <= one.created_at < found.before.ends
    ]
    assert found.before.conversations == len(earlier)


async def test_many_open_pages_cost_one_count(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    overviews = Overviews(scene.app.store, scene.clock)
    first = await overviews.lately(7, MEXICO)
    assert await overviews.lately(7, MEXICO) is first
    await scene.clock.advance(KEPT_LONGER_SECONDS)
    assert await overviews.lately(7, MEXICO) is not first
    today = [await overviews.lately(1, MEXICO)]
    await scene.clock.advance(KEPT_SECONDS)
    today.append(await overviews.lately(1, MEXICO))
    assert today[0] is not today[1]
    both = await asyncio.gather(overviews.lately(30, MEXICO), overviews.lately(30, MEXICO))
    assert both[0] is both[1]


async def test_of_nothing_there_is_no_average(scene: Scene) -> None:
    whole = (await Overviews(scene.app.store, scene.clock).lately(1, MEXICO)).whole
    assert (whole.containment, whole.rating, whole.cost_each, percentile(whole.resolutions, 0.5)) == (None,) * 4


async def test_what_wakes_a_person_counts_by_its_cause(scene: Scene) -> None:
    seeded = await seed(scene.app, scene.clock, days=3)
    found = await Overviews(scene.app.store, scene.clock).lately(1, ZoneInfo("UTC"))
    assert set(found.causes) <= set(Cause)
    assert list(found.causes.values()) == sorted(found.causes.values(), reverse=True)
    assert sum(found.causes.values()) <= len(seeded.handoffs)


def test_days_go_from_midnight_to_midnight_also_where_the_clocks_are_changed() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    edges = days_until(datetime(2026, 3, 30, 12, tzinfo=UTC), berlin, 3)
    assert [edge.astimezone(berlin).hour for edge in edges] == [0, 0, 0, 14]
    assert [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(edges)] == [24, 23, 14]


def test_today_begins_at_midnight_and_ends_now() -> None:
    edges = hours_of_today(datetime(2026, 1, 15, 8, 30, tzinfo=UTC), MEXICO)
    assert [f"{edge.astimezone(MEXICO):%H:%M}" for edge in edges] == ["00:00", "01:00", "02:00", "02:30"]


@given(st.lists(st.floats(0, 1000), min_size=1))
def test_half_of_all_values_are_not_above_the_median(values: list[float]) -> None:
    half = percentile(values, 0.5)
    assert half in values
    assert sum(value <= half for value in values) * 2 >= len(values)
