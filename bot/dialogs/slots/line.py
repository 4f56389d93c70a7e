"""A line of atoms, as the rules of the grammar see it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.dialogs.slots.atoms import END, Atom, Kind
from bot.dialogs.slots.facts import Fact

Match = tuple[int, Fact]
"""Where the rule stopped, and what it read."""

TIMES = frozenset((Kind.CLOCK, Kind.AT, Kind.TO_AT, Kind.PART, Kind.WEAK_PART, Kind.HALF, Kind.BETWEEN, Kind.FROM))
DAYS = frozenset((Kind.DAY, Kind.WEEKDAY, Kind.SHORT_WEEKDAY, Kind.DATE, Kind.WEEK, Kind.IN_MONTH, Kind.MONTH, Kind.NEXT))
ENDS_A_DAY = TIMES | DAYS | {Kind.END, Kind.OR, Kind.INSTEAD, Kind.UNTIL, Kind.OF}
"""What may come after the number of a day."""
COUNTED = frozenset((Kind.NOUN, Kind.DAYS, Kind.MONTHS))
"""The number before these is no hour."""


class Line:
    """The atoms of one text, with an end that never runs out."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self._atoms = atoms

    def __len__(self) -> int:
        return len(self._atoms)

    def __getitem__(self, position: int) -> Atom:
        return self._atoms[position] if 0 <= position < len(self._atoms) else END

    def kind(self, position: int) -> Kind:
        return self[position].kind
