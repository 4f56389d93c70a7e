"""Words that nobody said are dropped, and all that people say to a telephone stays."""

from __future__ import annotations

import pytest

from bot.channels.voice.phantoms import is_phantom

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "text",
    [
        "",
        " . ",
        "Thanks for watching!",
        "Thank you for watching. Please subscribe to my channel!",
        "THANKS FOR WATCHING! Thanks for watching!",
        "Don't forget to subscribe.",
        "Subtítulos realizados por la comunidad de Amara.org",
        "¡Gracias por ver el video!",
        "¡Suscríbete al canal!",
        "वीडियो देखने के लिए धन्यवाद।",
        "[Music]",
        "(silence) ♪♪",
        "*sighs*",
    ],
)
def test_what_recognisers_make_of_silence_was_not_said(text: str) -> None:
    assert is_phantom(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thank you.",
        "Gracias.",
        "Bye!",
        "No.",
        "5",
        "धन्यवाद",
        "See you next time.",
        "Thank you. Thanks for watching!",
        "I saw your video, thanks for watching my account.",
        "Quiero suscribirme al canal de noticias",
        "[Music] hola",
        "हाँ",
    ],
)
def test_what_people_say_stays(text: str) -> None:
    assert not is_phantom(text)
