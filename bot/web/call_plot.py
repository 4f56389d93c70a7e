"""The turns of one call as a plot: how long the person waited for each part of an answer, and how much of it they heard."""

from __future__ import annotations

from collections.abc import Sequence

from bot.records.calls import CallTurn
from bot.web.overview.charts import Chart
from bot.web.overview.plots import Box, Label, Plot
from bot.web.overview.words import Words

LIMIT_MS = 800.0
"""From here on people notice that somebody is thinking (PEERS, voice)."""
MOST = 60
"""Turns that are drawn; all of them are in the table."""
_ROW, _BAR, _TEXT = 24, 14, 18
"""Pixels."""
_LEFT, _RIGHT = 7.0, 26.0
"""Percent of the width for what stands beside the bars."""
_STAGES = (("transcript_ms", "wait"), ("first_token_ms", "ai"), ("first_audio_ms", "op"))


def plot_of(turns: Sequence[CallTurn], words: Words) -> Chart:
    """One card: a bar a turn, from the end of what was said to the first sound of the answer."""
    t = words.t
    waits = sorted(ms for turn in turns if (ms := waited(turn)) is not None)
    median = _said(waits[len(waits) // 2], words) if waits else "–"
    cut = sum(turn.interrupted for turn in turns)
    heard = [turn.heard_ratio for turn in turns if turn.heard_ratio is not None]
    share = words.percent(sum(heard) / len(heard)) if heard else "–"
    return Chart(
        "turns",
        t("turns"),
        t("turns_finding", count=len(turns), median=median, cut=cut, heard=share),
        _drawn(turns[:MOST], words) if waits else None,
        (t("turn"), t("at"), t("to_transcript"), t("to_first_token"), t("to_first_audio"), t("cut_off"), t("heard")),
        [_row(turn, words) for turn in turns],
        (t("in_all"), "", "", "", median, str(cut), share),
        [("wait", False, t("to_transcript")), ("ai", False, t("to_first_token")), ("op", False, t("to_first_audio"))],
        t("turns_note", median=median, cut=cut, heard=share),
        is_wide=True,
    )


def waited(turn: CallTurn) -> float | None:
    """Milliseconds until the answer began; None where none came."""
    known = [ms for name, _ in _STAGES if (ms := getattr(turn, name)) is not None]
    return max(known, default=None)


def _drawn(turns: Sequence[CallTurn], words: Words) -> Plot:
    most = max(LIMIT_MS, *(waited(turn) or 0 for turn in turns)) * 1.05
    width = (100 - _LEFT - _RIGHT) / most
    boxes, labels = [], []
    for row, turn in enumerate(turns):
        y, before = row * _ROW, 0.0
        labels.append(Label(0, y + _TEXT - 4, str(turn.number), tone="name"))
        for name, tone in _STAGES:
            ms = getattr(turn, name)
            if ms is not None and ms > before:
                boxes.append(Box(_LEFT + before * width, y + 3, max(0.3, (ms - before) * width - 0.2), _BAR, tone))
                before = ms
        told = _said(before, words) if before else words.t("no_answer")
        if turn.interrupted:
            told = words.t("cut_with", wait=told, heard=words.percent(turn.heard_ratio))
        labels.append(Label(_LEFT + before * width + 1, y + _TEXT - 4, told, tone="wait" if turn.interrupted else ""))
    height = len(turns) * _ROW
    boxes.append(Box(_LEFT + LIMIT_MS * width, 0, 0.25, height, "bad"))
    labels.append(Label(_LEFT + LIMIT_MS * width, height + 14, _said(LIMIT_MS, words), "middle", "bad"))
    return Plot(height + 20, 0, boxes=tuple(boxes), labels=tuple(labels))


def _row(turn: CallTurn, words: Words) -> tuple[str, ...]:
    stages = (_said(getattr(turn, name), words) for name, _ in _STAGES)
    cut = words.t("yes") if turn.interrupted else ""
    minutes, seconds = divmod(int(turn.ended), 60)
    return (str(turn.number), f"{minutes:02d}:{seconds:02d}", *stages, cut, words.percent(turn.heard_ratio))


def _said(ms: float | None, words: Words) -> str:
    return "–" if ms is None else words.t("ms", number=words.number(ms))
