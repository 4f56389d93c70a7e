"""In which of our languages somebody writes, when a short look can tell."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W\d_]+")

_SPANISH = """el la los las de del que y en un una unos por para con sin es mi mis tu su sus se lo al le les nos más pero muy
ya hay sí este esta esto ese esa eso yo usted ustedes soy estoy está están estamos tengo tiene tienen tenemos quiero quiere
quisiera necesito necesita puede puedo pueden podría voy va van vamos ir fue era ser hacer hago hice visto dicho hecho llegó
llega llegan llegará llegado casa pedido paquete factura cuenta pago pagar dinero roto rota funciona funcionan hola buenas
buenos días tardes noches gracias favor ayuda ayudar ayer hoy mañana ahora nunca siempre cuándo cuánto cuánta cuesta cómo qué
dónde quién por porque desde hasta hablar abrir cerrar enviar persona alguien nadie nada todo toda todavía otro otra también
bien mal cuál tampoco"""

_ENGLISH = """the an of to and in is it its my you your we our they i im for with not are was were be been this that these
those have has had having do does did doesn don didn isn hi hello hey thanks thank please want need needs can cannot could
would should will help when what where who why how which talk speak open close someone somebody like there here since
yesterday today tomorrow now never always still order package bill account money pay working work works arrived broken got get
from on at but or a no me good morning afternoon evening bye see yes back"""

_HINDI = """mera meri mere mujhe hum hamara aap aapka aapki aapke tum nahi nahin nai hai hain hoon hun tha thi kya kab kaise
kyun kyon kahan kaun kitna kitne chahiye karo karna karni karein kijiye kar raha rahi rahe gaya gayi gaye hua hui diya bhejo
batao bataiye abhi kal aaj bahut bhi aur lekin agar koi kuch ka ki ke ko mein liye wapas madad baat insaan paise paisa namaste
namaskar dhanyavaad dhanyawad shukriya kripya accha theek thik ji haan ghar wala chal aaya aayi pahuncha milega mila"""

_SHARED = frozenset(("a", "no", "me", "has", "he", "son", "come", "once", "sin", "todo", "pan", "red", "real"))
"""Words of more than one of our languages tell nothing."""

_SPANISH_MARKS = re.compile("[ñáéíóú¿¡]")

_MARGIN = 2
"""By so many words another language has to lead before the known one is left: one borrowed word changes nothing."""


def _folded(text: str) -> str:
    """Lower case without accents: many people write none."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not "\u0300" <= c <= "\u036f")


_COMMON = {
    language: frozenset(_folded(words).split()) - _SHARED
    for language, words in (("es", _SPANISH), ("en", _ENGLISH), ("hi", _HINDI))
}


def guess_language(text: str, known: str | None = None) -> str | None:
    """`hi` for Devanagari, else by the commonest words (Hindi's in Latin letters too) and Spanish's own letters and marks.

    `known` is the language so far: it stays unless another one leads clearly. Without it, None when it cannot be told.
    """
    letters = [c for c in text if c.isalpha()]
    if letters and sum("\u0900" <= c <= "\u097f" for c in letters) * 2 >= len(letters):
        return "hi"
    words = _WORD.findall(_folded(text))
    hits = {language: sum(word in common for word in words) for language, common in _COMMON.items()}
    hits["es"] += len(set(_SPANISH_MARKS.findall(unicodedata.normalize("NFC", text.lower()))))
    best, second = sorted(hits, key=lambda language: -hits[language])[:2]
    if known is not None:
        return best if hits[best] - hits.get(known, 0) >= _MARGIN else known
    return best if hits[best] > hits[second] else None
