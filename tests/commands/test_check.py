"""`bot check` finds what `bot serve` would stumble over."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import cli
from bot.clock import SystemClock
from bot.config import load_settings, setting_names
from bot.records.settings import SystemSetting
from bot.services.settings import SystemSettings
from bot.services.spending import Spending
from bot.vendors import store_of

pytestmark = pytest.mark.scenario


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)


def check(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["check", *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_an_empty_folder_is_fine_and_stays_empty(tmp_path: Path) -> None:
    code, report = check()
    assert (code, "WRONG" in report) == (0, False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["data", "data/below"])
def test_a_data_directory_that_is_a_file_or_below_one_is_wrong(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("data").write_text("precious")
    monkeypatch.setenv("BOT_DATA_DIR", name)
    code, report = check()
    assert code == 1
    assert "data is no directory  ->  set BOT_DATA_DIR" in report


@pytest.mark.parametrize("locked", [".", "data", "data/worker.lock"])
def test_a_data_directory_that_cannot_be_written_is_wrong(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if locked != ".":
        Path("data").mkdir()
        Path("data/worker.lock").touch()
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != locked and may(path, mode))
    code, report = check()
    assert code == 1
    assert f"{locked} cannot be written to" in report


def test_data_that_cannot_be_read_is_one_line_of_a_whole_report() -> None:
    Path("data").mkdir()
    Path("data/bot.db").write_text("no database at all, but something else of some length" * 100)
    code, report = check()
    assert code == 1
    assert "WhatsApp" in report
    assert "work             WRONG" in report


@pytest.mark.parametrize("options", [(), ("--live",)])
def test_a_key_that_cannot_be_one_is_wrong_and_not_shown(options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter 2")
    code, report = check(*options)
    assert code == 1
    assert "OPENAI_API_KEY has a space" in report
    assert "hunter" not in report


def test_what_models_cost_today_is_shown_against_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    asyncio.run(spend(49_990_000))
    code, report = check()
    assert code == 0
    assert "AI budget        on     $49.99 of $50.00 spent today (UTC); $1.00 per conversation and day" in report
    asyncio.run(spend(10_000, ai_max_cost_per_conversation=0))
    code, report = check()
    assert code == 1
    assert "$50.00 of $50.00 spent today (UTC); no bound per conversation: used up" in report
    assert "->  raise ai_max_cost_per_day" in report


def test_a_bound_that_is_no_amount_is_wrong_and_the_default_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    asyncio.run(spend(1, ai_max_cost_per_day="a lot"))
    code, report = check()
    assert code == 1
    assert "ai_max_cost_per_day: 'a lot' is no amount in US dollars; set a number like 50.00, or 0 for no bound" in report
    assert "of $50.00 spent" in report


def test_a_model_without_a_price_is_told_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setenv("OPENAI_MODEL", "qwen3")
    code, report = check()
    assert code == 0
    assert "no price known for qwen3: money bounds do not count it  ->  add it to prompts/prices.yaml" in report
    monkeypatch.setenv("OPENAI_MODEL", "gpt-4o-mini")
    assert "no price known" not in check()[1]


async def spend(micros: int, **settings: object) -> None:
    """A store in which so much more was spent today, with these system settings."""
    clock = SystemClock()
    store = store_of(load_settings(), clock)
    await store.open()
    try:
        await store.upsert([SystemSetting(id=key, key=key, value=value) for key, value in settings.items()])
        spending = Spending(store, clock, SystemSettings(store, clock))
        spending.add(micros)
        await spending.close()
    finally:
        await store.close()


def test_a_name_of_ours_that_is_no_setting_is_wrong_even_if_it_is_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_FOO", "1")
    code, report = check()
    assert code == 1
    assert "there is no such setting  ->  unset BOT_FOO" in report


def test_a_vendors_name_that_we_do_not_use_is_told_and_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "1")
    code, report = check()
    assert code == 0
    assert any(line.startswith("OPENAI_ORG_ID") and line.endswith("ignored") for line in report.splitlines())
