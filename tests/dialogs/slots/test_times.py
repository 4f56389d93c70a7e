"""Times in words: the table of phrases, corrections, and what holds for any text (DESIGN 7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.slots.times import Assumed, Piece, SpokenTime, correct, parse_time
from bot.resources import LANGUAGES
from bot.resources import moment as in_words

pytestmark = pytest.mark.unit

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "times.yaml").read_text(encoding="utf-8"))
ZONES = {"es": ZoneInfo("America/Mexico_City"), "en": ZoneInfo("America/New_York"), "hi": ZoneInfo("Asia/Kolkata")}
SAID = [(language, text, expected) for language in LANGUAGES for text, expected in TABLE[language].items()]
UNSAID = [(language, text) for language, texts in TABLE["none"].items() for text in texts]
PARIS = ZoneInfo("Europe/Paris")


def at(language: str, *wall: int) -> datetime:
    return datetime(*wall, tzinfo=ZONES[language])  # type: ignore[misc,arg-type]


def now(language: str) -> datetime:
    return at(language, 2026, 11, 18, 11, 0)


def heard(text: str, language: str = "es", said_at: datetime | None = None) -> SpokenTime | None:
    return parse_time(text, language=language, now=said_at or now(language), zone=ZONES[language])


def certain(text: str, language: str = "es", said_at: datetime | None = None) -> SpokenTime:
    found = heard(text, language, said_at)
    assert found is not None, text
    return found


def corrected(first: str, *then: str, language: str = "es") -> SpokenTime | None:
    spoken: SpokenTime | None = certain(first, language)
    for text in then:
        assert spoken is not None
        spoken = correct(spoken, text, language=language, now=now(language), zone=ZONES[language])
    return spoken


def shown(spoken: SpokenTime | None) -> str:
    """As the table writes it."""
    if spoken is None:
        return "none"
    if spoken.past:
        return "past"
    day = spoken.day.isoformat() if spoken.day and spoken.at is None else ""
    moment = f"{spoken.at:%Y-%m-%d %H:%M}" if spoken.at else day
    until = f"- {spoken.until:%H:%M}" if spoken.until else ""
    guessed = "~" + " ".join(sorted(spoken.assumed)) if spoken.assumed else ""
    asked = [*sorted(spoken.missing), *(day.isoformat() for day in spoken.candidates)]
    missing = "? " + " ".join(asked) if spoken.missing else ""
    return " ".join(part for part in (moment, until, guessed, missing) if part)


def test_the_table_has_two_hundred_phrases_a_third_in_each_language_and_forty_that_are_none() -> None:
    assert len(SAID) >= 200
    assert all(len(TABLE[language]) * 3 >= 200 for language in LANGUAGES)
    assert len(UNSAID) >= 40


@pytest.mark.parametrize(("language", "text", "expected"), SAID)
def test_a_phrase_is_understood(language: str, text: str, expected: str) -> None:
    assert shown(heard(str(text), language)) == str(expected)


@pytest.mark.parametrize(("language", "text"), UNSAID)
def test_what_is_no_time_is_none(language: str, text: str) -> None:
    assert heard(text, language) is None


CORRECTIONS = {
    "es": [
        ("mañana a las cinco", "no, viernes", "2026-11-20 17:00 ~half"),
        ("mañana a las cinco", "no, mejor a las seis", "2026-11-19 18:00 ~half"),
        ("mañana a las cinco de la tarde", "perdón, a las 6", "2026-11-19 18:00"),
        ("mañana a las cinco de la tarde", "mejor a las 10", "2026-11-19 10:00 ~half"),
        ("mañana a las cinco", "por la mañana", "2026-11-19 05:00"),
        ("mañana por la tarde", "a las 5", "2026-11-19 17:00"),
        ("mañana por la tarde", "no, por la mañana", "2026-11-19 10:00 ~hour"),
        ("el lunes", "a las 4", "2026-11-23 16:00 ~half"),
        ("el lunes", "4", "2026-11-23 16:00 ~half"),
        ("la semana que viene a las 4", "el martes", "2026-11-24 16:00 ~half"),
        ("el fin de semana a las 11", "el domingo", "2026-11-22 11:00 ~half"),
        ("mañana a las cinco", "media hora más tarde", "2026-11-19 17:30"),
        ("mañana a las cinco", "una hora antes", "2026-11-19 16:00"),
        ("mañana de 4 a 6", "mejor el viernes", "2026-11-20 16:00 - 18:00 ~half"),
        ("a las cinco", "mañana", "2026-11-19 17:00 ~half"),
        ("mañana a las cinco", "¿cuánto cuesta?", "none"),
        ("mañana a las cinco", "sí", "none"),
    ],
    "en": [
        ("tomorrow at 5pm", "no, Friday", "2026-11-20 17:00"),
        ("tomorrow at 5pm", "actually make it 6", "2026-11-19 18:00"),
        ("tomorrow at 5pm", "10 am", "2026-11-19 10:00"),
        ("3/4 at 5pm", "the 4th of March", "2027-03-04 17:00"),
        ("next week at 4pm", "Tuesday", "2026-11-24 16:00"),
        ("tomorrow at 5pm", "an hour later", "2026-11-19 18:00"),
        ("tomorrow at five", "in two hours", "2026-11-18 13:00"),
        ("tomorrow at 5pm", "thanks", "none"),
    ],
    "hi": [
        ("कल 5 बजे", "नहीं, शुक्रवार", "2026-11-20 17:00 ~half"),
        ("kal 9 baje", "nahi, shaam ko", "2026-11-19 21:00"),
        ("kal subah 10 baje", "nahi, 11 baje", "2026-11-19 11:00"),
        ("kal subah 10 baje", "parson", "2026-11-20 10:00"),
        ("कल सुबह 10 बजे", "नहीं, शाम को", "2026-11-19 18:00 ~hour"),
        ("somvar ko", "5", "2026-11-23 17:00 ~half"),
        ("kal shaam 5 baje", "theek hai", "none"),
    ],
}


@pytest.mark.parametrize(
    ("language", "first", "then", "expected"), [(language, *row) for language, rows in CORRECTIONS.items() for row in rows]
)
def test_a_correction_keeps_what_was_not_said_anew(language: str, first: str, then: str, expected: str) -> None:
    assert shown(corrected(first, then, language=language)) == expected


def test_several_corrections_follow_each_other() -> None:
    assert shown(corrected("mañana a las cinco", "no, viernes", "mejor a las seis")) == "2026-11-20 18:00 ~half"


def test_said_and_assumed_tell_what_to_read_back() -> None:
    spoken = certain("a las cinco")
    assert spoken.said == {Piece.TIME}
    assert spoken.assumed == {Assumed.DAY, Assumed.HALF}


def test_a_time_that_has_gone_by_today_is_tomorrows() -> None:
    assert certain("a las cinco", said_at=at("es", 2026, 11, 18, 18, 0)).at == at("es", 2026, 11, 19, 17, 0)


def test_a_part_of_the_day_that_has_begun_proposes_what_is_left_of_it() -> None:
    assert certain("esta tarde", said_at=at("es", 2026, 11, 18, 16, 40)).at == at("es", 2026, 11, 18, 17, 30)
    assert certain("esta tarde", said_at=at("es", 2026, 11, 18, 22, 0)).past


def test_a_date_that_has_gone_by_is_next_years_and_with_its_year_it_is_over() -> None:
    assert certain("el 3 de marzo a las 10 am").at == at("es", 2027, 3, 3, 10, 0)
    assert certain("el 3 de marzo de 2026 a las 10 am").past
    assert certain("el 3 de marzo de 2026").past


def test_in_a_memory_the_past_is_meant() -> None:
    def remembered(text: str, language: str) -> SpokenTime | None:
        return parse_time(text, language=language, now=now(language), zone=ZONES[language], prefer_future=False)

    assert shown(remembered("कल शाम 5 बजे", "hi")) == "2026-11-17 17:00"
    assert shown(remembered("el lunes a las 4 pm", "es")) == "2026-11-16 16:00"
    assert shown(remembered("on 3 March at 4pm", "en")) == "2026-03-03 16:00"
    assert shown(remembered("at 9am", "en")) == "2026-11-18 09:00 ~day"


def test_a_time_that_the_clock_skips_is_moved_and_says_so() -> None:
    spoken = parse_time("mañana a las 02:30", language="es", now=datetime(2026, 3, 28, 12, tzinfo=PARIS), zone=PARIS)
    assert spoken is not None
    assert spoken.at == datetime(2026, 3, 29, 3, 30, tzinfo=PARIS)
    assert spoken.assumed == {Assumed.CLOCK_CHANGE}


def test_a_time_that_comes_twice_is_the_first_and_says_so() -> None:
    spoken = parse_time("mañana a las 02:30", language="es", now=datetime(2026, 10, 24, 12, tzinfo=PARIS), zone=PARIS)
    assert spoken is not None
    assert spoken.at is not None
    assert spoken.at.astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert spoken.assumed == {Assumed.CLOCK_CHANGE}


def test_hours_from_now_are_real_hours_over_a_change_of_the_clock() -> None:
    spoken = parse_time("en dos horas", language="es", now=datetime(2026, 3, 29, 1, 30, tzinfo=PARIS), zone=PARIS)
    assert spoken is not None
    assert spoken.at == datetime(2026, 3, 29, 4, 30, tzinfo=PARIS)


def test_now_is_read_in_the_persons_zone() -> None:
    late = datetime(2026, 11, 19, 3, 0, tzinfo=UTC)  # still the 18th in Mexico
    assert certain("mañana a las 5 pm", said_at=late).at == at("es", 2026, 11, 19, 17, 0)


def test_what_was_heard_survives_being_stored() -> None:
    spoken = certain("mañana entre las 4 y las 6")
    again = msgspec.convert(msgspec.json.decode(msgspec.json.encode(spoken)), SpokenTime)
    assert (again.at, again.until, again.said) == (spoken.at, spoken.until, spoken.said)
    later = correct(again, "no, viernes", language="es", now=now("es"), zone=ZONES["es"])
    assert shown(later) == "2026-11-20 16:00 - 18:00 ~half"


WORDS = sorted(
    {word for _, text, _ in SAID for word in str(text).split()} | {word for _, text in UNSAID for word in text.split()}
)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join),
    st.text(alphabet="0123456789:/.-hpam ९५", max_size=16),
)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 10 * 365 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))


@given(TEXTS, TEXTS, st.sampled_from(LANGUAGES), MOMENTS, st.sampled_from([*ZONES.values(), PARIS]), st.booleans())
def test_no_text_raises_and_no_booking_is_in_the_past(
    text: str, then: str, language: str, said_at: datetime, zone: ZoneInfo, future: bool
) -> None:
    spoken = parse_time(text, language=language, now=said_at, zone=zone, prefer_future=future)
    if spoken is None:
        return
    again = correct(spoken, then, language=language, now=said_at, zone=zone, prefer_future=future)
    for found in (spoken, again):
        if found is not None and found.at is not None:
            assert found.at >= said_at or not future
            assert found.until is None or found.until > found.at
            assert not found.missing


@given(MOMENTS, st.integers(1, 60 * 24 * 360), st.sampled_from(LANGUAGES), st.sampled_from([*ZONES.values(), PARIS]))
def test_a_moment_in_our_words_is_read_as_that_moment(said_at: datetime, minutes: int, language: str, zone: ZoneInfo) -> None:
    meant = (said_at + timedelta(minutes=minutes)).replace(second=0, microsecond=0).astimezone(zone)
    wall = meant.replace(tzinfo=None)
    if meant <= said_at or meant.fold or (meant.day == 29 and meant.month == 2):
        return
    spoken = parse_time(in_words(language, meant, zone), language=language, now=said_at, zone=zone)
    assert spoken is not None
    assert spoken.at is not None
    assert spoken.at.replace(tzinfo=None) == wall


def test_a_date_beyond_the_calendar_is_no_moment() -> None:
    assert heard("el 3/3/9999 a las 10") is not None
    spoken = parse_time("en 300 días a las 10", language="es", now=datetime(9999, 12, 1, tzinfo=UTC), zone=ZONES["es"])
    assert spoken is None or spoken.at is None


def test_today_is_a_date_in_the_persons_zone() -> None:
    assert certain("hoy").day == date(2026, 11, 18)
