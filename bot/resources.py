"""The texts and data that ship with the program: prompts, utterances, articles, price tables."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from babel.dates import format_datetime, get_timezone_location

from bot.errors import ResourceError

_PACKED = Path(__file__).parent / "data"
ROOT = _PACKED if _PACKED.is_dir() else Path(__file__).parent.parent
"""Inside a wheel the folders are packed into the package; in a checkout they lie beside it."""

LANGUAGES = ("es", "en", "hi")


def read(*path: str) -> str:
    """A text of ours. Raises ResourceError that names the file."""
    file = ROOT.joinpath(*path)
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ResourceError(f"{'/'.join(path)}: cannot be read ({error.strerror}); is the installation complete?") from None
    except UnicodeDecodeError:
        raise ResourceError(f"{'/'.join(path)}: is no text in UTF-8; save it as such") from None


def read_yaml(*path: str) -> Any:
    """A data file of ours. Raises ResourceError that names the file and the line."""
    try:
        return yaml.safe_load(read(*path))
    except yaml.YAMLError as error:
        raise ResourceError(f"{'/'.join(path)}: {' '.join(str(error).split())}") from None


@cache
def utterances(language: str) -> dict[str, Any]:
    """What the program itself says in a language; Spanish's where there is no such language."""
    known = language if language in LANGUAGES else LANGUAGES[0]
    texts = read_yaml("prompts", "utterances", f"{known}.yaml")
    if not isinstance(texts, dict):
        raise ResourceError(f"prompts/utterances/{known}.yaml: must be a mapping of names to texts")
    return texts


def say(language: str, name: str, **values: object) -> str:
    """One of our fixed sentences. Raises ResourceError if the language lacks it, or it has a blank that nobody fills."""
    text = utterances(language).get(name)
    if not isinstance(text, str):
        raise ResourceError(f"prompts/utterances/{language}.yaml: has no text {name!r}")
    try:
        return text.format(**values)
    except (LookupError, ValueError, AttributeError) as error:
        raise ResourceError(f"prompts/utterances/{language}.yaml: {name}: cannot be filled in ({error!r})") from None


def words(name: str) -> frozenset[str]:
    """A list of words, all languages together (`opt_out_words`, `resume_words`)."""
    return frozenset(word for language in LANGUAGES for word in utterances(language).get(name, ()))


def moment(language: str, at: datetime, zone: ZoneInfo | None = None) -> str:
    """A moment in words: in this zone, named, or else in the one that it was said in."""
    there = at.astimezone(zone) if zone is not None else at
    known = language if language in LANGUAGES else LANGUAGES[0]
    words = format_datetime(there.replace(tzinfo=None), say(known, "moment"), locale=known)
    return f"{words} ({_zone_name(known, there, zone)})"


def _zone_name(language: str, there: datetime, zone: ZoneInfo | None) -> str:
    if zone is not None:
        return str(get_timezone_location(zone, locale=language, return_city=True))
    offset = there.strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}" if offset else "UTC"
