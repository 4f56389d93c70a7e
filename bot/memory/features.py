"""What a text is compared by: the stems of its words, and runs of 3 to 5 characters.

Stems find other forms of a word; runs of characters find what is misspelt, joined or built from known parts, in any script.
Features are numbers (the hash of their text), so that no index keeps anybody's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import Stemmer

from bot.records.tokens import fold, spelled_words

Features = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]
"""The different features of a text in ascending order, and how often each is in it."""

MAX_CHARACTERS = 4000
"""Characters of a text that count; longer passages belong split."""

_LENGTHS = (3, 4, 5)
_STEMMERS = {"es": Stemmer.Stemmer("spanish"), "en": Stemmer.Stemmer("english"), "hi": Stemmer.Stemmer("hindi")}

_ROMAN = dict(zip("कखगघङचछजझञटठडढणतथदधनपफबभमयरलळवशषसह", "kkggnccjjnttddnttddnppbbmyrllvsssh", strict=True))
_ROMAN |= dict(zip("इईउऊएऐओऔिीुूेैोौऋृ", "iiuueeooiiuueeoorr", strict=True))
_ROMAN |= dict.fromkeys("ंँ", "n") | dict.fromkeys("अआा़्ःॅॉऑ", "")
"""Devanagari by its sound, roughly, without the vowel a: people who write Hindi in Latin letters leave it out, or not."""
_SAME_SOUND = (
    ("chh", "c"), ("ch", "c"), ("sh", "s"), ("ph", "p"), ("f", "p"), ("w", "v"), ("z", "j"), ("q", "k"), ("x", "ks"),
    ("ee", "i"), ("oo", "u"), ("ai", "e"), ("au", "o"), ("ck", "k"),
)  # fmt: skip
_ASPIRATED = re.compile("(?<=[kgjtdbp])h")
_DOUBLED = re.compile(r"(.)\1+")


def words(text: str, language: str) -> list[str]:
    """The stems of a text's words; in Hindi also how each sounds, which is the same in both of its scripts."""
    spelled = spelled_words(text[:MAX_CHARACTERS])
    if language == "hi":
        return [feature for word in spelled for feature in _hindi(word)]
    stemmer = _STEMMERS.get(language)
    return [fold(word if stemmer is None else stemmer.stemWord(word)) for word in spelled]


def _hindi(word: str) -> tuple[str, ...]:
    sound = sound_of(word)
    stem = fold(_STEMMERS["hi"].stemWord(word))
    return (stem, f"~{sound}") if sound else (stem,)


def sound_of(word: str) -> str:
    """How a word of Hindi sounds, roughly, in whichever script it is written."""
    folded = fold(word)
    if "\u0900" <= folded[:1] <= "\u097f":
        sound = "".join(_ROMAN.get(c, c) for c in folded)
    else:
        for spelling, same in _SAME_SOUND:
            folded = folded.replace(spelling, same)
        sound = _ASPIRATED.sub("", folded).replace("a", "")
    return _DOUBLED.sub(r"\1", sound)


def runs(text: str, language: str) -> list[str]:
    """Every run of 3, 4 or 5 characters; words are told apart by one blank, and punctuation does not count."""
    spelled = spelled_words(text[:MAX_CHARACTERS])
    line = f" {' '.join(map(sound_of if language == 'hi' else fold, spelled))} "
    return [line[start : start + length] for length in _LENGTHS for start in range(len(line) - length + 1)]


def counted(features: Iterable[str]) -> Features:
    """The features as numbers, each once, with how often they occur."""
    hashed = np.fromiter(map(hash, features), dtype=np.int64)
    numbers, counts = np.unique(hashed, return_counts=True)
    return numbers, counts.astype(np.float32)
