"""The book-keeping of the checklist: nothing is claimed that is not there, nothing is forgotten, nothing is lost again."""

from __future__ import annotations

import pytest

from bot.records.base import RECORDS
from bot.records.dialects import DIALECTS, from_seed
from tests.checklist import plan
from tests.checklist.decisions import DECIDED
from tests.checklist.lines import WITHOUT, fields, lengths, lines, split
from tests.checklist.samples import BUILT

pytestmark = [pytest.mark.unit, pytest.mark.skipif(not lines(), reason=WITHOUT)]


def test_every_line_runs_or_is_shown_or_is_open_with_a_reason() -> None:
    unknown = [
        line.id
        for line in lines()
        if plan.is_demand(line) and not plan.runs(line) and line.id not in plan.shown_lines() and line.id not in plan.open_lines()
    ]
    assert not unknown, f"neither run, nor shown by a test, nor open: {unknown}"


def test_no_line_is_both_covered_and_open() -> None:
    assert not set(plan.shown_lines()) & set(plan.open_lines())
    assert not [line.id for line in lines() if plan.runs(line) and line.id in plan.shown_lines()]


def test_what_is_named_is_a_line_that_there_is() -> None:
    known = {line.id for line in lines()}
    for named in (plan.open_lines(), plan.shown_lines(), DECIDED, plan.once_covered()):
        assert set(named) <= known


@pytest.mark.parametrize("line", sorted(plan.shown_lines()))
def test_every_test_that_is_named_is_there(line: str) -> None:
    missing = [node for node in plan.shown_lines()[line] if not plan.has_test(node)]
    assert plan.shown_lines()[line]
    assert not missing, f"{line} names tests that are not there: {missing}"


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert plan.has_test("tests/checklist/test_plan.py::test_a_test_that_is_not_there_is_noticed")
    assert plan.has_test("tests/checklist/test_behaviour.py::Behaviour::test_settings_are_listed_by_category")
    assert plan.has_test("tests/conversations/ticket.yaml")
    for node in (
        "tests/checklist/test_plan.py::test_no_such",
        "tests/no_such.py::test_x",
        "tests/checklist/test_plan.py",
        "x.yaml",
    ):
        assert not plan.has_test(node)


def test_no_line_that_was_covered_is_open_again() -> None:
    lost = sorted(set(plan.once_covered()) - set(plan.covered()))
    assert not lost, f"covered once and open now: {lost}"


def test_what_is_covered_is_written_down() -> None:
    assert plan.once_covered() == plan.covered(), "run `python -m tests.checklist`"


def test_the_readme_shows_the_table() -> None:
    assert plan.README.read_text() == plan.readme_with(plan.table()), "run `python -m tests.checklist`"


def test_every_dialect_leads_to_a_record_that_there_is() -> None:
    assert {dialect.collection for dialect in DIALECTS.values()} <= set(RECORDS)
    assert {line.seed for line in lines() if line.id.startswith("S")} == {seed for seed, _ in BUILT}
    assert callable(from_seed)


@pytest.mark.parametrize(
    ("demand", "found"),
    [
        ("_id, a:str, b:ObjectId->users, c{d, e[]}", ["_id", "a", "b", "c", "c.d", "c.e"]),
        ("f?{[key]: string|number}, g:Map<string,string>, h (e.g. x, y)", ["f", "g", "h"]),
        ('i "HH:MM", j[]{k, l{m}}, n[number]', ["i", "j", "j.k", "j.l", "j.l.m", "n"]),
    ],
)
def test_a_line_of_fields_is_read(demand: str, found: list[str]) -> None:
    assert list(fields(demand)) == found


def test_commas_in_brackets_part_nothing() -> None:
    assert split("a, b(c, d), e{f, g}") == ["a", "b(c, d)", "e{f, g}"]
    [line] = [line for line in lines() if line.id == "S5-011"]
    assert lengths(line)["phone_number"] == 15
    assert lengths(line)["status"] == 20
