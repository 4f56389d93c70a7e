"""What happened (`bot.services.overview`) as plots, each with its finding in words and a table behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.records.handoffs import Cause
from bot.services.overview import Figures, Overview, percentile
from bot.web.overview.plots import Plot, Series, bars, ceiling, ceiling_of_minutes, columns, lines
from bot.web.overview.words import Words

Row = tuple[str, ...]

_CAUSE_TONES = {
    Cause.ASKED: "wait",
    Cause.RULE: "ai",
    Cause.LOW_CONFIDENCE: "ai",
    Cause.POLICY: "ai",
    Cause.OPERATOR_TOOK_OVER: "op",
    Cause.ASSIGNED: "op",
    Cause.BEGAN: "op",
}
"""What went wrong is red."""
_STAR_TONES = {5: "op", 4: "op", 3: "wait", 2: "bad", 1: "bad"}


@dataclass(frozen=True, slots=True)
class Chart:
    """One card: a plot, and the same numbers as a table."""

    id: str
    title: str
    finding: str
    """What is to be seen, for who does not see it."""
    plot: Plot | None
    """None where there is nothing to draw."""
    head: Row
    rows: Sequence[Row]
    foot: Row = ()
    legend: Sequence[tuple[str, bool, str]] = ()
    """Tone, whether dashed, name."""
    note: str = ""
    is_wide: bool = False


class Charts:
    """Makes the cards of one page."""

    def __init__(self, overview: Overview, words: Words, *, by_hour: bool) -> None:
        self._overview = overview
        self._parts = overview.parts
        self._whole = overview.whole
        self._words = words
        self._t = words.t
        self._names = [words.hour(part.begins) if by_hour else words.day(part.begins) for part in overview.parts]
        self._head = self._t("hour" if by_hour else "day")

    def all(self) -> list[Chart]:
        """In the order in which they stand on the page."""
        return [
            self.arrivals(),
            self.causes(),
            self._times("first_response", lambda part: part.first_responses),
            self._times("resolution", lambda part: part.resolutions),
            self.ratings(),
            self.containment(),
            self.cost(),
            self.hours(),
        ]

    def arrivals(self) -> Chart:
        """What began, by who served it."""
        whole = self._whole
        rows = [
            (name, *map(str, (part.conversations, part.contained, part.passed)))
            for name, part in zip(self._names, self._parts, strict=True)
        ]
        names = self._t("ai_alone"), self._t("with_people")
        return Chart(
            "arrivals",
            self._t("arrivals"),
            self._t("arrivals_finding", count=whole.conversations, alone=whole.contained, people=whole.passed),
            self._columns([(part.contained, part.passed) for part in self._parts], ("ai", "op"), self._words.number),
            (self._head, self._t("conversations"), *names),
            rows,
            (self._t("in_all"), str(whole.conversations), str(whole.contained), str(whole.passed)),
            [("ai", False, names[0]), ("op", False, names[1])],
            self._t("conversations_n", count=whole.conversations),
            is_wide=True,
        )

    def causes(self) -> Chart:
        """Why conversations came from the AI to people."""
        found = [
            (self._t(f"cause_{cause}"), count, _CAUSE_TONES.get(cause, "bad")) for cause, count in self._overview.causes.items()
        ]
        total = sum(count for _, count, _ in found)
        return Chart(
            "causes",
            self._t("causes"),
            ", ".join(f"{name}: {count}" for name, count, _ in found) or self._t("nothing_yet"),
            bars([(name, count, str(count), tone) for name, count, tone in found], 50) if found else None,
            (self._t("cause"), self._t("how_many")),
            [(name, str(count)) for name, count, _ in found],
            (self._t("in_all"), str(total)),
            note=self._t("handoffs_n", count=total),
        )

    def ratings(self) -> Chart:
        """How it was rated, of what was resolved."""
        whole, counts = self._whole, self._whole.ratings
        rows = [(self._t(f"stars_{stars}"), counts[stars]) for stars in (5, 4, 3, 2, 1)]
        drawn = bars([(name, n, str(n), _STAR_TONES[5 - at]) for at, (name, n) in enumerate(rows)], 32)
        mean = self._words.number(whole.rating, 1) if whole.rating is not None else "–"
        return Chart(
            "ratings",
            self._t("ratings"),
            self._t("ratings_finding", mean=mean, rated=whole.rated, resolved=whole.resolved),
            drawn if whole.rated else None,
            (self._t("stars"), self._t("how_many")),
            [(name, str(count)) for name, count in rows],
            (self._t("in_all"), str(whole.rated)),
            note=self._t("rated_of", rated=whole.rated, resolved=whole.resolved),
        )

    def containment(self) -> Chart:
        """Which share the AI served alone."""
        alone = [part.containment for part in self._parts]
        people = [None if share is None else 1 - share for share in alone]
        whole, percent = self._whole.containment, self._words.percent
        names = self._t("ai_alone"), self._t("with_people")
        rest = None if whole is None else 1 - whole
        drawn = lines(
            [Series("ai", alone, last=_last(alone, percent)), Series("op", people, is_thin=True, last=_last(people, percent))],
            self._ticks(),
            [(0.5, percent(0.5)), (1.0, percent(1.0))],
        )
        return Chart(
            "containment",
            self._t("who_solved"),
            self._t("containment_finding", share=percent(whole)),
            drawn if whole is not None else None,
            (self._head, *names),
            [(name, percent(a), percent(b)) for name, a, b in zip(self._names, alone, people, strict=True)],
            (self._t("in_all"), percent(whole), percent(rest)),
            [("ai", False, names[0]), ("op", True, names[1])],
        )

    def cost(self) -> Chart:
        """What a conversation has cost."""
        money, whole = self._words.money, self._whole
        each = [part.cost_each for part in self._parts]
        drawn = self._columns([(value or 0,) for value in each], ("ai",), money, left=17)
        rows = [
            (name, str(part.conversations), money(part.cost_micros, 6), money(part.cost_each, 6))
            for name, part in zip(self._names, self._parts, strict=True)
        ]
        return Chart(
            "cost",
            self._t("cost"),
            self._t("cost_finding", each=money(whole.cost_each), whole=money(whole.cost_micros)),
            drawn if whole.cost_micros else None,
            (self._head, self._t("conversations"), self._t("cost_whole"), self._t("cost_each")),
            rows,
            (self._t("in_all"), str(whole.conversations), money(whole.cost_micros, 6), money(whole.cost_each, 6)),
            note=self._t("cost_in_all", whole=money(whole.cost_micros)),
        )

    def hours(self) -> Chart:
        """At which hour conversations begin."""
        counts = self._overview.hours
        most = max(counts)
        busiest = f"{counts.index(most):02d}:00"
        marks = self._marks(most, self._words.number)
        ticks = [(hour, f"{hour:02d}") for hour in range(0, 24, 6)]
        drawn = columns([(count,) for count in counts], ("wait",), ticks, marks) if most else None
        return Chart(
            "hours",
            self._t("hours"),
            self._t("hours_finding", hour=busiest, count=most) if most else self._t("nothing_yet"),
            drawn,
            (self._t("hour"), self._t("conversations")),
            [(f"{hour:02d}:00", str(count)) for hour, count in enumerate(counts)],
            (self._t("in_all"), str(sum(counts))),
            note=str(self._words.zone).replace("_", " "),
        )

    def _times(self, name: str, values: Callable[[Figures], Sequence[float]]) -> Chart:
        """Half of them were faster than p50, nine of ten faster than p90."""
        lasting, whole = self._words.lasting, values(self._whole)
        halves = [percentile(values(part), 0.5) for part in self._parts]
        most = [percentile(values(part), 0.9) for part in self._parts]
        drawn = None
        if whole:
            top = ceiling_of_minutes(max(value for value in most if value is not None))
            series = [
                Series("op", halves, last=_last(halves, lasting)),
                Series("wait", most, is_thin=True, last=_last(most, lasting)),
            ]
            drawn = lines(series, self._ticks(), [(top / 2, lasting(top / 2)), (top, lasting(top))])
        p50, p90 = lasting(percentile(whole, 0.5)), lasting(percentile(whole, 0.9))
        return Chart(
            name,
            self._t(name),
            self._t("times_finding", p50=p50, p90=p90, count=len(whole)),
            drawn,
            (self._head, self._t("how_many"), "p50", "p90"),
            [
                (label, str(len(values(part))), lasting(half), lasting(ninth))
                for label, part, half, ninth in zip(self._names, self._parts, halves, most, strict=True)
            ],
            (self._t("in_all"), str(len(whole)), p50, p90),
            [("op", False, "p50"), ("wait", True, "p90")],
        )

    def _columns(
        self, stacks: Sequence[tuple[float, ...]], tones: Sequence[str], said: Callable[[float], str], left: float = 8
    ) -> Plot | None:
        most = max((sum(stack) for stack in stacks), default=0)
        if not most:
            return None
        step = max(1, -(-len(stacks) // 4))
        ticks = [(at, self._names[at]) for at in range(len(stacks) - 1, -1, -step)]
        return columns(stacks, tones, ticks, self._marks(most, said), left=left)

    @staticmethod
    def _marks(most: float, said: Callable[[float], str]) -> list[tuple[float, str]]:
        top = max(2.0, ceiling(most)) if most >= 1 else ceiling(most)
        return [(top / 2, said(top / 2)), (top, said(top))]

    def _ticks(self) -> list[tuple[int, str]]:
        """Four or fewer of the names, evenly spread."""
        last = len(self._names) - 1
        places = sorted({round(last * number / 3) for number in range(4)})
        return [(at, self._names[at]) for at in places]


def _last(values: Sequence[float | None], said: Callable[[float], str]) -> str:
    return next((said(value) for value in reversed(values) if value is not None), "")
