"""A call over Media Streams: a real websocket, real ears and mouth; only voice, recogniser and detector are small."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.voice import playing, stream, stream_line
from bot.channels.voice.base import Played
from bot.channels.voice.frames import MAX_MESSAGE, Start
from bot.channels.voice.tones import tones
from bot.errors import SpeechError, StoreUnavailable
from bot.message import Text
from tests.channels.voice.caller import Caller, Exchange, clause

pytestmark = pytest.mark.scenario


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange() as exchange:
        yield exchange


async def test_what_is_said_is_heard_and_the_answer_is_played(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    exchange.recogniser.will("a ticket, please")
    call.answers = lambda text: call.line.speak(clause(1))
    await caller.be_quiet(0.5)
    await caller.say()
    _, text, start, end = await call.until("heard")
    assert text == "a ticket, please"
    assert (round(start, 1), round(end, 1)) == (0.5, 1.5)
    await caller.until("mark")
    assert bytes(caller.sound) == b"\x01" * 800 + b"\x02" * 800 + b"\x03" * 800
    assert ("played", 1) not in call.told
    await caller.mark(caller.marks[0])
    await call.until("silent")
    assert ("played", 1) in call.told
    stages = [told[1] for told in call.told if told[0] == "took"]
    assert stages == ["transcript", "first_audio"]


async def test_who_speaks_over_us_makes_us_silent_at_once(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    call.line.speak(clause(1, "one two three four five six seven eight nine ten"))
    await caller.until("media")
    await caller.speak(1.0)
    await caller.until("clear")
    _, played = await call.until("interrupted")
    assert isinstance(played, Played)
    assert played.clause == 1
    assert played.fraction < 0.9
    await caller.mark("1")  # given back by the clear
    await caller.be_quiet(1.5)
    await call.until("heard")
    assert ("played", 1) not in call.told


async def test_a_clause_after_an_interruption_is_played(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    call.line.speak(clause(1, "one two three four five six seven eight nine ten"))
    await caller.until("media")
    await caller.speak(1.0)
    await caller.until("clear")
    call.line.speak(clause(2))
    await caller.until("mark")
    await caller.mark(caller.marks[-1])
    await call.until("played", 2)


async def test_keys_are_told_and_can_be_sent(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    await caller.press("4")
    await caller.press("#")
    await call.until("pressed", "#")
    assert [told[1] for told in call.told if told[0] == "pressed"] == ["4", "#"]
    call.line.send_digits("1w2")
    await caller.until("mark")
    assert bytes(caller.sound) == tones("1w2")


async def test_hanging_up_waits_for_the_goodbye_and_is_noted_before_the_close(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    call.line.speak(clause(1))
    call.line.hang_up()
    await caller.until("mark")
    await caller.say()  # a goodbye is not interrupted
    await caller.mark(caller.marks[0])
    assert await caller.closed() == 1000
    assert exchange.left == ["hang_up"]
    assert call.told == [("played", 1), ("over", "left")]


async def test_a_line_that_is_silent_is_left_at_once(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    call.line.leave("transfer")
    assert await caller.closed() == 1000
    assert exchange.left == ["transfer"]
    assert call.told == [("over", "left")]
    call.line.speak(clause(1))  # a line that is gone forgets what it is told
    assert call.line.stop() is None


async def test_a_goodbye_that_is_never_played_does_not_hold_the_line(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_line, "LEAVE_SECONDS", 0.05)
    caller, call = await exchange.call()
    call.line.speak(clause(1, "slow"))
    call.line.hang_up()
    assert await caller.closed() == 1000
    assert exchange.left == ["hang_up"]


async def test_a_call_that_ends_at_their_side_has_hung_up(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    call.line.speak(clause(1))
    await caller.stop()
    await call.until("over", "hung_up")
    assert await caller.closed() == 1000


async def test_a_broken_websocket_is_a_lost_line(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    await caller.socket.close()
    await call.until("over", "lost")
    assert exchange.left == ["lost"]


async def test_how_far_it_came_can_be_asked_when_the_line_is_gone(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    told: list[Played | None] = []
    call.ends = lambda: told.append(call.line.stop())
    call.line.speak(clause(1, "one two three four five six seven eight nine ten"))
    await caller.until("media")
    await caller.stop()
    await call.until("over")
    assert [played.clause if played else None for played in told] == [1]


async def test_a_click_is_told_as_nothing_said(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    await caller.speak(0.12)
    await caller.be_quiet(1.5)
    assert (await call.until("heard"))[1] == ""
    assert call.told[0] == ("hearing", "")


async def test_a_voice_that_is_down_is_told(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    call.line.speak(clause(1, "one down"))
    call.line.speak(clause(2))
    await call.until("failed", "voice", 1)
    await caller.until("mark")
    assert bytes(caller.sound) == b"\x01" * 800
    await caller.mark(caller.marks[0])
    await call.until("silent")
    assert "played" not in [told[0] for told in call.told]


class Deaf:
    """A recogniser whose first utterance fails, in one way or another."""

    name = "deaf"

    def __init__(self, error: Exception) -> None:
        self._errors = [error]

    def listen(self, language: str) -> Deaf:
        return self

    def feed(self, sound: bytes) -> None:
        return

    def partial(self) -> str:
        return ""

    async def finish(self) -> Text:
        if self._errors:
            raise self._errors.pop()
        return Text("there you are")

    def cancel(self) -> None:
        return

    async def close(self) -> None:
        return


@pytest.mark.parametrize("error", [SpeechError("down"), RuntimeError("a mistake")], ids=repr)
async def test_a_recogniser_that_fails_is_told_and_asked_again(error: Exception) -> None:
    async with Exchange(Deaf(error)) as exchange:
        caller, call = await exchange.call()
        await caller.say()
        await call.until("failed", "recogniser", None)
        await caller.say()
        await call.until("heard", "there you are")


async def test_a_call_that_is_none_of_ours_is_refused(exchange: Exchange) -> None:
    exchange.begins = lambda start: None
    caller = await exchange.ring()
    await caller.start()
    assert await caller.closed() == 1008
    assert exchange.calls == []
    assert exchange.left == []


async def test_a_call_that_cannot_be_looked_up_is_refused(exchange: Exchange) -> None:
    def unavailable(start: Start) -> None:
        raise StoreUnavailable("the store is away")

    exchange.begins = unavailable
    caller = await exchange.ring()
    await caller.start()
    assert await caller.closed() == 1008


async def test_a_call_that_nobody_can_take_is_refused(exchange: Exchange) -> None:
    exchange.takes = False
    caller = await exchange.ring()
    await caller.start()
    assert await caller.closed() == 1008


async def test_sound_that_is_none_of_a_telephone_is_refused(exchange: Exchange) -> None:
    caller = await exchange.ring()
    await caller.start(mediaFormat={"encoding": "audio/l16", "sampleRate": 16000, "channels": 1})
    assert await caller.closed() == 1008


@pytest.mark.parametrize("says", ["nothing", "sound", "nonsense"])
async def test_a_websocket_that_does_not_say_which_call_it_is_is_closed(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    monkeypatch.setattr(stream, "START_SECONDS", 0.05)
    caller = await exchange.ring()
    if says == "sound":
        await caller.speak(2.0)
    elif says == "nonsense":
        await caller.socket.send_str("hello")
    assert await caller.closed() == 1008
    assert exchange.calls == []


async def test_what_means_nothing_is_passed_over(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    await caller.start()  # the same once more
    await caller.socket.send_json({"event": "holiday"})
    await caller.socket.send_bytes(b"\x00\x01")
    for _ in range(stream_line.MAX_MALFORMED - 1):
        await caller.socket.send_str("{")
    await caller.press("1")
    await call.until("pressed", "1")


async def test_a_stream_that_makes_no_sense_is_ended(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    for _ in range(stream_line.MAX_MALFORMED):
        await caller.socket.send_str("{")
    assert await caller.closed() == 1011
    assert call.told == [("over", "lost")]


async def test_a_second_stream_on_one_websocket_ends_it(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    await caller.start(streamSid="MZ2")
    await call.until("over", "lost")


async def test_an_oversized_message_ends_the_line(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    await caller.socket.send_str("x" * (MAX_MESSAGE + 1))
    await call.until("over", "lost")
    assert await caller.closed() == 1009


async def test_a_line_on_which_nothing_comes_is_lost(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "QUIET_SECONDS", 0.05)
    caller, call = await exchange.call()
    await caller.be_quiet(0.1)
    await call.until("over", "lost")
    assert await caller.closed() == 1011


async def test_a_peer_that_takes_no_sound_is_given_up(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "LEAD", 1e9)
    caller, call = await exchange.call()
    for number in range(200):
        call.line.speak(clause(number + 1, "word " * 250))
    await call.until("over", "lost")
    await caller.socket.close()


async def test_a_mistake_of_the_call_ends_its_line_and_no_other(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    other = await exchange.ring()
    await other.start()
    call.pressed = lambda digit: 1 / 0  # type: ignore[method-assign, assignment]
    await caller.press("1")
    assert await caller.closed() == 1011
    assert exchange.left == ["lost"]
    await other.press("2")
    await exchange.calls[1].until("pressed", "2")


async def test_shutting_down_ends_every_line(exchange: Exchange) -> None:
    caller, call = await exchange.call()
    call.line.speak(clause(1, "slow"))
    await exchange.streams.close()
    assert await caller.closed() == 1011
    assert call.told[-1] == ("over", "lost")


STEPS = 9


async def _step(caller: Caller, call_of: Exchange, step: int) -> None:
    """A whole little call, by its steps."""
    line = call_of.calls[-1].line if call_of.calls else None
    match step:
        case 0:
            await caller.start()
        case 1:
            await caller.be_quiet(0.2)
        case 2:
            await caller.speak(0.4)
        case 3:
            await caller.be_quiet(1.5)
        case 4 if line is not None:
            line.speak(clause(1, "one two three four"))
            line.speak(clause(2, "slow"))
        case 5:
            await caller.speak(0.6)
        case 6 if line is not None:
            line.send_digits("1")
            line.speak(clause(3))
        case 7:
            await caller.be_quiet(1.5)
        case 8 if line is not None:
            line.hang_up()
        case _:
            pass


@given(
    until=st.integers(0, STEPS), pause=st.sampled_from([0.0, 0.0, 0.002, 0.03]), how=st.sampled_from(["stop", "close", "abort"])
)
@settings(max_examples=40, deadline=None)
def test_hung_up_at_any_moment_nothing_is_left(until: int, pause: float, how: str) -> None:
    async def main() -> None:
        async with Exchange() as exchange:
            before = asyncio.all_tasks()
            caller = await exchange.ring()
            for step in range(until):
                await _step(caller, exchange, step)
                await asyncio.sleep(pause)
            if not caller.socket.closed:
                if how == "stop":
                    await caller.stop()
                    await caller.socket.close()
                elif how == "close":
                    await caller.socket.close()
                else:
                    caller.break_off()
            async with asyncio.timeout(10):
                while asyncio.all_tasks() - before:
                    await asyncio.sleep(0.002)
            assert not exchange.streams._connections
            assert len(exchange.left) == len(exchange.calls)
            for told in [[what[0] for what in call.told] for call in exchange.calls]:
                assert told.count("over") == 1
                assert told[-1] == "over"
            lines = [weakref.ref(call.line) for call in exchange.calls]
            exchange.calls.clear()
            del caller
            async with asyncio.timeout(10):
                while any(line() is not None for line in lines):
                    gc.collect()
                    await asyncio.sleep(0.002)

    asyncio.run(main())
