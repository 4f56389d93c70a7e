"""Calls under attack, or under a model that has lost its way: nothing stands still, and nobody is called by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.channels.voice.clauses import LONGEST, Clauses
from bot.channels.voice.speakable import speakable
from bot.errors import StoreUnavailable
from bot.records.calls import Call, NextKind
from tests.channels.voice.conftest import Line, opened

pytestmark = pytest.mark.scenario

ANA = "+12025550123"
VOICE = "/webhooks/twilio/voice"
ENDLESS = [
    "-" * 5000 + "x",
    "-- " * 2000 + "x",
    "\n" * 5000 + "x",
    "[](" * 1500,
    "[" * 5000,
    "https://a" + "." * 5000 + "x",
    "|" * 5000 + "x",
]


@pytest.mark.parametrize("text", ENDLESS)
def test_what_a_model_repeats_without_end_is_read_out_all_the_same(text: str) -> None:
    """Patterns that try every way of splitting such a text would never come back, and with them no other call."""
    assert len(speakable(text, "en")) <= 2 * len(text)


@pytest.mark.parametrize("sign", ["!", "-", "a", "।", "…"])
def test_a_word_without_end_is_cut(sign: str) -> None:
    clauses = Clauses()
    pieces = [piece for _ in range(2000) for piece in clauses.feed(sign)]
    assert max(map(len, pieces)) <= LONGEST
    assert "".join([*pieces, clauses.flush()]) == sign * 2000


async def test_who_is_told_that_nobody_answered_still_finds_the_transfer_on_the_record(line: Line) -> None:
    """By it the AI is given the call back; taken off before, the caller would wait for somebody who never comes."""
    seen: list[NextKind | None] = []

    async def unanswered(call: Call) -> bool:
        now = await line.app.phone_calls.by_sid(call.external_call_id or "")
        seen.append(now.next_step.kind if now is not None and now.next_step is not None else None)
        return False

    line.hooks.unanswered = unanswered  # type: ignore[method-assign]
    ana = line.caller(ANA, answers_dial=False)
    await ana.calls()
    call = await line.call(ana)
    await line.app.phone_calls.then(call.id, NextKind.TRANSFER, "+12025550199")
    await ana.keeps_silent()
    assert seen == [NextKind.TRANSFER]
    assert (await line.call(ana)).next_step is None


async def test_a_call_that_was_ordered_with_its_recording_is_not_recorded_twice(tmp_path: Path) -> None:
    """Of two recordings one would stay at Twilio: one is kept, and deleted when told."""
    async with opened(tmp_path, BOT_CALL_RECORDING="true") as line:
        ana = line.caller(ANA, direction="outbound-api", url=f"{VOICE}?call=intended")
        await ana.calls()
        assert ana.recordings == []


async def test_that_they_want_no_calls_is_not_confirmed_while_it_cannot_be_stored(line: Line) -> None:
    stored = line.hooks.do_not_call

    async def fails(call_id: str, proof: str) -> None:
        raise StoreUnavailable("the store is away")

    line.hooks.do_not_call = fails  # type: ignore[method-assign]
    ana = line.caller(ANA)
    await ana.calls()
    await ana.says("Never call me again.")
    assert not ana.has_heard("will not call you any more")
    assert not ana.is_over
    line.hooks.do_not_call = stored  # type: ignore[method-assign]
    await ana.says("Never call me again.")
    assert ana.has_heard("will not call you any more")
    assert ana.is_over
    assert [proof for _, proof in line.hooks.stopped] == ["Never call me again."]
