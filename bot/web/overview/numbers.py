"""The six numbers on top, and how they differ from the stretch of time before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.services.overview import Figures, Overview, percentile
from bot.web.overview.words import Words


@dataclass(frozen=True, slots=True)
class Number:
    """One of the six."""

    id: str
    name: str
    value: str
    unit: str = ""
    trend: str = ""
    """How it differs from before; empty where that cannot be said."""
    trend_tone: str = ""
    why: str = ""


def numbers(overview: Overview, words: Words) -> list[Number]:
    """All but the first, which is of now and not of the stretch of time."""
    t, now, before = words.t, overview.whole, overview.before
    ninth = percentile(now.first_responses, 0.9)
    late = percentile(now.resolutions, 0.9)
    rating = "–" if now.rating is None else words.number(now.rating, 1)
    return [
        _time(words, "first_response", now.first_responses, before.first_responses, t("p90", value=words.lasting(ninth))),
        _time(words, "resolution", now.resolutions, before.resolutions, t("p90", value=words.lasting(late))),
        Number(
            "csat",
            t("csat"),
            rating,
            t("of_five") if now.rated else "",
            *_trend(now.rating, before.rating, lambda change: words.number(change, 1), 0.05, up_is_good=True),
            t("rated_of", rated=now.rated, resolved=now.resolved),
        ),
        Number(
            "containment",
            t("containment"),
            words.percent(now.containment),
            "",
            *_trend(now.containment, before.containment, lambda change: _points(words, change), 0.005, up_is_good=True),
            t("alone_of", alone=now.contained, count=now.conversations),
        ),
        _cost(words, now, before),
    ]


def _points(words: Words, change: float) -> str:
    return words.t("points", number=words.number(change * 100))


def _time(words: Words, name: str, now: Sequence[float], before: Sequence[float], why: str) -> Number:
    half, was = percentile(now, 0.5), percentile(before, 0.5)
    trend = _trend(half, was, words.lasting, 1 / 60, up_is_good=False)
    return Number(name, words.t(name), words.lasting(half), "", *trend, why if now else words.t("nothing_yet"))


def _cost(words: Words, now: Figures, before: Figures) -> Number:
    trend = _trend(now.cost_each, before.cost_each, words.money, 10, up_is_good=False)
    return Number(
        "cost",
        words.t("cost"),
        words.money(now.cost_each),
        "",
        *trend,
        words.t("cost_in_all", whole=words.money(now.cost_micros)),
    )


def _trend(
    now: float | None, before: float | None, said: Callable[[float], str], least: float, *, up_is_good: bool
) -> tuple[str, str]:
    """By how much it differs from before, and whether that is good."""
    if now is None or before is None or abs(now - before) < least:
        return "", ""
    is_up = now > before
    return f"{'▲' if is_up else '▼'} {said(abs(now - before))}", "ok" if is_up == up_is_good else "bad"
