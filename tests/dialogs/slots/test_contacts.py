"""Phone numbers and e-mail addresses, typed and spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.slots.contacts import parse_email, parse_phone
from bot.resources import LANGUAGES

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "language", "region", "e164"),
    [
        ("55 5555 0123", "es", "MX", "+525555550123"),
        ("mi número es 55 5555 0123, gracias", "es", "MX", "+525555550123"),
        ("llámame al 5555550123 mañana a las 5", "es", "MX", "+525555550123"),
        ("+52 55 5555 0123", "es", None, "+525555550123"),
        ("+52 1 55 5555 0123", "es", "MX", "+525555550123"),
        ("(202) 555-0123", "en", "US", "+12025550123"),
        ("call me on +1 202-555-0123.", "en", None, "+12025550123"),
        ("cincuenta y cinco, cincuenta y cinco, cincuenta y cinco, cero uno, veintitrés", "es", "MX", "+525555550123"),
        ("cinco cinco cinco cinco cinco cinco cero uno dos tres", "es", "MX", "+525555550123"),
        ("two zero two, triple five, zero one two three", "en", "US", "+12025550123"),
        ("plus one two zero two double five five zero one two three", "en", None, "+12025550123"),
        ("+९१ ९८७६५ ४३२१०", "hi", None, "+919876543210"),
        ("mera number 98765 43210 hai", "hi", "IN", "+919876543210"),
        ("nau aath saat chhe paanch char teen do ek zero", "hi", "IN", "+919876543210"),
    ],
)
def test_a_phone_number_is_read(text: str, language: str, region: str | None, e164: str) -> None:
    number = parse_phone(text, language=language, region=region)
    assert number is not None
    assert number.e164 == e164


def test_without_a_region_the_country_has_to_be_asked() -> None:
    number = parse_phone("55 5555 0123", language="es")
    assert number is not None
    assert (number.typed, number.e164) == ("55 5555 0123", None)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("", "MX"),
        ("hola", "MX"),
        ("TICKET-2026-000001", "MX"),
        ("12345", "MX"),
        ("$1,500,000.00", "MX"),
        ("5 pm", "MX"),
        ("2026-12-01", "MX"),
        ("55 5555 0123 o 55 5555 0124", "MX"),
        ("tarjeta 4111 1111 1111 1111 1111", "MX"),
        ("cinco", "MX"),
        ("abc5555550123", "MX"),
        ("1234567", "MX"),
    ],
)
def test_what_is_no_phone_number_is_none(text: str, region: str) -> None:
    assert parse_phone(text, language="es", region=region) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ana@example.org", "ana@example.org"),
        ("Mi correo es Ana.Ruiz@Example.ORG.", "ana.ruiz@example.org"),
        ("<ana@example.org>", "ana@example.org"),
        ("ana @ example.org", "ana@example.org"),
        ("ana arroba ejemplo punto com", "ana@ejemplo.com"),
        ("es ana punto ruiz arroba ejemplo punto com punto mx", "ana.ruiz@ejemplo.com.mx"),
        ("ana guion bajo ruiz arroba ejemplo punto com", "ana_ruiz@ejemplo.com"),
        ("ana guión ruiz arroba ejemplo.com", "ana-ruiz@ejemplo.com"),
        ("ana at example dot com", "ana@example.com"),
        ("my mail is ana dot ruiz at example dot co dot in", "ana.ruiz@example.co.in"),
        ("ana underscore 99 at example dot com, thanks", "ana_99@example.com"),
        ("ravi at the rate example dot com", "ravi@example.com"),
        ("ravi ऐट example डॉट com", "ravi@example.com"),
        ("mera email ravi.k+bot@example.in hai", "ravi.k+bot@example.in"),
    ],
)
def test_an_address_is_read(text: str, address: str) -> None:
    assert parse_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hola",
        "ana@",
        "@example.org",
        "ana@example",
        "meet me at example dot com",
        "I am at home",
        "ana@example.org, luis@example.org",
        "ana arroba ejemplo",
        "at",
        "punto com",
        "ana..ruiz@example.org",
        "5 at 5",
        "ana@exa mple",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_email(text) is None


@given(st.one_of(st.text(max_size=90), st.text(alphabet="0123456789 ()-.+/at@डॉट", max_size=40)), st.sampled_from(LANGUAGES))
def test_no_text_raises(text: str, language: str) -> None:
    address = parse_email(text)
    assert address is None or address.count("@") == 1
    for region in (None, "MX"):
        number = parse_phone(text, language=language, region=region)
        assert number is None or region is None or number.e164 is not None
