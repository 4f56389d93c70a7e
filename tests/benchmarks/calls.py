"""Telephone calls per core: our media streams beside Pipecat and a bare floor, all driven by the same load client.

    python -m tests.benchmarks.calls [--steps 50,100,200,250,300] [--secs 5] [--only ours,silero,engine,floor,pipecat]

Servers run on core 0 and the client that plays Twilio on core 1. Client, floor and Pipecat need packages that we do not: they
come from the environment whose Python ANCHORS_PYTHON names, or from one that is made once beside the temporary files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bot.testing.processes import free_port
from tests.benchmarks.common import ANCHORS, ROOT, json_lines, judge, needs

CALLS = 200
"""That one core has to carry."""
LAG_MS, UNDERRUNS, MB, CLEAR_MS = 40.0, 0, 0.5, 60.0
OVERHEAD_MS = (1.0, 5.0)
"""p50, p99."""
BUSY_MS = 20.0
"""A client that is later than that with its own frames cannot tell what we did wrong."""
INSTALL_SECONDS = 240
RAMP, SETTLE = 2.0, 1.5
BARGE = 0.3
"""Share of turns in which the caller talks over us."""
SCRATCH = Path(os.environ.get("ANCHORS_SCRATCH", tempfile.gettempdir()))


@dataclass(frozen=True)
class Case:
    """A server and how many calls it is tried with."""

    name: str
    command: Sequence[str]
    steps: str = ""
    """Other than those asked for."""
    stats: int = 0
    """Ports above its own on which it tells its figures."""
    path: str = "/"
    is_ours: bool = False


@dataclass
class Row:
    case: Case
    calls: int
    said: dict[str, Any]
    idle_mb: float
    server: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.server = self.said["server"]

    def of(self, name: str, share: str, *, server: bool = True) -> float | None:
        figures: dict[str, float] = (self.server if server else self.said).get(name) or {}
        return figures.get(share)

    @property
    def mb(self) -> float:
        """Of memory for each call."""
        return (float(self.server["rss_mb"]) - self.idle_mb) / self.calls

    @property
    def client_late(self) -> float:
        return self.of("client_send_lag_ms", "p99", server=False) or 0.0


def anchors_python() -> str:
    """A Python that has what the anchors need; made once. Ends the benchmark where it cannot be."""
    if named := os.environ.get("ANCHORS_PYTHON"):
        return named
    folder = SCRATCH / "switchboard-anchors"
    python = folder / "bin" / "python"
    if not python.exists():
        _make(folder, python)
    return str(python)


def _make(folder: Path, python: Path) -> None:
    needs("uv")
    print(f"making an environment for the anchors in {folder}", flush=True)
    try:
        subprocess.run(["uv", "venv", "-q", "--python", "3.11", folder], check=True)
        install = ["uv", "pip", "install", "-q", "--python", str(python)]
        subprocess.run([*install, "picows", "uvloop", "orjson", "numpy"], check=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"skipped: the load client's packages cannot be installed ({error})")
        sys.exit(0)
    try:
        subprocess.run([*install, "pipecat-ai[websocket,silero]", "uvicorn"], check=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"without Pipecat, which cannot be installed ({error})")


def pipecat_file(python: str) -> str:
    """Silero's model that Pipecat carries; empty where there is no Pipecat."""
    found = subprocess.run(
        [python, "-c", "import importlib.util as u; print(u.find_spec('pipecat').submodule_search_locations[0])"],
        capture_output=True,
        text=True,
    )
    file = Path(found.stdout.strip()) / "audio" / "vad" / "data" / "silero_vad.onnx"
    return str(file) if found.returncode == 0 and file.exists() else ""


def cases(python: str, silero: str) -> list[Case]:
    ours = [sys.executable, "-m", "tests.benchmarks.call_server"]
    found = [Case("ours", ours, is_ours=True)]
    if silero:
        found.append(Case("silero", [*ours, "--silero", silero], steps="100,200,250", is_ours=True))
    found.append(Case("engine", [*ours, "--answers", "engine"], steps="100,200", is_ours=True))
    found.append(Case("floor", [python, str(ANCHORS / "floor_server.py")], steps="200,300", stats=1000))
    if pipecat_file(python):
        pipecat = [python, str(ANCHORS / "pipecat_server.py"), "--mode"]
        found.append(Case("pipecat", [*pipecat, "novad"], steps="10,20,30", path="/ws"))
        found.append(Case("pipecat+silero", [*pipecat, "silero"], steps="10,20", path="/ws"))
    return found


@contextmanager
def serving(case: Case) -> Iterator[int]:
    """The server, ready; its port."""
    port = free_port()
    while port + case.stats > 65535:
        port = free_port()
    command = [*case.command, "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(["taskset", "-c", "0", *command], cwd=ROOT, stdout=log, stderr=log)
        try:
            _wait(server, f"http://127.0.0.1:{port + case.stats}/mark", case.name, log)
            yield port
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, name: str, log: IO[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            log.seek(0)
            raise SystemExit(f"{name} does not start:\n{log.read().decode(errors='replace')[-2000:]}")
        try:
            _get(url)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{name} does not answer")


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own server
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found


def measure(case: Case, python: str, steps: str, secs: float) -> list[Row]:
    with serving(case) as port:
        figures = f"http://127.0.0.1:{port + case.stats}"
        idle = float(_get(f"{figures}/stats")["rss_mb"])
        client = [
            *("taskset", "-c", "1", python, str(ANCHORS / "twilio_load.py"), "--url", f"ws://127.0.0.1:{port}{case.path}"),
            *("--stats-url", f"{figures}/stats", "--mark-url", f"{figures}/mark", "--steps", steps, "--duration", str(secs)),
            *("--ramp", str(RAMP), "--settle", str(SETTLE), "--barge", str(BARGE), "--compact"),
        ]
        told, trouble = _told(client, (RAMP + SETTLE + secs + 10) * len(steps.split(",")))
    if trouble:
        print(f"{case.name}: the load client did not come to its end: {trouble}")
    return [Row(case, said["calls"], said, idle) for said in json_lines(told)]


def _told(client: Sequence[str], seconds: float) -> tuple[str, str]:
    """What it printed, and what went wrong with it; a machine that is busy with others may be too slow for it."""
    try:
        done = subprocess.run(client, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode() if isinstance(error.stdout, bytes) else error.stdout or "", f"{seconds:.0f} s"
    return done.stdout, done.stderr.strip()[-500:] if done.returncode else ""


_COLUMNS = {"calls": 6, "lag p99": 9, "gaps>20": 8, "over p50": 9, "p99": 8, "clear p50": 10, " p99": 7, "CPU": 7, "MB/call": 8}
HEAD = f"{'server':15}" + "".join(f"{name:>{width}}" for name, width in _COLUMNS.items())


def show(row: Row) -> str:
    """One line of the table."""
    overhead, clear = "stt_to_audio_ms", "speech_to_clear_ms"
    figures = (
        f"{_ms(row.of('inbound_lag_ms', 'p99')):>9}{row.said['underruns_over_20ms']:>8}"
        f"{_ms(row.of(overhead, 'p50')):>9}{_ms(row.of(overhead, 'p99')):>8}"
        f"{_ms(row.of(clear, 'p50')):>10}{_ms(row.of(clear, 'p99')):>7}{row.server['cpu']:>7.2f}{row.mb:>8.2f}"
    )
    trouble = [f"client late by {row.client_late:.0f} ms"] if row.client_late > BUSY_MS else []
    if (others := row.server["others_on_core"]) > 0.1:
        trouble.append(f"others took {others:.0%} of the core")
    if row.said["failed"] or row.said["closed_early"] or row.said["stuck_turns"]:
        trouble.append(f"{row.said['failed']} refused, {row.said['closed_early']} broken, {row.said['stuck_turns']} unanswered")
    return f"{row.case.name:15}{row.calls:>6}{figures}" + (f"   ({'; '.join(trouble)})" if trouble else "")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"


def compare(rows: Sequence[Row]) -> None:
    """CPU of one call, ours against theirs, at the most calls of each that the machine bore."""
    cost = {row.case.name: row.server["cpu"] / row.calls * 1000 for row in rows}
    if "ours" not in cost:
        return
    for name, figure in cost.items():
        ratio = "" if name == "ours" else f", {figure / cost['ours']:.2f}x of ours"
        print(f"CPU of a call, {name}: {figure:.2f} ms a second{ratio}")


def hold(row: Row) -> bool:
    """The bars, for one of our servers at the calls that a core has to carry."""
    name = f"{row.case.name}, {row.calls} calls"
    held = [
        judge(f"{name}: inbound lag p99", row.of("inbound_lag_ms", "p99") or 0.0, LAG_MS, " ms"),
        judge(f"{name}: gaps over 20 ms", row.said["underruns_over_20ms"], UNDERRUNS),
        judge(f"{name}: memory of a call", row.mb, MB, " MB"),
        judge(f"{name}: decision to clear, p99", row.of("speech_to_clear_ms", "p99") or 0.0, CLEAR_MS, " ms"),
        judge(f"{name}: end of speech to first audio, p50", row.of("stt_to_audio_ms", "p50") or 0.0, OVERHEAD_MS[0], " ms"),
        judge(f"{name}: end of speech to first audio, p99", row.of("stt_to_audio_ms", "p99") or 0.0, OVERHEAD_MS[1], " ms"),
    ]
    return all(held)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.calls")
    parser.add_argument("--steps", default="50,100,200,250,300", help="of calls, for our line")
    parser.add_argument("--secs", type=float, default=5.0, help="measured at each step")
    parser.add_argument("--only", default="", help="names of the servers, such as ours,floor")
    parser.add_argument("--silero", default="", metavar="FILE", help="Silero's model; else the one that Pipecat carries")
    options = parser.parse_args()
    needs("taskset")
    if (os.cpu_count() or 1) < 2:
        print("skipped: the client needs a core of its own")
        return
    python = anchors_python()
    only = set(filter(None, options.only.split(",")))
    print(HEAD, flush=True)
    judged, last = [], []
    for case in cases(python, options.silero or pipecat_file(python)):
        if only and case.name not in only:
            continue
        rows = measure(case, python, case.steps or options.steps, options.secs)
        for row in rows:
            print(show(row), flush=True)
        last += rows[-1:]
        judged += [row for row in rows if case.is_ours and row.calls == CALLS]
    compare(last)
    if not judged:
        return
    if any(row.client_late > BUSY_MS for row in judged):
        print("the machine was busy with other work: lag, gaps and overhead tell of that, too")
    held = [hold(row) for row in judged]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
