"""The front page: a simulated phone, behind it the real way of a message; only on this machine, never beside a real number."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from bot.app import App, assemble
from bot.config import Settings
from bot.conversation import Queue
from bot.message import Address, InboundMessage, Text
from bot.policy import Wish, wish_of
from bot.records.conversations import Conversation, Direction, Message, MessageStatus, MessageType
from bot.records.people import Consent, ConsentState
from bot.records.work import Delivery, DeliveryState
from bot.resources import LANGUAGES
from bot.testing.clock import ManualClock
from bot.web.pages.front import LIVE, START_OVER
from bot.web.server import build_site
from bot.web.simulator.people import known, next_to, somebody
from bot.web.texts import texts_of
from tests.web.conftest import Client
from tests.web.page import opened

pytestmark = pytest.mark.scenario

BROWSER = {"Accept": "text/html", "Accept-Language": "en"}
NORA = somebody("", "en")
QUESTION = "How do I change the Wi-Fi password?"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def phone(client: Client, *, language: str = "en", number: str = "", origin: str | None = None) -> Any:
    """The phone on the page, open."""
    who = number or somebody("", language).number
    return opened(client, path=f"{LIVE}?as={who}&language={language}", origin=origin)


def own(client: Client) -> str:
    return str(client.make_url("/")).rstrip("/")


async def everything(app: App, kind: type[Any]) -> list[Any]:
    return await app.store.find(kind, {}, limit=1000)


@asynccontextmanager
async def served(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[App, Client]]:
    """The site with other settings."""
    chosen = Settings(_env_file=None, BOT_DATA_DIR=tmp_path, BOT_QUIET_MS=0, **settings)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(assemble(chosen, clock=ManualClock(), channels={}))
        yield app, await stack.enter_async_context(TestClient(TestServer(build_site([], app))))


async def test_a_message_goes_the_whole_way_and_is_answered_on_the_phone(app: App, client: Client) -> None:
    async with phone(client) as page:
        key = await page.say(QUESTION)
        await page.answered()
    assert page.accepted == [key]
    (heard,) = [m for m in await everything(app, Message) if m.direction is Direction.INBOUND]
    assert heard.whatsapp_message_id == f"wamid.SIM.{NORA.number}.{key}"
    (conversation,) = await everything(app, Conversation)
    assert (conversation.channel, conversation.our_address) == ("whatsapp", "simulator")
    assert page.answers[-1]["buttons"]


async def test_the_phone_says_that_it_has_shown_an_answer_and_the_path_says_so_too(app: App, client: Client) -> None:
    async with phone(client) as page:
        await page.say("My internet is down")
        await page.until(lambda: page.steps and page.steps[-1]["detail"].startswith("read"))
    titles = [step["title"] for step in page.steps]
    assert titles == ["Signed webhook", "Stored, then 200", "Turn", "Not handed off", "Delivered"]
    assert "simple mode" in page.steps[2]["detail"]
    (reply,) = [m for m in await everything(app, Message) if m.direction is Direction.OUTBOUND]
    assert reply.status is MessageStatus.READ
    assert reply.delivered_at is not None


async def test_asking_for_a_person_shows_who_holds_it_then(app: App, client: Client) -> None:
    async with phone(client, language="es") as page:
        await page.say("quiero hablar con una persona")
        await page.until(lambda: page.steps and page.steps[3]["tone"] == "wait")
        assert page.steps[3]["detail"] == "época 0 → 1, espera a una persona"
        await page.until(lambda: page.states[-1] == ("nobody", False))
        await page.say("¿hola?")
        await page.until(lambda: "la IA calla" in page.steps[2]["detail"])
        assert page.steps[4]["detail"] == "no había nada que decir"
    assert (await everything(app, Conversation))[0].assignee == Queue("support")


async def test_stop_is_a_rule_and_no_model_is_asked(app: App, client: Client) -> None:
    async with phone(client) as page:
        await page.say("stop")
        await page.until(lambda: page.steps and "fixed rule" in page.steps[2]["detail"])
    assert [consent.state for consent in await everything(app, Consent)] == [ConsentState.WITHDRAWN]


async def test_a_tapped_button_is_heard_as_that_choice(app: App, client: Client) -> None:
    async with phone(client) as page:
        await page.say(QUESTION)
        await page.answered()
        ticket = next(button for button in page.answers[-1]["buttons"] if button["title"] == "Open a ticket")
        before = len(page.answers)
        await page.tap(ticket["id"])
        await page.answered(before + 1)
    heard = [m for m in await everything(app, Message) if m.direction is Direction.INBOUND]
    assert {m.content: m.type for m in heard}["Open a ticket"] is MessageType.INTERACTIVE


async def test_a_button_that_was_never_shown_cannot_be_tapped(client: Client) -> None:
    async with phone(client) as page:
        await page.tap("confirm:everything")
        await page.decided()
    assert [refused["why"] for refused in page.refused] == ["gone"]


async def test_a_message_that_is_sent_twice_counts_once(app: App, client: Client) -> None:
    key = str(uuid.uuid4())
    async with phone(client) as page:
        await page.say("My internet is down", key)
        await page.answered()
    async with phone(client) as again:
        await again.say("My internet is down", key)
        await again.decided()
        await again.until(lambda: again.steps and again.steps[1]["detail"] == "came twice, counted once")
    assert len([m for m in await everything(app, Message) if m.direction is Direction.INBOUND]) == 1


async def test_a_page_that_comes_back_sees_what_was_said_meanwhile(client: Client) -> None:
    async with phone(client) as page:
        await page.say("My internet is down")
        await page.decided()
    async with phone(client) as back:
        await back.answered()
    assert back.texts[0] == "My internet is down"


async def test_starting_over_begins_a_new_conversation_of_the_same_person(app: App, client: Client) -> None:
    async with phone(client) as page:
        await page.say("I want to talk to a person")
        await page.until(lambda: page.states and page.states[-1][0] == "nobody")
    answer = await client.post(START_OVER, data={"as": NORA.number}, headers={"Origin": own(client)}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/?as={NORA.number}")
    async with phone(client) as page:
        assert page.messages == {}
        await page.say("My internet is down")
        await page.answered()
    assert sorted(one.status for one in await everything(app, Conversation)) == ["closed", "open"]


async def test_what_is_hostile_is_stored_as_it_is_and_shown_as_text(app: App, client: Client) -> None:
    hostile = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    async with phone(client) as page:
        await page.say(hostile)
        await page.answered()
    assert page.texts[0] == hostile
    text = await (await client.get("/", headers=BROWSER)).text()
    assert "alert(" not in text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_page_of_somebody_else_may_neither_write_nor_start_over(client: Client, origin: str) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        async with phone(client, origin=origin):
            pass
    assert refused.value.status == 403
    assert (await client.post(START_OVER, data={"as": NORA.number}, headers={"Origin": origin})).status == 403
    assert (await client.post(START_OVER, data={"as": NORA.number})).status == 403


ELSEWHERE = [
    {"Host": "bot.example.com"},  # a name that leads here: DNS rebinding, or a public server
    {"X-Forwarded-For": "203.0.113.7"},  # a proxy on this machine
    {"Forwarded": "for=203.0.113.7"},
]


@pytest.mark.parametrize("headers", ELSEWHERE)
async def test_who_does_not_sit_at_this_machine_gets_neither_phone_nor_settings(client: Client, headers: dict[str, str]) -> None:
    answer = await client.get("/", headers={**BROWSER, **headers})
    text = await answer.text()
    assert answer.status == 200
    assert "only for the machine that it runs on" in text
    assert "OPENAI_API_KEY" not in text
    asked = {**headers, "Origin": f"http://{headers.get('Host', client.host)}"}
    live = await client.get(f"{LIVE}?as={NORA.number}", headers=asked)
    assert (live.status, (await live.text()).startswith("the simulator is only for this machine")) == (403, True)
    assert (await client.post(START_OVER, headers=asked)).status == 403


async def test_a_server_that_listens_to_others_has_no_phone_for_anybody(tmp_path: Path) -> None:
    async with served(tmp_path, BOT_HOST="0.0.0.0") as (app, client):
        assert app.simulator is None
        assert "data-phone" not in await (await client.get("/", headers=BROWSER)).text()
        assert (await client.get(f"{LIVE}?as={NORA.number}", headers={"Origin": own(client)})).status == 403


async def test_beside_a_real_number_nothing_is_simulated_and_the_page_says_so(tmp_path: Path) -> None:
    async with served(tmp_path, WHATSAPP_TOKEN="token") as (app, client):
        assert app.simulator is None
        text = await (await client.get("/", headers=BROWSER)).text()
        assert "a real WhatsApp number is being set up here" in text
        assert "front.js" not in text
        live = await client.get(f"{LIVE}?as={NORA.number}", headers={"Origin": own(client)})
        assert live.status == 403
        assert "nothing is simulated" in await live.text()


async def test_an_answer_to_a_simulated_phone_is_sent_without_any_number_of_ours(app: App, client: Client) -> None:
    async with phone(client) as page:
        await page.say("hello")
        await page.answered()
    assert [delivery.state for delivery in await everything(app, Delivery)] == [DeliveryState.SENT]


async def test_a_number_that_nobody_made_up_is_not_found(client: Client) -> None:
    answer = await client.get(f"{LIVE}?as=14155552671", headers={"Origin": own(client)})
    assert answer.status == 404


async def test_the_page_says_what_is_on_as_the_check_does(client: Client) -> None:
    text = await (await client.get("/", headers=BROWSER)).text()
    assert "no OPENAI_API_KEY: simple mode" in text
    assert "simulated here" in text
    assert "agent support" in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_stays_in_the_language_that_was_chosen(client: Client, language: str) -> None:
    chosen = await client.get(f"/?language={language}", headers=BROWSER)
    assert chosen.headers["Content-Language"] == language
    again = await client.get("/", headers=BROWSER)
    assert f'<html lang="{language}">' in await again.text()
    assert somebody("", language).name in await again.text()


def test_everybody_is_somebody_with_a_number_that_is_kept_for_fiction() -> None:
    for language in LANGUAGES:
        who = somebody("", language)
        numbers = set()
        for _ in range(40):
            assert known(who.number) == who
            assert who.number.startswith("120255501")
            numbers.add(who.number)
            who = next_to(who, language)
        assert len(numbers) == 33


@pytest.mark.parametrize("number", ["", "1202555010", "12025550199", "٣", "-1", "9" * 4000, "<script>"])
def test_an_unknown_number_is_the_first_person_of_the_language(number: str) -> None:
    assert somebody(number, "es") == somebody("", "es")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_suggested_to_try_does_what_it_says(language: str) -> None:
    t = texts_of("front", language)
    message = InboundMessage(id="1", address=Address("whatsapp", "simulator", "1"), content=Text(t("say_6")), sent_at=NOW)
    assert wish_of(message) is Wish.STOP
