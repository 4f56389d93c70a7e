"""Counts for Prometheus, by its conventions for names: https://prometheus.io/docs/practices/naming/

Loaded late (`bot.vendors`), as the library costs 60 ms. Label values are checked here once more: whatever a caller passes,
nothing personal and no endless variety of values gets in.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import generate_latest

from bot.clock import Clock
from bot.meter import Counted, Held, Meter, Snapshot, Stage, Waiting

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series for each, that nothing of ours needs

PREFIX: Final = "switchboard"

MOST_VALUES: Final = 200
"""Sets of label values that a counter keeps at most; what comes after them is counted as `other`."""
OTHER: Final = "other"

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
"""Seconds: from a commit on a local disk to a turn at its bound."""
_DELIVERY = {Stage.DELIVERY_WAITED: "waited", Stage.PACED: "paced", Stage.POSTED: "posted"}
_CALL = {
    Stage.CALL_TRANSCRIPT: "transcript",
    Stage.CALL_FIRST_WORD: "first_token",
    Stage.CALL_FIRST_SOUND: "first_audio",
}
_TRACED_ONLY = frozenset({Stage.RECEIPT})

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,59}")
"""What a label value may look like: names of agents, tools, models, rules."""
_NUMBER = re.compile(r"\d{9}")
"""So many digits in a row are somebody's number."""


def safe(value: str) -> str:
    """The value, or `other` where it does not look like a name of ours."""
    return value if _NAME.fullmatch(value) and not _NUMBER.search(value) else OTHER


class _Timer(AbstractContextManager[None]):
    """Observes how long its block takes, also where that raises."""

    __slots__ = ("_began", "_meter", "_stage")

    def __init__(self, meter: PrometheusMeter, stage: Stage) -> None:
        self._meter = meter
        self._stage = stage

    def __enter__(self) -> None:
        self._began = self._meter.clock.monotonic()

    def __exit__(self, *_: object) -> None:
        self._meter.took(self._stage, self._meter.clock.monotonic() - self._began)


class PrometheusMeter(Meter):
    """Counts in this process, with a registry of its own."""

    def __init__(self, clock: Clock, version: str) -> None:
        self.clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._counters = {what: self._counter(what) for what in Counted}
        self._children: dict[tuple[Counted, tuple[str, ...]], Any] = {}
        self._variety = dict.fromkeys(Counted, 0)
        turns = self._histogram("turn", "How long the stages of turns take")
        deliveries = self._histogram("delivery", "How long the stages of deliveries take")
        calls = self._histogram("call_turn", "How long a caller waits once they have stopped speaking")
        others = _DELIVERY.keys() | _CALL.keys() | _TRACED_ONLY
        self._stages = {stage: turns.labels(stage.value) for stage in Stage if stage not in others}
        self._stages |= {stage: deliveries.labels(name) for stage, name in _DELIVERY.items()}
        self._stages |= {stage: calls.labels(name) for stage, name in _CALL.items()}
        self._held = {what: self._gauge(what.title, what.meaning) for what in Held}
        self._info(version)
        self._waiting = self._gauge("queue_depth", "What waits, by kind of work, in the whole deployment", "kind")
        self._oldest = self._gauge("queue_oldest_seconds", "How long the oldest has waited, by kind of work", "kind")
        self._dead = self._gauge("dead_rows", "What failed too often and waits for a person, by kind of work", "kind")
        self._in_hand = self._gauge("lanes_in_hand", "Lanes that this process works on, by kind of work", "kind")
        self._breakers = self._gauge("breaker_state", "1 for the state in which a breaker is", "name", "state")

    def count(self, what: Counted, *labels: str, by: float = 1.0) -> None:
        child = self._children.get((what, labels))
        if child is None:
            child = self._child(what, labels)
        child.inc(by)

    def took(self, stage: Stage, seconds: float) -> None:
        histogram = self._stages.get(stage)
        if histogram is not None:
            histogram.observe(max(0.0, seconds))

    def holds(self, what: Held, number: int) -> None:
        self._held[what].set(number)

    def stage(self, stage: Stage, what: str = "") -> AbstractContextManager[None]:
        return _Timer(self, stage)

    def within(self, turn_id: str | None, stage: Stage, others: Sequence[str] = ()) -> AbstractContextManager[None]:
        return _Timer(self, stage)

    def exposition(self, snapshot: Snapshot) -> bytes:
        self._tell_waiting(snapshot.waiting)
        for kind, number in snapshot.in_hand.items():
            self._in_hand.labels(kind).set(number)
        self._breakers.clear()
        for name, now in snapshot.breakers.items():
            for state in ("closed", "half_open", "open"):
                self._breakers.labels(safe(name), state).set(float(state == now))
        return generate_latest(self._registry)

    def _tell_waiting(self, waiting: Sequence[Waiting] | None) -> None:
        if waiting is None:  # rather no figure than an old one
            for gauge in (self._waiting, self._oldest, self._dead):
                gauge.clear()
            return
        for one in waiting:
            self._waiting.labels(one.kind).set(one.count)
            self._oldest.labels(one.kind).set(one.oldest)
            if one.dead is not None:
                self._dead.labels(one.kind).set(one.dead)

    def _child(self, what: Counted, labels: tuple[str, ...]) -> Any:
        """The series of these labels; that of `other` where there are too many, or they do not look like names."""
        named = tuple(map(safe, labels))
        if self._variety[what] >= MOST_VALUES and (what, named) not in self._children:
            named = (OTHER,) * len(labels)
        child = self._children.get((what, named))
        if child is None:  # remembered under what was made of it: what was given may be endless
            self._variety[what] += 1
            child = self._children[what, named] = self._counters[what].labels(*named)
        return child

    def _counter(self, what: Counted) -> Counter:
        return Counter(what.title, what.meaning, what.labels, namespace=PREFIX, registry=self._registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, namespace=PREFIX, registry=self._registry)

    def _histogram(self, name: str, meaning: str) -> Histogram:
        return Histogram(name, meaning, ["stage"], namespace=PREFIX, unit="seconds", buckets=_BUCKETS, registry=self._registry)

    def _info(self, version: str) -> None:
        gauge = self._gauge("build_info", "1; the labels say which program runs", "version", "python")
        gauge.labels(version, platform.python_version()).set(1)
