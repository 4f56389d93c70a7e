"""In which of our languages somebody writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.language import guess_language

pytestmark = pytest.mark.unit


SENTENCES = {
    "es": """Hola, no tengo internet desde ayer
¿Cuándo abren los sábados?
QUIERO HABLAR CON ALGUIEN
mi factura está mal
Llegó a casa roto
Llego a casa roto
Voy a Madrid
Me llegó a tiempo
¿Llegará a tiempo?
has visto
¿Has visto mi pedido?
No me ha llegado nada
Buenas tardes
gracias
¡Ayuda!
Cuanto cuesta enviar un paquete a Sevilla
mañana
quiero cancelar mi pedido
El router tiene una luz roja
la señal se cae siempre por las noches
a que hora abren hoy
Necesito una factura de enero, por favor
el wifi no funciona""",
    "en": """My internet does not work
I want to talk to a person
hello
hi
thanks!
Has my order arrived?
The router has a red light
My name is José and I live in Málaga
where is my package
It broke on the way
Can you help me?
what time do you open
I need an invoice for January, please
The bill is wrong
Nobody came yesterday
How much is it to Madrid
I'm still waiting for an answer
Do you speak Spanish?
my son has a problem with the app
please close my account""",
    "hi": """मेरा इंटरनेट नहीं चल रहा है
मुझे order 77 चाहिए, कृपया जल्दी
नमस्ते
टिकट खोलें
mera internet nahi chal raha hai
kya aap meri madad kar sakte hain
order kab aayega, kya hua
mujhe refund chahiye
paise wapas karo
mera order nahi aaya
kal se band hai
namaste
bill bahut zyada hai
insaan se baat karni hai
abhi tak kuch nahi mila
mera naam Ravi hai
kitne paise lagenge
aap kahan ho
dhanyavaad
kripya jaldi bhejo""",
}


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language, texts in SENTENCES.items() for text in texts.splitlines()]
)
def test_a_sentence_is_told_by_its_script_its_letters_or_its_commonest_words(language: str, text: str) -> None:
    assert guess_language(text) == language
    assert guess_language(text, language) == language


@pytest.mark.parametrize("text", ["", "👍", "12345", "ok", "no", "No!", "Zoe", "TICKET-2026-000001", "a", "has"])
def test_what_tells_nothing_is_not_guessed_and_changes_nothing(text: str) -> None:
    assert guess_language(text) is None
    assert guess_language(text, "hi") == "hi"


@pytest.mark.parametrize(
    ("known", "text", "language"),
    [
        ("es", "ok thanks", "es"),
        ("es", "Estoy en Down Street", "es"),
        ("en", "Gracias, the router works now", "en"),
        ("hi", "thanks", "hi"),
        ("es", "My internet does not work", "en"),
        ("en", "Mi internet no funciona desde ayer", "es"),
        ("en", "mera internet nahi chal raha hai", "hi"),
        ("en", "नमस्ते", "hi"),
        ("hi", "I want to talk to a person", "en"),
        ("es", "Necesito el tracking de mi order, please", "es"),
        ("es", "Me manda el invoice por email, thank you", "es"),
        ("es", "hello, mi router no funciona, help", "es"),
        ("en", "Please cancel my cita for mañana", "en"),
        ("en", "My factura is wrong, por favor", "en"),
        ("en", "Namaste, my order is late", "en"),
        ("en", "My internet is not working, jaldi karo please", "en"),
        ("hi", "mera order cancel karo please", "hi"),
        ("hi", "refund kab milega, this is too late", "hi"),
        ("hi", "please help, net nahi chal raha", "hi"),
        ("hi", "मेरा refund status please check karo", "hi"),
        ("hi", "the bill is बहुत ज़्यादा, kya karo", "hi"),
        ("fr", "ok", "fr"),
    ],
)
def test_a_known_language_is_left_only_for_one_that_leads_clearly(known: str, text: str, language: str) -> None:
    assert guess_language(text, known) == language


@given(st.text(max_size=200))
def test_any_text_gives_one_of_ours_or_nothing(text: str) -> None:
    assert guess_language(text) in {"es", "en", "hi", None}
