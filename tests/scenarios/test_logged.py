"""What the log holds after conversations: what happened and in which turn, and nobody to whom it did."""

from __future__ import annotations

import gc
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import pytest

from bot.logs import configure_logs
from bot.running import run
from bot.testing.scene import open_scene
from tests.scenarios import canaries

pytestmark = pytest.mark.scenario


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """All lines; each has to be JSON."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


async def test_at_debug_no_line_of_ours_or_of_a_library_tells_of_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(logging.DEBUG, "json")
    async with open_scene(tmp_path) as scene:
        await canaries.go_through(scene)
        await canaries.fail_turns(scene)
    canaries.talk_like_libraries()
    lines = written(capsys)
    assert not canaries.leaked(json.dumps(lines, ensure_ascii=False))
    events = {line["event"] for line in lines}
    assert {"turn failed", "delivery is tried again", "delivery not sent", "model failed"} <= events
    assert {"inbox row cannot be read; set aside", "Request options: %s", "a library says something"} <= events
    failed = next(line for line in lines if line.get("logger") == "aiohttp.server")
    assert failed["event"] == "Error handling request from %s"
    assert failed["exception"].endswith("ValueError")


async def test_lines_of_a_turn_name_the_turn_and_its_conversation_and_lines_of_a_delivery_the_delivery(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(logging.DEBUG, "json")
    async with open_scene(tmp_path) as scene:
        await canaries.go_through(scene)
        conversation = await scene.person(canaries.NUMBER).conversation()
        await canaries.fail_turns(scene)
    lines = written(capsys)
    of_turns = [line for line in lines if line["event"] in ("model failed", "agent gave up", "turn failed", "tool failed")]
    assert of_turns
    assert {line["conversation"] for line in of_turns} == {conversation.id}
    assert all(len(line["turn"]) == 32 for line in of_turns)
    of_deliveries = [line for line in lines if line["event"].startswith("delivery")]
    assert len(of_deliveries) == 2
    assert all(line["delivery"] and line["conversation"] == conversation.id and "turn" not in line for line in of_deliveries)


def test_what_fails_where_nobody_waits_is_told_by_its_place_alone(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(logging.INFO, "json")

    async def main() -> None:
        await canaries.fail_where_nobody_waits()
        gc.collect()

    run(main())
    lines = written(capsys)
    assert [line["event"] for line in lines] == ["something failed that nobody was waiting for"] * 2
    assert all(line["exception"].endswith("ValueError") for line in lines)
    assert not canaries.leaked(json.dumps(lines))


def test_a_warning_of_a_library_is_a_line_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure_logs(logging.INFO, "json")
        warnings.warn(f"serialized {canaries.NAME}", stacklevel=1)
    (line,) = written(capsys)
    assert line["logger"] == "py.warnings"
    assert not canaries.leaked(json.dumps(line))


def test_libraries_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(logging.INFO, "json")
    logging.getLogger("a.library").info("HTTP Request: %s", "https://example.com")
    logging.getLogger("a.library").warning("something is odd")
    assert [line["event"] for line in written(capsys)] == ["something is odd"]


@pytest.mark.parametrize(("form", "is_json"), [("json", True), ("auto", True), ("text", False)])
def test_lines_are_json_unless_a_person_reads_them(form: str, is_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(logging.INFO, form)
    logging.getLogger("x").warning("something is odd")
    line = capsys.readouterr().err
    assert line.startswith("{") is is_json
    assert "something is odd" in line
