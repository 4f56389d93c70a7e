"""What a step of a model costs, by the price table in prompts/prices.yaml."""

from __future__ import annotations

from functools import cache

from bot.dialogs.llm import Usage
from bot.errors import ResourceError
from bot.resources import read_yaml


@cache
def _table() -> dict[str, tuple[float, float]]:
    try:
        rows = read_yaml("prompts", "prices.yaml")
        return {str(name): (float(row["input"]), float(row["output"])) for name, row in rows.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResourceError(f"prompts/prices.yaml: every model needs input and output as numbers ({error})") from None


@cache
def _price(model: str) -> tuple[float, float] | None:
    names = [name for name in _table() if model == name or model.startswith(f"{name}-")]
    return _table()[max(names, key=len)] if names else None


def micros(model: str, usage: Usage) -> int:
    """Millionths of a US dollar; 0 for a model without a price."""
    price = _price(model)
    if price is None:
        return 0
    return round(usage.input_tokens * price[0] + usage.output_tokens * price[1])
