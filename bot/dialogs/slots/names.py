"""A person's name, out of "me llamo Ana Ruiz", "my name is Ana", "mera naam Ana hai", or alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from bot.dialogs.language import guess_language
from bot.dialogs.slots.atoms import Kind
from bot.dialogs.slots.reading import lexicon_of
from bot.dialogs.slots.words import folded, phrase_list, word_set
from bot.policy import plain_words
from bot.resources import LANGUAGES

_INTRODUCED = phrase_list(
    """
    mi nombre completo es, mi nombre es, me llamo, el nombre es, a nombre de, nombre completo, nombre, me llaman, me
    dicen, my full name is, my name is, my names, my name's, the name is, the name's, full name, name is, name, mera pura
    naam, mera poora naam, mera naam, mera nam, mera name, naam hai, naam, मेरा पूरा नाम, मेरा नाम, नाम
    """
)
"""After these only a name comes."""
_SELF = phrase_list(
    """
    yo soy, soy, le habla, les habla, habla, puede llamarme, puedes llamarme, llámame, i am, i'm, im, this is, it is,
    it's, its, call me, main, mai, hum, मैं, हम, मुझे, mujhe
    """
)
"""After these other things come as well: soy cliente, I am angry, call me later."""
_ENDS = phrase_list(
    """
    bol raha hoon, bol rahi hoon, bol raha hu, bol rahi hu, बोल रहा हूँ, बोल रही हूँ, kehte hain, kehte hai, कहते हैं, hai
    ji, hai, he, hoon, hun, hu, है जी, है, हूँ, हूं, हु, ji, जी, aquí, para servirle, a sus órdenes, here, speaking, por
    favor, gracias, please, thanks, thank you
    """
)
_GREETINGS = phrase_list(
    """
    hola, buenas, buenos días, buenas tardes, buenas noches, qué tal, hello, hi, hey, good morning, good afternoon, good
    evening, namaste, namaskar, नमस्ते, नमस्कार, sí, si, yes, haan, हाँ, ok, claro, sure, ji, जी
    """
)
_PARTICLES = word_set(
    """
    de del la las los y e da das do dos di van von der den bin binti el san santa
    """
)
_CONNECTIVES = word_set(
    """
    y and aur और pero but quiero quisiera necesito want need i lekin porque because con with from
    """
)
_NO_NAMES = word_set(
    """
    no si ya que como cuando donde quien por para con sin un una uno el la los las lo mi tu su es soy esta este esto eso
    muy mas cliente clienta usuario usuaria nuevo nueva mexicano mexicana yo tu usted ustedes ella ellos nosotros alguien
    nadie nada todo quiero quisiera necesito tengo tiene puede puedo hacer ayuda problema pedido factura cuenta precio
    gracias favor bien mal mejor interesado interesada molesto molesta listo lista persona humano agente nombre telefono
    correo hola adios vale claro entonces the a an my your his her its our their i you he she it we they is are am was not
    do does did have has can could would what when where who why how which name fine good ok okay sure help problem
    order bill account price angry tired urgent seeing interested waiting here there ready calling
    looking trying going having happy
    sorry back later soon please thanks customer new old user person human agent someone somebody nobody nothing anything
    stop start test hello hey yes nope yeah maybe whatever none mera meri mere mujhe hum aap tum kya kab kaise kyun kahan
    kaun nahi nahin hai hain hoon tha thi chahiye karo karna madad baat order paisa paise ghar wala naya purana pareshan
    naraz grahak naam theek accha koi kuch bas abhi मेरा मेरी मेरे मुझे हम आप तुम क्या कब कैसे क्यों कहाँ कौन नहीं है हैं
    हूँ था थी चाहिए करो करना मदद बात नाम ठीक अच्छा कोई कुछ बस परेशान नाराज ग्राहक ऑर्डर
    """
)
_TITLES = r"\b(?:dra?|sra?|srta|mrs?|ms|lic|ing|prof|shri|smt)(?:\.\s*|\s+)|(?:श्री|श्रीमती|डॉ)\.?\s+"
_TITLE = re.compile(_TITLES, re.IGNORECASE)
_BREAK = re.compile(r"[,;!?¿¡()\n\r|।]+|\.(?=\s|$)")
_MAX_WORDS, _MAX_LETTERS = 5, 30
_FOUR = 4


class _Trust(Enum):
    """How much the words around it say that a name comes."""

    SURE = auto()
    LIKELY = auto()
    BARE = auto()


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it was said; where it parts is a guess, so it is to be read back."""

    full: str
    first: str
    last: str | None = None


def parse_name(text: str, *, language: str) -> Name | None:
    """The name in a text, or None: sentences, numbers, greetings and plain yes or no are none."""
    segments = list(_segments(text))
    spoken = [words for words in segments if not any(c.isdigit() or c == "@" for word in words for c in word)]
    alone = len(spoken) == 1 and "?" not in text
    found = (_name_in(words, language, alone=alone) for words in segments)
    return next((name for name in found if name is not None), None)


def _name_in(words: list[str], language: str, *, alone: bool) -> Name | None:
    """The name in one segment; what is not introduced as one has to stand alone, or begin like a name."""
    if size := _phrase_at(words, _INTRODUCED_WORDS):
        found, trust = _up_to_connective(_before_ending(_after_is(words[size:]))), _Trust.SURE
    elif size := _phrase_at(words, _SELF_WORDS):
        found = _up_to_connective(_before_ending(words[size:]))
        trust = _Trust.LIKELY if found and _is_capital(found[0]) else _Trust.BARE
    else:
        found, trust = _before_ending(words), _Trust.BARE
    if not found or (trust is _Trust.BARE and not alone):
        return None
    return _named(found) if _is_name(found, language, trust) else None


def _segments(text: str) -> Iterator[list[str]]:
    """The words between punctuation, without greetings and thanks."""
    for raw in _BREAK.split(_TITLE.sub(" ", unicodedata.normalize("NFC", text[:400]).replace(":", " "))):
        words = raw.split()
        while size := _phrase_at(words, _GREETING_WORDS):
            words = words[size:]
        if _before_ending(words):
            yield words


def _after_is(words: list[str]) -> list[str]:
    """Nombre es Ana."""
    return words[1:] if len(words) > 1 and _key(words[0]) == "es" else words


def _before_ending(words: list[str]) -> list[str]:
    while size := _phrase_at(words[::-1], _END_WORDS):
        words = words[:-size]
    return words


def _up_to_connective(words: list[str]) -> list[str]:
    """Me llamo Ana | y quiero un ticket."""
    place = next((i for i, word in enumerate(words) if i and _key(word) in _CONNECTIVES), len(words))
    return words[:place]


def _is_name(words: list[str], language: str, trust: _Trust) -> bool:
    keys = [_key(word) for word in words]
    proper = [key for key in keys if key not in _PARTICLES]
    if len(words) > _MAX_WORDS or keys[0] in _PARTICLES or keys[-1] in _PARTICLES or len("".join(keys)) < 2:
        return False
    if not all(_is_of_letters(word) and len(word) <= _MAX_LETTERS for word in words):
        return False
    if any(key in _NO_NAMES or _is_known(key, language, trust) for key in proper) or " ".join(keys) in _fixed_words():
        return False
    return trust is not _Trust.BARE or not _is_sentence(words, proper)


def _is_sentence(words: list[str], keys: list[str]) -> bool:
    """Common words, or three or more of which only the first begins like a name: Something went wrong."""
    if guess_language(" ".join(keys)) in ("es", "en"):
        return True
    proper = [word for word in words if _key(word) not in _PARTICLES]
    return len(proper) > 2 and _is_capital(proper[0]) and not any(map(_is_capital, proper[1:]))


def _is_capital(word: str) -> bool:
    return word[:1].isupper()


def _is_of_letters(word: str) -> bool:
    return word[0].isalpha() and all(c.isalpha() or unicodedata.category(c)[0] == "M" or c in "'’-." for c in word)


def _is_known(word: str, language: str, trust: _Trust) -> bool:
    """Whether a word is one of a time or a number; Domingo and Abril are names where somebody says that they are."""
    known = language if language in LANGUAGES else LANGUAGES[0]
    meaning = lexicon_of(known).get(word)
    return meaning is not None and (trust is not _Trust.SURE or meaning[0].kind is Kind.NUMBER)


@cache
def _fixed_words() -> frozenset[str]:
    lists = ("yes_words", "no_words", "polite_words", "opt_out_words", "opt_out_typed_words", "resume_words", "person_words")
    return frozenset().union(*(plain_words(name) for name in lists))


def _named(words: list[str]) -> Name:
    said = " ".join(words)
    if said in (said.lower(), said.upper()):
        words = [word.lower() if _key(word) in _PARTICLES else _capital(word) for word in words]
    split = _first_names(words)
    return Name(" ".join(words), " ".join(words[:split]), " ".join(words[split:]) or None)


def _capital(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:].lower() for part in word.split("-"))


def _first_names(words: list[str]) -> int:
    """Of four names two are surnames, as in Spanish; else the first is the given one. Particles belong to what follows them."""
    proper = [i for i, word in enumerate(words) if _key(word) not in _PARTICLES]
    if len(proper) < 2:
        return len(words)
    last = proper[2] if len(proper) >= _FOUR else proper[1]
    while _key(words[last - 1]) in _PARTICLES:
        last -= 1
    return last


def _key(word: str) -> str:
    return folded(word).replace("'", "").strip(".")


def _phrase_at(words: list[str], phrases: frozenset[tuple[str, ...]]) -> int:
    """How many words at the beginning are one of the phrases."""
    keys = tuple(_key(word) for word in words[:_FOUR])
    return next((size for size in range(len(keys), 0, -1) if keys[:size] in phrases), 0)


def _keys(phrases: list[str], *, backwards: bool = False) -> frozenset[tuple[str, ...]]:
    split = (tuple(map(_key, phrase.split())) for phrase in phrases)
    return frozenset(words[::-1] if backwards else words for words in split)


_INTRODUCED_WORDS = _keys(_INTRODUCED)
_SELF_WORDS = _keys(_SELF)
_GREETING_WORDS = _keys(_GREETINGS)
_END_WORDS = _keys(_ENDS, backwards=True)
