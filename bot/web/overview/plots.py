"""Plots as `templates/plots.html` draws them: x in percent of the width, y in pixels, so that no text is ever scaled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_TOP, _TEXT = 16, 20
"""Pixels above the highest line, and below the lowest for what stands there."""
_LEFT = 12.0
"""Percent of the width that the numbers beside columns get."""
_ROW = 26
_MINUTES = (1 / 6, 1 / 3, 2 / 3, 2, 4, 6, 10, 20, 40, 60, 120, 240, 480, 720, 1440, 2880)


@dataclass(frozen=True, slots=True)
class Label:
    """A text in a plot."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in parts: where nothing was there is a gap. `points` are in percent both ways, `dots` stand alone."""

    tone: str
    is_thin: bool
    runs: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything that is drawn."""

    height: int
    inner: int
    """Pixels from the highest line to the axis; 0 where there is no axis."""
    grid: tuple[float, ...] = ()
    boxes: tuple[Box, ...] = ()
    curves: tuple[Curve, ...] = ()
    labels: tuple[Label, ...] = ()
    top: int = _TOP


@dataclass(frozen=True, slots=True)
class Series:
    """One thing over time; None where there is nothing to say of it."""

    tone: str
    values: Sequence[float | None]
    is_thin: bool = False
    last: str = ""
    """What stands at its end."""


def ceiling(most: float) -> float:
    """A round number that is not below it and has a round half."""
    if most <= 0:
        return 1.0
    step: float = 10.0 ** math.floor(math.log10(most))
    nice = (2.0, 4, 6, 8, 10) if step == 1 else (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)
    return next(times * step for times in nice if times * step >= most * 0.9999)


def ceiling_of_minutes(most: float) -> float:
    """The same for a stretch of time: it and its half are told in whole minutes, hours or days."""
    return next((nice for nice in _MINUTES if nice >= most), ceiling(most / 1440) * 1440)


def lines(
    series: Sequence[Series], ticks: Sequence[tuple[int, str]], marks: Sequence[tuple[float, str]], inner: int = 132
) -> Plot:
    """Curves over time. `ticks` say which moments are named, and how; `marks` at which values lines are drawn, the highest last,
    and what they are called."""
    most = marks[-1][0]
    last = max(1, max(len(one.values) for one in series) - 1)
    grid = tuple(_height(value, most, inner) for value, _ in marks)
    labels = [Label(0, y - 4, name) for y, (_, name) in zip(grid, marks, strict=True)]
    labels += [Label(100 * at / last, _TOP + inner + 16, name, _anchor(at, last)) for at, name in ticks]
    labels += _ends(series, most, inner)
    return Plot(_TOP + inner + _TEXT, inner, grid, curves=tuple(_curve(one, most) for one in series), labels=tuple(labels))


def columns(
    stacks: Sequence[Sequence[float]],
    tones: Sequence[str],
    ticks: Sequence[tuple[int, str]],
    marks: Sequence[tuple[float, str]],
    inner: int = 132,
    left: float = _LEFT,
) -> Plot:
    """Columns, each of several parts from the bottom up; `ticks` say which of them are named, and how."""
    most = marks[-1][0]
    band = (100 - left) / max(1, len(stacks))
    boxes = []
    for number, parts in enumerate(stacks):
        base = 0.0
        for value, tone in zip(parts, tones, strict=True):
            height = inner * value / most
            if value:
                y = _TOP + inner - base - height
                boxes.append(Box(left + band * (number + 0.12), y, band * 0.76, max(1.0, height - 1), tone))
            base += height
    grid = tuple(_height(value, most, inner) for value, _ in marks)
    labels = [Label(0, y + 4, name) for y, (_, name) in zip(grid, marks, strict=True)]
    for at, name in ticks:
        is_last = at == len(stacks) - 1 > 6  # a narrow column at the edge: its name would stand out
        x = 100 if is_last else left + band * (at + 0.5)
        labels.append(Label(x, _TOP + inner + 16, name, "end" if is_last else "middle"))
    return Plot(_TOP + inner + _TEXT, inner, grid, tuple(boxes), labels=tuple(labels))


def bars(rows: Sequence[tuple[str, float, str, str]], name_share: float = 42.0) -> Plot:
    """Bars beside their names: name, value, what stands behind it, tone."""
    most = max((value for _, value, _, _ in rows), default=0) or 1
    boxes, labels = [], []
    for number, (name, value, shown, tone) in enumerate(rows):
        y, width = number * _ROW, (88 - name_share) * value / most
        labels.append(Label(0, y + 17, name, tone="name"))
        if value:
            boxes.append(Box(name_share, y + 4, max(0.5, width), _ROW - 8, tone))
        labels.append(Label(name_share + width + 1.5, y + 17, shown))
    return Plot(len(rows) * _ROW, 0, boxes=tuple(boxes), labels=tuple(labels))


def _height(value: float, most: float, inner: int) -> float:
    return round(_TOP + inner * (1 - value / most), 1)


def _anchor(at: int, last: int) -> str:
    return "start" if at == 0 else "end" if at == last else "middle"


def _curve(series: Series, most: float) -> Curve:
    step = 100 / max(1, len(series.values) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for number, value in enumerate(series.values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((round(number * step, 2), round(100 * (1 - value / most), 2)))
    drawn = tuple(" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1)
    return Curve(series.tone, series.is_thin, drawn, tuple(run[0] for run in runs if len(run) == 1))


def _ends(series: Sequence[Series], most: float, inner: int) -> list[Label]:
    """What stands at the ends of the curves, kept apart from each other."""
    said = [(_last(one.values), one) for one in series if one.last]
    found: list[Label] = []
    for value, one in sorted(((value, one) for value, one in said if value is not None), key=lambda item: -item[0]):
        y = _height(value, most, inner) - 6
        if found and y - found[-1].y < 14:
            y = found[-1].y + 14
        found.append(Label(100, y, one.last, "end", one.tone))
    return found


def _last(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)
