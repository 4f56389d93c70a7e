"""How somebody feels about us, by their words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.sentiment import label_of, score_of, sentiment_of, shares

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("That is excellent, I love it", "positive"),
        ("I am not happy with this", "negative"),
        ("It is not bad", "positive"),
        ("No, that is great", "positive"),
        ("The router stands in the hall", "neutral"),
        ("", "neutral"),
        ("Pésimo servicio, estoy muy enojado", "negative"),
        ("Me encanta, muy bien", "positive"),
        ("No me gusta nada", "negative"),
        ("यह बहुत अच्छा है", "positive"),
        ("यह अच्छा नहीं है", "negative"),
        ("बहुत खराब सेवा", "negative"),
        ("bahut accha kaam", "positive"),
    ],
)
def test_words_please_or_displease_in_each_language_and_a_denial_turns_them_round(text: str, label: str) -> None:
    assert label_of(score_of(text)) == label


def test_the_more_is_said_the_surer_it_is_but_never_quite() -> None:
    once, often = score_of("good"), score_of("good. great. perfect. lovely. happy. glad.")
    assert 0 < once < often < 1


def test_a_phrase_is_not_counted_again_by_a_word_in_it() -> None:
    assert score_of("very good") == score_of("good")


def test_all_that_is_said_counts_together_and_what_stands_out_is_quoted() -> None:
    found = sentiment_of(["Hello.", "That is great!", "But the price is terrible.", "It is perfect."])
    assert found.overall == "positive"
    assert found.breakdown is not None
    assert (found.breakdown.positive, found.breakdown.neutral, found.breakdown.negative) == (0.5, 0.25, 0.25)
    assert found.highlights is not None
    assert found.highlights.positive == ["That is great!", "It is perfect."]
    assert found.highlights.concerns == ["But the price is terrible."]


@given(st.lists(st.floats(min_value=0, max_value=1000), min_size=3, max_size=3))
def test_shares_sum_to_one_whatever_they_are_made_of(weights: list[float]) -> None:
    found = shares(*weights)
    assert found.positive + found.neutral + found.negative == pytest.approx(1.0, abs=0.01)
    assert min(found.positive, found.neutral, found.negative) >= 0


@given(st.text(max_size=300))
def test_any_text_has_a_score_within_bounds(text: str) -> None:
    assert -1 <= score_of(text) <= 1
