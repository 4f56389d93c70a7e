"""The knowledge base: questions in anybody's words, changes seen at once, a sync that leaves what users wrote."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from bot.records.knowledge import KnowledgeEntry
from bot.resources import ROOT
from bot.services.knowledge import Knowledge
from bot.services.quoting import answer_from
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.scenario


@pytest.fixture
def knowledge(store: SqliteStore) -> Knowledge:
    return Knowledge(store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two of our articles, to be changed."""
    copy = tmp_path / "articles"
    copy.mkdir()
    for name in ("hours.en.md", "roaming.es.md"):
        shutil.copy(ROOT / "knowledge" / name, copy)
    return copy


def written(id: str, question: str, answer: str, language: str = "en") -> KnowledgeEntry:
    return KnowledgeEntry(id=id, category="own", question=question, answer=answer, language=language, created_by="op-1")


@pytest.mark.parametrize(
    ("language", "asked", "topic"),
    [
        ("en", "do you work on sundays?", "hours"),
        ("es", "cuanto cuesta usar datos en otro pais", "roaming"),
        ("hi", "wifi ka password bhul gaya", "wifi-password"),
        ("hi", "वाई-फ़ाई का पासवर्ड याद नहीं", "wifi-password"),
    ],
)
async def test_a_question_in_its_own_words_finds_its_article(knowledge: Knowledge, language: str, asked: str, topic: str) -> None:
    await knowledge.ensure()
    best = (await knowledge.find(asked, language))[0]
    assert (best.topic, best.language) == (topic, language)


async def test_two_processes_that_begin_at_once_on_an_empty_store_both_start(store: SqliteStore) -> None:
    first, second = Knowledge(store), Knowledge(store)
    await asyncio.gather(first.ensure(), second.ensure())
    assert await second.find("when is the shop open", "en")


async def test_what_the_company_has_nothing_to_say_on_is_not_found(knowledge: Knowledge) -> None:
    await knowledge.ensure()
    assert await knowledge.find("Who painted the Mona Lisa?", "en") == []
    assert await knowledge.find("", "en") == []


async def test_the_section_that_answers_comes_first(knowledge: Knowledge) -> None:
    await knowledge.ensure()
    assert (await knowledge.find("the router light is orange", "en"))[0].id == "router-lights.en.2"
    assert (await knowledge.find("when is the shop open", "en"))[0].id == "hours.en.2"


async def test_another_language_answers_only_where_there_is_none_in_theirs_and_says_so(
    store: SqliteStore, knowledge: Knowledge
) -> None:
    await store.insert(
        [written("kb-es", "Wifi gratis", "En la tienda.", "spanish"), written("kb-en", "Free wifi", "In the shop.")]
    )
    assert [passage.id for passage in await knowledge.find("wifi", "en")] == ["kb-en"]
    found = await knowledge.find("wifi", "hi")
    quote = answer_from(found, "wifi", "hi")
    assert quote is not None
    assert quote.language != "hi"
    assert "सिर्फ़" in quote.said()


async def test_a_change_is_seen_at_once_by_whoever_it_was_made(
    store: SqliteStore, clock: ManualClock, knowledge: Knowledge
) -> None:
    await store.insert([written("kb", "Parking", "Behind the shop.")])
    assert [passage.id for passage in await knowledge.find("parking", "en")] == ["kb"]
    await clock.advance(0.001)
    await store.change(KnowledgeEntry, {"id": "kb"}, set={"is_active": False})
    assert await knowledge.find("parking", "en") == []
    await clock.advance(0.001)
    await store.change(KnowledgeEntry, {"id": "kb"}, set={"is_active": True})
    assert [passage.id for passage in await knowledge.find("parking", "en")] == ["kb"]


async def test_a_second_sync_changes_nothing(knowledge: Knowledge, folder: Path) -> None:
    first, second = await knowledge.sync(folder), await knowledge.sync(folder)
    assert len(first.added) == 6
    assert (second.added, second.changed, second.removed, second.unchanged) == ((), (), (), 6)


async def test_a_sync_replaces_what_has_changed_removes_what_is_gone_and_leaves_what_users_wrote(
    store: SqliteStore, knowledge: Knowledge, folder: Path
) -> None:
    await store.insert([written("own", "Parking", "Behind the shop.")])
    await knowledge.sync(folder)
    await store.change(KnowledgeEntry, {"id": "hours.en.1"}, set={"is_active": False})
    file = folder / "hours.en.md"
    file.write_text(file.read_text().replace("8:00 to 20:00", "7:00 to 21:00"))
    (folder / "roaming.es.md").unlink()
    synced = await knowledge.sync(folder)
    assert synced.changed == ("hours.en.1",)
    assert synced.removed == ("roaming.es.1", "roaming.es.2", "roaming.es.3")
    hours = await store.get(KnowledgeEntry, "hours.en.1")
    assert hours is not None
    assert "7:00 to 21:00" in hours.answer
    assert not hours.is_active  # who switched it off meant it
    assert await store.get(KnowledgeEntry, "own") is not None


async def test_a_dry_run_tells_and_writes_nothing(store: SqliteStore, knowledge: Knowledge, folder: Path) -> None:
    assert len((await knowledge.sync(folder, dry_run=True)).added) == 6
    assert await store.count(KnowledgeEntry, {}) == 0


async def test_a_fresh_store_gets_our_articles_once(store: SqliteStore, knowledge: Knowledge, folder: Path) -> None:
    before = store.commits
    await knowledge.ensure()
    assert store.commits == before + 1
    await knowledge.sync(folder)
    await knowledge.ensure()
    assert await store.count(KnowledgeEntry, {}) == 6


async def test_a_quote_is_a_passages_own_sentences_with_its_source(knowledge: Knowledge) -> None:
    await knowledge.ensure()
    asked = "What happens if I pay late?"
    quote = answer_from(await knowledge.find(asked, "en"), asked, "en")
    assert quote is not None
    assert quote.said() == (
        "We remind you on the 12th. After the 20th a late fee of $3 is added, and after 30 days without payment the service is "
        "suspended.\n(From: Paying late)"
    )


async def test_a_quote_takes_three_sentences_that_belong_together(store: SqliteStore, knowledge: Knowledge) -> None:
    text = "One is red. Two is blue. Three is green. Four is a lion. Five is a lion cub. Six is a lion's den at 8:00 p.m."
    await store.insert([written("kb", "Animals and colours", text)])
    quote = answer_from(await knowledge.find("lion animals", "en"), "lion animals", "en")
    assert quote is not None
    assert quote.text == "Four is a lion. Five is a lion cub. Six is a lion's den at 8:00 p.m."


async def test_without_a_passage_there_is_nothing_to_quote() -> None:
    assert answer_from([], "anything", "en") is None
