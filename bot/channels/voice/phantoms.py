"""What speech recognisers write where nobody spoke: the ends of the videos and subtitles that they were trained on.

The rule, in two parts. Sound without anything as loud as quiet speech is not sent to be recognised at all. Of what comes back,
an utterance is dropped when all of its sentences are in this list, or it has only signs and remarks in brackets. The list has
nothing that people say to a telephone: "thank you" and "bye" are answers, and stay.
https://github.com/openai/whisper/discussions/679
"""

from __future__ import annotations

import re
from unicodedata import normalize

QUIET = 40
"""Root mean square of 16 bit samples over half a second; -58 dB. Quiet speech on a bad line has some 200."""

_LIST = """
thanks for watching · thank you for watching · thank you so much for watching · thanks for watching everyone ·
thank you for watching this video · please subscribe · please subscribe to my channel · like and subscribe ·
please like and subscribe · don t forget to subscribe · see you in the next video · i ll see you in the next video ·
subtitles by the amara org community · transcription by castingwords ·
gracias por ver el video · gracias por ver el vídeo · gracias por ver · muchas gracias por ver el video ·
suscríbete · suscríbete al canal · no olvides suscribirte · nos vemos en el próximo video ·
subtítulos realizados por la comunidad de amara org · subtítulos por la comunidad de amara org ·
subtítulos en español de amara org · subtitulado por la comunidad de amara org ·
देखने के लिए धन्यवाद · वीडियो देखने के लिए धन्यवाद · हमारे चैनल को सब्सक्राइब करें · चैनल को सब्सक्राइब करें ·
प्लीज सब्सक्राइब · कृपया सब्सक्राइब करें · अगले वीडियो में मिलते हैं
"""
_PHANTOMS = frozenset(normalize("NFC", phrase.strip()) for phrase in _LIST.split("·"))
_REMARKS = re.compile(r"[\[(*][^\])*]*[\])*]|[♪♫🎵🎶]")


def is_phantom(text: str) -> bool:
    """Whether nobody said this."""
    spoken = _REMARKS.sub(" ", text)
    sentences = [_plain(sentence) for sentence in re.split(r"[.!?…।\n]+(?=\s|$)", spoken)]
    return all(sentence in _PHANTOMS for sentence in sentences if sentence)


def _plain(sentence: str) -> str:
    """In small letters, without signs. Vowel signs of Devanagari are no letters to `re`, so signs are named."""
    return " ".join(re.sub(r"[^\w\s\u0900-\u097f]|[।॥]", " ", normalize("NFC", sentence).casefold()).split())
