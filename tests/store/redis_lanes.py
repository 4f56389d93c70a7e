"""Lanes of several processes in one: each with a connection of its own, one store's fences between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.errors import StoreUnavailable


class Numbers:
    """Fences in memory, with what can go wrong."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.is_away = False
        self.needs_watch = True

    async def raise_fences(self, ids: Sequence[str], holder: str) -> Mapping[str, int]:
        if self.is_away:
            raise StoreUnavailable("away")
        for id_ in ids:
            self.values[id_] = self.values.get(id_, 0) + 1
        return {id_: self.values[id_] for id_ in ids}

    async def keep_clear(self, silent: float) -> None:
        if self.is_away:
            raise StoreUnavailable("away")

    def need_no_watch(self) -> None:
        self.needs_watch = False
