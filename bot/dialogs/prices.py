"""What a step of a model costs, and how much text a model takes, by the table in prompts/prices.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache

from bot.dialogs.llm import Usage
from bot.errors import ResourceError
from bot.resources import read_yaml

DEFAULT_CONTEXT = 128_000
"""Context length of a model that is not in the table, in tokens."""


@dataclass(frozen=True, slots=True)
class _Row:
    input: Decimal
    output: Decimal
    context: int


@cache
def _table() -> dict[str, _Row]:
    try:
        rows = read_yaml("prompts", "prices.yaml")
        return {
            str(name): _Row(_number(row["input"]), _number(row["output"]), int(row.get("context", DEFAULT_CONTEXT)))
            for name, row in rows.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise ResourceError(
            f"prompts/prices.yaml: every model needs input and output as numbers, context as a whole one ({error})"
        ) from None


def _number(value: object) -> Decimal:
    """A price as it is written, without a binary fraction's error. Raises InvalidOperation."""
    price = Decimal(str(value))
    if not price.is_finite() or price < 0:
        raise InvalidOperation(f"{value} is no price")
    return price


@cache
def _row(model: str) -> _Row | None:
    model = model.rpartition(":")[2]  # LangChain's names have their provider in front
    names = [name for name in _table() if model == name or model.startswith(f"{name}-")]
    return _table()[max(names, key=len)] if names else None


def is_priced(model: str) -> bool:
    """Whether the table knows what this model costs; a price of 0 is one, too."""
    return _row(model) is not None


def micros(model: str, usage: Usage) -> int:
    """Millionths of a US dollar; 0 for a model without a price."""
    row = _row(model)
    if row is None:
        return 0
    return round(usage.input_tokens * row.input + usage.output_tokens * row.output)


def context_tokens(model: str) -> int:
    """How long a request and its answer may be together, in tokens."""
    row = _row(model)
    return DEFAULT_CONTEXT if row is None else row.context
