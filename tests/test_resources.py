"""Texts of ours: every language says the same things with the same blanks."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
from babel import Locale

from bot import resources
from bot.errors import ResourceError
from bot.records.tickets import TicketStatus
from bot.resources import LANGUAGES, ROOT, read, read_yaml, say, utterances, words

pytestmark = pytest.mark.unit

OTHERS = [language for language in LANGUAGES if language != "es"]


def is_words(name: str) -> bool:
    """Whether it is a list of words that people say, and nothing that the program says."""
    return name.endswith("_words") or name in ("not_before_person", "not_after_person")


def texts(said: Any) -> list[str]:
    """The texts of an utterance, of whichever kind."""
    return list(said.values()) if isinstance(said, dict) else [said] if isinstance(said, str) else said


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
    for name, said in utterances("es").items():
        other = utterances(language)[name]
        assert type(other) is type(said), name
        if not is_words(name):
            assert {tuple(blanks(text)) for text in (*texts(other), *texts(said))} == {tuple(blanks(texts(said)[0]))}, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_depends_on_a_number_has_a_text_for_each_of_the_languages_plurals(language: str) -> None:
    plurals = {name: said for name, said in utterances(language).items() if isinstance(said, dict)}
    assert plurals
    needed = {Locale.parse(language).plural_form(count) for count in range(1000)} | {"other"}
    assert {name: set(said) for name, said in plurals.items() if set(said) != needed} == {}
    assert all("count" in blanks(text) for said in plurals.values() for text in said.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_that_mean_the_same_differ_and_no_button_has_any(language: str) -> None:
    variants = {name: said for name, said in utterances(language).items() if isinstance(said, list) and not is_words(name)}
    assert all(len(set(said)) == len(said) > 1 for said in variants.values())
    assert not [name for name in variants if name.startswith("option_") or name in ("yes", "no")]


def test_no_sentence_tells_the_programs_gender_or_supposes_the_persons() -> None:
    gendered = {
        "hi": r"(ता|ती|रहा|रही|ूँगा|ूँगी|ऊँगा|ऊँगी) हूँ|(ऊँ|ूँ)(गा|गी)|मैं [^।?]*(सकता|सकती|समझा|समझी)\b|आप [^।?]*([तर]े|ती) हैं|आप [^।?]*ेंग[ेी]",
        "es": r"\b(seguro|segura|listo|lista) de\b|bienvenid[oa]|\b(estimado|estimada|querido|querida)\b",
    }
    for language, pattern in gendered.items():
        said = [text for name, one in utterances(language).items() if not is_words(name) for text in texts(one)]
        assert [text for text in said if re.search(pattern, text)] == []


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

    for name, said in utterances(language).items():
        assert all(map(check, texts(said))), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_of_a_ticket_has_its_words(language: str) -> None:
    assert all(say(language, f"status_{status}") for status in TicketStatus)


def test_no_word_both_stops_and_resumes() -> None:
    assert words("opt_out_words") & words("resume_words") == frozenset()
    assert "stop" in words("opt_out_words")


def test_a_turn_says_the_same_each_time_it_is_run_and_turns_differ() -> None:
    seeds = [f"turn-{number}" for number in range(50)]
    said = [say("es", "offline_thanks", seed=seed) for seed in seeds]
    assert said == [say("es", "offline_thanks", seed=seed) for seed in seeds]
    assert set(said) == set(utterances("es")["offline_thanks"])
    assert say("es", "offline_thanks") == utterances("es")["offline_thanks"][0], "without a turn it is the first"
    assert {say("es", "no_tickets", seed=seed) for seed in seeds} == {"No tiene ningún ticket."}


@pytest.mark.parametrize(
    ("language", "count", "told"),
    [
        ("es", 1, "Le queda 1 intento."),
        ("es", 2, "Le quedan 2 intentos."),
        ("es", 0, "Le quedan 0 intentos."),
        ("es", 1_000_000, "Le quedan 1.000.000 intentos."),
        ("en", 1, "You have 1 try left."),
        ("en", 0, "You have 0 tries left."),
        ("en", 1234, "You have 1,234 tries left."),
        ("hi", 1, "अब 1 प्रयास बचा है।"),
        ("hi", 2, "अब 2 प्रयास बचे हैं।"),
        ("hi", 1_234_567, "अब 12,34,567 प्रयास बचे हैं।"),
        ("fr", 2, "Le quedan 2 intentos."),
    ],
)
def test_a_number_is_said_as_the_language_says_and_writes_it(language: str, count: int, told: str) -> None:
    assert say(language, "code_wrong", count=count).endswith(told)


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
        ("code_wrong", {}, "has no text 'code_wrong'"),
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
    with pytest.raises(ResourceError, match=r"^broken\.yaml: while parsing.*line \d") as caught:
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
