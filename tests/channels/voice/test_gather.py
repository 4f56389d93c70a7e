"""Whole calls on the plain way: a caller who does what our TwiML says, the real engine behind it."""

from __future__ import annotations

import pytest

from bot.records.calls import CallStatus
from bot.testing.llm import Said
from tests.channels.voice.conftest import Line

pytestmark = pytest.mark.scenario


async def test_a_caller_is_greeted_answered_and_the_record_ends_with_them(line: Line) -> None:
    ana = line.caller("+12025550123")
    await ana.calls()
    assert ana.has_heard("an AI", "How can I help")
    line.model.will(Said("We are open until **eight**."))
    await ana.says("Until when are you open?")
    assert ana.heard[-1] == "We are open until eight."
    await ana.hangs_up()
    call = await line.call(ana)
    assert call.status is CallStatus.COMPLETED
