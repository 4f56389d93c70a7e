"""What a step of a model costs, by the price table in prompts/prices.yaml."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import cache

from bot.dialogs.llm import Usage
from bot.errors import ResourceError
from bot.resources import read_yaml


@cache
def _table() -> dict[str, tuple[Decimal, Decimal]]:
    try:
        rows = read_yaml("prompts", "prices.yaml")
        return {str(name): (_number(row["input"]), _number(row["output"])) for name, row in rows.items()}
    except (AttributeError, KeyError, TypeError, InvalidOperation) as error:
        raise ResourceError(f"prompts/prices.yaml: every model needs input and output as numbers ({error})") from None


def _number(value: object) -> Decimal:
    """A price as it is written, without a binary fraction's error. Raises InvalidOperation."""
    price = Decimal(str(value))
    if not price.is_finite() or price < 0:
        raise InvalidOperation(f"{value} is no price")
    return price


@cache
def _price(model: str) -> tuple[Decimal, Decimal] | None:
    names = [name for name in _table() if model == name or model.startswith(f"{name}-")]
    return _table()[max(names, key=len)] if names else None


def is_priced(model: str) -> bool:
    """Whether the table knows what this model costs; a price of 0 is one, too."""
    return _price(model) is not None


def micros(model: str, usage: Usage) -> int:
    """Millionths of a US dollar; 0 for a model without a price."""
    price = _price(model)
    if price is None:
        return 0
    return round(usage.input_tokens * price[0] + usage.output_tokens * price[1])
