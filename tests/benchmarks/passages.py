"""Finding the right passage without a model: XQuAD in Spanish and English, and the time of a search over 10,000 passages.

python -m tests.benchmarks.passages
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from bot.memory import lexical
from bot.memory.lexical import LexicalIndex
from tests.benchmarks.common import judge
from tests.benchmarks.intents import DATA, table

SPANISH_BAR = 93.0
SEARCH_BAR = 10.0
_MANY = 10_000
_PIECE = 400


def rows_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).open()]


def recall(language: str, shares: Sequence[float]) -> list[float]:
    """Questions whose passage comes first, in percent, with each share of the words."""
    index = LexicalIndex(language)
    for document in rows_of(f"xquad_{language}_docs.jsonl"):
        index.put(str(document["id"]), document["text"])
    questions = rows_of(f"xquad_{language}_questions.jsonl")
    found = []
    for share in shares:
        lexical.WORDS_SHARE[language] = share
        first = (index.search(question["question"], limit=1)[0].id == str(question["doc"]) for question in questions)
        found.append(100 * statistics.mean(first))
    return found


def milliseconds() -> tuple[list[float], float]:
    """CPU of each search over 10,000 passages, and of making the index."""
    texts = [document["text"] for document in rows_of("xquad_en_docs.jsonl")]
    pieces = [text[start : start + _PIECE] for text in texts for start in range(0, len(text), 15)][:_MANY]
    index = LexicalIndex("en")
    started = time.process_time()
    for place, piece in enumerate(pieces):
        index.put(str(place), piece)
    index.search("")
    made = time.process_time() - started
    taken = []
    for question in rows_of("xquad_en_questions.jsonl"):
        started = time.process_time()
        index.search(question["question"])
        taken.append((time.process_time() - started) * 1e3)
    print(f"\n{len(pieces):,} passages of {_PIECE} characters, indexed in {made:.1f} s; {len(taken):,} searches")
    return taken, made


def main() -> None:
    if not DATA.is_dir():
        print(f"skipped: XQuAD is not in {DATA}; set EVALUATION_DATA")
        return
    table_rows: list[list[object]] = [["", "ours", "BM25", "characters"]]
    ours = {}
    for language in ("es", "en"):
        mixed, by_word, by_run = recall(language, (lexical.WORDS_SHARE[language], 1.0, 0.0))
        ours[language] = mixed
        table_rows.append([f"XQuAD recall@1, {language}", *(f"{figure:.1f}" for figure in (mixed, by_word, by_run))])
    table("Questions whose passage comes first, %", table_rows)
    taken, _ = milliseconds()
    holds = [
        judge("XQuAD recall@1, es", ours["es"], SPANISH_BAR, " %", at_least=True),
        judge("one search, p99", statistics.quantiles(taken, n=100)[98], SEARCH_BAR, " ms"),
    ]
    sys.exit(0 if all(holds) else 1)


if __name__ == "__main__":
    main()
