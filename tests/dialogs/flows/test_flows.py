"""Each flow from its first word to its last, in every language, without a model."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.conversation import Queue
from bot.message import Address, InboundMessage, Sender, Text
from bot.records.calls import Callback, CallbackStatus
from bot.records.conversations import Direction, Message, Priority
from bot.records.leads import Lead
from bot.records.people import Consent, ConsentState
from bot.records.tickets import TicketCategory
from bot.resources import LANGUAGES, say, utterances
from bot.testing.scene import Scene, ScenePerson

pytestmark = pytest.mark.scenario

ANA = "525555550123"
"""A number of Mexico: its zone is the company's. The scene begins on Thursday 15 January 2026, 04:00 there."""
FRIDAY_FIVE = datetime(2026, 1, 16, 23, tzinfo=UTC)
FRIDAY_SIX = datetime(2026, 1, 17, 0, tzinfo=UTC)


async def talk(ana: ScenePerson, *lines: tuple[str, str]) -> None:
    """What Ana says, and what she has to hear; `#title` taps."""
    for said, heard in lines:
        await (ana.taps(said[1:]) if said.startswith("#") else ana.says(said))
        await ana.hears(heard)


async def callbacks(scene: Scene, ana: ScenePerson) -> list[Callback]:
    return await scene.app.store.find(Callback, {"customer_id": (await ana.customer()).id})


TICKET = {
    "es": ("Quiero abrir un ticket", "Mi módem hace un ruido raro y es urgente"),
    "en": ("I want to open a ticket", "My modem makes a strange noise, it is urgent"),
    "hi": ("एक टिकट खोलना है", "मेरा मॉडेम अजीब आवाज़ करता है, तुरंत देखिए"),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_ticket_of_a_category_that_is_chosen_by_number(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    wish, problem = TICKET[language]
    await talk(
        ana,
        (wish, say(language, "ask_description")),
        (problem, say(language, "ask_category")),
        ("2", say(language, "category_billing")),
        (f"#{say(language, 'yes')}", "TICKET-2026-000001"),
    )
    [ticket] = await ana.tickets()
    assert (ticket.description, ticket.category, ticket.priority) == (problem, TicketCategory.BILLING, Priority.URGENT)


async def test_what_is_not_urgent_is_not_made_urgent(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(
        ana,
        ("please open a ticket: the box in the hall hums all night, not urgent", "What is it about?"),
        ("#Skip", "Shall I?"),
        ("yes", "TICKET-2026-000001"),
    )
    [ticket] = await ana.tickets()
    assert ticket.priority is Priority.MEDIUM
    assert ticket.description == "the box in the hall hums all night, not urgent"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_status_of_a_ticket_by_its_number_and_of_none_that_is_somebody_elses(offline: Scene, language: str) -> None:
    ana, eve = offline.person(ANA), offline.person("525555550199")
    wish, problem = TICKET[language]
    yes, skip = say(language, "yes"), say(language, "option_skip")
    await talk(ana, (wish, ""), (problem, ""), (f"#{skip}", ""), (f"#{yes}", "TICKET-2026-000001"))
    asks = {"es": "estado del TICKET-2026-000001", "en": "status of TICKET-2026-000001", "hi": "मेरे TICKET-2026-000001 का क्या हुआ"}
    await talk(ana, (asks[language], say(language, "status_open")))
    await talk(eve, (asks[language], say(language, "no_such_ticket", number="TICKET-2026-000001")))


CALL = {
    "es": ("Quiero que me llamen mañana a las cinco", "sobre mi factura", "cambie mi llamada a las seis", "cancelen mi llamada"),
    "en": ("Please call me tomorrow at five", "about my bill", "move my call to six pm", "cancel my call"),
    "hi": ("मुझे कल शाम पाँच बजे कॉल करें", "मेरे बिल के बारे में", "मेरी कॉल का समय बदल कर छह बजे कर दो", "मेरी कॉल रद्द करो"),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_call_is_booked_moved_and_cancelled_each_after_a_yes(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    book, topic, move, cancel = CALL[language]
    yes = say(language, "yes")
    await talk(ana, (book, say(language, "ask_topic")), (topic, "17:00"))
    assert await callbacks(offline, ana) == []
    await talk(ana, (yes, "17:00"))
    [callback] = await callbacks(offline, ana)
    assert (callback.requested_time, callback.timezone) == (FRIDAY_FIVE, "America/Mexico_City")
    await talk(ana, (move, "18:00"), (f"#{yes}", "18:00"))
    [callback] = await callbacks(offline, ana)
    assert callback.requested_time == FRIDAY_SIX
    await talk(ana, (cancel, "18:00"), (yes, say(language, "did_cancel_callback")))
    assert [found.status for found in await callbacks(offline, ana)] == [CallbackStatus.CANCELLED]


async def test_everything_in_one_sentence_leaves_only_the_yes(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(ana, ("book a call tomorrow at five about my bill", "Friday 16 January at 17:00"), ("yes", "Booked"))
    [callback] = await callbacks(offline, ana)
    assert callback.notes == "my bill"


async def test_of_several_calls_the_one_that_is_meant_is_asked_for(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(ana, ("call me tomorrow at five about my bill", "17:00"), ("yes", "Booked"))
    await talk(ana, ("call me tomorrow at seven pm about my line", "19:00"), ("yes", "Booked"))
    await talk(ana, ("cancel my call", "Which call"), ("the second one", "19:00"), ("yes", "cancelled"))
    scheduled = [found for found in await callbacks(offline, ana) if found.status is CallbackStatus.SCHEDULED]
    assert [found.requested_time for found in scheduled] == [FRIDAY_FIVE]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_with_no_call_booked_there_is_none_to_move(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    await talk(ana, (CALL[language][2], say(language, "no_callbacks")))


async def test_a_call_is_asked_for_where_the_person_is(offline: Scene) -> None:
    ravi = offline.person("919876543210")
    await talk(ravi, ("कल शाम पाँच बजे कॉल करें", say("hi", "ask_topic")), ("#छोड़ें", "17:00"), ("haan", "17:00"))
    [callback] = await callbacks(offline, ravi)
    assert callback.requested_time == datetime(2026, 1, 16, 11, 30, tzinfo=UTC)


LEAD = {
    "es": ("Quiero contratar internet para mi oficina", "Me llamo Ana Ruiz", "Acme"),
    "en": ("I want to buy internet for my office", "My name is Ana Ruiz", "Acme"),
    "hi": ("मुझे अपने दफ़्तर के लिए इंटरनेट लेना है", "मेरा नाम Ana Ruiz है", "Acme"),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_lead_is_noted_with_name_and_company(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    interest, name, company = LEAD[language]
    await talk(
        ana,
        (interest, say(language, "ask_name")),
        (name, say(language, "ask_company")),
        (company, say(language, "did_capture_lead")),
    )
    [lead] = await offline.app.store.find(Lead, {}, limit=2)
    assert (lead.first_name, lead.last_name, lead.company_name) == ("Ana", "Ruiz", "Acme")


RATE = {
    "es": ("quiero calificar el servicio", "cuatro"),
    "en": ("I want to rate the service", "four"),
    "hi": ("रेटिंग देनी है", "चार"),
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_rating_and_its_comment_are_kept(offline: Scene, language: str) -> None:
    ana = offline.person(ANA)
    wish, four = RATE[language]
    await talk(
        ana,
        (wish, say(language, "ask_rating")),
        (four, say(language, "ask_comment")),
        ("Rápido", say(language, "did_rate_conversation")),
    )
    given = (await ana.conversation()).customer_satisfaction
    assert given is not None
    assert (given.rating, given.comment) == (4, "Rápido")
    assert (await ana.customer()).statistics.satisfaction_score == 4


@pytest.mark.parametrize(
    ("language", "text"),
    [("es", "ya no me escriban más"), ("en", "please stop sending me these messages"), ("hi", "मुझे ये संदेश भेजना बंद करें")],
)
async def test_who_wants_no_more_messages_in_other_words_is_asked_once_and_obeyed(
    offline: Scene, language: str, text: str
) -> None:
    ana = offline.person(ANA)
    await ana.says(text)
    first = await ana.hears()
    if first.text.startswith(say(language, "confirm_opt_out")):
        assert await offline.app.store.find(Consent, {"customer_id": (await ana.customer()).id, "purpose": "messages"}) == []
        await ana.taps(say(language, "yes"))
        await ana.hears(say(language, "opted_out"))
    [consent] = await offline.app.store.find(Consent, {"customer_id": (await ana.customer()).id, "purpose": "messages"})
    assert (consent.state, consent.proof) == (ConsentState.WITHDRAWN, text)


async def test_a_no_leaves_the_messages_on(offline: Scene) -> None:
    ana = offline.person(ANA)
    await talk(ana, ("dejen de mandarme publicidad", "¿Dejamos de escribirle?"), ("no", "lo dejo todo como está"))
    assert await offline.app.store.find(Consent, {"customer_id": (await ana.customer()).id, "purpose": "messages"}) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [("es", "páseme con un agente"), ("en", "let me talk to customer service"), ("hi", "insaan se baat karni hai")],
)
async def test_who_wants_a_person_gets_one_and_hears_when_there_is_one(offline: Scene, language: str, text: str) -> None:
    ana = offline.person(ANA)
    await ana.says("hola" if language == "es" else text)
    if language == "es":
        await ana.hears()
        await ana.says(text)
    await ana.hears(say(language, "connecting"), say(language, "connecting_away", when="\0").partition("\0")[0])
    assert (await ana.conversation()).assignee == Queue("support")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["greeting", "thanks", "goodbye", "who_are_you"])
async def test_smalltalk_is_answered_in_the_same_language(offline: Scene, language: str, kind: str) -> None:
    said = {
        "greeting": {"es": "buenos días", "en": "good morning", "hi": "नमस्ते"},
        "thanks": {"es": "muchas gracias por todo", "en": "thanks for your help", "hi": "बहुत धन्यवाद"},
        "goodbye": {"es": "adiós, hasta luego", "en": "bye, see you", "hi": "अलविदा, फिर मिलेंगे"},
        "who_are_you": {"es": "¿eres un robot?", "en": "are you a bot?", "hi": "क्या आप रोबोट हैं?"},
    }
    ana = offline.person(ANA)
    await ana.says(said[kind][language])
    said_so, _, _ = (await ana.hears()).text.partition("\n\n")
    variants = utterances(language)[f"offline_{kind}"]
    assert said_so in ([variants] if isinstance(variants, str) else variants)


async def test_who_only_claims_to_be_somebody_sees_no_tickets_and_moves_no_call(offline: Scene) -> None:
    address = Address("web", "page", "visitor-1")
    for number, text in enumerate(("what is the status of my ticket", "move my call to six pm")):
        message = InboundMessage(f"web.{number}", address, Text(text), offline.clock.now(), Sender(phone=ANA))
        await offline.app.inbox.accept([message])
        await offline.settle()
    timeline = await offline.app.store.find(Message, {}, limit=10)
    said = [message.content for message in timeline if message.direction is Direction.OUTBOUND]
    assert sum(say("en", "not_sure_who") in text for text in said) == 2
