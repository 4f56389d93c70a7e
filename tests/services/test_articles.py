"""Articles as files: ours are whole and agree with each other, and a broken one is told by its name and the fix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.errors import ResourceError
from bot.resources import LANGUAGES, ROOT
from bot.services.articles import Article, read_articles

pytestmark = pytest.mark.unit

OURS = read_articles(ROOT / "knowledge")
BY_TOPIC = {topic: [article for article in OURS if article.topic == topic] for topic in sorted({a.topic for a in OURS})}
GOOD = """---
title: Hours
language: en
category: contact
tags: [shop]
examples:
  - "when are you open"
---
## When are you open?
From 9
to 18.

## And on Sundays?
Closed.
"""


def numbers(article: Article) -> list[str]:
    """Prices, times, telephone numbers and addresses: what has to be the same in every language."""
    text = " ".join(section.text for section in article.sections)
    return sorted(re.findall(r"\$\d+|\d+ GB|\d+ ?%|\d+:\d\d|\+1[\d ]+\d|[a-z@/]*alzuna\.example[a-z/]*|(?<!\d)\d{2,}", text))


def test_every_topic_is_there_in_every_language_with_the_same_sections() -> None:
    assert len(BY_TOPIC) >= 22
    for topic, articles in BY_TOPIC.items():
        assert sorted(article.language for article in articles) == sorted(LANGUAGES), topic
        assert len({len(article.sections) for article in articles}) == 1, topic
        assert len({article.category for article in articles}) == 1, topic


@pytest.mark.parametrize("topic", BY_TOPIC)
def test_an_article_says_the_same_facts_in_every_language(topic: str) -> None:
    english, spanish, hindi = sorted(BY_TOPIC[topic], key=lambda article: ("en", "es", "hi").index(article.language))
    assert numbers(spanish) == numbers(english)
    assert numbers(hindi) == numbers(english)


@pytest.mark.parametrize("article", OURS, ids=lambda article: f"{article.topic}.{article.language}")
def test_an_article_has_examples_and_short_sections(article: Article) -> None:
    assert 4 <= len(article.examples) <= 8
    assert len(set(article.examples)) == len(article.examples)
    assert all(len(section.text) < 500 for section in article.sections)


def test_each_section_is_an_entry_and_the_first_has_the_examples(tmp_path: Path) -> None:
    (tmp_path / "hours.en.md").write_text(GOOD)
    (tmp_path / "README.md").write_text("no article")
    (article,) = read_articles(tmp_path)
    first, second = article.entries()
    assert (first.id, first.question, first.answer, first.language) == ("hours.en.1", "When are you open?", "From 9 to 18.", "en")
    assert (first.examples, second.examples) == (["when are you open"], [])
    assert (second.topic, second.title, second.category, second.tags) == ("hours", "Hours", "contact", ["shop"])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("Hours.md", GOOD, "Hours.md: must be named <topic>.<language>.md"),
        ("hours.en.md", "## When?\nNow.", "hours.en.md: must begin with front matter"),
        ("hours.es.md", GOOD, "hours.es.md: language: must be es, as in the file's name; it is en"),
        ("hours.en.md", GOOD.replace("title: Hours\n", ""), "hours.en.md.title: is required"),
        ("hours.en.md", GOOD.replace("category", "kategory"), "hours.en.md.category: is required"),
        ("hours.en.md", GOOD.replace("[shop]", "[shop"), "hours.en.md: while parsing"),
        ("hours.en.md", GOOD.replace("## When are you open?\n", ""), "every text must stand under a heading"),
        ("hours.en.md", GOOD.replace("Closed.", ""), "And on Sundays?: must have a text"),
        ("hours.en.md", GOOD.replace("Closed.", "Closed. " * 200), "must have a text of at most 1200 characters; it has"),
    ],
)
def test_a_broken_article_is_one_line_that_names_it(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ResourceError) as caught:
        read_articles(tmp_path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="is no folder of articles"):
        read_articles(tmp_path / "nowhere")
