"""What a step costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.dialogs import prices
from bot.dialogs.llm import Usage
from bot.dialogs.prices import DEFAULT_CONTEXT, context_tokens, is_priced, micros
from bot.errors import ResourceError

pytestmark = pytest.mark.unit


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    prices._table.cache_clear()
    prices._row.cache_clear()
    yield monkeypatch
    prices._table.cache_clear()
    prices._row.cache_clear()


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("gpt-4o", 2_500_000 + 10_000_000),
        ("gpt-4o-2024-08-06", 2_500_000 + 10_000_000),
        ("gpt-4o-mini", 150_000 + 600_000),
        ("gpt-4o-mini-2024-07-18", 150_000 + 600_000),
        ("gpt-4.1-nano", 100_000 + 400_000),
        ("openai:gpt-4o-mini", 150_000 + 600_000),
        ("gpt-4oo", 0),
        ("llama", 0),
        ("offline", 0),
        ("", 0),
    ],
)
def test_the_longest_name_that_begins_the_models_counts(model: str, cost: int) -> None:
    assert micros(model, Usage(1_000_000, 1_000_000)) == cost


def test_amounts_have_no_binary_fraction_in_them() -> None:
    assert sum(micros("gpt-4.1-nano", Usage(30, 0)) for _ in range(1000)) == 3000
    assert micros("gpt-4.1-nano", Usage(10**15, 0)) == 10**14


def test_a_free_model_has_a_price_and_an_unknown_one_has_none(table: pytest.MonkeyPatch) -> None:
    table.setattr(prices, "read_yaml", lambda *_: {"qwen3": {"input": 0, "output": 0}})
    assert (is_priced("qwen3-32b"), is_priced("llama"), micros("qwen3", Usage(5, 5))) == (True, False, 0)


def test_small_amounts_are_whole_millionths() -> None:
    assert micros("gpt-4o-mini", Usage(7, 3)) == round(7 * 0.15 + 3 * 0.6)
    assert micros("gpt-4o-mini", Usage()) == 0


@pytest.mark.parametrize(
    "rows",
    [
        [],
        "text",
        None,
        {"gpt": 3},
        {"gpt": {"input": 1}},
        {"gpt": {"input": "much", "output": 1}},
        {"gpt": [1, 2]},
        {"gpt": {"input": 1, "output": 1, "context": "long"}},
        {"gpt": {"input": -1, "output": 1}},
        {"gpt": {"input": "nan", "output": 1}},
    ],
)
def test_a_broken_table_is_one_line_that_names_the_file(table: pytest.MonkeyPatch, rows: object) -> None:
    table.setattr(prices, "read_yaml", lambda *_: rows)
    with pytest.raises(ResourceError, match=r"^prompts/prices\.yaml: every model needs input and output as numbers"):
        micros("gpt", Usage(1, 1))


@pytest.mark.parametrize(
    ("model", "tokens"), [("gpt-4.1-mini-2025-04-14", 1_047_576), ("gpt-4o", 128_000), ("llama", DEFAULT_CONTEXT), ("", 128_000)]
)
def test_the_context_length_is_in_the_same_table(model: str, tokens: int) -> None:
    assert context_tokens(model) == tokens


def test_a_model_may_have_a_price_and_no_context_length(table: pytest.MonkeyPatch) -> None:
    table.setattr(prices, "read_yaml", lambda *_: {"gpt": {"input": 1, "output": 1}})
    assert context_tokens("gpt") == DEFAULT_CONTEXT
