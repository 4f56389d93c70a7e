"""Texts of ours: every language says the same things with the same blanks."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest

from bot import resources
from bot.errors import ResourceError
from bot.records.tickets import TicketStatus
from bot.resources import LANGUAGES, ROOT, read, read_yaml, say, utterances, words

pytestmark = pytest.mark.unit

OTHERS = [language for language in LANGUAGES if language != "es"]


def blanks(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_there_is_a_file_for_every_language_and_no_other() -> None:
    files = sorted(file.stem for file in (ROOT / "prompts" / "utterances").glob("*.yaml"))
    assert files == sorted(LANGUAGES)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_texts(language: str) -> None:
    assert list(utterances(language)) == list(utterances("es"))


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_blanks(language: str) -> None:
    for name, text in utterances("es").items():
        other = utterances(language)[name]
        assert type(other) is type(text), name
        if isinstance(text, str):
            assert blanks(other) == blanks(text), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_button_titles_fit_a_button(language: str) -> None:
    titles = {name: text for name, text in utterances(language).items() if name.startswith("option_")}
    assert titles
    assert {name: text for name, text in titles.items() if len(text) > 20} == {}
    assert len({title.casefold() for title in titles.values()}) == len(titles)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_a_text_or_a_list_of_texts_and_none_is_blank(language: str) -> None:
    def check(text: Any) -> bool:
        return isinstance(text, str) and bool(text.strip()) and text == text.strip()

    for name, text in utterances(language).items():
        assert all(map(check, text)) if isinstance(text, list) else check(text), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_of_a_ticket_has_its_words(language: str) -> None:
    assert all(say(language, f"status_{status}") for status in TicketStatus)


def test_no_word_both_stops_and_resumes() -> None:
    assert words("opt_out_words") & words("resume_words") == frozenset()
    assert "stop" in words("opt_out_words")


def test_a_text_is_filled_in_and_braces_in_values_stay() -> None:
    assert "TICKET-1" in say("en", "ticket_opened", ticket_id="TICKET-1")
    assert say("en", "ticket_line", ticket_id="T", subject="{0} {x}", status="open") == "T: {0} {x} (open)"


def test_an_unknown_language_speaks_spanish() -> None:
    assert say("fr", "no_tickets") == say("es", "no_tickets")


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("nothing", {}, "has no text 'nothing'"),
        ("opt_out_words", {}, "has no text 'opt_out_words'"),
        ("ticket_opened", {}, "ticket_opened: cannot be filled in (KeyError('ticket_id'))"),
    ],
)
def test_a_missing_text_or_blank_is_one_line_that_names_the_file(name: str, values: dict[str, str], told: str) -> None:
    with pytest.raises(ResourceError) as caught:
        say("en", name, **values)
    assert str(caught.value) == f"prompts/utterances/en.yaml: {told}"


def test_a_file_that_is_missing_or_broken_is_one_line_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "ROOT", tmp_path)
    with pytest.raises(ResourceError, match=r"^prompts/x\.md: cannot be read \(No such file or directory\); is the"):
        read("prompts", "x.md")
    (tmp_path / "broken.yaml").write_text("a: [1,\nb: 2")
    with pytest.raises(ResourceError, match=r"^broken\.yaml: while parsing.*line 2") as caught:
        read_yaml("broken.yaml")
    assert "\n" not in str(caught.value)
    (tmp_path / "prompts" / "utterances").mkdir(parents=True)
    (tmp_path / "prompts" / "utterances" / "es.yaml").write_text("- a list")
    utterances.cache_clear()
    try:
        with pytest.raises(ResourceError, match=r"es\.yaml: must be a mapping"):
            utterances("es")
    finally:
        utterances.cache_clear()
