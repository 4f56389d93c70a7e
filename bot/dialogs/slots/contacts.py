"""Phone numbers and e-mail addresses, as they are typed and as they are spoken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.dialogs.slots.numbers import number_words
from bot.dialogs.slots.words import LONGEST, MOST_LETTERS, folded, pieces, word_set
from bot.errors import RecordError
from bot.resources import LANGUAGES
from bot.services.phones import PhoneNumber, read_email, read_phone

_RUN = re.compile(r"(?<![\w#$€₹.,/-])\+?\(?\d(?:[ ().\-/]{0,3}\d){6,}(?![\w/%€₹]|[.,-]\d)")
_TIMES = {"doble": 2, "double": 2, "dabal": 2, "डबल": 2, "triple": 3, "tripal": 3, "ट्रिपल": 3}
_PLUS = frozenset(("mas", "plus", "प्लस", "+"))
_FEWEST, _MOST = 7, 15

_WRITTEN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII)
_LOCAL = re.compile(r"[a-z0-9](?:[a-z0-9._+-]*[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}")
_AT = {"arroba", "at", "ऐट", "एट", "aroba", "arrova"}
_LONG_AT = re.compile(r"\b(?:at the rate(?: of)?|(?:ऐट|एट) द रेट)(?=\s)")
_JOINTS = {
    "punto": ".",
    "dot": ".",
    "period": ".",
    "डॉट": ".",
    "point": ".",
    "guion": "-",
    "dash": "-",
    "hyphen": "-",
    "डैश": "-",
    "underscore": "_",
    "अंडरस्कोर": "_",
    "plus": "+",
}
_LONG_JOINTS = (("guion bajo", "underscore"), ("guion medio", "guion"), ("under score", "underscore"))
_NO_LOCAL = word_set(
    """
    me us it you him her them look am are is meet one all not
    """
)


def parse_phone(text: str, *, language: str, region: str | None = None) -> PhoneNumber | None:
    """The phone number in a text, in digits or spoken digit by digit ("cinco cinco, double five ..."); None for none or several.

    `region` (MX, IN, ...) is where a number without a country code is from: without it `e164` may be None, and the country has
    to be asked. A number that the numbering plan of its country does not know is none.
    """
    typed = [match[0] for match in _RUN.finditer(folded(text[:MOST_LETTERS]))]
    found = {number.e164 or number.typed: number for one in typed or _spoken(text, language) if (number := _number(one, region))}
    return next(iter(found.values())) if len(found) == 1 else None


def _number(typed: str, region: str | None) -> PhoneNumber | None:
    try:
        number = read_phone(typed, region=region)
    except RecordError:
        return None
    if number.e164 is None:
        return number if region is None else None
    return number if number.dialable else None


def _spoken(text: str, language: str) -> Iterator[str]:
    """Runs of figures and number words that are as long as a phone number."""
    own = language if language in LANGUAGES else LANGUAGES[0]
    run, times = "", 1
    for phrase, value in (*number_words(own).over(pieces(text)), ("", None)):
        digits = str(value) if value is not None else phrase if phrase.isdecimal() else ""
        if digits:
            run, times = run + digits * times, 1
        elif phrase in _TIMES:
            times = _TIMES[phrase]
        elif phrase in _PLUS and not run:
            run = "+"
        else:
            if _FEWEST <= sum(c.isdigit() for c in run) <= _MOST:
                yield run
            run, times = "", 1


def parse_email(text: str) -> str | None:
    """The e-mail address in a text, in lower case, typed or spoken ("ana arroba ejemplo punto com"); None for none or several."""
    plain = " ".join(folded(text[:MOST_LETTERS]).split()).replace(" @", "@").replace("@ ", "@")
    written = {match[0].strip(".'") for match in _WRITTEN.finditer(plain)}
    found = {address for one in written or set(_spelled(plain)) if (address := _email(one))}
    return found.pop() if len(found) == 1 else None


def _email(typed: str) -> str | None:
    local, _, host = typed.rpartition("@")
    if not _LOCAL.fullmatch(local) or not _HOST.fullmatch(host) or ".." in typed:
        return None
    try:
        return read_email(typed)
    except RecordError:
        return None


def _spelled(plain: str) -> Iterator[str]:
    """What stands around each word for @, joined by the words for a dot, a dash and the like."""
    for long, short in _LONG_JOINTS:
        plain = plain.replace(long, short)
    parts = [part.strip(",;:!?()<>\"'") for part in _LONG_AT.sub("at", plain).split()][:LONGEST]
    for place, part in enumerate(parts):
        if part not in _AT:
            continue
        local = "".join(reversed(_joined(parts[:place][::-1])))
        host = "".join(_joined(parts[place + 1 :])).rstrip(".")
        if local and local not in _NO_LOCAL and "." in host:
            yield f"{local}@{host}"


def _joined(parts: Sequence[str]) -> list[str]:
    """A word and, as long as one for a sign stands between, the next ones."""
    found = list(parts[:1])
    for sign, word in zip(parts[1::2], parts[2::2], strict=False):
        if sign not in _JOINTS:
            break
        found += [_JOINTS[sign], word]
    return found
