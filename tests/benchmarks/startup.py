"""What starting costs: CPU of `bot --help` over bare Python and of the commands that need no network; memory of idle servers.

One server has nothing configured. The other has everything on: MongoDB (SecantusDB), Redis, WhatsApp, a model and e-mail, beside
web and worker; it has answered somebody before it is idle, so that whatever is loaded when it is first needed is there.

python -m tests.benchmarks.startup [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.clock import SystemClock, new_id
from bot.testing.processes import LISTENS, Program, free_port, surroundings
from bot.testing.redis import RedisServer
from bot.testing.secantus import Secantus
from bot.testing.whatsapp.server import PHONE_ID, SECRET
from bot.testing.whatsapp.vendor import Vendor
from tests.benchmarks.common import judge, middle, spread

HELP_BAR = 100.0
COMMAND_BAR = 700.0
MEMORY_BAR = 110.0
EVERYTHING_BAR = 200.0
_ANSWERS_WITHIN = 30.0
_IDLE_SECONDS = 3.0


def _environment(folder: Path) -> dict[str, str]:
    """Nothing is configured."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "BOT_DATA_DIR": str(folder / "data"), "BOT_PORT": str(free_port())}


def cpu_ms(arguments: Sequence[str], stdin: str = "") -> float:
    """User and system time of one run of Python."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(Path(folder)),
            cwd=folder,
        )
        assert process.stdin is not None
        process.stdin.write(stdin.encode())
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return (usage.ru_utime + usage.ru_stime) * 1e3


def idle_megabytes() -> float:
    """Resident memory of an unconfigured `bot serve` that has nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(Path(folder)),
            cwd=folder,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert LISTENS in process.stdout.readline()
            time.sleep(_IDLE_SECONDS)
            return _resident_megabytes(process.pid)
        finally:
            process.terminate()
            process.communicate()


def _resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(resident.split()[1]) / 1024


async def idle_megabytes_with_everything(folder: Path) -> float:
    """The same of a `bot serve` that has everything configured and has answered one message."""
    mongo, redis = Secantus(folder / "mongo").start(), RedisServer(folder / "redis").start()
    mail = f"smtp://127.0.0.1:{free_port()}?from=bot@example.com"
    shared: dict[str, Any] = {"MONGODB_URI": mongo.uri, "REDIS_URL": redis.url, "SMTP_URL": mail}
    try:
        async with surroundings(folder / "around", **shared) as around:
            server: Program = around.bot("serve").start()
            await server.ready(_ANSWERS_WITHIN)
            vendor = Vendor(target=around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=True)
            await vendor.batch([vendor.text_node("12025550123", "How are you today?", f"wamid.{new_id()}")], name="Ana")
            async with asyncio.timeout(_ANSWERS_WITHIN):
                while not around.sends():
                    await asyncio.sleep(0.1)
            await vendor.close()
            await asyncio.sleep(_IDLE_SECONDS)
            return _resident_megabytes(server.process.pid)
    finally:
        redis.kill()
        mongo.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.startup")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    commands: dict[str, tuple[list[str], str]] = {
        "bare Python": (["-c", "pass"], ""),
        "bot --help": (["-m", "bot", "--help"], ""),
        "bot chat (one line)": (["-m", "bot", "chat"], "hello\n"),
    }
    if importlib.util.find_spec("bot.commands.check") is not None:
        commands["bot check"] = (["-m", "bot", "check"], "")
    for arguments, stdin in commands.values():  # once unmeasured: the compiled files and the disk's cache
        cpu_ms(arguments, stdin)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, (arguments, stdin) in commands.items():
            taken[name].append(cpu_ms(arguments, stdin))
    for name, values in taken.items():
        print(f"CPU of {name}, ms: {spread(values)}")
    holds = [judge("bot --help over bare Python", middle(taken["bot --help"]) - middle(taken["bare Python"]), HELP_BAR, " ms")]
    holds += [judge(name, middle(values), COMMAND_BAR, " ms") for name, values in list(taken.items())[2:]]
    holds.append(judge("idle server, unconfigured", idle_megabytes(), MEMORY_BAR, " MB"))
    with tempfile.TemporaryDirectory() as scratch:
        everything = asyncio.run(idle_megabytes_with_everything(Path(scratch)))
    holds.append(judge("idle server, everything on", everything, EVERYTHING_BAR, " MB"))
    sys.exit(0 if all(holds) else 1)


if __name__ == "__main__":
    main()
