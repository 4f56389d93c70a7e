"""The texts and data that ship with the program: prompts, utterances, articles, price tables."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_datetime, get_timezone_location
from babel.numbers import format_decimal

from bot.errors import ResourceError

_PACKED = Path(__file__).parent / "data"
ROOT = _PACKED if _PACKED.is_dir() else Path(__file__).parent.parent
"""Inside a wheel the folders are packed into the package; in a checkout they lie beside it."""

LANGUAGES = ("es", "en", "hi")


ON_CALL = "_on_call"
"""What the name of an utterance ends with that is said on a call in the place of the one before it."""

_IS_SPOKEN: ContextVar[bool] = ContextVar("is_spoken", default=False)


@contextmanager
def spoken(is_spoken: bool = True) -> Iterator[None]:
    """While it lasts, `say` gives what is heard rather than read, wherever an utterance has such a variant."""
    token = _IS_SPOKEN.set(is_spoken)
    try:
        yield
    finally:
        _IS_SPOKEN.reset(token)


_YAML: type[yaml.SafeLoader | yaml.CSafeLoader] = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def read(*path: str) -> str:
    """A text of ours. Raises ResourceError that names the file."""
    file = ROOT.joinpath(*path)
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ResourceError(f"{'/'.join(path)}: cannot be read ({error.strerror}); is the installation complete?") from None
    except UnicodeDecodeError:
        raise ResourceError(f"{'/'.join(path)}: is no text in UTF-8; save it as such") from None


def parse_yaml(text: str) -> Any:
    """Plain data out of YAML, ten times as fast where libyaml is there. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_YAML)  # noqa: S506  both are safe loaders


def read_yaml(*path: str) -> Any:
    """A data file of ours. Raises ResourceError that names the file and the line."""
    try:
        return parse_yaml(read(*path))
    except yaml.YAMLError as error:
        raise ResourceError(f"{'/'.join(path)}: {' '.join(str(error).split())}") from None


@cache
def utterances(language: str) -> dict[str, Any]:
    """What the program itself says in a language; Spanish's where there is no such language."""
    known = _known(language)
    texts = read_yaml("prompts", "utterances", f"{known}.yaml")
    if not isinstance(texts, dict):
        raise ResourceError(f"prompts/utterances/{known}.yaml: must be a mapping of names to texts")
    return texts


def say(language: str, name: str, *, seed: str = "", **values: object) -> str:
    """One of our fixed sentences, its numbers written as the language writes them.

    A mapping has a text for each plural category (https://cldr.unicode.org/index/cldr-spec/plural-rules): `count` tells which. A
    list has texts that mean the same: the `seed` tells which, a turn's id, so that turns differ and a turn that is run again says
    the same; without one it is the first. Raises ResourceError if the language lacks the name, or nobody fills a blank.
    """
    known = _known(language)
    name = f"{name}{ON_CALL}" if _IS_SPOKEN.get() and f"{name}{ON_CALL}" in utterances(known) else name
    text = _text(known, utterances(known).get(name), seed, values.get("count"))
    if not isinstance(text, str) or name.endswith("_words"):
        raise ResourceError(f"prompts/utterances/{language}.yaml: has no text {name!r}")
    try:
        return text.format(**{blank: _written(known, value) for blank, value in values.items()})
    except (LookupError, ValueError, AttributeError) as error:
        raise ResourceError(f"prompts/utterances/{language}.yaml: {name}: cannot be filled in ({error!r})") from None


def _text(language: str, said: object, seed: str, count: object) -> object:
    """Which of an utterance's texts is said; what is no text where there is none."""
    if isinstance(said, Mapping) and isinstance(count, int):
        return said.get(Locale.parse(language).plural_form(count), said.get("other"))
    if isinstance(said, list) and said:
        return said[zlib.crc32(seed.encode()) % len(said) if seed else 0]
    return said


def _written(language: str, value: object) -> object:
    """A number as it is written in the language; anything else as it is."""
    return format_decimal(value, locale=language) if isinstance(value, int | float | Decimal) else value


def _known(language: str) -> str:
    return language if language in LANGUAGES else LANGUAGES[0]


def words(name: str) -> frozenset[str]:
    """A list of words, all languages together (`opt_out_words`, `resume_words`)."""
    return frozenset(word for language in LANGUAGES for word in utterances(language).get(name, ()))


def moment(language: str, at: datetime, zone: ZoneInfo | None = None) -> str:
    """A moment in words: in this zone, named, or else in the one that it was said in, which nobody has to be told on a call."""
    there = at.astimezone(zone) if zone is not None else at
    known = _known(language)
    words = format_datetime(there.replace(tzinfo=None), say(known, "moment"), locale=known)
    return words if zone is None and _IS_SPOKEN.get() else f"{words} ({_zone_name(known, there, zone)})"


def _zone_name(language: str, there: datetime, zone: ZoneInfo | None) -> str:
    if zone is not None:
        return str(get_timezone_location(zone, locale=language, return_city=True))
    offset = there.strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}" if offset else "UTC"
