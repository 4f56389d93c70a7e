"""`bot check` finds what `bot serve` would stumble over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import cli
from bot.config import setting_names

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


@pytest.mark.parametrize(
    ("set_to", "told"),
    [
        ({"OPENAI_API_KEY": "k"}, "gpt-4o-mini at OpenAI; simple mode when it fails"),
        (
            {"OPENAI_BASE_URL": "http://a/v1", "OPENAI_FALLBACK_MODEL": "small"},
            "gpt-4o-mini at http://a/v1; small at http://a/v1 when",
        ),
        ({"LANGCHAIN_MODEL": "xai:grok"}, "xai:grok by LangChain; simple mode when it fails"),
        ({"LANGCHAIN_MODEL": "xai:grok", "OPENAI_FALLBACK_MODEL": "small"}, "OPENAI_FALLBACK_MODEL does nothing without"),
    ],
)
def test_the_models_are_named_in_the_order_in_which_they_are_asked(
    set_to: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    code, report = check()
    assert code == 0
    assert told in report


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
