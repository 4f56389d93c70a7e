"""In which of our languages somebody writes, when a short look can tell."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+")

_SPANISH = """el la los las de que y en un una por con para no es mi me se lo su al del como más pero hola gracias quiero tengo
necesito está estoy puede puedo buenos buenas días tardes favor ayuda cuando qué cómo hablar abrir persona alguien"""

_ENGLISH = """the a an of to and in is it my me you i for with not on are this that have has do does hi hello thanks please want
need no can could help when what how talk open person someone would like there been since"""

_COMMON = {"es": frozenset(_SPANISH.split()), "en": frozenset(_ENGLISH.split())}


def guess_language(text: str) -> str | None:
    """`hi` for Devanagari, `es` or `en` by their commonest words; None when it cannot be told."""
    letters = [c for c in text if c.isalpha()]
    if letters and sum("\u0900" <= c <= "\u097f" for c in letters) * 2 >= len(letters):
        return "hi"
    words = _WORD.findall(text.lower())
    hits = {language: sum(word in common for word in words) for language, common in _COMMON.items()}
    best = max(hits, key=lambda language: hits[language])
    other = min(hits.values()) if len(set(hits.values())) > 1 else hits[best]
    return best if hits[best] > other else None
