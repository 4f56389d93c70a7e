"""What is read out of what is written: a table of cases, per language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.voice.speakable import speakable
from bot.resources import LANGUAGES

pytestmark = pytest.mark.unit

PIECES = st.sampled_from(
    ["a@b.co", "TICKET-2026-000123", "10:00-19:00", "(", ")", ",", ".", "Mon-Sat", "₹1", "+1202", "555", "हाँ", "-"]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map(" ".join))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("We are **open** until _eight_.", "We are open until eight."),
        ("- First\n", "First"),
        ("## Hours", "Hours"),
        ("See [our page](https://example.com/a?b=c).", "See our page."),
        ("See https://www.example.com/help?utm=1.", "See example.com/help."),
        ("Done ✅ 😀!", "Done!"),
        ("👍", ""),
        ("***", ""),
        ("| a | b |", "a, b,"),
        ("Call +12025550123", "Call 1, 2 0 2, 5 5 5, 0 1 2 3"),
        ("TICKET-2026-000001", "ticket 2026, 0 0 0, 0 0 1"),
        ("3_000 and snake_case", "3_000 and snake_case"),
        ("It is 21°C; $1,250.50", "It is 21°C; $1,250.50"),
        ("क्षत्रिय \u200dज़", "क्षत्रिय \u200dज़"),
        ("a\x00b", "a b"),
        ("`code` and ~~gone~~", "code and gone"),
    ],
)
def test_what_is_read_out_is_what_can_be_spoken(written: str, spoken: str) -> None:
    assert speakable(written, "en") == spoken


@given(TEXTS)
def test_what_is_read_out_holds_no_sign_that_steers_a_machine(text: str) -> None:
    spoken = speakable(text, "es")
    assert spoken == " ".join(spoken.split())
    assert not any(sign < " " for sign in spoken)


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "We are open Mon-Sat from 10:00 to 19:00.", "We are open Monday to Saturday from 10 AM to 7 PM."),
        ("en", "Mon–Fri 09:30-18:15 (Mexico City).", "Monday to Friday 9:30 AM to 6:15 PM, Mexico City."),
        ("en", "At 3:00 PM, at 12:00, at 00:00.", "At 3:00 PM, at noon, at midnight."),
        ("en", "Write to ana.lopez@example.org.", "Write to ana dot lopez at example dot org."),
        ("en", "I have opened ticket TICKET-2026-000123.", "I have opened ticket 2026, 0 0 0, 1 2 3."),
        ("en", "It is 1,250.00 MXN; ₹1,500; 20 USD.", "It is 1,250 pesos; 1,500 rupees; 20 dollars."),
        ("en", "On 2026-11-20, on 11/20/2026.", "On November 20, 2026, on November 20, 2026."),
        ("en", "On 03/04/2026; 2024-2026; 10-20.", "On 03/04/2026; 2024-2026; 10-20."),
        ("en", "Call (202) 555-0123.", "Call 2 0 2, 5 5 5, 0 1 2 3."),
        ("en", "E.g. #12 & approx. 3.", "E.g. number 12 and approximately 3."),
        ("en", "Open the page → Orders.", "Open the page, Orders."),
        ("es", "Lun-Sáb de 10:00 a 19:00.", "lunes a sábado de 10 de la mañana a 7 de la tarde."),
        ("es", "A las 13:30, 20:15 o 12:00 hrs.", "A las 1 y media de la tarde, 8 y cuarto de la noche o 12 del mediodía."),
        ("es", "Lun. - Vie. 9:00–18:00", "lunes a viernes 9 de la mañana a 6 de la tarde"),
        ("es", "Escriba a ana_lopez@example.org.", "Escriba a ana guion bajo lopez arroba example punto org."),
        ("es", "He abierto el ticket TICKET-2026-000123.", "He abierto el ticket 2026, 0 0 0, 1 2 3."),
        ("es", "Son $1,250.00 MXN.", "Son 1,250 pesos."),
        ("es", "El 20/11/2026 con la Dra. Ruiz.", "El 20 de noviembre de 2026 con la doctora Ruiz."),
        ("es", "Llame al 55 5555 0123.", "Llame al 5 5, 5 5 5 5, 0 1 2 3."),
        ("hi", "सोम-शनि 10:00 से 19:00 बजे तक", "सोमवार से शनिवार सुबह 10 बजे से शाम 7 बजे तक"),
        ("hi", "Mon-Sat 09:30", "सोमवार से शनिवार सुबह 9 बजकर 30 मिनट"),
        ("hi", "कीमत ₹1,500 है।", "कीमत 1,500 रुपये है।"),
        ("hi", "ana@example.org पर", "ana ऐट example डॉट org पर"),
        ("hi", "टिकट TICKET-2026-000123 खुल गया", "टिकट 2026, 0 0 0, 1 2 3 खुल गया"),
        ("en", "(From: Opening hours)", ""),
        ("es", "Abrimos.\n(Fuente: Horario)", "Abrimos."),
        ("hi", "(स्रोत: समय)", ""),
    ],
)
def test_figures_addresses_and_abbreviations_are_said_as_people_say_them(language: str, written: str, spoken: str) -> None:
    assert speakable(written, language) == spoken


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_made_speakable_stays_as_it_is(language: str) -> None:
    said = speakable("Mon-Sat 10:00-19:00, ana@example.org, TICKET-2026-000123, +12025550123, 2026-11-20, 1,250.00 MXN", language)
    assert speakable(said, language) == said
