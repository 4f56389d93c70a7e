"""May we say this, to them, now?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import new_id
from bot.message import Address, Choice, Content, InboundMessage, Location, Media, Text
from bot.policy import Policy, Verdict, Wish, is_blocked, wish_of
from bot.records.conversations import ChannelName, Conversation
from bot.records.people import Consent, ConsentState, Customer, CustomerStatus
from bot.records.work import Author, Delivery
from bot.resources import LANGUAGES, utterances
from bot.testing.scene import Scene

pytestmark = pytest.mark.unit

ADDRESS = Address("whatsapp", "1", "12025550123")


def message(content: Content | str) -> InboundMessage:
    content = Text(content) if isinstance(content, str) else content
    return InboundMessage("m", ADDRESS, content, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "wish"), [("opt_out_words", Wish.STOP), ("opt_out_typed_words", Wish.STOP), ("resume_words", Wish.RESUME)]
)
def test_every_word_is_known_in_any_case_with_any_punctuation(language: str, name: str, wish: Wish) -> None:
    for word in utterances(language)[name]:
        for said in (
            word,
            word.upper(),
            f" {word}. ",
            f"¡{word}!",
            f"«{word}»",
            f"{word} 🛑",
            f"*{word}*",
            word.replace(" ", "\n"),
        ):
            assert wish_of(message(said)) is wish, said


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("cancelar suscripcion", Wish.STOP),
        ("CANCELAR SUSCRIPCIÓN", Wish.STOP),
        ("no me escriban ma\u0301s", Wish.STOP),
        ("Ｓｔｏｐ", Wish.STOP),
        ("stop✋️", Wish.STOP),
        ("opt-out", Wish.STOP),
        ("dont contact me", Wish.STOP),
        ("बंद करो।", Wish.STOP),
        ("STOP STOP", Wish.STOP),
        ("stop, stop, stop!!!", Wish.STOP),
        ("stop all stop all", Wish.STOP),
        ("stop please", Wish.STOP),
        ("Please stop.", Wish.STOP),
        ("por favor stop", Wish.STOP),
        ("Por favor, no más mensajes. ¡Muchas gracias!", Wish.STOP),
        ("stop stop por favor", Wish.STOP),
        ("कृपया रोको", Wish.STOP),
        ("मत भेजो जी", Wish.STOP),
        ("बंद", Wish.STOP),
        ("Cancel", Wish.STOP),
        ("please cancel", Wish.STOP),
        ("start, please", Wish.RESUME),
        ("cancel my order", None),
        ("quiero cancelar mi pedido", None),
        ("the end", None),
        ("इंटरनेट बंद है", None),
        ("please", None),
        ("please please", None),
        ("muchas gracias", None),
        ("stopp", None),
        ("don't stop", None),
        ("stop it please", None),
        ("", None),
        ("...", None),
        ("🛑", None),
    ],
)
def test_only_a_message_that_is_the_word_counts(said: str, wish: Wish | None) -> None:
    assert wish_of(message(said)) is wish


def test_a_tap_counts_by_its_title_and_nothing_else_does() -> None:
    assert wish_of(message(Choice("x", "Stop"))) is Wish.STOP
    assert wish_of(message(Choice("stop", "Billing"))) is None
    assert wish_of(message(Choice("x", "Cancel"))) is None, "it answers a question of ours"
    assert wish_of(message(Media("image", caption="stop"))) is None
    assert wish_of(message(Location(1, 2, "Stop"))) is None


@pytest.mark.parametrize("said", ["cancel", "Cancelar", "रद्द करें"])
def test_who_was_asked_something_answers_that_with_a_word_that_would_stop(said: str) -> None:
    assert wish_of(message(said)) is Wish.STOP
    assert wish_of(message(said), asked=True) is None
    assert wish_of(message("stop"), asked=True) is Wish.STOP


@given(st.text(max_size=40))
def test_any_text_is_a_wish_or_none(text: str) -> None:
    assert wish_of(message(text)) in (Wish.STOP, Wish.RESUME, None)


@pytest.mark.parametrize(
    ("fields", "blocked"),
    [
        ({}, False),
        ({"is_blocked": True}, True),
        ({"status": CustomerStatus.BLOCKED}, True),
        ({"status": CustomerStatus.VIP}, False),
    ],
)
def test_either_mark_blocks(fields: dict[str, object], blocked: bool) -> None:
    assert is_blocked(Customer.model_validate({"id": "c", **fields})) is blocked


class Desk:
    """A policy with a person, a conversation and a clock."""

    def __init__(self, scene: Scene) -> None:
        self.store, self.clock = scene.app.store, scene.clock
        self.policy: Policy = scene.app.policy
        self.customer = Customer(id=new_id())
        self.conversation = Conversation(
            id=new_id(),
            customer_id=self.customer.id,
            lane="l",
            our_address="1",
            their_address="2",
            assignee_name="support",
            last_customer_message=scene.clock.now(),
        )

    async def verdict(self, author: Author = Author.AI, *, proactive: bool = False, ago: float = 0.0) -> Verdict:
        await self.store.upsert([self.customer, self.conversation])
        created = self.clock.now() - timedelta(seconds=ago)
        delivery = Delivery(
            id=new_id(),
            lane="l",
            position=new_id(),
            conversation_id=self.conversation.id,
            message_id="m",
            author=author,
            epoch=0,
            reply={"text": "Hello"},
            proactive=proactive,
            due_at=created,
            created_at=created,
        )
        return await self.policy.allows(delivery, self.conversation)

    async def consents(self, *states: ConsentState) -> None:
        for state in states:
            wish = Wish.STOP if state is ConsentState.WITHDRAWN else Wish.RESUME
            await self.store.insert([self.policy.record(self.customer.id, wish, message("x"))])


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


async def test_an_answer_within_the_window_is_allowed(desk: Desk) -> None:
    assert await desk.verdict() == Verdict(True, "")


async def test_nothing_is_said_to_somebody_without_a_record(desk: Desk) -> None:
    desk.conversation = desk.conversation.model_copy(update={"customer_id": "nobody"})
    assert await desk.verdict() == Verdict(False, "unknown_person")


@pytest.mark.parametrize("author", Author)
async def test_only_an_operator_may_write_to_a_blocked_person(desk: Desk, author: Author) -> None:
    desk.customer.status = CustomerStatus.BLOCKED
    assert (await desk.verdict(author)).allowed is (author is Author.OPERATOR)


async def test_after_stop_only_what_answers_a_later_message_is_allowed(desk: Desk) -> None:
    await desk.consents(ConsentState.WITHDRAWN)
    assert await desk.verdict(ago=1) == Verdict(False, "opted_out")
    assert await desk.verdict(Author.OPERATOR, ago=1) == Verdict(False, "opted_out")
    assert await desk.verdict(proactive=True) == Verdict(False, "opted_out")
    assert await desk.verdict(ago=0) == Verdict(True, "")


async def test_the_newest_consent_counts(desk: Desk) -> None:
    await desk.consents(ConsentState.WITHDRAWN, ConsentState.GIVEN)
    assert (await desk.verdict(proactive=True)).allowed
    await desk.consents(ConsentState.WITHDRAWN)
    assert not (await desk.verdict(proactive=True)).allowed


async def test_consent_to_calls_is_none_to_messages(desk: Desk) -> None:
    await desk.consents(ConsentState.WITHDRAWN)
    calls = Consent(
        id=new_id(),
        customer_id=desk.customer.id,
        purpose="calls",
        state=ConsentState.GIVEN,
        at=desk.clock.now(),
        source="form",
    )
    await desk.store.insert([calls])
    assert await desk.verdict(proactive=True) == Verdict(False, "opted_out")


@pytest.mark.parametrize(
    ("seconds", "allowed"), [(0, True), (24 * 3600 - 0.001, True), (24 * 3600, False), (48 * 3600, False), (None, False)]
)
async def test_whatsapps_window_is_open_for_24_hours_after_their_last_message(
    desk: Desk, seconds: float | None, allowed: bool
) -> None:
    last = None if seconds is None else desk.clock.now() - timedelta(seconds=seconds)
    desk.conversation.last_customer_message = last
    verdict = await desk.verdict(Author.OPERATOR)
    assert verdict == (Verdict(True, "") if allowed else Verdict(False, "whatsapp_window"))


async def test_other_channels_have_no_window(desk: Desk) -> None:
    desk.conversation.channel = ChannelName.CONSOLE
    desk.conversation.last_customer_message = None
    assert (await desk.verdict()).allowed
