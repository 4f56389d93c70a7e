"""The made-up people whose phone it is. Their numbers are from +1 202 555 0100 to 0199, which are kept for fiction."""

from __future__ import annotations

from dataclasses import dataclass

from bot.resources import LANGUAGES

_NAMES = {
    "es": ("Lucía Paredes", "Mateo Rivas", "Camila Ortega", "Diego Salinas", "Valeria Montes", "Andrés Luján"),
    "en": ("Nora Whitfield", "Owen Archer", "Grace Lindell", "Miles Renner", "Ivy Calloway", "Theo Marsh"),
    "hi": ("आशा वर्मा", "रोहन मेहता", "प्रिया नायर", "अर्जुन सेठी", "मीरा जोशी", "कबीर आनंद"),
}
_FIRST = 12025550100
_EACH = 33
"""Numbers per language."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person who is not."""

    number: str
    """Digits with the country code."""
    name: str

    @property
    def shown(self) -> str:
        """The number as people write it."""
        return f"+{self.number[0]} {self.number[1:4]} {self.number[4:7]} {self.number[7:]}"


def somebody(number: str, language: str) -> Somebody:
    """Who has this number among those who speak this language; the first of them where nobody has."""
    first = _first(language)
    is_theirs = number.isascii() and number.isdigit() and first <= int(number) < first + _EACH
    return _one(int(number) - first if is_theirs else 0, language)


def known(number: str) -> Somebody | None:
    """Who has this number, whatever they speak."""
    found = (somebody(number, language) for language in LANGUAGES)
    return next((one for one in found if one.number == number), None)


def next_to(who: Somebody, language: str) -> Somebody:
    """Somebody else, who speaks the same."""
    return _one((int(who.number) - _first(language) + 1) % _EACH, language)


def _first(language: str) -> int:
    return _FIRST + LANGUAGES.index(language) * _EACH


def _one(index: int, language: str) -> Somebody:
    names = _NAMES[language]
    return Somebody(str(_first(language) + index), names[index % len(names)])
