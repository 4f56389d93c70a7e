"""The durable ack: `bot serve` beside the anchor that does the same with SQLite and nothing else, by turns, 64 in flight.

python -m tests.benchmarks.webhook [--rounds 5] [--secs 4]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bot.app import App, assemble
from bot.config import Settings
from bot.store.sqlite import SqliteStore
from bot.testing.processes import VERIFY_TOKEN, free_port
from bot.testing.whatsapp import PHONE_ID
from bot.vendors import webhooks_of
from bot.web.server import build_site, run_site
from tests.benchmarks.common import ANCHORS, json_lines, judge, middle, needs, run, spread

BAR = 1.25
ANCHOR = "sqlite/uvloop/FULL"
SECRET = "s3cret"  # the anchors' payloads are signed with it
IN_FLIGHT = 64


def _settings(folder: Path, port: int) -> dict[str, Any]:
    return {
        "BOT_DATA_DIR": str(folder / "data"),
        "BOT_PORT": str(port),
        "BOT_QUIET_MS": "120000",  # no turn begins while the ack is measured
        "WHATSAPP_PHONE_ID": PHONE_ID,
        "WHATSAPP_TOKEN": "nobody",
        "WHATSAPP_APP_SECRET": SECRET,
        "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
        "WHATSAPP_API_URL": "http://127.0.0.1:9",
    }


def round_(folder: Path, scratch: Path, secs: int) -> tuple[dict[str, float], dict[str, float]]:
    """One run of the anchor and then one of ours, each on an empty disk: what run_webhook.py says of them."""
    port = free_port()
    out = folder / "out.jsonl"
    settings = {**_settings(folder, port), "ANCHORS_SCRATCH": str(scratch)}
    command = f"{sys.executable} -m bot serve"
    url = f"http://127.0.0.1:{port}/webhooks/whatsapp"
    arguments = ["--only", ANCHOR, "--url", url, "--cmd", command, "--reps", "1", "--secs", str(secs), "--out", str(out)]
    said = json_lines(run(ANCHORS / "run_webhook.py", *arguments, "--conc", str(IN_FLIGHT), **settings))
    return said[0], said[1]


async def commits_per_request(folder: Path, secs: int, payloads: Path) -> tuple[int, int]:
    """The same load on our site inside this process, where the store's commits can be counted: requests, commits."""
    port = free_port()
    settings = Settings(_env_file=None, **_settings(folder, port))
    counted = (0, 0)
    done = asyncio.Event()

    async def load(app: App) -> None:
        nonlocal counted
        store = app.store
        assert isinstance(store, SqliteStore)
        before = store.commits
        command = ["wrk", "-t1", f"-c{IN_FLIGHT}", f"-d{secs}s", "-s", str(ANCHORS / "webhook.lua"), f"http://127.0.0.1:{port}"]
        environment = {**os.environ, "PAYLOADS": str(payloads), "WHPATH": "/webhooks/whatsapp"}
        wrk = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
        said, _ = await wrk.communicate()
        counted = (int(json_lines(said.decode())[-1]["requests"]), store.commits - before)
        done.set()

    async with assemble(settings) as app:

        async def started(_: int) -> None:
            await load(app)

        site = asyncio.create_task(
            run_site(build_site(webhooks_of(settings, app.inbox.accept, app.clock), app), settings.host, port, started)
        )
        await done.wait()
        site.cancel()
        await asyncio.gather(site, return_exceptions=True)
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.webhook")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--secs", type=int, default=4)
    options = parser.parse_args()
    needs("wrk", "taskset")
    anchors, ours = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                anchor, own = round_(Path(folder), Path(scratch), options.secs)
            anchors.append(anchor)
            ours.append(own)
            pair = f"anchor {anchor['cpu_us_req']:.1f}, ours {own['cpu_us_req']:.1f} us"
            print(f"round {number + 1}: {pair}, ratio {own['cpu_us_req'] / anchor['cpu_us_req']:.2f}", flush=True)
        payloads = next(Path(scratch).glob("pl_A_*.bin"))
        with tempfile.TemporaryDirectory() as folder:
            requests, commits = asyncio.run(commits_per_request(Path(folder), options.secs, payloads))
    figures = {name: [side["cpu_us_req"] for side in sides] for name, sides in (("anchor", anchors), ("ours", ours))}
    print(f"own CPU per request, us: {ANCHOR} {spread(figures['anchor'])}, ours {spread(figures['ours'])}")
    for name, sides in (("anchor", anchors), ("ours", ours)):
        rps, p50, p99 = (middle([side[key] for side in sides]) for key in ("rps", "p50_ms", "p99_ms"))
        refused = sum(side["non2xx"] for side in sides)
        print(f"{name}: {rps:.0f} requests/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, not 200: {refused:.0f}")
    print(f"commits per request: {commits / requests:.4f} ({requests} requests, {commits} commits)")
    ratios = [own / anchor for own, anchor in zip(figures["ours"], figures["anchor"], strict=True)]
    holds = judge("ratio to the anchor, median of the rounds", middle(ratios), BAR, "x")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
