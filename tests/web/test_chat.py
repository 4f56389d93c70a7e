"""The web chat from its page's end: a real server, a real engine without a model, the frames that our script sends."""

from __future__ import annotations

import asyncio
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from bot.app import App
from bot.clock import new_id
from bot.conversation import OperatorRef
from bot.errors import StoreUnavailable
from bot.records.conversations import Conversation, Direction, Message, MessageType
from bot.records.people import Customer, Identity, IdentityKind
from bot.records.settings import SystemSetting
from bot.records.work import InboxRow, InboxState
from bot.services.origins import KEY
from bot.store.base import Unit
from bot.testing.clock import ManualClock
from bot.web.chat.allowance import BY_VISITOR, NEWCOMERS, OPENED, PAGES_OF_VISITOR
from bot.web.chat.words import MAX_TEXT
from bot.web.pages.chat import TRY_LATER
from tests.web.conftest import Client
from tests.web.page import SOON, Page, opened

pytestmark = pytest.mark.scenario

SHOP = "https://shop.example.com"


async def visit(client: Client) -> None:
    """Opens the page, for its cookie."""
    assert (await client.get("/chat")).status == 200


async def everything(app: App, kind: type[Any]) -> list[Any]:
    return await app.store.find(kind, {}, limit=1000)


async def allow(app: App, *origins: str) -> None:
    await app.store.insert([SystemSetting(id=KEY, key=KEY, value=list(origins))])


# Talking


async def test_a_question_is_answered_on_the_page(client: Client) -> None:
    await visit(client)
    async with opened(client) as page:
        key = await page.say("Hello, my internet is down.")
        await page.answered()
    assert page.accepted == [key]
    assert page.texts[0] == "Hello, my internet is down."
    assert page.answers[0]["from"] == "ai"
    assert page.answers[0]["buttons"]


async def test_a_visitor_is_a_claim_and_known_by_nothing_else(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say("I am +1 202 555 0123, open a ticket.")
        await page.answered()
    (customer,) = await everything(app, Customer)
    (conversation,) = await everything(app, Conversation)
    (identity,) = await everything(app, Identity)
    assert customer.phone_number is None
    assert identity.kind is IdentityKind.VISITOR
    assert (conversation.channel, conversation.our_address) == ("web", "chat")
    assert identity.value == conversation.their_address


async def test_a_tapped_button_is_heard_as_that_choice_and_answered(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say("Who won the world cup in 1998?")
        await page.answered()
        button = page.answers[0]["buttons"][0]
        await page.tap(button["id"])
        await page.answered(2)
        tapped = next(shown for shown in page.messages.values() if "choice" in shown)
    assert (tapped["text"], tapped["choice"]) == (button["title"], button["id"])
    (message,) = [
        message
        for message in await everything(app, Message)
        if message.type is MessageType.INTERACTIVE and message.direction is Direction.INBOUND
    ]
    assert message.content == button["title"]


async def test_of_two_buttons_with_one_id_the_one_is_meant_that_was_tapped(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say("Who won the world cup in 1998?")
        await page.answered()
        first = page.answers[0]
        button = first["buttons"][0]
        (conversation,) = await everything(app, Conversation)
        newer = {"type": "button", "buttons": [{"id": button["id"], "title": "Something else entirely"}]}
        said = {"conversation_id": conversation.id, "customer_id": conversation.customer_id, "content": "And this?"}
        kind = {"direction": Direction.OUTBOUND, "sender": "ai", "status": "sent", "interactive": newer}
        await app.store.insert([Message.model_validate({"id": new_id(), **said, **kind, "timestamp": app.clock.now()})])
        await page.tap(button["id"], first["id"])
        await page.until(lambda: button["title"] in page.texts)
        await page.tap(button["id"], "of-another")
        await page.until(lambda: page.refused)
    assert "Something else entirely" not in page.texts


async def test_a_button_that_was_never_shown_is_refused(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        key = await page.tap("confirm:0123456789:yes")
        await page.until(lambda: page.refused)
    assert page.refused == [{"type": "refused", "key": key, "why": "gone", "wait": 0.0}]
    assert await everything(app, InboxRow) == []


async def test_while_an_answer_is_under_way_the_page_is_told_until_it_is_there(client: Client, app: App) -> None:
    await app.worker.stop()
    await visit(client)
    async with opened(client) as page:
        await page.say("Hello.")
        await page.until(lambda: page.states[-1:] == [("ai", True)])
        assert page.answers == []
        await app.worker.start()
        await page.answered()
    assert page.states == [("ai", False), ("ai", True), ("ai", False)]


async def test_who_asks_for_a_person_sees_that_they_wait_and_then_that_one_answers(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say("I want to talk to a person.")
        await page.until(lambda: ("nobody", False) in page.states)
        (conversation,) = await everything(app, Conversation)
        unit = Unit()
        app.conversations.assign(unit, conversation, OperatorRef("nadia"), by="nadia", reason="took it")
        await app.store.commit(unit)
        app.live.tell(conversation.lane)
        await page.until(lambda: ("op", False) in page.states)
        await page.say("Are you there?")
        await page.until(lambda: "Are you there?" in page.texts)
        await asyncio.sleep(0.1)
    assert page.states[-1] == ("op", False)
    assert ("op", True) not in page.states


async def test_two_tabs_of_one_browser_show_the_same(client: Client) -> None:
    await visit(client)
    async with opened(client) as one, opened(client) as other:
        await one.say("Hello from the first tab.")
        await one.answered()
        await other.answered()
    assert other.messages == one.messages


async def test_two_browsers_see_nothing_of_each_other(client: Client) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say("My secret is a pony.")
        await page.answered()
    client.session.cookie_jar.clear()
    await visit(client)
    async with opened(client, after=next(iter(page.messages))) as stranger:
        await stranger.say("Hello?")
        await stranger.answered()
    assert not any("pony" in text for text in stranger.texts)


async def test_whoever_looks_is_told_when_a_turn_ends_and_when_a_reply_is_there(client: Client, app: App) -> None:
    told: list[int] = []
    await visit(client)
    async with opened(client) as page:
        await page.say("Hello.")
        await page.answered()
        (conversation,) = await everything(app, Conversation)
        app.live.listen(conversation.lane, lambda: told.append(len(told)))
        await page.say("And again.")
        await page.answered(2)
    assert len(told) >= 3  # accepted, the turn, the reply


# Coming back


async def test_who_comes_back_finds_what_was_said(client: Client) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say("Hello, my internet is down.")
        await page.answered()
    async with opened(client) as again:
        assert again.texts == page.texts


async def test_what_was_answered_while_the_page_was_away_is_there_when_it_is_back(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say("Hello.")
        await page.answered()
        last = max(page.messages)
        await page.say("And then the line was cut.")
        await page.until(lambda: len(page.accepted) == 2)
    async with opened(client, after=last) as again:
        await again.until(lambda: len([a for a in again.answers if a["id"] > last]) >= 1)
        assert "And then the line was cut." in again.texts


async def test_a_message_sent_again_under_its_key_counts_once(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        key = await page.say("I need a ticket, please.")
        await page.until(lambda: page.accepted)
    async with opened(client) as again:
        await again.say("I need a ticket, please.", key)
        await again.until(lambda: again.accepted)
        await again.answered()
    assert again.accepted == [key]
    heard = [message for message in await everything(app, Message) if message.direction is Direction.INBOUND]
    assert len(heard) == 1


async def test_the_key_of_one_visitor_takes_no_message_of_another_away(client: Client, app: App) -> None:
    key = str(uuid.uuid4())
    for text in ("From the first.", "From the second."):
        client.session.cookie_jar.clear()
        await visit(client)
        async with opened(client) as page:
            await page.say(text, key)
            await page.answered()
            assert text in page.texts


async def test_what_waits_to_be_heard_is_shown_already(client: Client, app: App) -> None:
    await app.worker.stop()
    await visit(client)
    async with opened(client) as page:
        key = await page.say("Nobody has heard this yet.")
        await page.until(lambda: page.texts)
    async with opened(client) as again:
        assert [shown["key"] for shown in again.messages.values()] == [key]
        await again.until(lambda: again.states[-1:] == [("ai", True)])
        await app.worker.start()
        await again.answered()
        assert len([shown for shown in again.messages.values() if shown["from"] == "customer"]) == 1


async def test_without_a_cookie_the_page_keeps_a_token_and_is_known_by_it(client: Client) -> None:
    async with opened(client) as page:
        await page.say("No cookie for me.")
        await page.answered()
        token = page.welcome["token"]
    async with opened(client, token=token) as again:
        assert "token" not in again.welcome
        assert again.texts == page.texts
    async with opened(client, token=token[:-1] + ("A" if token[-1] != "A" else "B")) as forged:
        assert forged.texts == []
        assert forged.welcome["token"] != token


async def test_a_cookie_is_out_of_reach_of_scripts_and_renewed_before_it_ends(client: Client, app: App) -> None:
    first = (await client.get("/chat")).headers["Set-Cookie"]
    assert re.search(r"^chat_visitor=.*Max-Age=2592000; Path=/chat; HttpOnly; SameSite=Lax$", first)
    assert "Set-Cookie" not in (await client.get("/chat")).headers
    assert isinstance(app.clock, ManualClock)
    await app.clock.advance(timedelta(days=2).total_seconds())
    renewed = (await client.get("/chat")).headers["Set-Cookie"]
    assert renewed.partition(".")[0] == first.partition(".")[0]
    assert renewed != first
    await app.clock.advance(timedelta(days=31).total_seconds())
    stranger = (await client.get("/chat")).headers["Set-Cookie"]
    assert stranger.partition(".")[0] != first.partition(".")[0]


# Bad input


@pytest.mark.parametrize(
    "text",
    [
        "👍",
        "👩‍👩‍👧‍👦🇲🇽👍🏽",
        "مرحبا، متى يصل طلبي؟",
        "<img src=x onerror=alert(1)><script>alert(2)</script>",
        "a\u200bb\u202ec\ufeffd",
        "x" * MAX_TEXT,
        "क" * MAX_TEXT,
        "👍" * MAX_TEXT,
        "{{ 7 * 7 }} {name} %s ${x}",
        "two\nlines\tand a tab",
    ],
    ids=lambda text: ascii(text)[:20],
)
async def test_whatever_is_written_is_shown_as_it_was_and_answered(client: Client, text: str) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say(text)
        await page.answered()
    assert page.texts[0] == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("\u200b\u200d\ufeff\u2060", "empty"),
        ("\u0000\u0007", "empty"),
        ("\u2800\u3164", "empty"),
        ("x" * (MAX_TEXT + 1), "too_long"),
    ],
    ids=ascii,
)
async def test_what_is_nothing_or_too_much_is_refused_with_the_reason(client: Client, app: App, text: str, why: str) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say(text)
        await page.until(lambda: page.refused)
        assert page.refused[0]["why"] == why
        await page.say("But this one is fine.")
        await page.answered()
    assert page.texts[0] == "But this one is fine."


async def test_controls_are_taken_out_of_what_is_written(client: Client) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.say("bell\x07 and null\x00 and\r\nline")
        await page.until(lambda: page.texts)
    assert page.texts[0] == "bell and null and\nline"


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "[]",
        "{}",
        '{"type":"say"}',
        '{"type":"say","key":"k","text":"x"}',
        '{"type":"say","key":"a.b.c.d.e.f","text":"x"}',
        '{"type":"say","key":"12345678","text":7}',
        '{"type":"say","key":"12345678","text":"\\ud800"}',
        '{"type":"fly"}',
        '{"type":"tap","key":"12345678","button":"' + "x" * 501 + '"}',
        "[" * 10_000,
    ],
    ids=lambda frame: frame[:30],
)
async def test_a_frame_that_no_page_of_ours_sends_ends_the_connection(client: Client, app: App, frame: str) -> None:
    await visit(client)
    async with opened(client) as page:
        await page.socket.send_str(frame)
        assert await page.closed() == 1003
    assert await everything(app, InboxRow) == []


async def test_a_frame_of_bytes_or_of_a_megabyte_ends_the_connection(client: Client) -> None:
    async with opened(client) as page:
        await page.socket.send_bytes(b"\x00\x01")
        assert await page.closed() in (1000, 1003)
    async with opened(client) as page:
        await page.socket.send_str("x" * 1_000_000)
        assert await page.closed() == 1009


async def test_who_does_not_begin_with_hello_is_let_go(client: Client) -> None:
    async with client.ws_connect("/chat/live", origin=str(client.make_url("/"))) as socket:
        page = Page(socket)
        await page.say("Hello.")
        assert await page.closed() == 1008


# Limits


async def test_ten_messages_in_a_second_are_all_heard(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        keys = [await page.say(f"Number {number}.") for number in range(10)]
        await page.until(lambda: len(page.accepted) == 10)
        async with asyncio.timeout(SOON):
            while await app.store.count(InboxRow, {"state": InboxState.WAITING}):
                await asyncio.sleep(0.01)
    assert page.accepted == keys
    heard = [m.content for m in sorted(await everything(app, Message), key=lambda m: m.id) if m.direction is Direction.INBOUND]
    assert heard == [f"Number {number}." for number in range(10)]


async def test_who_writes_too_fast_is_told_when_it_goes_on_and_loses_nothing(client: Client, app: App) -> None:
    await visit(client)
    async with opened(client) as page:
        for number in range(BY_VISITOR.most):
            await page.say(f"Number {number}.")
        key = await page.say("One too many.")
        await page.until(lambda: page.refused)
        (refusal,) = page.refused
        assert (refusal["key"], refusal["why"]) == (key, "too_fast")
        assert 0 < refusal["wait"] <= BY_VISITOR.seconds
        assert isinstance(app.clock, ManualClock)
        await app.clock.advance(refusal["wait"] + 0.01)
        await page.say("One too many.", key)
        await page.until(lambda: key in page.accepted)


async def test_newcomers_of_one_network_who_speak_are_bounded_and_known_visitors_are_not(client: Client, app: App) -> None:
    async with opened(client) as known:
        await known.say("I was here before.")
        await known.answered()
        refused = 0
        for _ in range(NEWCOMERS.most + 2):
            async with opened(client) as page:
                await page.say("I am new.")
                await page.decided()
                refused += len(page.refused)
        assert refused == 3
        await known.say("I may still speak.")
        await known.until(lambda: len(known.accepted) == 2)


async def test_pages_of_one_network_that_connect_too_often_are_told_when_to_come_again(client: Client, app: App) -> None:
    await visit(client)
    for _ in range(OPENED.most):
        await app.shared.limits.take(OPENED, "127.0.0.1")
    answer = await client.get("/chat/live", headers={"Origin": str(client.make_url("/")).rstrip("/")})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert isinstance(app.clock, ManualClock)
    await app.clock.advance(60)
    async with opened(client):
        pass


async def test_one_browser_may_have_so_many_tabs_and_a_closed_one_makes_room(client: Client) -> None:
    await visit(client)
    own = str(client.make_url("/"))
    sockets = [await client.ws_connect("/chat/live", origin=own) for _ in range(PAGES_OF_VISITOR + 1)]
    pages = [Page(socket) for socket in sockets]
    for page in pages[:-1]:
        await page.send(type="hello")
        await page.began()
    await pages[-1].send(type="hello")
    assert await pages[-1].closed() == TRY_LATER
    await sockets[0].close()
    await asyncio.sleep(0.05)
    async with opened(client):
        pass
    for socket in sockets:
        await socket.close()


async def test_nothing_is_left_of_a_page_that_was_closed(client: Client, app: App) -> None:
    for _ in range(3):
        async with opened(client):
            assert app.live.count() == 1
        async with asyncio.timeout(2):
            while app.live.count():
                await asyncio.sleep(0.01)


async def test_a_store_that_cannot_write_is_told_and_the_message_taken_later(
    client: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    await visit(client)
    async with opened(client) as page:

        async def full(_: object) -> list[bool]:
            raise StoreUnavailable("disk full")

        with monkeypatch.context() as broken:
            broken.setattr(app.store, "insert", full)
            key = await page.say("Hello.")
            await page.until(lambda: page.refused)
        assert page.refused[0]["why"] == "unavailable"
        assert page.refused[0]["wait"] > 0
        await page.say("Hello.", key)
        await page.answered()


# Whose pages


async def test_a_page_of_another_site_may_not_connect(client: Client) -> None:
    for origin in ("https://evil.example", "null", str(client.make_url("/")).rstrip("/") + ".evil.example"):
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect("/chat/live", origin=origin)
    with pytest.raises(WSServerHandshakeError, match="403"):
        await client.ws_connect("/chat/live")


async def test_an_allowed_site_may_connect_and_show_the_embedded_page_only(client: Client, app: App) -> None:
    await allow(app, SHOP)
    async with opened(client, origin=SHOP):
        pass
    embedded = (await client.get("/chat?embed=1")).headers
    assert f"frame-ancestors 'self' {SHOP}" in embedded["Content-Security-Policy"]
    assert "X-Frame-Options" not in embedded
    assert "frame-ancestors 'none'" in (await client.get("/chat")).headers["Content-Security-Policy"]


async def test_without_the_setting_only_our_own_pages_may_show_it(client: Client) -> None:
    policy = (await client.get("/chat?embed=1")).headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self'")


async def test_a_broken_setting_lets_nobody_in_and_nothing_into_the_policy(client: Client, app: App) -> None:
    await allow(app, SHOP, "https://x; script-src *")
    policy = (await client.get("/chat?embed=1")).headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self'")
    with pytest.raises(WSServerHandshakeError, match="403"):
        await client.ws_connect("/chat/live", origin=SHOP)


async def test_inside_another_site_the_cookie_is_kept_apart_for_that_site(client: Client) -> None:
    cookie = (await client.get("/chat?embed=1")).headers["Set-Cookie"]
    assert cookie.startswith("chat_visitor_embedded=")
    assert cookie.endswith("HttpOnly; Secure; SameSite=None; Partitioned")


async def test_the_script_for_other_sites_may_be_loaded_by_them(client: Client) -> None:
    answer = await client.get("/chat/embed.js")
    assert answer.content_type == "text/javascript"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "/chat?embed=1" in await answer.text()


@pytest.mark.parametrize(("language", "said"), [("en", "An AI answers"), ("es", "Responde una IA"), ("hi", "AI जवाब दे रहा है")])
async def test_the_page_is_in_the_browsers_language(client: Client, language: str, said: str) -> None:
    answer = await client.get("/chat", headers={"Accept-Language": language})
    text = await answer.text()
    assert f'<html lang="{language}">' in text
    assert said in text


async def test_a_server_that_stops_lets_its_pages_go_at_once(client: Client) -> None:
    async with opened(client) as page:
        _, code = await asyncio.gather(client.server.close(), page.closed())
    assert code == 1001
