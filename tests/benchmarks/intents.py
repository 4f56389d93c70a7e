"""What a message asks for, told without a model: BANKING77, its held-out labels, and the demo company's own questions.

python -m tests.benchmarks.intents [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from bot.clock import SystemClock
from bot.dialogs.intents import Intents
from bot.memory.bm25 import WordScores
from bot.memory.examples import NEIGHBOURS, Examples
from bot.memory.features import counted, words
from bot.memory.lexical import LexicalIndex
from bot.services.knowledge import Knowledge
from bot.services.quoting import answer_from
from bot.store.sqlite import SqliteStore
from tests.benchmarks.common import ROOT, judge

DATA = Path(os.environ.get("EVALUATION_DATA", ROOT.parent / "shared" / "data"))
QUESTIONS = ROOT / "tests" / "dialogs" / "offline_questions.yaml"
HARDER = ROOT / "tests" / "dialogs" / "offline_questions_harder.yaml"

ACCURACY_BAR = 86.0
SCOPE_BAR = 78.0
SCOPE_RECALL = 85.0
DEMO_BAR = 90.0
CPU_BAR = 3.0

Row = tuple[str, str]
"""A text and its label."""


def banking(name: str) -> list[Row]:
    return [(row["text"], row["label"]) for row in map(json.loads, (DATA / f"banking77_{name}.jsonl").open())]


def share(right: Iterable[bool]) -> float:
    return 100 * statistics.mean(right)


def by_neighbours(train: Sequence[Row], nearest: Callable[[str], Iterable[tuple[int, float]]]) -> Callable[[str], str]:
    """The plain vote: each of the ten nearest examples counts with its score."""

    def guess(text: str) -> str:
        votes: Counter[str] = Counter()
        for row, score in nearest(text):
            votes[train[row][1]] += score  # type: ignore[assignment]
        return votes.most_common(1)[0][0] if votes else ""

    return guess


def plain_bm25(train: Sequence[Row]) -> Callable[[str], str]:
    index = WordScores([counted(words(text, "en")) for text, _ in train])

    def nearest(text: str) -> Iterable[tuple[int, float]]:
        scores = index.scores(counted(words(text, "en")))
        return ((int(row), float(scores[row])) for row in (-scores).argsort()[:NEIGHBOURS])

    return by_neighbours(train, nearest)


def plain_runs(train: Sequence[Row]) -> Callable[[str], str]:
    index = LexicalIndex("en")
    for row, (text, _) in enumerate(train):
        index.put(str(row), text)
    index.search("")

    def nearest(text: str) -> Iterable[tuple[int, float]]:
        hits = sorted(index.search(text, limit=100), key=lambda hit: -hit.nearness)[:NEIGHBOURS]
        return ((int(hit.id), hit.nearness) for hit in hits)

    return by_neighbours(train, nearest)


def ours(train: Sequence[Row]) -> Examples:
    return Examples([text for text, _ in train], [label for _, label in train], "en")


def voted(examples: Examples, text: str) -> str:
    vote = examples.vote(text)
    return "" if vote is None else vote.name


def confidence(examples: Examples, text: str) -> float:
    vote = examples.vote(text)
    return 0.0 if vote is None else vote.confidence


def scope(examples: Examples, inside: Sequence[Row], outside: Sequence[str]) -> float:
    """Of what is in scope, how much is accepted and right, at the threshold that refuses SCOPE_RECALL percent of what is not."""
    refused = sorted(confidence(examples, text) for text in outside)
    threshold = refused[min(len(refused) - 1, int(len(refused) * SCOPE_RECALL / 100))]
    return share(confidence(examples, text) > threshold and voted(examples, text) == label for text, label in inside)


def table(title: str, rows: Sequence[Sequence[object]]) -> None:
    print(f"\n{title}")
    for row in rows:
        print("  " + "  ".join(f"{cell:<34}" if place == 0 else f"{cell:>9}" for place, cell in enumerate(row)))


def of_banking(rounds: int) -> list[bool]:
    train, test = banking("train"), banking("test")
    started = time.process_time()
    examples = ours(train)
    build = time.process_time() - started
    started = time.process_time()
    accuracy = share(voted(examples, text) == label for text, label in test)
    each = (time.process_time() - started) / len(test) * 1e3
    others = {"BM25, 10 nearest": plain_bm25(train), "characters 3-5 TF-IDF, 10 nearest": plain_runs(train)}
    rows: list[list[object]] = [["", "right, %"], ["ours", f"{accuracy:.1f}"]]
    rows += [[name, f"{share(guess(text) == label for text, label in test):.1f}"] for name, guess in others.items()]
    table(f"BANKING77, {len(train):,} examples, {len(test):,} questions (ours: {build:.1f} s to learn, {each:.1f} ms each)", rows)
    near, far = zip(*(held_out(train, test, seed) for seed in range(rounds)), strict=True)
    table(
        f"Accepted and right, %, while {SCOPE_RECALL:.0f} % of what is out of scope is refused ({rounds} drawings of 19 labels)",
        [
            ["out of scope: labels held out", f"{statistics.mean(near):.1f}"],
            ["out of scope: the demo's questions", f"{statistics.mean(far):.1f}"],
        ],
    )
    print(
        "\nHeld-out labels are of the same bank as the others, the hardest there is; the bar is for questions on other matters."
    )
    return [
        judge("BANKING77, right", accuracy, ACCURACY_BAR, " %", at_least=True),
        judge("accepted and right, other matters", statistics.mean(far), SCOPE_BAR, " %", at_least=True),
    ]


def held_out(train: Sequence[Row], test: Sequence[Row], seed: int) -> tuple[float, float]:
    """With 19 labels unknown: against questions under those, and against questions on anything else."""
    unknown = set(random.Random(seed).sample(sorted({label for _, label in train}), 19))
    examples = ours([row for row in train if row[1] not in unknown])
    inside = [row for row in test if row[1] not in unknown]
    far = [question["ask"] for file in (QUESTIONS, HARDER) for question in yaml.safe_load(file.read_text())["en"]]
    return scope(examples, inside, [text for text, label in test if label in unknown]), scope(examples, inside, far)


async def of_demo() -> list[bool]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "bot.db", SystemClock())
        await store.open()
        knowledge = Knowledge(store)
        await knowledge.ensure()
        await knowledge.refresh()
        right, slowest = await asked(knowledge, QUESTIONS, "The demo company's questions, understood and answered")
        await asked(knowledge, HARDER, "The same in words far from the articles' own, to look at")
        await store.close()
    return [
        judge("demo questions, right", right, DEMO_BAR, " %", at_least=True),
        judge("own CPU: intent, passages and quote", slowest, CPU_BAR, " ms"),
    ]


async def asked(knowledge: Knowledge, file: Path, title: str) -> tuple[float, float]:
    """Prints the table of a file of questions; how many percent are right, and the milliseconds of the slowest language."""
    intents = Intents(knowledge)
    by_language: dict[str, list[dict[str, str]]] = yaml.safe_load(file.read_text())
    for language in by_language:  # the indexes are made once
        await knowledge.find("?", language)
        intents.of("?", language)
    rows: list[list[object]] = [["language", "right", "in scope", "outside", "ms"]]
    right: list[bool] = []
    slowest = 0.0
    for language, questions in by_language.items():
        results = [await one(intents, knowledge, language, question) for question in questions]
        inside = [ok for ok, _, outside in results if not outside]
        out = [ok for ok, _, outside in results if outside]
        each = statistics.mean(ms for _, ms, _ in results)
        counts = (f"{sum(some)}/{len(some)}" for some in (inside + out, inside, out))
        rows.append([language, *counts, f"{each:.2f}"])
        right += inside + out
        slowest = max(slowest, each)
    table(f"{title}: {sum(right)} of {len(right)}, {share(right):.1f} %", rows)
    return share(right), slowest


async def one(intents: Intents, knowledge: Knowledge, language: str, question: dict[str, Any]) -> tuple[bool, float, bool]:
    """Whether it was right, the milliseconds of CPU, and whether it was out of scope."""
    started = time.process_time()
    guess = intents.of(question["ask"], language)
    answer_from(await knowledge.find(question["ask"], language), question["ask"], language)
    taken = (time.process_time() - started) * 1e3
    told = (guess.topic or guess.name) if guess.is_in_scope else "none"
    return told == question["expect"], taken, question["expect"] == "none"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.intents")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    holds = []
    if DATA.is_dir():
        holds += of_banking(options.rounds)
    else:
        print(f"skipped: BANKING77 is not in {DATA}; set EVALUATION_DATA")
    holds += asyncio.run(of_demo())
    sys.exit(0 if all(holds) else 1)


if __name__ == "__main__":
    main()
