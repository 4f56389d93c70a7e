"""What pages say, in each of our languages: `texts/<page>.yaml`, every text with its translations side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import yaml

from bot.errors import ResourceError
from bot.resources import LANGUAGES

FOLDER = Path(__file__).parent / "texts"


class Texts:
    """The texts of a page in one language; called in a template as `t("name", blank=...)`."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, name: str, **values: object) -> str:
        """One text, its blanks filled in. Raises ResourceError for a name that there is not."""
        if name not in self._texts:
            raise ResourceError(f"bot/web/texts: no text {name!r}")
        text = self._texts[name]
        return text.format(**values) if values else text

    def all(self) -> Mapping[str, str]:
        """Every text, for a page's own script."""
        return self._texts


@cache
def texts_of(page: str, language: str) -> Texts:
    """A page's texts, with those of every page. Raises ResourceError that names the file and what it lacks."""
    return Texts(language, {**_load("site", language), **(_load(page, language) if page != "site" else {})})


def _load(page: str, language: str) -> dict[str, str]:
    file = FOLDER / f"{page}.yaml"
    try:
        rows = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ResourceError(f"bot/web/texts/{page}.yaml: cannot be read ({' '.join(str(error).split())})") from None
    missing = [name for name, row in rows.items() if not isinstance(row.get(language), str)]
    if missing:
        raise ResourceError(f"bot/web/texts/{page}.yaml: {missing[0]}: has no text in {language!r}")
    return {name: row[language] for name, row in rows.items()}


def language_of(asked: str, accepted: str, default: str) -> str:
    """The language to show a page in: the one that was asked for, else what the browser would like best of ours.

    `accepted` is the header Accept-Language (RFC 9110, 12.5.4).
    """
    if asked in LANGUAGES:
        return asked
    wished = sorted(_wishes(accepted), key=lambda wish: -wish[1])
    return next((language for language, weight in wished if weight > 0 and language in LANGUAGES), default)


def _wishes(accepted: str) -> Iterable[tuple[str, float]]:
    for part in accepted[:500].split(","):
        tag, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            weight = 0.0
        yield tag.partition("-")[0].lower(), weight
