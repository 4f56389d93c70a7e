"""Which records there are: every module of `bot.records` is read once, when a store is first imported."""

from __future__ import annotations

import importlib
import pkgutil

import bot.records
from bot.records.base import RECORDS, Record

for _module in pkgutil.iter_modules(bot.records.__path__):
    importlib.import_module(f"bot.records.{_module.name}")


def every_kind() -> tuple[type[Record], ...]:
    """Every record type declared with `@record` so far."""
    return tuple(RECORDS.values())
