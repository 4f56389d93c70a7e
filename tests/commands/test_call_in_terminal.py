"""`bot call` without a number: a call in the terminal, over a line without sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.testing.processes import Program

pytestmark = pytest.mark.end_to_end


def program(folder: Path, *words: str) -> Program:
    settings = {"BOT_DATA_DIR": str(folder / "data"), "BOT_DEFAULT_LANGUAGE": "en"}
    return Program(["-m", "bot", "call", *words], log=folder / "call.log", environment=settings)


async def test_typed_lines_are_said_and_the_answer_is_printed_as_it_is_spoken(tmp_path: Path) -> None:
    call = program(tmp_path, "--as", "+12025550123")
    assert await call.start("I want to talk to a person\n/hang up\n").ended() == 0, call.output()
    said = call.output()
    assert "bot> You are talking to an automatic assistant, a program and not a person." in said
    assert "bot> I am looking for somebody in our team." in said
    assert said.rstrip().endswith("(the call is over)")


async def test_a_number_that_is_none_and_two_ends_at_once_are_told_in_one_line(tmp_path: Path) -> None:
    wrong = program(tmp_path, "--as", "12")
    assert await wrong.start("").ended() == 1
    assert "--as: '12' is no phone number; give it with the country code" in wrong.output()
    both = program(tmp_path, "--as", "+12025550123", "--to", "+12025550124")
    assert await both.start("").ended() == 1
    assert "--to and --as: have it call somebody, or be somebody who calls" in both.output()
