"""What the benchmarks share: where the anchors are, how a figure is shown and judged."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ANCHORS = Path(os.environ.get("ANCHORS", ROOT.parent / "shared" / "anchors"))


def needs(*programs: str, anchors: bool = True) -> None:
    """Ends the benchmark with one clear line where something is missing that it needs."""
    if anchors and not ANCHORS.is_dir():
        _skip(f"there are no anchors in {ANCHORS}; set ANCHORS")
    for program in programs:
        if shutil.which(program) is None:
            _skip(f"{program} is not installed")


def _skip(why: str) -> None:
    print(f"skipped: {why}")
    sys.exit(0)


def judge(what: str, figure: float, bar: float, unit: str = "", *, at_least: bool = False) -> bool:
    """Prints a figure beside its bar; whether it holds."""
    holds = figure >= bar if at_least else figure <= bar
    print(f"{what}: {figure:,.2f}{unit} (bar {'>=' if at_least else '<='} {bar:,g}{unit}) {'pass' if holds else 'FAIL'}")
    return holds


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """The median with the smallest and the largest beside it."""
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def json_lines(text: str) -> list[dict[str, Any]]:
    """The JSON objects among a program's lines, each from its first brace on."""
    return [json.loads(line[line.index("{") :]) for line in text.splitlines() if "{" in line]


def run(*arguments: str | Path, **environment: str) -> str:
    """Runs a Python program of ours or the anchors' to its end; its output. Raises with what it said if it fails."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
