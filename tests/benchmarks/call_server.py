"""The server whose calls `tests.benchmarks.calls` measures: our lines, with a voice, a recogniser and an answer of no delay.

python -m tests.benchmarks.call_server --port 8765 [--detector webrtc|silero]

`/stats` and `/mark` are those of the anchors' floor_server.py, on the same port.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from aiohttp import web

from bot.channels.voice.base import CallInfo, Clause, Line, Played
from bot.channels.voice.detector import Detector, WebrtcDetector
from bot.channels.voice.frames import Start
from bot.channels.voice.speech import BYTES_PER_SECOND
from bot.channels.voice.stream import Answering, Streams
from bot.channels.voice.stream_line import StreamLine
from bot.clock import SystemClock
from bot.message import Text
from bot.records.calls import CallDirection
from bot.running import run, settle, stop_signal
from tests.benchmarks.common import ANCHORS

ANSWER = (
    "Thank you for your interest. The two bedroom apartment is still available, and I can book a visit for you tomorrow evening.",
    "Would six o'clock suit you?",
)
SECONDS = (4.2, 1.1)
"""Of sound of each: as much as the anchors' answer has."""
PIECE = 160
SAMPLES: dict[str, list[float]] = defaultdict(list)
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
    """Voice, recogniser and answer: all at once."""

    name = "instant"

    def __init__(self, speech: bytes) -> None:
        self._sound = {text: speech[: int(seconds * BYTES_PER_SECOND)] for text, seconds in zip(ANSWER, SECONDS, strict=True)}

    async def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        sound = self._sound[text]
        for place in range(0, len(sound), PIECE):
            yield sound[place : place + PIECE]

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


class Answers:
    """The call: answers whatever is heard."""

    def __init__(self, line: Line, ears: Measured) -> None:
        self._line = line
        self._ears = ears
        self._number = 0

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        for words in ANSWER:
            self._number += 1
            self._line.speak(Clause(self._number, words, "en"))

    def took(self, stage: str, seconds: float) -> None:
        if stage == "first_audio":
            SAMPLES["out"].append(time.monotonic() - self._ears.asked)

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        SAMPLES["clear"].append(time.monotonic() - self._ears.asked)

    def hearing(self, text: str) -> None:
        return

    def played(self, clause: int) -> None:
        COUNTS["played"] += 1

    def silent(self) -> None:
        return

    def pressed(self, digit: str) -> None:
        return

    def failed(self, stage: str, clause: int | None = None) -> None:
        COUNTS["failed"] += 1

    def over(self, reason: str) -> None:
        COUNTS["over"] += 1


class Server:
    """One server: the stream's websocket, and what is measured."""

    def __init__(self, detector: Callable[[], Detector], clock: SystemClock) -> None:
        speech = (ANCHORS / "speech8k.ulaw").read_bytes()
        instant = Instant(speech)
        answering = Answering(self._begin, self._answer, self._over)
        self._streams = Streams(instant, instant, lambda: Measured(detector()), clock, answering)
        self._clock = clock
        self._lines: list[StreamLine] = []

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self._streams.serve), web.get("/stats", self.stats), web.get("/mark", self.mark)]

    async def _begin(self, start: Start) -> CallInfo:
        Measured.t0 = float(start.parameters["t0"])
        COUNTS["calls"] += 1
        sid = start.call_sid
        return CallInfo(sid, sid, sid, "+12025550100", "+12025550101", CallDirection.INBOUND, "en", self._clock.monotonic())

    async def _answer(self, info: CallInfo, line: Line) -> Answers:
        assert isinstance(line, StreamLine)
        self._lines.append(line)
        return Answers(line, Measured.newest)

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


def summary(samples: list[float]) -> dict[str, float]:
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


async def serve(port: int, detector: Callable[[], Detector]) -> None:
    site = web.Application()
    site.add_routes(Server(detector, SystemClock()).routes())
    runner = web.AppRunner(site, access_log=None)
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
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    run(serve(options.port, WebrtcDetector))


if __name__ == "__main__":
    main()
