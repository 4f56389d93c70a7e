"""System settings: read when they are used, remembered for two seconds."""

from __future__ import annotations

from typing import Any

import pytest

from bot.records.settings import SystemSetting
from bot.services.settings import MAX_AGE, SystemSettings
from bot.testing.scene import Scene

pytestmark = pytest.mark.unit


async def put(scene: Scene, value: object) -> None:
    await scene.app.store.upsert([SystemSetting(id="ai_response_enabled", key="ai_response_enabled", value=value)])


async def test_what_nobody_set_has_its_default(scene: Scene) -> None:
    settings = SystemSettings(scene.app.store, scene.clock)
    assert await settings.value("ai_response_enabled") is True
    assert await settings.value("unheard_of") is None


async def test_a_change_is_seen_after_two_seconds_at_the_latest(scene: Scene) -> None:
    settings = SystemSettings(scene.app.store, scene.clock)
    assert await settings.value("ai_response_enabled") is True
    await scene.app.store.change(SystemSetting, {"key": "ai_response_enabled"}, set={"value": False})
    if not await scene.app.store.count(SystemSetting, {"key": "ai_response_enabled"}):
        await put(scene, False)
    await scene.clock.advance(MAX_AGE - 0.01)
    assert await settings.value("ai_response_enabled") is True
    await scene.clock.advance(0.01)
    assert await settings.value("ai_response_enabled") is False


async def test_a_value_is_read_from_the_store_once_in_that_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SystemSettings(scene.app.store, scene.clock)
    await settings.value("ai_response_enabled")

    async def gone(*_: object, **__: object) -> list[SystemSetting]:
        raise AssertionError("read again")

    monkeypatch.setattr(scene.app.store, "find", gone)
    for _ in range(5):
        assert await settings.value("ai_response_enabled") is True


async def test_all_settings_are_read_together(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SystemSettings(scene.app.store, scene.clock)
    await scene.app.store.insert([SystemSetting(id="z", key="timezone", value="America/Lima")])
    keys = ("ai_response_enabled", "ai_max_cost_per_day", "business_hours", "timezone")
    before = [await settings.value(key) for key in keys]
    find, reads = scene.app.store.find, 0

    async def counted(*asked: Any, **more: Any) -> Any:
        nonlocal reads
        reads += 1
        return await find(*asked, **more)

    await scene.clock.advance(MAX_AGE)
    await scene.settle()
    monkeypatch.setattr(scene.app.store, "find", counted)
    assert [await settings.value(key) for key in keys] == before
    assert before[-1] == "America/Lima"
    assert reads == 1
