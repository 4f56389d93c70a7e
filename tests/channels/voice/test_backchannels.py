"""Who listens, who wants quiet, who wants no more calls: in three languages."""

from __future__ import annotations

import pytest

from bot.channels.voice.backchannels import asks_for_no_calls, interrupts, is_backchannel, is_halt

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("words", "language"),
    [
        *[(words, "en") for words in ("aha", "Uh-huh.", "mhm", "yeah yeah", "OK, sure", "I see", "right, right")],
        *[(words, "es") for words in ("Ajá", "sí, sí", "sí claro", "mhm", "ya", "okay", "de acuerdo", "está bien")],
        *[(words, "hi") for words in ("हाँ", "हाँ हाँ", "जी", "अच्छा", "haan", "haan ji", "theek hai", "ठीक है", "ok")],
    ],
)
def test_who_listens_interrupts_nobody(words: str, language: str) -> None:
    assert is_backchannel(words, language)
    assert not interrupts(words, language)


@pytest.mark.parametrize(
    "words",
    [
        "stop",
        "Wait!",
        "wait a minute",
        "hold on please",
        "espera",
        "¡Espere!",
        "un momento",
        "para, para",
        "रुको",
        "रुकिए",
        "ruko",
        "बस बस",
    ],
)
def test_who_wants_quiet_gets_it_however_few_the_words(words: str) -> None:
    assert is_halt(words)
    assert all(interrupts(words, language, least=5) for language in ("es", "en", "hi"))


@pytest.mark.parametrize("words", ["no", "yes but not today", "aha and what does it cost", "", "…", "stop the shipment"])
def test_what_else_is_said_is_neither(words: str) -> None:
    assert not is_backchannel(words, "en")
    assert not is_halt(words)


def test_so_many_words_interrupt_as_the_setting_says() -> None:
    assert not interrupts("what", "en", least=2)
    assert interrupts("what else", "en", least=2)
    assert not interrupts("", "en", least=1)


@pytest.mark.parametrize(
    "words",
    [
        *(
            "Don't call me.",
            "please do not call me",
            "I said don't call me any more",
            "take me off your list",
            "Stop calling me!",
        ),
        *(
            "No me llames",
            "que no me llamen",
            "no me vuelva a llamar nunca",
            "Quítenme de su lista, por favor",
            "dejen de llamarme",
        ),
        *("मुझे कॉल मत करो", "दोबारा कॉल मत करना जी", "mujhe call mat karo", "mera number hata do"),
    ],
)
def test_who_wants_no_more_calls_is_understood(words: str) -> None:
    assert asks_for_no_calls(words)


@pytest.mark.parametrize(
    "words",
    [
        "Call me",
        "don't call me before five",
        "no me llames antes de las cinco",
        "llámame",
        "मुझे कॉल करो",
        "I called you",
        "",
        "stop",
    ],
)
def test_another_time_is_no_refusal(words: str) -> None:
    assert not asks_for_no_calls(words)
