"""Search without a model: other forms, misspellings and the other script of Hindi find a passage; what is removed is gone."""

from __future__ import annotations

import pickle

import pytest

from bot.memory.features import MAX_CHARACTERS, sound_of
from bot.memory.lexical import LexicalIndex

pytestmark = pytest.mark.unit


def index_of(language: str, **passages: str) -> LexicalIndex:
    index = LexicalIndex(language)
    for id, text in passages.items():
        index.put(id, text)
    return index


def best(index: LexicalIndex, text: str) -> str:
    return index.search(text)[0].id


@pytest.mark.parametrize(
    ("language", "asked"),
    [("es", "facturaciones"), ("es", "FACTURACION"), ("en", "billed"), ("en", "biling"), ("hi", "bil"), ("hi", "बिलों")],
)
def test_other_forms_misspellings_and_the_other_script_find_the_passage(language: str, asked: str) -> None:
    bill = {"es": "La facturación mensual", "en": "How billing works", "hi": "महीने का बिल"}[language]
    roof = {"es": "El tejado nuevo", "en": "A new roof", "hi": "नई छत का काम"}[language]
    assert best(index_of(language, bill=bill, roof=roof), asked) == "bill"


@pytest.mark.parametrize(
    ("one", "other"), [("नमस्ते", "namaste"), ("फ़ोन", "phone"), ("कनेक्शन", "kanekshan"), ("शुक्रिया", "shukriya")]
)
def test_a_word_of_hindi_sounds_the_same_in_both_scripts(one: str, other: str) -> None:
    assert sound_of(one).rstrip("e") == sound_of(other).rstrip("e")


def test_each_arm_finds_what_the_other_cannot_see() -> None:
    index = index_of("en", stem="We ran", joined="doorbellcamera manual", other="nothing of the kind")
    assert best(index, "running ran") == "stem"
    assert best(index, "bell camera") == "joined"


def test_a_passage_put_again_replaces_the_old_one() -> None:
    index = index_of("en", a="apples", b="pears")
    index.put("a", "cherries")
    assert index.search("cherries")[0].nearness > 0.99
    assert all(hit.nearness < 0.2 for hit in index.search("apples"))
    assert len(index) == 2


def test_what_is_removed_leaves_nothing_behind() -> None:
    index = index_of("en", keep="apples", gone="secret cherries")
    index.search("anything")
    index.remove("gone")
    index.remove("never there")
    as_if_never_there = index_of("en", keep="apples")
    for asked in ("apples", "secret cherries"):
        assert index.search(asked) == as_if_never_there.search(asked)
    assert pickle.dumps(index) == pickle.dumps(as_if_never_there)


def test_nearness_is_raw_and_tells_what_is_near_from_what_is_merely_the_best() -> None:
    index = index_of("en", hours="When are you open on Saturday", pay="How can I pay")
    assert index.search("when are you open on saturday")[0].nearness > 0.99
    assert index.search("who won the match on Sunday")[0].nearness < 0.5


@pytest.mark.parametrize("text", ["", "¿?", "😀😀", "\u200b\u200d", "<script>", "x" * (MAX_CHARACTERS * 3), "א" * 50])
def test_no_text_is_too_odd(text: str) -> None:
    index = index_of("hi", a="नमस्ते", b="namaste")
    assert all(0 <= hit.score <= 1 for hit in index.search(text))
    index.put("odd", text)
    assert len(index.search("namaste")) >= 1


def test_an_empty_index_finds_nothing() -> None:
    assert LexicalIndex("fr").search("rien") == []
