"""The server whose calls `tests.benchmarks.calls` measures: our lines, with a voice, a recogniser and a model of no delay.

    python -m tests.benchmarks.call_server --port 8765 [--answers engine] [--silero FILE]

`line`: whatever is heard gets the same answer, as with the anchors; `engine`: the whole program leads the calls, with its store,
and only the model is small. `/stats` and `/mark` are those of the anchors' floor_server.py, on the same port.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from bot.app import App, assemble
from bot.channels.voice.base import CallInfo, Clause, Hears, Line, Played
from bot.channels.voice.detector import Detector
from bot.channels.voice.frames import Start
from bot.channels.voice.live_calls import LiveCalls
from bot.channels.voice.parts import CallParts
from bot.channels.voice.rules import rules_of
from bot.channels.voice.speech import BYTES_PER_SECOND
from bot.channels.voice.stream import Answering, Streams
from bot.channels.voice.stream_line import StreamLine
from bot.clock import SystemClock
from bot.config import Settings
from bot.dialogs.llm import ModelRequest, ModelStep
from bot.message import Text
from bot.records.calls import CallDirection
from bot.running import run, settle, stop_signal
from bot.vendors import detectors_of
from tests.benchmarks.common import ANCHORS

ANSWER = (
    "Thank you for your interest. The two bedroom apartment is still available, and I can book a visit for you tomorrow evening.",
    "Would six o'clock suit you?",
)
OURS = "+12025550100"
CHARACTER = 0.036
"""Seconds of sound of one: the answer lasts as long as the anchors' does, 5.3 s."""
PIECE = 800
"""Bytes of sound that the voice gives at a time: 100 ms, as the anchors' does."""
SAMPLES: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
COUNTS: Counter[str] = Counter()
BEGAN = {"cpu": 0.0, "wall": 0.0, "busy": 0.0}


class Measured:
    """A detector that notes when it was asked, and how late the sound was."""

    newest: Measured
    """The one of the call that is being answered."""
    t0 = 0.0
    """When the call that begins now was begun by the client."""

    def __init__(self, detector: Detector) -> None:
        Measured.newest = self
        self._detector = detector
        self.window = detector.window
        self._began = Measured.t0
        self._bytes = 0
        self.asked = 0.0

    @property
    def we_speak(self) -> bool:
        return self._detector.we_speak

    @we_speak.setter
    def we_speak(self, value: bool) -> None:
        self._detector.we_speak = value

    def hear(self, sound: bytes) -> Sequence[float]:
        self.asked = now = time.monotonic()
        self._bytes += len(sound)
        SAMPLES["lag"].append(now - (self._began + self._bytes / BYTES_PER_SECOND))
        COUNTS["in"] += 1
        return self._detector.hear(sound)

    def close(self) -> None:
        self._detector.close()


class Instant:
    """Voice, recogniser and model: all at once."""

    name = "instant"

    def __init__(self, speech: bytes) -> None:
        self._speech = speech

    async def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        size = int(len(text) * CHARACTER * BYTES_PER_SECOND)
        for place in range(0, size, PIECE):
            yield self._speech[place % len(self._speech) :][:PIECE]

    def listen(self, language: str) -> Instant:
        return self

    def feed(self, sound: bytes) -> None:
        return

    def partial(self) -> str:
        return ""

    async def finish(self) -> Text:
        return Text("yes I would like a call back tomorrow evening")

    def cancel(self) -> None:
        return

    async def close(self) -> None:
        return

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        text = " ".join(ANSWER)
        for word in text.split():
            yield word + " "
        yield ModelStep(text, model="instant")


class Answers:
    """A call that says the same to whatever it hears."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._number = 0

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        for words in ANSWER if text else ():
            self._number += 1
            self._line.speak(Clause(self._number, words, "en"))

    def took(self, stage: str, seconds: float) -> None:
        return

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        return

    def hearing(self, text: str) -> None:
        return

    def played(self, clause: int) -> None:
        return

    def silent(self) -> None:
        return

    def pressed(self, digit: str) -> None:
        return

    def failed(self, stage: str, clause: int | None = None) -> None:
        return

    def over(self, reason: str) -> None:
        return


class Timed:
    """Passes on what a line tells, and notes how long it took since the ears decided it."""

    def __init__(self, call: Hears, ears: Measured) -> None:
        self._call = call
        self._ears = ears
        self._decided = 0.0
        """When the ears decided that what is to be answered has ended."""
        self.hearing, self.played, self.silent = call.hearing, call.played, call.silent
        self.pressed, self.over = call.pressed, call.over

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        self._call.heard(text, start=start, end=end, confidence=confidence, language=language)

    def took(self, stage: str, seconds: float) -> None:
        # The recogniser is asked within the frame that ended it: no later one has been heard by then, or only while we were slow.
        if stage == "transcript":
            self._decided = self._ears.asked
        elif stage == "first_audio":
            SAMPLES["out"].append(time.monotonic() - self._decided)
        self._call.took(stage, seconds)

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        SAMPLES["clear"].append(time.monotonic() - self._ears.asked)
        COUNTS["interrupted"] += 1
        self._call.interrupted(played, words)

    def failed(self, stage: str, clause: int | None = None) -> None:
        COUNTS["failed"] += 1
        self._call.failed(stage, clause)


Begin = Callable[[Start], Awaitable[CallInfo]]
Lead = Callable[[CallInfo, Line], Awaitable[Hears | None]]


class Server:
    """The stream's websocket, and what is measured."""

    def __init__(self, instant: Instant, detector: Callable[[], Detector], clock: SystemClock, begin: Begin, lead: Lead) -> None:
        self._begins = begin
        self._lead = lead
        answering = Answering(self._begin, self._answer, self._over)
        self._streams = Streams(instant, instant, lambda: Measured(detector()), clock, answering)
        self._lines: list[StreamLine] = []

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self._streams.serve), web.get("/stats", self.stats), web.get("/mark", self.mark)]

    async def _begin(self, start: Start) -> CallInfo:
        info = await self._begins(start)
        Measured.t0 = float(start.parameters["t0"])
        COUNTS["calls"] += 1
        return info

    async def _answer(self, info: CallInfo, line: Line) -> Hears | None:
        assert isinstance(line, StreamLine)
        ears = Measured.newest
        call = await self._lead(info, line)
        if call is None:
            return None
        self._lines.append(line)
        return Timed(call, ears)

    async def _over(self, info: CallInfo, left: str) -> None:
        COUNTS["left " + left] += 1
        self._lines = [line for line in self._lines if line.info is not info]

    async def mark(self, _: web.Request) -> web.Response:
        SAMPLES.clear()
        BEGAN.update(cpu=time.process_time(), wall=time.monotonic(), busy=core_busy())
        return web.json_response({})

    async def stats(self, _: web.Request) -> web.Response:
        seconds = max(1e-9, time.monotonic() - BEGAN["wall"])
        cpu = time.process_time() - BEGAN["cpu"]
        underruns = [line.playing.longest_underrun for line in self._lines]
        return web.json_response(
            {
                "mode": "ours",
                "cpu": round(cpu / seconds, 3),
                "others_on_core": round((core_busy() - BEGAN["busy"] - cpu) / seconds, 3),
                "rss_mb": round(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6, 1),
                "counts": dict(COUNTS),
                "threads": len(os.listdir("/proc/self/task")),
                "tasks": len(asyncio.all_tasks()),
                "inbound_lag_ms": summary(SAMPLES["lag"]),
                "loop_lag_ms": summary(SAMPLES["loop"]),
                "stt_to_audio_ms": summary(SAMPLES["out"]),
                "speech_to_clear_ms": summary(SAMPLES["clear"]),
                "longest_underrun_ms": round(max(underruns, default=0.0) * 1000, 1),
            }
        )


def summary(samples: Sequence[float]) -> dict[str, float]:
    """In milliseconds, with the fields of the anchors'."""
    if not samples:
        return {"n": 0}
    samples = sorted(samples)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {"n": len(samples)} | {
        name: round(samples[min(len(samples) - 1, int(len(samples) * share))] * 1000, 2) for name, share in at.items()
    }


def core_busy() -> float:
    """Seconds for which the core that we are on was busy, whoever with."""
    core = min(os.sched_getaffinity(0))
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    values = [int(value) for value in line.split()[1:9]]
    return (sum(values) - values[3] - values[4]) / os.sysconf("SC_CLK_TCK")


async def probe() -> None:
    """How late the loop is."""
    while True:
        asked = time.monotonic()
        await asyncio.sleep(0.01)
        SAMPLES["loop"].append(time.monotonic() - asked - 0.01)


async def say_the_same(info: CallInfo, line: Line) -> Hears:
    return Answers(line)


async def unknown(start: Start) -> CallInfo:
    """A call that no store knows."""
    sid = start.call_sid
    return CallInfo(sid, sid, sid, OURS, "+12025550101", CallDirection.INBOUND, "en", time.monotonic())


class Known:
    """Calls of the store, each from a number of its own."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._number = 0

    async def begin(self, start: Start) -> CallInfo:
        self._number += 1
        theirs, direction = f"+1202555{self._number:04d}", CallDirection.INBOUND
        begun = await self._app.phone_calls.begin(
            start.call_sid, ours=OURS, theirs=theirs, direction=direction, agent="support", language="en"
        )
        call, conversation = begun.call.id, begun.conversation.id
        return CallInfo(call, start.call_sid, conversation, OURS, theirs, direction, "en", time.monotonic())


class NoList:
    """Nobody asks for no more calls here."""

    async def do_not_call(self, call_id: str, proof: str) -> None:
        raise NotImplementedError


@asynccontextmanager
async def engine_of(settings: Settings, instant: Instant) -> AsyncIterator[tuple[Begin, Lead]]:
    """The whole program, whose model is small."""
    async with assemble(settings, model=instant, channels={}) as app:
        await app.worker.start()
        parts = CallParts(
            app.engine, app.lanes.turns, app.store, app.phone_calls, NoList(), app.live, app.clock, rules_of(settings)
        )
        calls = LiveCalls(parts, most=10_000)
        try:
            yield Known(app).begin, calls.open
        finally:
            await calls.close(0.0)
            await app.worker.stop()


async def serve(port: int, answers: str, settings: Settings) -> None:
    instant = Instant((ANCHORS / "speech8k.ulaw").read_bytes())
    detector = detectors_of(settings)
    if answers == "line":
        await _serve(port, Server(instant, detector, SystemClock(), unknown, say_the_same))
        return
    async with engine_of(settings, instant) as (begin, lead):
        await _serve(port, Server(instant, detector, SystemClock(), begin, lead))


async def _serve(port: int, server: Server) -> None:
    site = web.Application()
    site.add_routes(server.routes())
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    settle()
    probing = asyncio.create_task(probe())
    try:
        await stop_signal().wait()
    finally:
        probing.cancel()
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.call_server")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--answers", choices=["line", "engine"], default="line")
    parser.add_argument("--silero", default="", metavar="FILE", help="the model of Silero's detector, in place of WebRTC's")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    with tempfile.TemporaryDirectory() as folder:
        detector = {"BOT_VOICE_DETECTOR": "silero", "BOT_SILERO_FILE": options.silero} if options.silero else {}
        settings = Settings(_env_file=None, BOT_DATA_DIR=folder, **detector)
        run(serve(options.port, options.answers, settings))


if __name__ == "__main__":
    main()
