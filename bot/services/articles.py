"""Articles as files: `knowledge/<topic>.<language>.md`, front matter and short sections, each a question and its answer.

---
title: Opening hours
language: en
category: contact
tags: [hours, shop]
examples:
  - "when are you open"
---
## When is the shop open?
Monday to Saturday from 10:00 to 19:00.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import ResourceError
from bot.records.knowledge import KnowledgeEntry
from bot.records.wording import sentence
from bot.resources import parse_yaml

_NAME = re.compile(r"(?P<topic>[a-z0-9]+(?:-[a-z0-9]+)*)\.(?P<language>[a-z]{2})\.md")
_FRONT = re.compile(r"---\n(?P<front>.*?)\n---\n(?P<body>.*)", re.DOTALL)
_HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)

MAX_SECTION = 1200
"""Characters of a section: what is longer is not read in a chat, and belongs under two headings."""


class _Front(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=100)]
    language: str
    category: Annotated[str, Field(min_length=1, max_length=50)]
    tags: list[str] = []
    examples: Annotated[list[str], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading of an article."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article in one language."""

    topic: str
    language: str
    title: str
    category: str
    tags: tuple[str, ...]
    examples: tuple[str, ...]
    sections: tuple[Section, ...]

    def entries(self) -> Iterator[KnowledgeEntry]:
        """An entry for each section; its id is the same whenever the article is read. The first has the examples."""
        for number, section in enumerate(self.sections, 1):
            examples = self.examples if number == 1 else ()
            said = (section.heading, section.text, self.language, self.category, self.title, *self.tags, *examples)
            yield KnowledgeEntry(
                id=f"{self.topic}.{self.language}.{number}",
                category=self.category,
                question=section.heading,
                answer=section.text,
                language=self.language,
                topic=self.topic,
                title=self.title,
                tags=list(self.tags),
                examples=list(examples),
                content_hash=hashlib.sha256("\0".join(said).encode()).hexdigest()[:32],
            )


def read_articles(folder: Path) -> list[Article]:
    """Every article of a folder, in the order of their names; README.md is none. Raises ResourceError naming file and fix."""
    if not folder.is_dir():
        raise ResourceError(f"{folder}: is no folder of articles")
    return [_read(file) for file in sorted(folder.glob("*.md")) if file.name != "README.md"]


def _read(file: Path) -> Article:
    name = _NAME.fullmatch(file.name)
    if name is None:
        raise ResourceError(f"{file.name}: must be named <topic>.<language>.md, for example opening-hours.en.md")
    try:
        parts = _FRONT.fullmatch(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ResourceError(f"{file.name}: cannot be read as UTF-8 text ({error})") from None
    if parts is None:
        raise ResourceError(f"{file.name}: must begin with front matter between two lines of ---")
    front = _front(file.name, parts["front"])
    if front.language != name["language"]:
        raise ResourceError(f"{file.name}: language: must be {name['language']}, as in the file's name; it is {front.language}")
    return Article(
        topic=name["topic"],
        language=front.language,
        title=front.title,
        category=front.category,
        tags=tuple(front.tags),
        examples=tuple(front.examples),
        sections=tuple(_sections(file.name, parts["body"])),
    )


def _front(file: str, text: str) -> _Front:
    try:
        values: Any = parse_yaml(text)
        return _Front.model_validate(values)
    except yaml.YAMLError as error:
        raise ResourceError(f"{file}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise ResourceError(sentence(file, error, _Front)) from None


def _sections(file: str, body: str) -> Iterator[Section]:
    before, *rest = _HEADING.split(body)
    if before.strip() or not rest:
        raise ResourceError(f"{file}: every text must stand under a heading of its own, for example '## When are you open?'")
    for heading, text in zip(rest[::2], rest[1::2], strict=True):
        said = " ".join(text.split())
        if not said or len(said) > MAX_SECTION:
            raise ResourceError(f"{file}: {heading}: must have a text of at most {MAX_SECTION} characters; it has {len(said)}")
        yield Section(heading.strip(), said)
