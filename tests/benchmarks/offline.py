"""What an answer without a model costs: own CPU of a whole turn, through inbox, worker, engine, journal, store and outbox.

    python -m tests.benchmarks.offline [--rounds 5]

Each round asks every question of the demo's set (three languages, a third of it out of scope), each of another person, and plays
a whole flow. Own CPU of the process, without the building of the indexes, which is printed beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
import yaml

from bot.app import App, assemble
from bot.clock import SystemClock, new_id
from bot.config import Settings
from bot.message import Address, InboundMessage, Reply, Sender, Text
from bot.testing.channel import RecordingChannel
from tests.benchmarks.common import ROOT, judge, middle, spread

BAR_MS = 15.0
QUESTIONS = ROOT / "tests" / "dialogs" / "offline_questions.yaml"
FLOW = ("Please call me tomorrow at five", "no, Friday", "my bill", "what are your opening hours?", "yes")


class Listener(RecordingChannel):
    """Tells whoever waits for a reply that it came."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Event()

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        self.heard.set()
        return f"sent.{tracker}"


async def _says(app: App, listener: Listener, number: int, text: str) -> float:
    """Milliseconds of own CPU until the first reply has gone out."""
    address = Address("whatsapp", "106540352242922", f"52555555{number:04d}")
    listener.heard.clear()
    began = time.process_time()
    message = InboundMessage(f"wamid.{new_id()}", address, Text(text), SystemClock().now(), Sender("Ana", address.theirs))
    await app.inbox.accept([message])
    await asyncio.wait_for(listener.heard.wait(), 10)
    return (time.process_time() - began) * 1e3


async def measure(folder: Path, rounds: int) -> tuple[float, list[float], list[float]]:
    """Milliseconds to build what is searched, of each question, and of each message of a flow."""
    by_language: dict[str, list[dict[str, Any]]] = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    asked = [question for questions in by_language.values() for question in questions]
    listener = Listener()
    settings = Settings(_env_file=None, BOT_DATA_DIR=folder, BOT_QUIET_MS=0)
    questions, flow = [], []
    async with assemble(settings, model=None, channels={listener.name: listener}) as app:
        await app.knowledge.ensure()
        await app.worker.start()
        began = time.process_time()
        for number, text in enumerate(("hola, ¿cómo están?", "hello, how are you?", "नमस्ते, कैसे हैं?")):
            await _says(app, listener, number, text)
        building = (time.process_time() - began) * 1e3
        number = 10
        for _ in range(rounds):
            for question in asked:
                number += 1
                questions.append(await _says(app, listener, number, question["ask"]))
            number += 1
            for text in FLOW:
                flow.append(await _says(app, listener, number, text))
                await asyncio.sleep(0.01)  # what is written behind the reply
        await app.worker.stop()
    return building, questions, flow


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.offline")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        building, questions, flow = uvloop.run(measure(Path(folder), options.rounds))
    print(f"building the indexes of three languages, once, ms: {building:.0f}")
    print(f"own CPU per question, ms: {spread(questions)}; per message of a flow: {spread(flow)}")
    sys.exit(0 if judge("own CPU per offline answer, median", middle([*questions, *flow]), BAR_MS, " ms") else 1)


if __name__ == "__main__":
    main()
