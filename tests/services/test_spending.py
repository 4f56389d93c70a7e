"""What models cost: bounds as amounts, one counter a day, shared by all processes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.dialogs.llm import Usage
from bot.errors import SettingsError, StoreUnavailable
from bot.records.conversations import Conversation, Cost
from bot.records.settings import SystemSetting
from bot.records.work import Counter
from bot.services.settings import SystemSettings
from bot.services.spending import PER_CONVERSATION, PER_DAY, SYNC_SECONDS, Spending, dollars, micros_of, spent_on
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock
from bot.testing.llm import Said
from bot.testing.scene import open_scene

pytestmark = pytest.mark.unit

TODAY = "2026-01-15"
DAY = 24 * 3600


def new(store: SqliteStore, clock: ManualClock) -> Spending:
    return Spending(store, clock, SystemSettings(store, clock))


def conversation(micros: int = 0, day: str = TODAY) -> Conversation:
    cost = Cost(micros=micros, day=day, day_micros=micros)
    return Conversation(id="c", customer_id="p", lane="l", our_address="o", their_address="t", assignee_name="support", cost=cost)


async def bound(store: SqliteStore, key: str, value: object) -> None:
    await store.upsert([SystemSetting(id=key, key=key, value=value)])


async def later(clock: ManualClock, spending: Spending, seconds: float = SYNC_SECONDS) -> None:
    """So much time goes by, and what is written in it is written."""
    await clock.advance(seconds)
    async with asyncio.timeout(5):
        while spending._unwritten:
            await asyncio.sleep(0.0005)
        async with spending._syncing:
            pass


@pytest.mark.parametrize(
    ("value", "micros"),
    [
        (0, 0),
        (1, 1_000_000),
        (0.1, 100_000),
        (1.1, 1_100_000),
        ("2.50", 2_500_000),
        (Decimal("0.000001"), 1),
        (1e-9, 1),
        (1e9, 10**15),
    ],
)
def test_an_amount_is_exact_to_the_millionth(value: object, micros: int) -> None:
    assert micros_of(PER_DAY, value) == micros


@pytest.mark.parametrize("value", ["a lot", "", None, True, -1, "nan", "inf", 1e12, "5,00", [], {"amount": 5}])
def test_what_is_no_amount_is_one_line_with_the_fix(value: object) -> None:
    with pytest.raises(SettingsError, match=r"^ai_max_cost_per_day: .* is no amount in US dollars; set a number like 50\.00, or"):
        micros_of(PER_DAY, value)


def test_amounts_are_written_for_people() -> None:
    assert (dollars(1), dollars(49_990_000, 2), dollars(10**15, 2)) == ("$0.000001", "$49.99", "$1000000000.00")


async def test_what_was_spent_is_in_the_counter_after_some_seconds_and_in_one_write(
    store: SqliteStore, clock: ManualClock
) -> None:
    spending = new(store, clock)
    for _ in range(100):
        spending.add(7)
    assert spending.today() == 700
    assert await spent_on(store, TODAY) == 0
    before = store.commits
    await later(clock, spending)
    assert await spent_on(store, TODAY) == 700
    assert store.commits - before <= 2, "one to begin the day's counter, one to add"
    assert spending.today() == 700
    await spending.close()


async def test_what_costs_nothing_writes_nothing(store: SqliteStore, clock: ManualClock) -> None:
    spending = new(store, clock)
    spending.add(0)
    assert clock.next_sleeper() is None
    await spending.close()
    assert await store.get(Counter, f"spend:{TODAY}") is None


async def test_an_orderly_end_writes_the_rest(store: SqliteStore, clock: ManualClock) -> None:
    spending = new(store, clock)
    spending.add(5)
    await spending.close()
    await new(store, clock).close()
    assert await spent_on(store, TODAY) == 5


async def test_processes_share_the_days_bound(store: SqliteStore, clock: ManualClock) -> None:
    await bound(store, PER_DAY, 1)
    one, other = new(store, clock), new(store, clock)
    assert (await other.budget(conversation())).used_up(0) == ""
    one.add(600_000)
    other.add(500_000)
    await later(clock, one)
    await later(clock, other)
    assert await spent_on(store, TODAY) == 1_100_000
    assert (await one.budget(conversation())).used_up(0) == "day"
    assert (await other.budget(conversation())).used_up(0) == "day"
    await one.close()
    await other.close()


async def test_who_spends_nothing_hears_of_the_others_too(store: SqliteStore, clock: ManualClock) -> None:
    await bound(store, PER_DAY, 1)
    one, other = new(store, clock), new(store, clock)
    await other.budget(conversation())
    one.add(2_000_000)
    await later(clock, one)
    await clock.advance(SYNC_SECONDS)
    assert (await other.budget(conversation())).used_up(0) == "day"
    await one.close()


async def test_a_restart_knows_what_was_spent_before(store: SqliteStore, clock: ManualClock) -> None:
    before = new(store, clock)
    before.add(50_000_000)
    await before.close()
    assert (await new(store, clock).budget(conversation())).used_up(0) == "day"


async def test_at_midnight_utc_both_bounds_begin_anew(store: SqliteStore, clock: ManualClock) -> None:
    spending = new(store, clock)
    spending.add(60_000_000)
    spent = conversation(2_000_000)
    assert (await spending.budget(spent)).used_up(0) == "day"
    await clock.advance(14 * 3600 - 1)
    assert (await spending.budget(spent)).used_up(0) == "day"
    await clock.advance(1)
    assert (await spending.budget(spent)).used_up(0) == ""
    spending.add(3)
    await spending.close()
    assert (await spent_on(store, TODAY), await spent_on(store, "2026-01-16")) == (60_000_000, 3)


async def test_a_turn_that_runs_over_midnight_is_held_to_the_new_days_bound(store: SqliteStore, clock: ManualClock) -> None:
    spending = new(store, clock)
    spending.add(60_000_000)
    budget = await spending.budget(conversation())
    assert budget.used_up(0) == "day"
    await clock.advance(DAY)
    assert budget.used_up(0) == ""
    await spending.close()


async def test_the_log_says_once_a_day_that_most_is_spent_and_once_that_all_is(store: SqliteStore, clock: ManualClock) -> None:
    await bound(store, PER_DAY, 1)
    spending = new(store, clock)
    with capture_logs() as logs:
        for _ in range(2):
            for _ in range(12):
                (await spending.budget(conversation())).used_up(0)
                spending.add(100_000)
            await clock.advance(DAY)
    events = [line["event"] for line in logs]
    most, everything = (
        "80 % of the day's AI budget is spent",
        "the day's AI budget is used up: people take over until midnight UTC",
    )
    assert events == [most, everything] * 2
    assert {line["log_level"] for line in logs} == {"warning"}
    assert (logs[0]["spent"], logs[0]["bound"], logs[1]["spent"]) == ("$0.80", "$1.00", "$1.00")
    await spending.close()


async def test_a_bad_bound_is_logged_once_and_the_default_counts(store: SqliteStore, clock: ManualClock) -> None:
    await bound(store, PER_CONVERSATION, "a lot")
    spending = new(store, clock)
    with capture_logs() as logs:
        for _ in range(3):
            assert (await spending.budget(conversation(400_000))).left == 600_000
            await clock.advance(3)
    [line] = logs
    assert (line["log_level"], line["used"]) == ("error", "1.00")
    assert line["error"].startswith("ai_max_cost_per_conversation: 'a lot' is no amount")


async def test_zero_is_no_bound(store: SqliteStore, clock: ManualClock) -> None:
    await bound(store, PER_CONVERSATION, 0)
    await bound(store, PER_DAY, 0)
    spending = new(store, clock)
    spending.add(10**12)
    assert (await spending.budget(conversation(10**12))).used_up(10**12) == ""
    await spending.close()
    assert await spent_on(store, TODAY) == 10**12


async def test_a_store_that_is_away_is_tried_again(
    store: SqliteStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    spending, change = new(store, clock), store.change

    async def away(*_: object, **__: object) -> int:
        monkeypatch.setattr(store, "change", change)
        raise StoreUnavailable

    monkeypatch.setattr(store, "change", away)
    with capture_logs() as logs:
        spending.add(9)
        await clock.advance(SYNC_SECONDS)
        assert spending.today() == 9
        await later(clock, spending)
    assert [line["event"] for line in logs] == ["what models cost could not be counted; tried again"]
    assert await spent_on(store, TODAY) == 9
    await spending.close()


async def test_what_cannot_be_written_at_the_end_is_said(
    store: SqliteStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> int:
        raise StoreUnavailable

    spending = new(store, clock)
    spending.add(9)
    monkeypatch.setattr(store, "change", away)
    with capture_logs() as logs:
        await spending.close()
    assert [line["event"] for line in logs] == ["what models cost in the last seconds was not counted"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2000), st.integers(0, 2000), st.booleans()), max_size=8))
def test_the_days_counter_is_the_sum_over_the_conversations(turns: Sequence[tuple[int, int, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check_sum(Path(folder), turns))


async def check_sum(folder: Path, turns: Sequence[tuple[int, int, int, bool]]) -> None:
    """Each turn: who writes, the tokens that it takes, whether some time goes by after it."""
    async with open_scene(folder) as scene:
        scene.model.name = "gpt-4.1-nano"  # a tenth of a millionth for a token
        for who, heard, said, waits in turns:
            person = scene.person(f"1202555012{who}")
            scene.model.will(Said("Yes.", usage=Usage(heard, said)))
            await person.says("Hello.")
            await scene.settle()
            if waits:
                await scene.passes(SYNC_SECONDS)
        await scene.app.spending.close()
        every = await scene.app.store.find(Conversation, {}, sort=("id",))
        counted = await spent_on(scene.app.store, TODAY)
        assert counted == sum(one.cost.micros for one in every) == sum(one.cost.day_micros for one in every)
