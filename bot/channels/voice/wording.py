"""Figures, addresses and abbreviations in the words in which they are said, per language; the rest is left to the voice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, partial

import phonenumbers
from babel.dates import format_date, get_day_names

from bot.resources import LANGUAGES

_TO = {"es": "a", "en": "to", "hi": "से"}
_SIGNS = {
    "es": {"@": "arroba", ".": "punto", "-": "guion", "_": "guion bajo", "+": "más"},
    "en": {"@": "at", ".": "dot", "-": "dash", "_": "underscore", "+": "plus"},
    "hi": {"@": "ऐट", ".": "डॉट", "-": "डैश", "_": "अंडरस्कोर", "+": "प्लस"},
}
_CURRENCIES = {
    "es": {"MXN": "pesos", "USD": "dólares", "EUR": "euros", "INR": "rupias"},
    "en": {"MXN": "pesos", "USD": "dollars", "EUR": "euros", "INR": "rupees"},
    "hi": {"MXN": "पेसो", "USD": "डॉलर", "EUR": "यूरो", "INR": "रुपये"},
}
_MONEY_SIGNS = {"₹": "INR", "Rs.": "INR", "Rs": "INR", "€": "EUR", "US$": "USD", "MX$": "MXN"}
_ABBREVIATIONS: Mapping[str, Mapping[str, str]] = {
    "es": {
        "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "aprox.": "aproximadamente", "etc.": "etcétera", "tel.": "teléfono",
        "Tel.": "teléfono", "núm.": "número", "n.º": "número", "nº": "número", "Sr.": "señor", "Sra.": "señora",
        "Srta.": "señorita", "Dr.": "doctor", "Dra.": "doctora", "Lic.": "licenciado", "Ing.": "ingeniero", "Av.": "avenida",
        "Ud.": "usted", "Uds.": "ustedes", "hrs.": "horas", "hrs": "horas", "mín.": "mínimo", "máx.": "máximo",
    },
    "en": {
        "e.g.": "for example", "i.e.": "that is", "approx.": "approximately", "etc.": "et cetera", "vs.": "versus",
        "Mr.": "Mister", "Mrs.": "Missis", "Ms.": "Miz", "Dr.": "Doctor", "Ave.": "Avenue", "ext.": "extension",
        "tel.": "telephone", "hrs": "hours", "mins": "minutes", "min.": "minimum", "max.": "maximum",
    },
    "hi": {"डॉ.": "डॉक्टर", "रु.": "रुपये", "Dr.": "डॉक्टर", "etc.": "आदि"},
}  # fmt: skip
_AND = {"es": "y", "en": "and", "hi": "और"}
_NUMBER = {"es": "número", "en": "number", "hi": "नंबर"}
_TICKET = {"es": "ticket", "en": "ticket", "hi": "टिकट"}
_SHORT_DAYS = {"hi": ("सोम", "मंगल", "बुध", "गुरु", "शुक्र", "शनि", "रवि")}
"""As they are written before a range; in the other languages the first three letters."""

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_TICKET_NUMBER = re.compile(r"(?:\b(?:ticket|टिकट)\s+)?\bTICKET-(\d{4})-(\d{1,9})\b", re.IGNORECASE)
_ISO_DATE = re.compile(r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\w-])")
_SLASH_DATE = re.compile(r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4})(?![\w/])")
_CLOCK = r"(?:[01]?\d|2[0-3])[:.][0-5]\d"
_HOURS = re.compile(rf"(?<![\w.,:])({_CLOCK})\s*[-–—]\s*({_CLOCK})(?![\w:])")
_TIME = re.compile(
    r"(?<![\w.,:/+-])([01]?\d|2[0-3]):([0-5]\d)(?![\w:]|\s*[ap]\.?\s?m\b)(?:\s*(?:बजे|hrs?|horas|hours|h)(?!\w))?", re.IGNORECASE
)
_PRICE = re.compile(r"(?P<sign>US\$|MX\$|₹|€|Rs\.?|\$)?\s?(?P<sum>\d[\d.,]*\d|\d)(?:\s?(?P<code>MXN|USD|EUR|INR)(?!\w))?")
_NUMBERED = re.compile(r"(?<!\w)#\s?(?=\d)")
_PHONE = re.compile(r"(?<![\w.,/-])(?:\+\s?)?\(?\d{1,5}\)?(?:[ \-]\(?\d{2,5}\)?){1,5}(?![\w/]|[.,-]\d)")
_DIGITS = re.compile(r"(?<![\w.,])\+?(?:0\d{3,}|\d{7,})(?![\w]|[.,]\d)|(?<=-)0\d{3,}(?!\w)")
_FEWEST = 7
"""Digits of a telephone number."""


def worded(text: str, language: str) -> str:
    """The text with what is written short as it is said in this language, the first of ours where there is none."""
    known = language if language in LANGUAGES else LANGUAGES[0]
    text = _EMAIL.sub(partial(_email, known), text)
    text = _TICKET_NUMBER.sub(lambda found: f"{_TICKET[known]} {found[1]}, {_in_groups(found[2])}", text)
    text = _ISO_DATE.sub(partial(_iso_date, known), text)
    text = _SLASH_DATE.sub(partial(_slash_date, known), text)
    text = _DAYS_OF[known]().sub(partial(_days, known), text)
    text = _HOURS.sub(lambda found: f"{found[1]} {_TO[known]} {found[2]}".replace(".", ":"), text)
    text = _TIME.sub(partial(_time, known), text)
    text = _PRICE.sub(partial(_price, known), text)
    text = _NUMBERED.sub(f"{_NUMBER[known]} ", text)
    text = _PHONE.sub(_phone, text)
    text = _DIGITS.sub(lambda found: _digits(found.group()), text)
    text = _short(known).sub(lambda found: _ABBREVIATIONS[known][found.group()], text)
    return text.replace(" & ", f" {_AND[known]} ")


def _email(language: str, found: re.Match[str]) -> str:
    signs = _SIGNS[language]
    address = found.group().rstrip(".")
    said = "".join(f" {signs[sign]} " if sign in signs else sign for sign in address)
    return said + "." * (len(found.group()) - len(address))


def _in_groups(digits: str, size: int = 3) -> str:
    """One digit after the other, with a pause after every few: so that they can be written down."""
    return ", ".join(" ".join(digits[place : place + size]) for place in range(0, len(digits), size))


def _digits(run: str) -> str:
    """A long number; in the groups of its country where it is one of a telephone."""
    if not run.startswith("+"):
        return _in_groups(run)
    try:
        number = phonenumbers.parse(run)
    except phonenumbers.NumberParseException:
        return _in_groups(run[1:])
    shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return ", ".join(" ".join(group) for group in re.findall(r"\d+", shown))


def _phone(found: re.Match[str]) -> str:
    """A number in the groups in which it is written."""
    groups = re.findall(r"\d+", found.group())
    if sum(map(len, groups)) < _FEWEST or all(re.fullmatch("(?:19|20)..", group) for group in groups):  # from year to year
        return found.group()
    return ", ".join(" ".join(group) for group in groups)


def _iso_date(language: str, found: re.Match[str]) -> str:
    return _date(language, found, *map(int, found.groups()))


def _slash_date(language: str, found: re.Match[str]) -> str:
    """Day, month, year; in English the other way round, and only where it can be told."""
    first, second, year = map(int, found.groups())
    if language == "en" and first <= 12:
        return found.group() if second <= 12 else _date(language, found, year, first, second)
    return _date(language, found, year, second, first)


def _date(language: str, found: re.Match[str], year: int, month: int, day: int) -> str:
    try:
        return str(format_date(date(year, month, day), "long", locale=language))
    except ValueError:
        return found.group()


def _days(language: str, found: re.Match[str]) -> str:
    """From one day of the week to another."""
    names = _day_names(language)
    first, last = names[found[1].rstrip(".").casefold()], names[found[2].rstrip(".").casefold()]
    return f"{first} {_TO[language]} {last}"


@cache
def _day_names(language: str) -> dict[str, str]:
    """The days by their short names; those of English everywhere."""
    found: dict[str, str] = {}
    wide = get_day_names("wide", locale=language)
    for tongue in ("en", language):
        for place, name in get_day_names("wide", locale=tongue).items():
            short = _SHORT_DAYS[tongue][place] if tongue in _SHORT_DAYS else name[:3]
            found[short.casefold()] = wide[place]
            if tongue == "es" and short != _plain(short):
                found[_plain(short).casefold()] = wide[place]
    return found


def _plain(text: str) -> str:
    return text.translate(str.maketrans("áéíóú", "aeiou"))


@cache
def _day_range(language: str) -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(_day_names(language), key=len, reverse=True)))
    return re.compile(rf"(?<!\w)((?:{names})\.?)\s*[-–—]\s*((?:{names})(?:\.(?=\s\w))?)(?!\w)", re.IGNORECASE)


_DAYS_OF: Mapping[str, Callable[[], re.Pattern[str]]] = {language: partial(_day_range, language) for language in LANGUAGES}


def _time(language: str, found: re.Match[str]) -> str:
    """A time of the day as people say it."""
    return _TIMES[language](int(found[1]), int(found[2]))


def _english_time(hour: int, minute: int) -> str:
    if (hour, minute) in ((0, 0), (12, 0)):
        return "noon" if hour else "midnight"
    minutes = f":{minute:02d}" if minute else ""
    return f"{hour % 12 or 12}{minutes} {'AM' if hour < 12 else 'PM'}"


def _spanish_time(hour: int, minute: int) -> str:
    parts = ((1, "de la noche"), (6, "de la madrugada"), (12, "de la mañana"), (13, "del mediodía"), (20, "de la tarde"))
    part = next((name for until, name in parts if hour < until), "de la noche")
    minutes = {0: "", 15: " y cuarto", 30: " y media"}.get(minute, f" y {minute}")
    return f"{hour % 12 or 12}{minutes} {part}"


def _hindi_time(hour: int, minute: int) -> str:
    parts = ((4, "रात"), (12, "सुबह"), (16, "दोपहर"), (20, "शाम"))
    part = next((name for until, name in parts if hour < until), "रात")
    return f"{part} {hour % 12 or 12} {f'बजकर {minute} मिनट' if minute else 'बजे'}"


_TIMES: Mapping[str, Callable[[int, int], str]] = {"es": _spanish_time, "en": _english_time, "hi": _hindi_time}


def _price(language: str, found: re.Match[str]) -> str:
    """A sum and its currency, where that is told: a bare `$` is left to the voice, as it is pesos or dollars."""
    code = found["code"] or _MONEY_SIGNS.get(found["sign"] or "", "")
    if not code:
        return found.group()
    before = " " if found.group()[0] == " " else ""
    return f"{before}{re.sub(r'[.,]00$', '', found['sum'])} {_CURRENCIES[language][code]}"


@cache
def _short(language: str) -> re.Pattern[str]:
    """What is written short."""
    names = sorted(_ABBREVIATIONS[language], key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
