"""What Prometheus gets to read: names by its conventions, and labels that are names of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.meter import KEEPS_NOTHING, Counted, Snapshot, Stage, Waiting
from bot.metrics import MOST_VALUES, OTHER, PrometheusMeter, safe
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit


@pytest.fixture
def meter() -> PrometheusMeter:
    return PrometheusMeter(ManualClock(), "0.1.0")


def key(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return name, frozenset(labels)


def samples(meter: PrometheusMeter, snapshot: Snapshot | None = None) -> dict[tuple[str, frozenset[str]], float]:
    """Name and label values -> number."""
    text = meter.exposition(snapshot or Snapshot()).decode()
    found = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.values())): sample.value for sample in found}


def test_every_metric_has_our_prefix_a_meaning_and_base_units(meter: PrometheusMeter) -> None:
    for what in Counted:
        meter.count(what, *(["some_name"] * len(what.labels)))
    families = list(text_string_to_metric_families(meter.exposition(Snapshot()).decode()))
    assert all(family.name.startswith(("switchboard_", "process_")) and family.documentation for family in families)
    assert all(family.name.endswith("_seconds") for family in families if family.type == "histogram")
    assert not any(unit in family.name for family in families for unit in ("_ms", "_millis", "_micros", "_kb"))


def test_what_is_counted_adds_up_under_its_labels(meter: PrometheusMeter) -> None:
    meter.count(Counted.TOKENS, "support", "gpt-4o-mini-2024-07-18", "input", by=120)
    meter.count(Counted.TOKENS, "support", "gpt-4o-mini-2024-07-18", "input", by=3)
    name = "switchboard_model_tokens_total"
    assert {series: value for series, value in samples(meter).items() if series[0] == name} == {
        key(name, "support", "gpt-4o-mini-2024-07-18", "input"): 123.0
    }


def test_a_stage_is_measured_also_where_it_fails() -> None:
    clock = ManualClock()
    meter = PrometheusMeter(clock, "0.1.0")

    def fail() -> None:
        with meter.stage(Stage.TOOL, "create_ticket"):
            clock._elapsed += 2.0
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one above
        fail()
    found = samples(meter)
    assert found[key("switchboard_turn_seconds_count", "tool")] == 1
    assert found[key("switchboard_turn_seconds_sum", "tool")] == 2.0
    assert found[key("switchboard_turn_seconds_bucket", "1.0", "tool")] == 0
    assert found[key("switchboard_turn_seconds_bucket", "2.5", "tool")] == 1


@pytest.mark.parametrize(
    "value",
    ["Ana Ruiz", "+12025550123", "12025550123", "call12025550123", "ana@example.com", "", "x" * 61, 'a"b', "línea", "a\nb"],
)
def test_what_does_not_look_like_a_name_of_ours_is_counted_as_other(meter: PrometheusMeter, value: str) -> None:
    meter.count(Counted.TOOLS, value, "failed")
    assert samples(meter)[key("switchboard_tool_calls_total", OTHER, "failed")] == 1


@pytest.mark.parametrize("value", ["gpt-4o-mini", "anthropic:claude-sonnet-4-20250514", "qwen3", "org/model.v2", "opted_out"])
def test_names_of_models_and_rules_stay_as_they_are(value: str) -> None:
    assert safe(value) == value


def test_an_endless_variety_of_values_ends_in_other_and_in_bounded_memory(meter: PrometheusMeter) -> None:
    for number in range(MOST_VALUES * 5):
        meter.count(Counted.TOOLS, f"tool{number}", f"outcome{number}")
    series = [found for found in samples(meter) if found[0] == "switchboard_tool_calls_total"]
    assert len(series) == MOST_VALUES + 1
    assert samples(meter)[key("switchboard_tool_calls_total", OTHER, OTHER)] == MOST_VALUES * 4
    assert len(meter._children) == MOST_VALUES + 1


def test_what_waits_is_told_as_it_was_seen_and_not_at_all_where_the_store_is_away(meter: PrometheusMeter) -> None:
    seen = Snapshot([Waiting("turns", 7, 1.5, 2)], {"turns": 3}, {"gpt-4o-mini": "open"})
    found = samples(meter, seen)
    assert found[key("switchboard_queue_depth", "turns")] == 7
    assert found[key("switchboard_queue_oldest_seconds", "turns")] == 1.5
    assert found[key("switchboard_dead_rows", "turns")] == 2
    assert found[key("switchboard_lanes_in_hand", "turns")] == 3
    assert found[key("switchboard_breaker_state", "gpt-4o-mini", "open")] == 1
    assert found[key("switchboard_breaker_state", "gpt-4o-mini", "closed")] == 0
    assert not any(name == "switchboard_queue_depth" for name, _ in samples(meter, Snapshot(None)))


def test_the_process_and_the_program_are_told(meter: PrometheusMeter) -> None:
    names = {name for name, _ in samples(meter)}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "switchboard_build_info"} <= names


def test_two_programs_in_one_process_count_apart(meter: PrometheusMeter) -> None:
    other = PrometheusMeter(ManualClock(), "0.1.0")
    other.count(Counted.RETRIES, "turns")
    assert key("switchboard_retries_total", "turns") not in samples(meter)


async def test_who_keeps_nothing_can_be_told_everything() -> None:
    KEEPS_NOTHING.count(Counted.RETRIES, "turns")
    KEEPS_NOTHING.took(Stage.WAITED, 1.0)
    KEEPS_NOTHING.accepted(["0" * 32], "web", 0.1)
    with KEEPS_NOTHING.within("", Stage.WHOLE), KEEPS_NOTHING.stage(Stage.TOOL, "x"), KEEPS_NOTHING.stage(Stage.COMMIT):
        pass
    assert KEEPS_NOTHING.exposition(Snapshot()) is None
    await KEEPS_NOTHING.close()


def test_every_metric_and_every_stage_is_explained_on_the_page_for_operators() -> None:
    page = (Path(__file__).parents[1] / "docs" / "operations.md").read_text()
    assert [what for what in Counted if f"`{what.title}_total`" not in page] == []
    shown = {Stage.DELIVERY_WAITED: "waited", Stage.RECEIPT: "receipt"}
    assert [stage for stage in Stage if f"`{shown.get(stage, stage.value)}`" not in page] == []
