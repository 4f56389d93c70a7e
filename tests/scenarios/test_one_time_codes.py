"""Somebody shows who they are with a one-time code, through the real engine, outbox and mail server."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio

from bot.clock import new_id
from bot.message import Address, Choice, Content, InboundMessage, Sender, Text
from bot.principal import Strength, strength_in
from bot.records.audit import AuditEntry
from bot.records.conversations import Conversation, Message
from bot.records.people import Customer, Identity, IdentityKind
from bot.records.work import Job, JobStatus, JournalKind, JournalRow
from bot.services.verification import challenge_of
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Said, ScriptedModel, ScriptedStep
from bot.testing.scene import Scene, open_scene
from tests.mailbox import Mailbox, code_in, served
from tests.scenarios.helpers import ANA
from tests.scenarios.test_crashes import Died, Doom

pytestmark = pytest.mark.scenario

ANAS = "ana@example.org"
EVIL = "mallory@example.net"


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
def smtp_url(box: Mailbox) -> Iterator[str]:
    with served(box) as url:
        yield url


@pytest_asyncio.fixture
async def scene(tmp_path: Path, smtp_url: str) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, smtp_url=smtp_url) as opened:
        yield opened


class Claimant:
    """Somebody on a channel that vouches for nobody."""

    def __init__(self, scene: Scene, channel: str, theirs: str, phone: str = "") -> None:
        self.scene = scene
        self.address = Address(channel, "ours", theirs)
        self._phone = phone

    async def says(self, text: str) -> None:
        await self.sends(Text(text))

    async def sends(self, content: Content) -> None:
        now = self.scene.clock.now()
        message = InboundMessage(new_id(), self.address, content, now, Sender(phone=self._phone))
        await self.scene.app.inbox.accept([message])
        await self.scene.settle()

    async def asks_for_a_code(self, to: str = "email", address: str = "") -> None:
        self.scene.model.will(Called("send_code", to=to, **({"address": address} if address else {})))
        await self.says("Please verify me.")

    async def conversation(self) -> Conversation:
        [found] = await self.scene.app.store.find(Conversation, {"lane": self.address.lane, "openness": "open"})
        return found

    async def customer_id(self) -> str:
        return (await self.conversation()).customer_id or ""

    async def is_verified(self) -> bool:
        return strength_in(await self.conversation(), self.scene.clock.now()) is Strength.VERIFIED

    async def heard(self) -> str:
        """The last thing that was said to them."""
        where = {"conversation_id": (await self.conversation()).id, "direction": "outbound"}
        found = await self.scene.app.store.find(Message, where)
        return max(found, key=lambda message: message.id).content


async def _ana(scene: Scene, *, email: str = "") -> str:
    """Ana, who writes on WhatsApp and has a ticket; her id."""
    ana = scene.person(ANA)
    scene.model.will(Called("create_ticket", subject="No internet", description="Since yesterday"), Said("Opened."))
    await ana.says("My internet is down")
    await ana.hears("Opened.")
    id_ = (await ana.customer()).id
    if email:
        await scene.app.people.update(id_, {"email": email}, by="user:olga")
    return id_


def _caller(scene: Scene) -> Claimant:
    """A call that shows Ana's number; who knows whose it is."""
    return Claimant(scene, "voice", f"+{ANA}", ANA)


def _visitor(scene: Scene, name: str = "visitor-1") -> Claimant:
    return Claimant(scene, "web", name)


async def test_a_code_to_the_address_on_record_verifies_and_the_agent_goes_on(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=" Ana@Example.org ")
    assert (await caller.heard()).startswith("I am sending a 6-digit code to a•••@example.org.")
    scene.model.will(Called("list_my_tickets"), Said("You have one ticket."))
    await caller.says(f"My code is {code_in(box.mails[0])}, thanks")
    assert await caller.is_verified()
    assert await caller.heard() == "You have one ticket."
    assert "No internet" in str(scene.model.requests[-1].messages[-1]["content"])
    assert "has just been verified with a one-time code" in str(scene.model.requests[-1].messages[0]["content"])


async def test_a_code_on_whatsapp_verifies_a_caller(scene: Scene) -> None:
    await _ana(scene)
    caller = _caller(scene)
    await caller.asks_for_a_code("whatsapp")
    spoken = scene.channel.spoken[-1].reply.text
    scene.model.will(Said("Thank you."))
    await caller.says(spoken[:6])
    assert await caller.is_verified()
    shown = (await scene.person(ANA).timeline())[-1].content
    assert shown == spoken.replace(spoken[:6], "••••••")


async def test_a_verification_ends_after_twelve_hours(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=ANAS)
    scene.model.will(Said("Thank you."))
    await caller.says(code_in(box.mails[0]))
    await scene.passes(12 * 3600 - 60)
    assert await caller.is_verified()
    await scene.passes(60)
    assert not await caller.is_verified()


# Attacks


async def test_a_spoofed_number_and_a_code_to_ones_own_mailbox_open_nothing(scene: Scene, box: Mailbox) -> None:
    ana = await _ana(scene, email=ANAS)
    mallory = _caller(scene)
    await mallory.asks_for_a_code(address=EVIL)
    await mallory.says(code_in(box.mails[0]))
    assert "does not show me whose record this is" in await mallory.heard()
    assert await mallory.customer_id() == ana
    assert not await mallory.is_verified()
    record = await scene.app.people.get(ana)
    assert record.email == ANAS
    assert await scene.app.store.get(Identity, Identity.key(IdentityKind.EMAIL, EVIL)) is None


async def test_who_once_claimed_ana_does_not_come_in_by_their_own_address_later(scene: Scene, box: Mailbox) -> None:
    """The record is made by the spoofed call itself, before Ana ever writes to us."""
    mallory = _caller(scene)
    await mallory.asks_for_a_code(address=EVIL)
    await mallory.says(code_in(box.mails[0]))
    assert not await mallory.is_verified()
    ana = await _ana(scene)
    assert await mallory.customer_id() == ana
    later = _visitor(scene)
    await later.asks_for_a_code(address=EVIL)
    scene.model.will(Said("Thank you."))
    await later.says(code_in(box.mails[1]))
    assert await later.customer_id() != ana


async def test_an_address_that_ana_only_typed_opens_nothing(scene: Scene, box: Mailbox) -> None:
    ana = await _ana(scene)
    await scene.app.people.update(ana, {"email": ANAS}, by="agent:support", proven=False)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=ANAS)
    await caller.says(code_in(box.mails[0]))
    assert not await caller.is_verified()


async def test_five_wrong_codes_end_it_and_the_right_one_then_does_nothing(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=ANAS)
    right = code_in(box.mails[0])
    for left in (4, 3, 2, 1):
        await caller.says(f"{(int(right) + left) % 10**6:06d}")
        assert await caller.heard() == f"That is not the code. You have {left} {'try' if left == 1 else 'tries'} left."
    await caller.says(f"{(int(right) + 9) % 10**6:06d}")
    assert "cannot be tried any more" in await caller.heard()
    scene.model.will(Said("There is no code to check."))
    await caller.says(right)
    assert not await caller.is_verified()


async def test_another_code_voids_the_one_before_and_gives_no_tries_back(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=ANAS)
    await caller.says("send it again, please")
    first, second = map(code_in, box.mails)
    assert first != second
    await caller.says(first)
    assert await caller.heard() == "That is not the code. You have 4 tries left."
    await caller.says("send again")
    await caller.says(first)
    assert await caller.heard() == "That is not the code. You have 3 tries left."
    await caller.says("send again")
    assert (await caller.heard()).startswith("I cannot send another code yet. Please ask again in 60 minutes.")
    scene.model.will(Said("Thank you."))
    await caller.says(code_in(box.mails[2]))
    assert await caller.is_verified()


async def test_a_button_of_an_older_code_sends_nothing(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=ANAS)
    state = (await caller.conversation()).flow
    assert state is not None
    again = Choice(f"code:{state.token}:again", "Send again")
    await caller.sends(again)
    scene.model.will(Said("There is a newer one."))
    await caller.sends(again)
    assert len(box.mails) == 2


async def test_the_same_is_said_whatever_we_know_of_an_address(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    heard = []
    for number, address in enumerate((ANAS, "anything@example.org")):
        visitor = _visitor(scene, f"visitor-{number}")
        await visitor.asks_for_a_code(address=address)
        heard.append(await visitor.heard())
    assert heard[0] == heard[1]
    assert [mail["To"] for mail in box.mails] == [ANAS, "anything@example.org"]


# Visitors of the web


async def test_a_visitor_who_shows_a_fresh_address_owns_it_from_then_on(scene: Scene, box: Mailbox) -> None:
    visitor = _visitor(scene)
    await visitor.asks_for_a_code(address="bo@example.org")
    scene.model.will(Said("Thank you."))
    await visitor.says(code_in(box.mails[0]))
    assert await visitor.is_verified()
    customer = await scene.app.people.get(await visitor.customer_id())
    assert customer.email == "bo@example.org"
    identity = await scene.app.store.get(Identity, Identity.key(IdentityKind.EMAIL, "bo@example.org"))
    assert identity is not None
    assert identity.customer_id == customer.id


async def test_a_visitor_who_shows_a_customers_address_is_that_customer(scene: Scene, box: Mailbox) -> None:
    ana = await _ana(scene, email=ANAS)
    visitor = _visitor(scene)
    await visitor.asks_for_a_code(address=ANAS)
    scene.model.will(Called("list_my_tickets"), Said("You have one ticket."))
    await visitor.says(code_in(box.mails[0]))
    assert await visitor.customer_id() == ana
    assert await visitor.is_verified()
    assert "No internet" in str(scene.model.requests[-1].messages[-1]["content"])
    assert await scene.app.store.count(Customer, {}) == 1


async def test_a_customer_who_shows_another_customers_address_gets_a_person_instead(scene: Scene, box: Mailbox) -> None:
    ana = await _ana(scene, email=ANAS)
    visitor = _visitor(scene)
    await visitor.asks_for_a_code(address="bo@example.org")
    scene.model.will(Said("Thank you."))
    await visitor.says(code_in(box.mails[0]))
    bo = await visitor.customer_id()
    await visitor.asks_for_a_code(address=ANAS)
    await visitor.says(code_in(box.mails[1]))
    assert "A person in our team can help you." in await visitor.heard()
    assert await visitor.customer_id() == bo != ana


async def test_on_whatsapp_a_fresh_address_comes_on_record_and_makes_nobody_surer(scene: Scene, box: Mailbox) -> None:
    ana = await _ana(scene)
    person = scene.person(ANA)
    scene.model.will(Called("send_code", to="email", address=ANAS))
    await person.says("Verify my mail, please.")
    await scene.settle()
    scene.model.will(Said("It is yours."))
    await person.says(code_in(box.mails[0]))
    await scene.settle()
    conversation = await person.conversation()
    assert strength_in(conversation, scene.clock.now()) is Strength.SIGNED
    assert (await scene.app.people.get(ana)).email == ANAS


# What is not a code


async def test_another_question_is_answered_while_the_code_stays_awaited(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=ANAS)
    scene.model.will(Said("At nine."))
    await caller.says("When do you open?")
    assert "still waits for the one-time code" in str(scene.model.requests[-1].messages[0]["content"])
    scene.model.will(Said("Thank you."))
    await caller.says(code_in(box.mails[0]))
    assert await caller.is_verified()


@pytest.mark.parametrize("word", ["cancel", "Cancelar", "रद्द करें", "never mind please"])
async def test_a_word_for_no_code_ends_it_and_stops_nothing_else(scene: Scene, word: str, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=ANAS)
    await caller.says(word)
    assert (await caller.conversation()).flow is None
    assert await scene.app.policy.consent(await caller.customer_id()) is None


async def test_a_code_that_comes_too_late_is_told_so(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    caller = _caller(scene)
    await caller.asks_for_a_code(address=ANAS)
    await scene.passes(600)
    await caller.says(code_in(box.mails[0]))
    assert await caller.heard() == "That code has expired. Tell me if you would like another one."
    assert not await caller.is_verified()


# Where no code may be, and what a crash does


@pytest.mark.parametrize("via", ["email", "whatsapp"])
async def test_no_code_is_kept_logged_or_shown_to_a_model(
    tmp_path: Path, smtp_url: str, box: Mailbox, via: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_scene(tmp_path, smtp_url=smtp_url) as scene:
        await _ana(scene, email=ANAS)
        caller = _caller(scene)
        await caller.asks_for_a_code(via, ANAS if via == "email" else "")
        code = code_in(box.mails[0]) if via == "email" else scene.channel.spoken[-1].reply.text[:6]
        scene.model.will(Said("Thank you."), Said("Bye."))
        await caller.says(f"It is {code[:3]} {code[3:]}")
        assert await caller.is_verified()
        await caller.says("Bye")
        requests = str([request.messages for request in scene.model.requests])
    output = capsys.readouterr()
    logged = [record.getMessage() for record in caplog.records if record.name != "mail.log"]  # the mail server's own
    everywhere = {"requests": requests, "logs": "".join(logged) + output.out + output.err}
    with sqlite3.connect(tmp_path / "bot.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        # What they wrote as it came in, and what is to be posted: the post itself.
        for table in set(tables) - {"inbox", "outbox"}:
            everywhere[table] = str(database.execute(f'SELECT * FROM "{table}"').fetchall())  # noqa: S608
    database.close()
    assert {"messages", "journal", "conversations", "scheduled_jobs", "audit_log"} <= everywhere.keys()
    for written in (code, f"{code[:3]} {code[3:]}"):
        assert [place for place, text in everywhere.items() if written in text] == []


async def test_a_crash_before_the_sending_sends_the_same_code_after_it(tmp_path: Path, smtp_url: str, box: Mailbox) -> None:
    box.at["RCPT"] = "450 4.2.0 later"
    async with open_scene(tmp_path, smtp_url=smtp_url) as before:
        await _ana(before, email=ANAS)
        await _caller(before).asks_for_a_code(address=ANAS)
        [job] = await before.app.store.find(Job, {"status": JobStatus.PENDING, "job_type": "one-time-code"})
    del box.at["RCPT"]
    clock = before.clock
    async with open_scene(tmp_path, smtp_url=smtp_url, clock=clock) as after:
        await after.settle(60)
        assert [mail["Message-ID"] for mail in box.mails] == [f"<{job.id}@example.com>"]
        caller = _caller(after)
        after.model.will(Said("Thank you."))
        await caller.says(code_in(box.mails[0]))
        assert await caller.is_verified()


async def test_a_mail_server_that_refuses_for_good_is_asked_once(scene: Scene, box: Mailbox) -> None:
    await _ana(scene, email=ANAS)
    box.at["RCPT"] = "550 5.1.1 no such mailbox"
    await _caller(scene).asks_for_a_code(address=ANAS)
    [job] = await scene.app.store.find(Job, {"status": JobStatus.COMPLETED, "job_type": "one-time-code"})
    assert job.attempts == 0


# A crash at every write


async def _model_steps(scene: Scene) -> int:
    rows = await scene.app.store.find(JournalRow, {}, sort=("id",))
    return sum(row.kind is JournalKind.MODEL for row in rows)


async def _life(folder: Path, smtp_url: str, clock: ManualClock, doom: Doom, steps: list[ScriptedStep], text: str) -> int:
    """One life of the program, in which a caller says something; how many model steps are journaled at its end."""
    with suppress(Died):
        async with open_scene(folder, clock=clock, model=ScriptedModel(*steps), smtp_url=smtp_url) as scene:
            before = await _model_steps(scene)
            doom.over(scene)
            caller = _caller(scene)
            now = clock.now()
            message = InboundMessage("the-one", caller.address, Text(text), now, Sender(phone=ANA))
            with suppress(Died):
                await scene.app.inbox.accept([message])
            await scene.passes(30)
            done = await _model_steps(scene) - before
            if doom.dead:
                raise Died
    return done


async def _lives(folder: Path, smtp_url: str, start: datetime, steps: list[ScriptedStep], text: str, *, after: bool) -> int:
    """Dies at each write in turn, is started again, and is left at rest in a folder of its own; how many there are."""
    at, died = 0, True
    while died:
        at += 1
        here, clock, doom = folder.with_name(f"{at}"), ManualClock(start), Doom(at, after)
        shutil.copytree(folder, here)
        done = await _life(here, smtp_url, clock, doom, steps, text)
        await _life(here, smtp_url, ManualClock(clock.now()), Doom(0, after), steps[done:], text)
        died = doom.dead
    return at


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_write_of_asking_never_sends_two_different_codes(
    tmp_path: Path, smtp_url: str, box: Mailbox, after: bool
) -> None:
    asks: list[ScriptedStep] = [Called("send_code", to="email", address=ANAS)]
    async with open_scene(tmp_path / "before", smtp_url=smtp_url) as scene:
        await _ana(scene, email=ANAS)
    ends = await _lives(tmp_path / "before", smtp_url, scene.clock.now(), asks, "Verify me", after=after)
    assert ends > 5
    for at in range(1, ends + 1):
        async with open_scene(tmp_path / str(at), clock=ManualClock(scene.clock.now()), smtp_url=smtp_url) as end:
            state = (await _caller(end).conversation()).flow
            assert state is not None, at
            sent = [mail for mail in box.mails if mail["Message-ID"] == f"<{challenge_of(state).nonce}@example.com>"]
            assert len({code_in(mail) for mail in sent}) == 1, at
            assert await end.app.store.count(Job, {"status": JobStatus.COMPLETED}) == 1, at
            assert await end.app.store.count(AuditEntry, {"action": "code_sent"}) == 1, at
    assert len({mail["Message-ID"] for mail in box.mails}) == ends


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_write_of_the_answer_verifies_once(tmp_path: Path, smtp_url: str, box: Mailbox, after: bool) -> None:
    async with open_scene(tmp_path / "before", smtp_url=smtp_url) as scene:
        await _ana(scene, email=ANAS)
        await _caller(scene).asks_for_a_code(address=ANAS)
    code, said = code_in(box.mails[0]), Said("Thank you.")
    ends = await _lives(tmp_path / "before", smtp_url, scene.clock.now(), [said], code, after=after)
    assert ends > 3
    for at in range(1, ends + 1):
        async with open_scene(tmp_path / str(at), clock=ManualClock(scene.clock.now()), smtp_url=smtp_url) as end:
            caller = _caller(end)
            conversation = await caller.conversation()
            assert (await caller.is_verified(), conversation.flow, await caller.heard()) == (True, None, "Thank you."), at
            entries = await end.app.store.find(AuditEntry, {"entity_type": "conversation", "entity_id": conversation.id})
            assert [entry.action for entry in entries].count("updated") == 1, at
            heard = await end.app.store.find(Message, {"conversation_id": conversation.id})
            assert [message.content for message in heard].count("••••••") == 1, at
