"""A person's name, out of "me llamo Ana Ruiz", "my name is Ana", "mera naam Ana hai", or alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

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
    do does did have has can could will would what when where who why how which name fine good ok okay sure help problem
    order bill account price angry tired interested waiting here there ready calling looking trying going having happy
    sorry back later soon please thanks customer new old user person human agent someone somebody nobody nothing anything
    stop start test hello hey yes nope yeah maybe whatever none mera meri mere mujhe hum aap tum kya kab kaise kyun kahan
    kaun nahi nahin hai hain hoon tha thi chahiye karo karna madad baat order paisa paise ghar wala naya purana pareshan
    naraz grahak naam theek accha koi kuch bas abhi मेरा मेरी मेरे मुझे हम आप तुम क्या कब कैसे क्यों कहाँ कौन नहीं है हैं
    हूँ था थी चाहिए करो करना मदद बात नाम ठीक अच्छा कोई कुछ बस परेशान नाराज ग्राहक ऑर्डर
    """
)
_TITLE = re.compile(r"\b(?:dra?|sra?|srta|mrs?|ms|lic|ing|prof|shri|smt)(?:\.\s*|\s+)|(?:श्री|श्रीमती|डॉ)\.?\s+", re.IGNORECASE)
_BREAK = re.compile(r"[,;!?¿¡()\n\r:|।]+|\.(?=\s|$)")
_MAX_WORDS, _MAX_LETTERS = 5, 30
_FOUR = 4


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it was said; where it parts is a guess, so it is to be read back."""

    full: str
    first: str
    last: str | None = None


def parse_name(text: str, *, language: str) -> Name | None:
    """The name in a text, or None: sentences, numbers, greetings and plain yes or no are none."""
    for segment in _segments(text):
        words = segment.split()
        rest, sure = _after_introduction(words)
        rest = _before_ending(rest)
        words = _up_to_connective(rest) if len(rest) < len(words) or sure else rest
        if words and _is_name(words, language, sure=sure):
            return _named(words)
    return None


def _segments(text: str) -> Iterator[str]:
    """The parts between punctuation without their greetings."""
    for raw in _BREAK.split(_TITLE.sub(" ", unicodedata.normalize("NFC", text[:400]))):
        words = raw.split()
        while size := _phrase_at(words, _GREETING_WORDS):
            words = words[size:]
        if words:
            yield " ".join(words)


def _after_introduction(words: list[str]) -> tuple[list[str], bool]:
    if size := _phrase_at(words, _INTRODUCED_WORDS):
        return words[size + (len(words) > size + 1 and _key(words[size]) == "es") :], True
    return words[_phrase_at(words, _SELF_WORDS) :], False


def _before_ending(words: list[str]) -> list[str]:
    while size := _phrase_at(words[::-1], _END_WORDS):
        words = words[:-size]
    return words


def _up_to_connective(words: list[str]) -> list[str]:
    """Me llamo Ana | y quiero un ticket."""
    place = next((i for i, word in enumerate(words) if i and _key(word) in _CONNECTIVES), len(words))
    return words[:place]


def _is_name(words: list[str], language: str, *, sure: bool) -> bool:
    keys = [_key(word) for word in words]
    if len(words) > _MAX_WORDS or keys[0] in _PARTICLES or keys[-1] in _PARTICLES or len("".join(keys)) < 2:
        return False
    if not all(_is_of_letters(word) and len(word) <= _MAX_LETTERS for word in words):
        return False
    proper = [key for key in keys if key not in _PARTICLES]
    if any(key in _NO_NAMES for key in proper) or " ".join(keys) in _fixed_words():
        return False
    return not any(_is_known(key, language, sure=sure) for key in proper)


def _is_of_letters(word: str) -> bool:
    return word[0].isalpha() and all(c.isalpha() or unicodedata.category(c)[0] == "M" or c in "'’-." for c in word)


def _is_known(word: str, language: str, *, sure: bool) -> bool:
    """Whether a word is one of a time or a number; Domingo and Abril are names where somebody says that they are."""
    known = language if language in LANGUAGES else LANGUAGES[0]
    meaning = lexicon_of(known).get(word)
    if meaning is None:
        return False
    return not sure or meaning[0].kind is Kind.NUMBER


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
