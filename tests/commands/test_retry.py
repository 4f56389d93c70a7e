"""What was set aside is shown with its reason, and tried again when somebody says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner

from bot.__main__ import cli
from bot.clock import SystemClock, new_id
from bot.config import load_settings, setting_names
from bot.records.work import InboxRow, InboxState, Job, JobSchedule, JobStatus
from bot.store.base import Store
from bot.vendors import store_of

pytestmark = pytest.mark.scenario

T = TypeVar("T")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)


def retry(*arguments: str) -> tuple[str, str]:
    """What it says, and what it fails with."""
    done = CliRunner().invoke(cli, ["retry", *arguments])
    return done.output, "" if done.exception is None else str(done.exception)


def with_store(do: Callable[[Store], Awaitable[T]]) -> T:
    async def opened() -> T:
        store = store_of(load_settings(), SystemClock())
        await store.open()
        try:
            return await do(store)
        finally:
            await store.close()

    return asyncio.run(opened())


async def two_set_aside(store: Store) -> None:
    now = SystemClock().now()
    row = InboxRow(
        id="whatsapp:wamid.poison",
        lane="console:here:there",
        position=new_id(),
        item='{"type":"hologram"}',
        state=InboxState.DEAD,
        attempts=5,
        accepted_at=now,
        error="_Broken: of no use\nin two lines",
    )
    job = Job(id="j", job_type="sweep", schedule=JobSchedule(execute_at=now), status=JobStatus.FAILED, attempts=8, error="no")
    await store.insert([row, job])


def test_nothing_is_said_plainly() -> None:
    assert retry() == ("nothing was set aside\n", "")


def test_what_was_set_aside_is_a_line_each_and_stays_where_it_is() -> None:
    with_store(two_set_aside)
    told = "received  whatsapp:wamid.poison  console:here:there  _Broken: of no use in two lines\njob       j  sweep  no\n"
    assert retry() == (told, "")
    assert retry() == (told, "")


def test_what_is_tried_again_begins_with_a_fresh_count() -> None:
    with_store(two_set_aside)
    assert retry("j") == ("1 tried again: `bot check` shows what comes of it\n", "")
    assert retry("j")[1] == "'j' was not set aside; `bot retry` shows what was"
    retry("--all")
    row = with_store(lambda store: store.get(InboxRow, "whatsapp:wamid.poison"))
    assert row is not None
    assert row.attempts == 0
