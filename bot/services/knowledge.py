"""The knowledge base: found by questions in anybody's own words, kept in step with the articles in `knowledge/`.

The search runs in memory, an index a language, built from the store. Every search asks the store first whether anything has
changed, whoever changed it (two small queries), so that no entry that was switched off is ever used. An article's examples lead
to the article; which of its sections answers is told by the sections themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bot.errors import Duplicate
from bot.memory.examples import Examples
from bot.memory.lexical import LexicalIndex
from bot.records.knowledge import KnowledgeEntry
from bot.resources import LANGUAGES, ROOT
from bot.services.articles import read_articles
from bot.store.base import Between, Delete, Store, Unit

_PAGE = 500
_ARTICLES = ROOT / "knowledge"
_OURS = "knowledge sync"

LEAST_CONFIDENCE = 0.18
"""From which on an article may be about what was asked."""
_SECTION = 0.2
"""What its place among all sections adds to a section, beside the confidence in its article."""

_SPELLED = {"spanish": "es", "español": "es", "english": "en", "hindi": "hi"}
"""Languages as the seeds write them."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of an article, or a user's entry, that may answer a question."""

    id: str
    title: str
    """What the section is about: the question that it answers."""
    text: str
    source: str
    """What to name as the source: the article's title."""
    language: str
    score: float
    """The higher the better; for the order of one search only."""
    topic: str = ""
    """Name of the article; empty for a user's entry."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync has done, or would do: ids of entries."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int


class Knowledge:
    """Searches the knowledge base and syncs it with a folder of articles."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: tuple[object, ...] | None = None
        self._entries: dict[str, list[KnowledgeEntry]] = {}
        self._shelves: dict[str, _Shelf] = {}
        self.generation = 0
        """Rises whenever the entries have changed: what was made of them is then to be made anew."""

    async def find(self, text: str, language: str, limit: int = 3) -> list[Passage]:
        """The passages that may answer, the best first: in this language, and only where it has none, in the others.

        Nothing at all where nothing is about what was asked.
        """
        await self.refresh()
        for known in (language, *(other for other in self._entries if other != language)):
            if found := self._shelf(known).find(text, limit):
                return found
        return []

    def asked(self, language: str) -> list[tuple[str, str]]:
        """What people ask in this language, each with the article that answers it; as of the last refresh."""
        return self._shelf(language).asked

    def about(self, language: str) -> Mapping[str, str]:
        """What each article says in this language; as of the last refresh."""
        return self._shelf(language).about

    async def refresh(self) -> None:
        """Reads the entries again where they have changed (S5-087)."""
        seen = await self._stamp()
        if seen == self._seen:
            return
        self._entries = _by_language(await self._all())
        self._shelves = {}
        self._seen = seen
        self.generation += 1

    async def ensure(self) -> None:
        """Syncs with the articles that ship with the program if the store has none of any article: a fresh install can answer."""
        if not await self._store.find(KnowledgeEntry, {"topic": Between(low="")}, limit=1):
            with suppress(Duplicate):  # another process that began at the same time was faster, with all of them
                await self.sync(_ARTICLES)

    async def sync(self, folder: Path | None = None, *, dry_run: bool = False) -> Synced:
        """Makes the entries of articles what a folder says, in one commit; entries that users wrote stay.

        Whether an entry is switched off stays as it is. Raises ResourceError for an article that cannot be read: nothing is
        changed then.
        """
        wanted = {entry.id: entry for article in read_articles(folder or _ARTICLES) for entry in article.entries()}
        there = {entry.id: entry for entry in await self._all() if entry.topic is not None}
        added = [entry for id, entry in wanted.items() if id not in there]
        changed = [_updated(there[id], entry) for id, entry in wanted.items() if id in there and _differs(there[id], entry)]
        removed = [id for id in there if id not in wanted]
        unit = Unit(*(Delete(KnowledgeEntry, {"id": id}) for id in removed))
        unit.put(*changed)
        unit.insert(*(entry.model_copy(update={"created_by": _OURS}) for entry in added))
        if unit and not dry_run:
            await self._store.commit(unit)
        return Synced(
            tuple(entry.id for entry in added),
            tuple(entry.id for entry in changed),
            tuple(removed),
            len(wanted) - len(added) - len(changed),
        )

    def _shelf(self, language: str) -> _Shelf:
        """The indexes of a language, made when it is first asked for."""
        if language not in self._shelves:
            self._shelves[language] = _Shelf(language, self._entries.get(language, ()))
        return self._shelves[language]

    async def _stamp(self) -> tuple[object, ...]:
        newest = await self._store.find(KnowledgeEntry, {}, sort=("-updated_at",), limit=1)
        return (await self._store.count(KnowledgeEntry, {}), *((entry.id, entry.updated_at, entry.version) for entry in newest))

    async def _all(self) -> list[KnowledgeEntry]:
        entries: list[KnowledgeEntry] = []
        while page := await self._store.find(KnowledgeEntry, {}, limit=_PAGE, after=entries[-1].id if entries else None):
            entries += page
        return entries


def code_of(language: str) -> str:
    """A language as we write it: `spanish` is `es`."""
    spelled = language.strip().casefold()
    return _SPELLED.get(spelled, spelled)


def _differs(there: KnowledgeEntry, wanted: KnowledgeEntry) -> bool:
    return there.content_hash != wanted.content_hash


def _updated(there: KnowledgeEntry, wanted: KnowledgeEntry) -> KnowledgeEntry:
    said = ("category", "question", "answer", "language", "topic", "title", "tags", "examples", "content_hash")
    return there.model_copy(update={name: getattr(wanted, name) for name in said})


def _by_language(entries: Iterable[KnowledgeEntry]) -> dict[str, list[KnowledgeEntry]]:
    """The active entries, our own languages first."""
    found: dict[str, list[KnowledgeEntry]] = {}
    for entry in entries:
        if entry.is_active:
            found.setdefault(code_of(entry.language), []).append(entry)
    return {language: found[language] for language in sorted(found, key=lambda code: (code not in LANGUAGES, code))}


class _Shelf:
    """The active entries of one language, and their indexes. A subject is an article, or an entry that a user wrote."""

    def __init__(self, language: str, entries: Sequence[KnowledgeEntry]) -> None:
        self._passages = {entry.id: _passage(entry, language) for entry in entries}
        self._subject_of = {entry.id: entry.topic or entry.id for entry in entries}
        self.asked = [(asked, entry.topic or entry.id) for entry in entries for asked in _asked(entry)]
        self.about: dict[str, str] = {}
        self._sections = LexicalIndex(language)
        for entry in entries:
            subject = self._subject_of[entry.id]
            self.about[subject] = " ".join((self.about.get(subject, ""), entry.answer, *entry.tags))
            self._sections.put(entry.id, f"{entry.question} {entry.answer}")
        self._subjects = Examples(
            [asked for asked, _ in self.asked], [subject for _, subject in self.asked], language, self.about
        )

    def find(self, text: str, limit: int) -> list[Passage]:
        """The best passages, none where nothing is about what was asked."""
        confidences = self._subjects.confidences(text)
        own = {hit.id: hit.score for hit in self._sections.search(text, limit=len(self._passages))}
        scored = [
            replace(self._passages[id], score=confidences[subject] + _SECTION * own.get(id, 0.0))
            for id, subject in self._subject_of.items()
            if confidences[subject] >= LEAST_CONFIDENCE
        ]
        return sorted(scored, key=lambda passage: -passage.score)[:limit]


def _asked(entry: KnowledgeEntry) -> Iterable[str]:
    """What somebody may ask who needs this entry."""
    return dict.fromkeys((entry.title or entry.question, entry.question, *entry.examples))


def _passage(entry: KnowledgeEntry, language: str) -> Passage:
    return Passage(entry.id, entry.question, entry.answer, entry.title or entry.question, language, 0.0, entry.topic or "")
