"""What somebody wants, without a model: the demo company's 150 questions, and the guesses around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from bot.dialogs.intents import ARTICLE, IntentGuess, Intents, flow_examples
from bot.records.knowledge import KnowledgeEntry
from bot.resources import LANGUAGES
from bot.services.knowledge import Knowledge
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.scenario

QUESTIONS = yaml.safe_load((Path(__file__).parent / "offline_questions.yaml").read_text())
LEAST_RIGHT = 0.9


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "bot.db", clock)
    await store.open()
    yield store
    await store.close()


@pytest_asyncio.fixture
async def knowledge(store: SqliteStore) -> Knowledge:
    knowledge = Knowledge(store)
    await knowledge.ensure()
    await knowledge.refresh()
    return knowledge


@pytest.fixture
def intents(knowledge: Knowledge) -> Intents:
    return Intents(knowledge)


def told(guess: IntentGuess) -> str:
    return (guess.topic or guess.name) if guess.is_in_scope else "none"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nine_of_ten_questions_are_understood_in_every_language(intents: Intents, language: str) -> None:
    questions = QUESTIONS[language]
    wrong = [
        (q["ask"], told(intents.of(q["ask"], language))) for q in questions if told(intents.of(q["ask"], language)) != q["expect"]
    ]
    assert len(questions) == 50
    assert 1 - len(wrong) / len(questions) >= LEAST_RIGHT, wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_third_of_the_questions_is_out_of_scope_and_none_is_among_the_examples(knowledge: Knowledge, language: str) -> None:
    questions = QUESTIONS[language]
    assert sum(question["expect"] == "none" for question in questions) == 17
    known = {text.casefold() for said in flow_examples(language).values() for text in said}
    known |= {text.casefold() for text, _ in knowledge.asked(language)}
    assert not [question["ask"] for question in questions if question["ask"].casefold() in known]


def test_the_flows_are_the_same_in_every_language_with_enough_examples() -> None:
    for language in LANGUAGES:
        assert set(flow_examples(language)) == set(flow_examples("es"))
        assert all(15 <= len(said) <= 30 for said in flow_examples(language).values()), language


def test_an_article_is_named_by_its_topic(intents: Intents) -> None:
    guess = intents.of("what are your opening hours?", "en")
    assert (guess.name, guess.topic, guess.is_in_scope) == (ARTICLE, "hours", True)


@pytest.mark.parametrize("text", ["", "😀😀😀", "\u200b\u200d", "<script>alert(1)</script>", "שלום עולם", "a" * 4000])
def test_what_says_nothing_is_out_of_scope(intents: Intents, text: str) -> None:
    for language in LANGUAGES:
        assert not intents.of(text, language).is_in_scope


def test_another_language_than_ours_is_looked_up_in_spanish(intents: Intents) -> None:
    assert intents.of("hola", "pt") == intents.of("hola", "es")


async def test_a_new_article_is_known_after_the_next_refresh(store: SqliteStore, knowledge: Knowledge, intents: Intents) -> None:
    asked = "when is the aquarium fed"
    assert not intents.of(asked, "en").is_in_scope
    await store.insert(
        [
            KnowledgeEntry(
                id="aquarium.en.1",
                category="shop",
                question="When is the aquarium fed?",
                answer="At noon.",
                language="en",
                topic="aquarium",
                title="The aquarium",
            )
        ]
    )
    await knowledge.refresh()
    assert intents.of(asked, "en").topic == "aquarium"
