from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pywa.errors import _all_exceptions

from bot.channels.base import Paced
from bot.channels.whatsapp.failures import DELAYED, ELSEWHERE, REFUSED
from bot.channels.whatsapp.sender import API_VERSION, WhatsAppChannel
from bot.channels.whatsapp.shaping import BODY_LIMIT, TEXT_LIMIT, TITLE_LIMIT, shape, units
from bot.errors import Reach, SendDelayed, SendError, SendRefused, SendUnconfirmed, SettingsError
from bot.message import Address, Button, Reply
from bot.testing.channel_contract import ChannelContract, ChannelKit, Heard
from bot.testing.whatsapp import PHONE_ID, TOKEN, FakeWhatsApp, Fault, faults, person

pytestmark = pytest.mark.contract

ANA = Address("whatsapp", PHONE_ID, person(123))
YES_NO = (Button("yes", "Yes"), Button("no", "No"))


@pytest.fixture
async def meta() -> AsyncIterator[FakeWhatsApp]:
    async with FakeWhatsApp() as meta:
        yield meta


@pytest.fixture
async def channel(meta: FakeWhatsApp) -> AsyncIterator[WhatsAppChannel]:
    channel = WhatsAppChannel(PHONE_ID, TOKEN, meta.url, timeout=0.5)
    yield channel
    await channel.close()


class TestContract(ChannelContract):
    @pytest.fixture
    def kit(self, channel: WhatsAppChannel, meta: FakeWhatsApp) -> ChannelKit:
        def next_is(fault: Fault) -> Callable[[], None]:
            return lambda: meta.fail(fault)

        return ChannelKit(
            channel,
            ANA,
            heard=lambda: [Heard(sent.text, sent.buttons, sent.tracker) for sent in meta.sent],
            faults={
                SendDelayed: tuple(
                    map(next_is, (faults.error(130429), faults.error(131000), faults.error(190), faults.html(503)))
                ),
                SendRefused: tuple(map(next_is, (faults.error(131047), faults.error(131026), faults.error(132001)))),
                SendUnconfirmed: tuple(map(next_is, (faults.lost_answer(), faults.lost_request(), faults.html(200)))),
            },
            nobody=tuple(
                Address("whatsapp", PHONE_ID, who) for who in ("", "ana", "ana@example.org", "Y2FwaV9ncm91cDoxNzA1", "US.", "12")
            ),
        )


async def test_a_text_is_posted_as_meta_wants_it(channel: WhatsAppChannel, meta: FakeWhatsApp) -> None:
    wamid = await channel.send(ANA, Reply("Hello"), "d1")
    (sent,) = meta.sent
    assert sent.id == wamid
    assert sent.raw == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": person(123),
        "type": "text",
        "text": {"body": "Hello", "preview_url": False},
        "biz_opaque_callback_data": "d1",
    }


async def test_buttons_are_posted_as_meta_wants_them(channel: WhatsAppChannel, meta: FakeWhatsApp) -> None:
    await channel.send(ANA, Reply("Shall I?", YES_NO), "")
    (sent,) = meta.sent
    assert "biz_opaque_callback_data" not in sent.raw
    assert sent.raw["interactive"] == {
        "type": "button",
        "body": {"text": "Shall I?"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "yes", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "no", "title": "No"}},
            ]
        },
    }


@pytest.mark.parametrize("who", ["US.13491208655302741918", "US.ENT.11815799212886844830", "IN.aB3dE5"])
async def test_a_user_id_is_a_recipient_and_no_group(channel: WhatsAppChannel, meta: FakeWhatsApp, who: str) -> None:
    await channel.send(Address("whatsapp", PHONE_ID, who), Reply("Hello"), "d1")
    (sent,) = meta.sent
    assert (sent.to, sent.raw["recipient"], sent.raw["recipient_type"]) == (who, who, "individual")
    assert "to" not in sent.raw


async def test_a_plus_is_not_part_of_a_number(channel: WhatsAppChannel, meta: FakeWhatsApp) -> None:
    await channel.send(Address("whatsapp", PHONE_ID, "+12025550123"), Reply("Hello"), "d1")
    assert meta.sent[0].to == "12025550123"


async def test_our_end_of_the_address_is_the_number_it_is_sent_from(meta: FakeWhatsApp) -> None:
    channel = WhatsAppChannel("999", TOKEN, f"{meta.url}/")
    try:
        await channel.send(ANA, Reply("Hello"), "d1")
        assert meta.sent[0].phone_id == PHONE_ID
        with pytest.raises(SendDelayed) as failure:  # our setting is wrong: nothing may be lost over it
            await channel.send(Address("whatsapp", "", ANA.theirs), Reply("Hello"), "d1")
        assert (failure.value.code, failure.value.wait) == ("100", 60.0)
        with pytest.raises(SendRefused):
            await channel.send(Address("whatsapp", "../me", ANA.theirs), Reply("Hello"), "d1")
    finally:
        await channel.close()


async def test_what_json_cannot_carry_is_left_out(channel: WhatsAppChannel, meta: FakeWhatsApp) -> None:
    await channel.send(ANA, Reply("Half \ud83d an emoji\0"), "d1")
    assert meta.sent[0].text == "Half  an emoji"


@pytest.mark.parametrize(
    ("fault", "error", "code", "wait"),
    [
        (faults.error(131056), SendDelayed, "131056", 4.0),
        (faults.error(131056, retry_after=9), SendDelayed, "131056", 9.0),
        (faults.error(130429), SendDelayed, "130429", 1.0),
        (faults.error(80007), SendDelayed, "80007", 10.0),
        (faults.error(4), SendDelayed, "4", 10.0),
        (faults.error(1), SendDelayed, "1", 0.0),
        (faults.error(2), SendDelayed, "2", 0.0),
        (faults.error(131000), SendDelayed, "131000", 0.0),
        (faults.error(131016), SendDelayed, "131016", 0.0),
        (faults.error(0), SendDelayed, "0", 60.0),
        (faults.error(3), SendDelayed, "3", 60.0),
        (faults.error(10), SendDelayed, "10", 60.0),
        (faults.error(190, subcode=463), SendDelayed, "190", 60.0),
        (faults.error(200), SendDelayed, "200", 60.0),
        (faults.error(299), SendDelayed, "299", 60.0),
        (faults.error(131031), SendDelayed, "131031", 60.0),
        (faults.error(100), SendRefused, "100", 0.0),
        (faults.error(131047), SendRefused, "131047", 0.0),
        (faults.error(131026), SendRefused, "131026", 0.0),
        (faults.error(131049), SendRefused, "131049", 0.0),
        (faults.error(131050), SendRefused, "131050", 0.0),
        (faults.error(130472), SendRefused, "130472", 0.0),
        (faults.error(131051), SendRefused, "131051", 0.0),
        (faults.error(131062), SendRefused, "131062", 0.0),
        (faults.error(132001), SendRefused, "132001", 0.0),
        (faults.error(132015), SendRefused, "132015", 0.0),
        (faults.error(999_999), SendRefused, "999999", 0.0),
        (faults.json_answer({"error": {"code": 999_999, "message": "?"}}, status=500), SendUnconfirmed, "999999", 0.0),
        (faults.json_answer({"error": {"code": 999_999, "message": "?"}}, status=429), SendDelayed, "999999", 0.0),
        (
            faults.json_answer({"error": {"code": 999_999, "message": "?", "is_transient": True}}, status=400),
            SendDelayed,
            "999999",
            0.0,
        ),
        (faults.html(503), SendDelayed, "", 0.0),
        (faults.html(429), SendDelayed, "", 0.0),
        (faults.html(404), SendDelayed, "", 60.0),
        (faults.html(500), SendUnconfirmed, "", 0.0),
        (faults.html(502), SendUnconfirmed, "", 0.0),
        (faults.html(504), SendUnconfirmed, "", 0.0),
        (faults.html(200, accepts=True), SendUnconfirmed, "", 0.0),
        (faults.html(302), SendUnconfirmed, "", 0.0),
        (faults.json_answer({}), SendUnconfirmed, "", 0.0),
        (faults.json_answer([]), SendUnconfirmed, "", 0.0),
        (faults.json_answer({"messages": []}), SendUnconfirmed, "", 0.0),
        (faults.json_answer({"messages": [{"id": 7}]}), SendUnconfirmed, "", 0.0),
        (faults.json_answer({"error": {"message": "no code"}}, status=400), SendUnconfirmed, "", 0.0),
        (faults.json_answer({"error": "what?"}, status=400), SendUnconfirmed, "", 0.0),
        (faults.lost_answer(), SendUnconfirmed, "", 0.0),
        (faults.lost_request(), SendUnconfirmed, "", 0.0),
    ],
)
async def test_what_a_failure_means(
    channel: WhatsAppChannel, meta: FakeWhatsApp, fault: Fault, error: type[SendError], code: str, wait: float
) -> None:
    meta.fail(fault)
    with pytest.raises(SendError) as failure:
        await channel.send(ANA, Reply("Hello"), "d1")
    assert (type(failure.value), failure.value.code, failure.value.wait) == (error, code, wait)
    assert len(meta.sent) == fault.accepts
    text = str(failure.value)
    assert text
    assert not any(secret in text for secret in (TOKEN, person(123), "Hello"))


@pytest.mark.parametrize(
    ("fault", "reach"),
    [
        (faults.error(131056), Reach.PERSON),
        (faults.error(130429), Reach.SENDER),
        (faults.error(80007), Reach.SENDER),
        (faults.html(429), Reach.SENDER),
        (faults.error(131016), Reach.VENDOR),
        (faults.error(190), Reach.VENDOR),
        (faults.error(131031), Reach.VENDOR),
        (faults.html(503), Reach.VENDOR),
        (faults.html(502), Reach.VENDOR),
        (faults.html(404), Reach.VENDOR),
        (faults.lost_answer(), Reach.VENDOR),
        (faults.error(131053), Reach.MESSAGE),
        (faults.error(131026), Reach.MESSAGE),
        (faults.error(100), Reach.MESSAGE),
    ],
)
async def test_whom_a_failure_tells_something_about(
    channel: WhatsAppChannel, meta: FakeWhatsApp, fault: Fault, reach: Reach
) -> None:
    meta.fail(fault)
    with pytest.raises(SendError) as failure:
        await channel.send(ANA, Reply("Hello"), "d1")
    assert failure.value.reach is reach


async def test_a_number_sends_as_fast_as_meta_takes_it() -> None:
    channel = WhatsAppChannel(PHONE_ID, TOKEN, "http://127.0.0.1:1", per_second=1000)
    assert isinstance(channel, Paced)
    assert (channel.pace.sender.per_second, channel.pace.person.most) == (1000, 45)
    assert channel.pace.person.per_second == pytest.approx(1 / 6)
    await channel.close()


async def test_an_answer_without_contacts_is_an_answer(channel: WhatsAppChannel, meta: FakeWhatsApp) -> None:
    meta.fail(faults.json_answer({"messages": [{"id": "wamid.1"}]}))
    assert await channel.send(ANA, Reply("Hello"), "d1") == "wamid.1"


async def test_no_answer_in_time_is_unconfirmed(meta: FakeWhatsApp) -> None:
    channel = WhatsAppChannel(PHONE_ID, TOKEN, meta.url, timeout=0.1)
    meta.fail(faults.hang(), None)
    with pytest.raises(SendUnconfirmed, match="ReadTimeout"):
        await channel.send(ANA, Reply("Hello"), "d1")
    assert await channel.send(ANA, Reply("Hello"), "d2")
    await channel.close()


async def test_nobody_there_is_delayed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    channel = WhatsAppChannel(PHONE_ID, TOKEN, f"http://127.0.0.1:{port}")
    with pytest.raises(SendDelayed, match="ConnectError"):
        await channel.send(ANA, Reply("Hello"), "d1")
    await channel.close()


async def test_a_full_pool_is_delayed(meta: FakeWhatsApp) -> None:
    channel = WhatsAppChannel(PHONE_ID, TOKEN, meta.url, timeout=2.0)
    meta.rule = lambda sent: faults.hang()
    ends = await asyncio.gather(*(channel.send(ANA, Reply("Hello"), str(n)) for n in range(130)), return_exceptions=True)
    assert {type(end) for end in ends} == {SendUnconfirmed, SendDelayed}
    assert sum(type(end) is SendUnconfirmed for end in ends) == len(meta.refused) == 100
    await channel.close()


async def test_a_closed_channel_is_delayed(channel: WhatsAppChannel) -> None:
    await channel.close()
    with pytest.raises(SendDelayed):
        await channel.send(ANA, Reply("Hello"), "d1")


async def test_a_wrong_token_is_delayed(meta: FakeWhatsApp) -> None:
    channel = WhatsAppChannel(PHONE_ID, "expired", meta.url)
    with pytest.raises(SendDelayed) as failure:
        await channel.send(ANA, Reply("Hello"), "d1")
    assert (failure.value.code, failure.value.wait) == ("190", 60.0)
    await channel.close()


@pytest.mark.parametrize(
    ("phone_id", "token", "setting"), [(PHONE_ID, "expired", "WHATSAPP_TOKEN"), ("999", TOKEN, "WHATSAPP_PHONE_ID")]
)
async def test_a_check_names_the_setting_that_is_wrong(meta: FakeWhatsApp, phone_id: str, token: str, setting: str) -> None:
    channel = WhatsAppChannel(phone_id, token, meta.url)
    with pytest.raises(SendDelayed, match=rf": check {setting}$"):
        await channel.check()
    await channel.close()


def test_an_address_of_the_api_that_is_none_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="WHATSAPP_API_URL"):
        WhatsAppChannel(PHONE_ID, TOKEN, "graph.facebook.com")


def test_every_code_that_pywa_knows_is_in_our_table() -> None:
    known = set(_all_exceptions())
    ours = set(DELAYED) | REFUSED | ELSEWHERE
    assert known - ours == set(), "pywa has grown: decide what these mean for a delivery (channels/whatsapp/failures.py)"
    assert ours - known == {1, 2, 100, 133010}, "codes of ours that pywa does not name"
    assert not set(DELAYED) & REFUSED
    assert not (set(DELAYED) | REFUSED) & ELSEWHERE


def test_every_failure_of_httpx_is_handled() -> None:
    """All that a request can raise is an HTTPError, which is at least unconfirmed; only these two are not."""
    others = {
        name
        for name in httpx.__all__
        if isinstance(found := getattr(httpx, name), type)
        and issubclass(found, Exception)
        and not issubclass(found, httpx.HTTPError)
    }
    assert others == {
        "InvalidURL",  # the URL is checked in the constructor
        "CookieConflict",
        "StreamError", "StreamClosed", "StreamConsumed", "RequestNotRead", "ResponseNotRead",  # of streaming, which is not used
    }  # fmt: skip


async def test_nothing_is_logged_of_what_is_said(
    channel: WhatsAppChannel, meta: FakeWhatsApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    meta.fail(None, faults.hang())
    await channel.send(ANA, Reply("My secret"), "d1")
    with pytest.raises(SendUnconfirmed):
        await channel.send(ANA, Reply("My secret"), "d2")
    assert not any(word in caplog.text for word in ("My secret", ANA.theirs, TOKEN))
    assert not [record for record in caplog.records if record.name.split(".")[0] in ("pywa", "pywa_async", "httpx", "httpcore")]


def test_the_version_is_one_that_graph_has() -> None:
    major, minor = API_VERSION.split(".")
    assert int(major) >= 17
    assert minor == "0"


# What fits -----------------------------------------------------------------------------------------------------------------


def test_a_long_text_is_cut_between_paragraphs_then_lines_then_sentences_then_words() -> None:
    half = "a" * 2500
    assert [piece.text for piece in shape(Reply(f"{half}\n\n{half}"))] == [half, half]
    assert [piece.text for piece in shape(Reply(f"{half}\n{half}"))] == [half, half]
    assert [piece.text for piece in shape(Reply(f"{half}. {half}"))] == [f"{half}.", half]
    assert [piece.text for piece in shape(Reply(f"{half}। {half}"))] == [f"{half}।", half]
    assert [piece.text for piece in shape(Reply(f"{half} {half}"))] == [half, half]
    assert [len(piece.text) for piece in shape(Reply("a" * 5000))] == [4096, 904]
    assert [len(piece.text) for piece in shape(Reply("a" * 4096 + " b"))] == [4096, 1]


def test_an_emoji_counts_twice_and_is_never_torn() -> None:
    pieces = shape(Reply("👍🏽" * 1025))
    assert [units(piece.text) for piece in pieces] == [TEXT_LIMIT, 4]
    family = "👩‍👩‍👧‍👦"
    assert all(piece.text == family * (len(piece.text) // len(family)) for piece in shape(Reply(family * 900)))
    assert all(not piece.text.startswith(("ा", "े", "्", "ि")) for piece in shape(Reply("नमस्तेक्याहाल" * 700)))
    assert [len(piece.text) for piece in shape(Reply("\u0301" * 5000))] == [4096, 904]  # accents on nothing


def test_buttons_go_under_a_text_of_their_own_when_it_is_too_long_for_them() -> None:
    first, second = shape(Reply("a" * 900 + ".\n\n" + "b" * 600, YES_NO))
    assert (first, second) == (Reply("a" * 900 + "."), Reply("b" * 600, YES_NO))
    for text in ("word " * 400, "x" * 1500, "👍🏽" * 400):
        first, second = shape(Reply(text, YES_NO))
        assert BODY_LIMIT // 2 - 4 <= units(second.text) <= BODY_LIMIT
        assert first.buttons == ()
        assert second.buttons == YES_NO


def test_titles_are_cut_at_a_word_and_said_in_full_above() -> None:
    (piece,) = shape(Reply("What next?", (Button("a", "Talk to somebody from sales"), Button("b", "No"))))
    assert piece.text == "What next?\n\n1. Talk to somebody from sales"
    assert [button.title for button in piece.buttons] == ["Talk to somebody…", "No"]
    (piece,) = shape(Reply("?", (Button("a", "x" * 30), Button("b", "🙂" * 15))))
    assert [units(button.title) for button in piece.buttons] == [TITLE_LIMIT, 19]


def test_more_than_three_options_are_numbered() -> None:
    (piece,) = shape(Reply("Which?", tuple(Button(f"id{n}", f"Option {n}") for n in range(1, 6))))
    assert piece.text == "Which?\n\n4. Option 4\n5. Option 5"
    assert [button.id for button in piece.buttons] == ["id1", "id2", "id3"]


def test_buttons_that_meta_would_refuse_are_listed() -> None:
    buttons = (Button("a", "Same"), Button("b", "Same"), Button("a", "Other"), Button("x" * 257, "Long"), Button("", "None"))
    (piece,) = shape(Reply("Which?", buttons))
    assert piece.buttons == (Button("a", "Same"),)
    assert piece.text == "Which?\n\n2. Same\n3. Other\n4. Long\n5. None"


def test_buttons_without_a_text_get_one() -> None:
    assert shape(Reply("", YES_NO)) == [Reply("Yes\nNo", YES_NO)]


BITS = [
    "word ",
    "\n\n",
    "\n",
    "Done. ",
    "x" * 50,
    "नमस्ते। ",
    "👍🏽",
    "👩\u200d👧",
    "\u0301",
    "\u200d",
    "是的。",
    " ",
    "🇲🇽",
    "e\u0301",
    "\t",
]


@settings(max_examples=50)
@given(st.lists(st.sampled_from(BITS), max_size=12), st.integers(1, 120), st.lists(st.text(max_size=40), max_size=5))
def test_whatever_is_said_fits_and_nothing_is_lost(bits: list[str], times: int, titles: list[str]) -> None:
    reply = Reply("".join(bits) * times, tuple(Button(str(number), title) for number, title in enumerate(titles)))
    pieces = shape(reply)
    assert "".join("".join(piece.text for piece in pieces).split()).startswith("".join(reply.text.split()))
    for piece in pieces:
        assert 0 < units(piece.text) <= (BODY_LIMIT if piece.buttons else TEXT_LIMIT)
        assert all(0 < units(button.title) <= TITLE_LIMIT for button in piece.buttons)
        assert shape(piece) == [piece]
    assert not any(piece.buttons for piece in pieces[:-1])


async def test_meta_can_be_asked_whether_it_knows_our_number(channel: WhatsAppChannel) -> None:
    assert await channel.check() == "+1 202-555-0100 (Test Number), quality GREEN"


async def test_a_check_with_a_wrong_token_says_what_is_wrong(meta: FakeWhatsApp) -> None:
    channel = WhatsAppChannel(PHONE_ID, "wrong", meta.url, timeout=0.5)
    with pytest.raises(SendError, match="190"):
        await channel.check()
    await channel.close()
