"""The worker notices what other processes write, and survives what fails."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.app import assemble
from bot.config import Settings
from bot.errors import StoreUnavailable
from bot.message import Text
from bot.records.work import Fence, InboxRow, InboxState
from bot.store.base import Unit
from bot.testing.channel import RecordingChannel
from bot.testing.llm import Said
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import ANA, BO, HeldModel, said, until

pytestmark = pytest.mark.scenario


async def test_what_another_process_accepts_is_answered_here(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        ana = scene.person(ANA)
        scene.model.will(Said("Hello."))
        settings = Settings(_env_file=None, BOT_DATA_DIR=tmp_path)
        async with assemble(settings, clock=scene.clock, channels={"whatsapp": RecordingChannel()}, work=False) as beside:
            other = Scene(beside, scene.clock, scene.model, scene.channels).person(ANA)
            await other.says("Hi.")
        assert said(scene) == []
        await scene.clock.advance(0.3)  # the store looks four times a second
        await until(lambda: scene.app.worker._rescan is not None and scene.app.worker._rescan.done())
        await ana.hears("Hello")


async def test_a_store_that_is_busy_when_others_wrote_is_asked_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, tries = scene.app.worker, 0
    recover = worker._recover

    async def busy_once() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreUnavailable("locked")
        await recover()

    monkeypatch.setattr(worker, "_recover", busy_once)
    monkeypatch.setattr("bot.worker.backoff", lambda _: 0.001)
    worker._others_wrote()
    worker._others_wrote()
    await until(lambda: tries >= 2 and not worker._is_stale)


async def test_a_write_during_a_look_is_looked_at_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, looks = scene.app.worker, 0

    async def looking() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            worker._others_wrote()

    monkeypatch.setattr(worker, "_recover", looking)
    worker._others_wrote()
    await until(lambda: looks == 2 and worker._rescan is not None and worker._rescan.done())


async def test_a_store_that_cannot_write_costs_no_message_and_counts_as_nobodys_failure(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Hello."))
    commit, failures = scene.app.store.commit, 12

    async def full(unit: Unit) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StoreUnavailable("disk full")
        await commit(unit)

    scene.app.store.commit = full  # type: ignore[method-assign]
    await ana.sends(Text("Hi."), id="wamid.a")
    await scene.passes(120)
    assert said(scene) == ["Hello."]
    row = await scene.app.store.get(InboxRow, "whatsapp:wamid.a")
    assert row is not None
    assert (row.state, row.attempts) == (InboxState.DONE, 0)


async def test_a_process_whose_fence_is_taken_commits_nothing_more(tmp_path: Path) -> None:
    model = HeldModel("hard", Said("Too late."), Said("Never."))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        await scene.app.store.change(Fence, {"id": "local"}, inc={"value": 1})  # as the next process does at its start
        model.go.set()
        await ana.hears_nothing()
        assert [message.content for message in await ana.timeline()] == ["A hard question."]
        bo = scene.person(BO, name="Bo")
        await bo.says("Hi.")
        await bo.hears_nothing()
        assert model.script.steps_left == 1  # the second one was void before the model was asked


async def test_a_worker_that_stops_lets_begun_turns_end(tmp_path: Path) -> None:
    model = HeldModel("hard", Said("42."))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        model.go.set()
        await scene.app.worker.stop()
        assert [message.content for message in await ana.timeline()] == ["A hard question.", "42."]


async def test_a_turn_that_does_not_end_in_time_is_given_up_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.worker.STOP_SECONDS", 0.01)
    model = HeldModel("hard", Said("Never."))
    async with open_scene(tmp_path, model=model) as scene:
        ana = scene.person(ANA)
        await ana.says("A hard question.")
        await scene.clock.advance(1)
        await model.asked.wait()
        later = scene.clock.now() + timedelta(seconds=1)
    async with open_scene(tmp_path) as scene:
        scene.model.will(Said("42."))
        await scene.clock.advance((later - scene.clock.now()).total_seconds())
        await scene.person(ANA).hears("42")
        assert len(await scene.person(ANA).timeline()) == 2


async def test_a_look_for_work_is_told_at_the_start_and_when_it_finds_more_than_before(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, turns = scene.app.worker, 0

    async def waiting() -> int:
        return turns

    monkeypatch.setattr(worker._inbox, "recover", waiting)
    worker._found = None
    with capture_logs() as logs:
        for turns in (0, 0, 2, 2, 1, 2):  # noqa: B007 - `waiting` reads it
            await worker._recover()
    assert [line["log_level"] for line in logs] == ["info", "debug", "info", "debug", "debug", "info"]
