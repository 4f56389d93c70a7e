"""Work that is due at a time: once, again and again, tried again, given up, and still there after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import VendorLeftAlone
from bot.jobs import MAX_ATTEMPTS
from bot.records.work import Job, JobStatus
from bot.store.base import Unit
from bot.testing.clock import ManualClock
from bot.testing.scene import Scene, open_scene

pytestmark = pytest.mark.scenario


class Handler:
    """Notes when it ran and with what; fails as often as told."""

    def __init__(self, scene: Scene, fails: int = 0) -> None:
        self._scene = scene
        self._began = scene.clock.monotonic()
        self._fails = fails
        self.ran: list[float] = []
        self.payloads: list[dict[str, Any]] = []

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        self.ran.append(round(self._scene.clock.monotonic() - self._began, 3))
        self.payloads.append(dict(payload))
        if len(self.ran) <= self._fails:
            raise OSError("the mail server is away")


async def schedule(scene: Scene, seconds: float, *, id_: str = "", name: str = "mail", **payload: object) -> str:
    return await scene.app.jobs.schedule(name, scene.clock.now() + timedelta(seconds=seconds), payload, id=id_)


async def job(scene: Scene, id_: str) -> Job:
    found = await scene.app.store.get(Job, id_)
    assert found is not None
    return found


async def test_a_job_runs_once_at_its_time_with_its_payload(scene: Scene) -> None:
    handler = Handler(scene)
    scene.app.jobs.register("mail", handler)
    id_ = await schedule(scene, 60, to="ana")
    await scene.passes(59)
    assert handler.ran == []
    await scene.passes(300)
    assert (handler.ran, handler.payloads) == ([60.0], [{"to": "ana"}])
    assert (await job(scene, id_)).status is JobStatus.COMPLETED


async def test_a_job_that_is_overdue_runs_at_once(scene: Scene) -> None:
    handler = Handler(scene)
    scene.app.jobs.register("mail", handler)
    await schedule(scene, -3600)
    await scene.settle()
    assert handler.ran == [0.0]


async def test_jobs_run_in_the_order_of_their_times(scene: Scene) -> None:
    handler = Handler(scene)
    scene.app.jobs.register("mail", handler)
    for seconds in (3, 1, 2):
        await schedule(scene, seconds, number=seconds)
    await scene.passes(10)
    assert [payload["number"] for payload in handler.payloads] == [1, 2, 3]


async def test_work_that_is_part_of_a_unit_begins_when_that_is_written_and_not_before(scene: Scene) -> None:
    handler, unit = Handler(scene), Unit()
    scene.app.jobs.register("mail", handler)
    scene.app.jobs.add(unit, "mail", {"to": "ana"}, id="j1")
    await scene.passes(60)
    assert handler.ran == []
    await scene.app.store.commit(unit)
    await scene.settle()
    assert (handler.ran, handler.payloads) == ([60.0], [{"to": "ana"}])


async def test_work_that_is_part_of_a_unit_can_wait_for_its_time(scene: Scene) -> None:
    handler, unit = Handler(scene), Unit()
    scene.app.jobs.register("mail", handler)
    scene.app.jobs.add(unit, "mail", {}, id="j1", delay=30.0)
    await scene.app.store.commit(unit)
    await scene.passes(29)
    assert handler.ran == []
    await scene.passes(10)
    assert handler.ran == [30.0]


async def test_the_same_id_is_scheduled_once(scene: Scene) -> None:
    handler = Handler(scene)
    scene.app.jobs.register("mail", handler)
    assert await schedule(scene, 10, id_="birthday:ana") == "birthday:ana"
    await schedule(scene, 5, id_="birthday:ana")
    await scene.passes(60)
    await schedule(scene, 0, id_="birthday:ana")
    await scene.passes(60)
    assert handler.ran == [10.0]


async def test_recurring_work_runs_now_and_again_and_again(scene: Scene) -> None:
    handler = Handler(scene)
    scene.app.jobs.register("tidy", handler)
    await scene.app.jobs.every("tidy", 100)
    await scene.passes(350)
    assert handler.ran == [0.0, 100.0, 200.0, 300.0]


async def test_recurring_work_is_one_job_however_often_it_is_set_up(scene: Scene) -> None:
    handler = Handler(scene)
    scene.app.jobs.register("tidy", handler)
    for _ in range(3):
        await scene.app.jobs.every("tidy", 100)
    await scene.passes(150)
    assert handler.ran == [0.0, 100.0]


@pytest.mark.parametrize(("former", "interval", "times"), [(10_000, 100, [0, 150, 250]), (100, 10_000, [0, 100])])
async def test_a_changed_interval_takes_the_place_of_the_former_one(
    scene: Scene, former: float, interval: float, times: list[float]
) -> None:
    handler = Handler(scene)
    scene.app.jobs.register("tidy", handler)
    await scene.app.jobs.every("tidy", former)
    await scene.passes(50)
    await scene.app.jobs.every("tidy", interval)
    await scene.passes(250)
    assert handler.ran == times


async def test_work_that_fails_is_tried_again_with_growing_waits(scene: Scene) -> None:
    handler = Handler(scene, fails=3)
    scene.app.jobs.register("mail", handler)
    id_ = await schedule(scene, 0)
    await scene.passes(60)
    assert handler.ran == [0.0, 2.0, 6.0, 14.0]
    done = await job(scene, id_)
    assert (done.status, done.error) == (JobStatus.COMPLETED, "")


@pytest.mark.parametrize("told_fails", [0, 1])
async def test_who_wants_to_know_is_told_once_that_work_is_given_up(scene: Scene, told_fails: int) -> None:
    told = Handler(scene, fails=told_fails)
    scene.app.jobs.register("mail", Handler(scene, fails=100), given_up=told)
    id_ = await schedule(scene, 0, to="ana")
    await scene.passes(100)
    assert told.ran == []
    await scene.passes(1000)
    assert told.payloads == [{"to": "ana"}]
    assert (await job(scene, id_)).status is JobStatus.FAILED  # also where who was told fails


async def test_work_that_always_fails_is_given_up_with_its_error(scene: Scene) -> None:
    handler = Handler(scene, fails=1000)
    scene.app.jobs.register("mail", handler)
    id_ = await schedule(scene, 0)
    await scene.passes(5000)
    assert len(handler.ran) == MAX_ATTEMPTS
    failed = await job(scene, id_)
    assert (failed.status, failed.attempts) == (JobStatus.FAILED, MAX_ATTEMPTS)
    assert failed.error == "OSError: the mail server is away"


async def test_recurring_work_that_fails_is_never_given_up(scene: Scene) -> None:
    handler = Handler(scene, fails=20)
    scene.app.jobs.register("tidy", handler)
    await scene.app.jobs.every("tidy", 10)
    await scene.passes(245)
    assert len(handler.ran) == 25
    tidied = await job(scene, "every:tidy")
    assert (tidied.status, tidied.attempts, tidied.error) == (JobStatus.PENDING, 0, "")


async def test_work_that_hangs_is_ended_and_tried_again(scene: Scene) -> None:
    ran = 0

    async def hangs_once(_: Mapping[str, Any]) -> None:
        nonlocal ran
        ran += 1
        if ran == 1:
            await asyncio.Event().wait()

    scene.app.jobs.register("mail", hangs_once, seconds=0.05)
    id_ = await schedule(scene, 0)
    await scene.settle(1.0)
    waiting = await job(scene, id_)
    assert (waiting.status, waiting.attempts, waiting.error) == (JobStatus.PENDING, 1, "took longer than 0.05 s")
    await scene.passes(3)
    assert (ran, (await job(scene, id_)).status) == (2, JobStatus.COMPLETED)


async def test_a_time_out_of_the_handlers_own_keeps_its_name(scene: Scene) -> None:
    async def impatient(_: Mapping[str, Any]) -> None:
        raise TimeoutError("the mail server took too long")

    scene.app.jobs.register("mail", impatient)
    id_ = await schedule(scene, 0)
    await scene.settle(1.0)
    assert (await job(scene, id_)).error == "TimeoutError: the mail server took too long"


async def test_one_job_that_fails_holds_up_no_other(scene: Scene) -> None:
    bad, good = Handler(scene, fails=1000), Handler(scene)
    scene.app.jobs.register("bad", bad)
    scene.app.jobs.register("good", good)
    await schedule(scene, 0, name="bad")
    await schedule(scene, 1, name="good")
    await scene.passes(2)
    assert good.ran == [1.0]


async def test_work_without_a_handler_waits_for_one_and_says_so(scene: Scene) -> None:
    id_ = await schedule(scene, 0, name="unheard-of")
    await scene.settle()
    waiting = await job(scene, id_)
    assert waiting.status is JobStatus.PENDING
    assert waiting.error == "no handler is registered for 'unheard-of'"
    handler = Handler(scene)
    scene.app.jobs.register("unheard-of", handler)
    await scene.passes(60)
    assert len(handler.ran) == 1


async def test_jobs_survive_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        handler = Handler(scene)
        scene.app.jobs.register("mail", handler)
        done = await schedule(scene, 1, number=1)
        await schedule(scene, 100, number=2)
        await scene.passes(10)
        assert len(handler.ran) == 1
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        handler = Handler(scene)
        scene.app.jobs.register("mail", handler)
        await scene.passes(89)
        assert handler.ran == []
        await scene.passes(60)
        assert (handler.ran, handler.payloads) == ([90.0], [{"number": 2}])
        assert (await job(scene, done)).status is JobStatus.COMPLETED


async def test_more_jobs_than_are_read_at_once_are_all_found_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs._PAGE", 4)
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        for number in range(10):
            await schedule(scene, 60 + number, number=number)
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        handler = Handler(scene)
        scene.app.jobs.register("mail", handler)
        await scene.passes(100)
        assert [payload["number"] for payload in handler.payloads] == list(range(10))


async def test_what_fell_due_while_nothing_ran_is_done_after_the_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        await schedule(scene, 10)
    later = ManualClock(clock.now() + timedelta(days=3))
    async with open_scene(tmp_path, clock=later) as scene:
        handler = Handler(scene)
        scene.app.jobs.register("mail", handler)
        await scene.passes(5)
        assert len(handler.ran) == 1


async def test_work_whose_vendor_is_left_alone_waits_and_no_try_is_counted(scene: Scene) -> None:
    tried: list[float] = []

    async def left_alone(_: Mapping[str, Any]) -> None:
        tried.append(scene.clock.monotonic())
        if len(tried) < 3 * MAX_ATTEMPTS:
            raise VendorLeftAlone(wait=30)

    scene.app.jobs.register("mail", left_alone)
    id_ = await schedule(scene, 0)
    await scene.passes(29)
    assert (len(tried), (await job(scene, id_)).attempts) == (1, 0)
    await scene.passes(30 * 3 * MAX_ATTEMPTS)
    assert (await job(scene, id_)).status is JobStatus.COMPLETED
