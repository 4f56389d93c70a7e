"""The process dies right before or right after any one of its writes: nothing is lost, nothing is done twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.conversation import AgentRef
from bot.dialogs.llm import ModelRequest, Usage
from bot.dialogs.prices import micros
from bot.message import Address, InboundMessage, Receipt, ReceiptStatus, Reply, Sender, Text
from bot.records.audit import AuditEntry
from bot.records.calls import Callback
from bot.records.conversations import Message
from bot.records.knowledge import UserMemory
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.work import DeliveryState, InboxRow, InboxState, JournalKind, JournalRow
from bot.services.spending import spent_on
from bot.testing.channel import Spoken
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Calls, Raised, Said, ScriptedModel, ScriptedStep
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import ANA, deliveries, with_sales

pytestmark = pytest.mark.scenario

_WRITES = ("commit", "insert", "upsert", "change", "next_number")
_TURN = "wamid.the-one"


Send = Callable[[Address, Reply, str], Coroutine[Any, Any, str]]


class Died(BaseException):
    """The process is gone."""


@dataclass
class Doom:
    """Kills a scene at its n-th write: before it happens, or after it was made durable."""

    at: int
    after: bool
    writes: list[str] = field(default_factory=list)
    dead: bool = False

    def over(self, scene: Scene) -> None:
        for name in _WRITES:
            setattr(scene.app.store, name, self._counted(name, getattr(scene.app.store, name)))
        scene.channel.send = self._until_dead(scene.channel.send)  # type: ignore[assignment]

    def _counted(self, name: str, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(*values: Any, **named: Any) -> Any:
            if self.dead:
                raise Died
            self.writes.append(name)
            hit = len(self.writes) == self.at
            if hit and not self.after:
                self.dead = True
                raise Died
            result = await write(*values, **named)
            if hit or self.dead:
                self.dead = True
                raise Died
            return result

        return counted

    def _until_dead(self, send: Send) -> Send:
        async def sends(to: Address, reply: Reply, tracker: str) -> str:
            if self.dead:
                raise Died
            return await send(to, reply, tracker)

        return sends


Check = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Story:
    """What happens in a life."""

    steps: list[ScriptedStep]
    says: tuple[str, ...] = ("My line is down, open a ticket.",)
    """Each once the one before was answered."""
    prepare: Callable[[Scene], None] = lambda scene: None
    model: str = "scripted"


async def run(
    folder: Path, clock: ManualClock, doom: Doom, story: Story, spoken: list[Spoken], check: Check | None = None, done: int = 0
) -> int:
    """One life of the program, in which the vendor (re)delivers the messages; how many model steps are journaled at its end."""
    journaled = 0
    with suppress(Died):
        async with open_scene(folder, clock=clock, model=ScriptedModel(*story.steps[done:], name=story.model)) as scene:
            story.prepare(scene)
            doom.over(scene)
            ana = scene.person(ANA)
            for said in spoken:  # the vendor told meanwhile what had arrived
                receipt = Receipt(
                    f"r-{said.tracker}", ana.address, f"whatsapp.{said.tracker}", ReceiptStatus.SENT, clock.now(), said.tracker
                )
                await scene.app.inbox.accept([receipt])
            for number, text in enumerate(story.says):
                with suppress(Died):
                    await ana.sends(Text(text), id=f"{_TURN}-{number}" if number else _TURN)
                await scene.passes(30)
                if doom.dead:
                    break
            spoken += scene.channel.spoken
            journaled = len([row for row in await journal(scene) if row.kind is JournalKind.MODEL])
            if doom.dead:
                raise Died
            if check is not None:
                await check(scene)
    return journaled


async def journal(scene: Scene) -> list[JournalRow]:
    return await scene.app.store.find(JournalRow, {}, sort=("id",), limit=100)


async def lives(
    folder: Path, story: Story | list[ScriptedStep], at: int, check: Check, spoken: list[Spoken], *, after: bool
) -> bool:
    """Dies at the n-th write, is started again and looked at; whether it died at all. All that was ever posted is in `spoken`."""
    story = story if isinstance(story, Story) else Story(story)
    clock = ManualClock()
    doom = Doom(at, after)
    done = await run(folder, clock, doom, story, spoken)
    await run(folder, ManualClock(clock.now()), Doom(0, after), story, spoken, check, done)
    return doom.dead


TICKET: list[ScriptedStep] = [
    Called("create_ticket", subject="Line down", description="The line is down"),
    Said("I opened TICKET-2026-000001."),
]
TWICE_THEN_WORDS: list[ScriptedStep] = [
    Called("list_my_tickets"),
    Called("create_ticket", subject="Line down", description="The line is down"),
    Calls(Called("create_ticket", subject="Line down", description="The line is down"), Called("list_my_tickets")),
    Said("I opened TICKET-2026-000001."),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("steps", [TICKET, TWICE_THEN_WORDS], ids=["ticket", "reads and repeated writes"])
async def test_a_turn_with_a_ticket_survives_a_crash_at_every_write(
    tmp_path: Path, steps: list[ScriptedStep], after: bool
) -> None:
    at, died = 0, True
    while died:
        at += 1
        spoken: list[Spoken] = []
        seen = partial(check, spoken=spoken, when=f"a crash {'after' if after else 'before'} write {at}")
        died = await lives(tmp_path / str(at), steps, at, seen, spoken, after=after)
    assert at > 8, "there were hardly any writes to crash at"


async def check(scene: Scene, spoken: list[Spoken], when: str) -> None:
    ana = scene.person(ANA)
    [ticket] = await ana.tickets()
    assert ticket.subject == "Line down", when
    assert [said.reply.text for said in spoken] == ["I opened TICKET-2026-000001."], when
    assert [message.content for message in await ana.timeline()] == [
        "My line is down, open a ticket.",
        "I opened TICKET-2026-000001.",
    ], when
    [delivery] = await deliveries(scene, ana)
    assert delivery.state is DeliveryState.SENT, when
    assert delivery.resends <= 1, when  # 1 where it was claimed, but not posted: nobody can know
    conversation, customer = await ana.conversation(), await ana.customer()
    assert (conversation.message_count, conversation.unread_count) == (2, 1), when
    assert conversation.cost.model_steps == len(await ana.journal(JournalKind.MODEL)), when
    statistics = customer.statistics
    assert (statistics.total_tickets, statistics.total_messages, statistics.total_conversations) == (1, 1, 1), when
    row = await scene.app.store.get(InboxRow, f"whatsapp:{_TURN}")
    assert row is not None
    assert row.state is InboxState.DONE, when
    steps = await ana.journal()
    assert [step.kind for step in steps].count(JournalKind.HEARD) == 1, when
    assert [step.kind for step in steps].count(JournalKind.END) == 1, when


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_handoff_survives_a_crash_at_every_write(tmp_path: Path, after: bool) -> None:
    steps: list[ScriptedStep] = [Called("hand_to_person", reason="wants one")]
    at, died = 0, True
    while died:
        at += 1
        spoken: list[Spoken] = []
        died = await lives(tmp_path / str(at), steps, at, partial(check_handoff, spoken=spoken, at=at), spoken, after=after)


async def check_handoff(scene: Scene, spoken: list[Spoken], at: int) -> None:
    conversation = await scene.person(ANA).conversation()
    assert (conversation.epoch, conversation.assignee_kind) == (1, "queue"), at
    assert len(spoken) == 1, at


def opened(request: ModelRequest) -> str:
    """The ticket's number, as the tool told it: a crash may have left a gap."""
    told = next(str(message["content"]) for message in request.messages if message["role"] == "tool")
    return told.removeprefix("opened ticket ")


ALL_KINDS: list[ScriptedStep] = [
    Called("create_ticket", subject="Line down", description="The line is down"),
    lambda request: Called("update_ticket", number=opened(request), text="The light is red."),
    Called("remember", what="Is at home in the evening"),
    Called("change_my_record", first_name="Anna"),
    lambda request: Calls(Called("recall"), Called("rate_ticket", number=opened(request), rating=3)),
    Said("Done."),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_every_kind_of_write_survives_a_crash_at_every_write(tmp_path: Path, after: bool) -> None:
    at, died = 0, True
    while died:
        at += 1
        spoken: list[Spoken] = []
        died = await lives(tmp_path / str(at), ALL_KINDS, at, partial(check_all_kinds, at=at), spoken, after=after)
    assert at > 10, "there were hardly any writes to crash at"


async def check_all_kinds(scene: Scene, at: int) -> None:
    ana = scene.person(ANA)
    customer = await ana.customer()
    [ticket] = await ana.tickets()
    assert [note.content for note in ticket.notes] == ["The light is red."], at
    assert (customer.first_name, customer.statistics.satisfaction_score) == ("Anna", 3), at
    assert await scene.app.store.count(UserMemory, {"user_id": customer.id}) == 1, at
    audited = await scene.app.store.find(AuditEntry, {"performed_by": "agent:support"}, sort=("-timestamp",))
    assert len(audited) == 5, at


CALL_ME = Story(
    [
        Called("book_callback", requested_time="2026-01-16T17:00:00-06:00", timezone="America/Mexico_City"),
        Said("Booked: we call you tomorrow at five."),
    ],
    ("Please call me tomorrow at five. I want to talk about the bill.", "Yes, please."),
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_question_and_its_yes_survive_a_crash_at_every_write(tmp_path: Path, after: bool) -> None:
    at, died = 0, True
    while died:
        at += 1
        spoken: list[Spoken] = []
        died = await lives(tmp_path / str(at), CALL_ME, at, partial(check_booked, spoken=spoken, at=at), spoken, after=after)
    assert at > 12, "there were hardly any writes to crash at"


async def check_booked(scene: Scene, spoken: list[Spoken], at: int) -> None:
    """Booked once; the question and the answer heard once each."""
    ana = scene.person(ANA)
    [callback] = await scene.app.store.find(Callback, {"customer_id": (await ana.customer()).id})
    assert callback.requested_time.isoformat() == "2026-01-16T23:00:00+00:00", at
    question, answer = [said.reply for said in spoken]
    assert (question.text[:20], [button.title for button in question.buttons]) == ("Shall we call you on", ["Yes", "No"]), at
    assert answer.text == "Booked: we call you tomorrow at five.", at
    assert len(await ana.timeline()) == 4, at
    kinds = [row.kind for row in await ana.journal()]
    counts = {kind: kinds.count(kind) for kind in JournalKind}
    assert counts == {
        JournalKind.HEARD: 2,
        JournalKind.MODEL: 2,
        JournalKind.TOOL: 2,
        JournalKind.FLOW: 1,
        JournalKind.END: 2,
    }, at
    audited = await scene.app.store.find(AuditEntry, {"performed_by": "agent:support"}, sort=("-timestamp",))
    assert [entry.entity_type for entry in audited] == ["callback"], at
    assert (await ana.conversation()).flow is None, at


HANDED_ON = Story(
    [
        Called("hand_to_agent", agent="sales", reason="wants to buy"),
        Called("create_ticket", subject="An offer", description="For ten lines"),
        Said("I am with sales: your offer is coming."),
    ],
    ("Please send me an offer for ten lines.",),
    with_sales,
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_turn_that_is_handed_on_survives_a_crash_at_every_write(tmp_path: Path, after: bool) -> None:
    at, died = 0, True
    while died:
        at += 1
        spoken: list[Spoken] = []
        died = await lives(tmp_path / str(at), HANDED_ON, at, partial(check_handed_on, spoken=spoken, at=at), spoken, after=after)
    assert at > 8, "there were hardly any writes to crash at"


async def check_handed_on(scene: Scene, spoken: list[Spoken], at: int) -> None:
    """The other agent has it, changed hands once, said one thing."""
    ana = scene.person(ANA)
    conversation = await ana.conversation()
    assert (conversation.assignee, conversation.epoch) == (AgentRef("sales"), 1), at
    assert conversation.handoff is not None
    assert conversation.handoff.reason == "wants to buy", at
    assert [said.reply.text for said in spoken] == ["I am with sales: your offer is coming."], at
    assert len(await ana.tickets()) == 1, at
    steps = await ana.journal(JournalKind.MODEL)
    assert [step.body["agent"] for step in steps] == ["support", "sales", "sales"], at
    by_whom = {"entity_type": "conversation", "entity_id": conversation.id}
    moves = [
        entry for entry in await scene.app.store.find(AuditEntry, by_whom, sort=("-timestamp",)) if entry.action == "assigned"
    ]
    assert len(moves) == 1, at


async def test_a_message_that_was_overtaken_and_comes_after_a_crash_does_not_open_the_interrupted_turn_anew(
    tmp_path: Path,
) -> None:
    """It was written earlier, so it stands before the first message of the interrupted turn when that is found again."""
    at, died = 0, True
    while died:
        at += 1
        clock, doom, spoken = ManualClock(), Doom(at, after=True), list[Spoken]()
        overtaken = InboundMessage(
            "wamid.overtaken", Address("whatsapp", "106540352242922", ANA), Text("Hello."), clock.now(), Sender("Ana Ruiz", ANA)
        )
        await clock.advance(60)
        done = await run(tmp_path / str(at), clock, doom, Story(TICKET), spoken)
        died = doom.dead
        async with open_scene(tmp_path / str(at), clock=ManualClock(clock.now()), quiet_ms=600_000) as scene:
            is_frozen = any(row.kind is JournalKind.HEARD for row in await journal(scene))
            scene.model.will(*TICKET[done:], *([Said("Hello to you.")] if is_frozen else []))
            await scene.app.inbox.accept([overtaken])
            await scene.passes(700)
            ana = scene.person(ANA)
            if await scene.app.store.find(InboxRow, {"id": f"whatsapp:{_TURN}"}):
                assert len(await ana.tickets()) == 1, at
            heard = [message.content for message in await ana.timeline() if message.sender == "customer"]
            assert "Hello." in heard, at
            assert len(heard) == len(set(heard)), at


async def test_what_had_no_effect_is_asked_anew_after_a_crash(tmp_path: Path) -> None:
    """A write that failed changed nothing: the crash forgets it together with the model's wish, and both happen again."""
    clock = ManualClock()
    with suppress(Died):
        async with open_scene(tmp_path, clock=clock) as scene:
            ana = scene.person(ANA)
            tickets = scene.app.engine._parts.services.tickets

            async def fails(*_: object, **__: object) -> Ticket:
                raise OSError("the printer is on fire")

            object.__setattr__(tickets, "create", fails)
            scene.model.will(TICKET[0], Raised(Died()))
            await ana.says("My line is down, open a ticket.")
            await scene.passes(1)
            raise Died
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        ana = scene.person(ANA)
        scene.model.will(TICKET[0], Said("Your ticket is open."))
        await ana.hears("Your ticket is open")
        assert len(await ana.tickets()) == 1
        assert "opened ticket" in scene.model.requests[-1].messages[-1]["content"]


async def test_a_failed_call_that_a_later_effect_has_put_on_record_is_not_tried_again_after_a_crash(tmp_path: Path) -> None:
    """A write that failed for the moment must not succeed behind the back of a model that was told so and went on."""
    clock = ManualClock()
    with suppress(Died):
        async with open_scene(tmp_path, clock=clock) as scene:
            ana = scene.person(ANA)
            tickets = scene.app.engine._parts.services.tickets
            create = tickets.create

            async def fails_once(*_: object, **__: object) -> Ticket:
                object.__setattr__(tickets, "create", create)
                raise OSError("the printer is on fire")

            object.__setattr__(tickets, "create", fails_once)
            scene.model.will(TICKET[0], Called("create_ticket", subject="Other", description="Another one"), Raised(Died()))
            await ana.says("My line is down, open a ticket.")
            await scene.passes(1)
            raise Died
    async with open_scene(tmp_path, clock=ManualClock(clock.now())) as scene:
        ana = scene.person(ANA)
        scene.model.will(Said("The first one did not work, sorry."))
        await ana.hears("did not work")
        assert [ticket.subject for ticket in await ana.tickets()] == ["Other"]
        told = [message["content"] for message in scene.model.requests[0].messages if message["role"] == "tool"]
        assert told[0] == "error: create_ticket failed inside; nothing was changed"
        assert told[1].startswith("opened ticket")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_what_a_conversation_cost_is_exact_after_a_crash_at_every_write(tmp_path: Path, after: bool) -> None:
    at, died, spent = 0, True, list[int]()
    while died:
        at += 1
        check = partial(check_cost, counted=spent, at=at)
        died = await lives(tmp_path / str(at), Story(TICKET, model="gpt-5-pro"), at, check, [], after=after)
    assert spent[-1] == max(spent), "without a crash all of it is counted for the day"
    assert at > 10, "there were hardly any writes to crash at"


async def check_cost(scene: Scene, counted: list[int], at: int) -> None:
    steps = await scene.person(ANA).journal(JournalKind.MODEL)
    usages = [Usage(step.body["inputTokens"], step.body["outputTokens"]) for step in steps]
    taken = sum(micros("gpt-5-pro", usage) for usage in usages)
    cost = (await scene.person(ANA).conversation()).cost
    assert (cost.micros, cost.day_micros, cost.day) == (taken, taken, "2026-01-15"), at
    counted.append(await spent_on(scene.app.store, cost.day) - taken)
    assert -taken <= counted[-1] <= 0, at  # what the first life had not written is lost; what was asked twice by then, too


async def test_a_newcomer_whose_customer_was_imported_is_recognised_by_the_number(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.app.store.insert([Customer(id="imported", phone_number="+12025550123", first_name="Ana")])
        ana = scene.person(ANA)
        scene.model.will(Said("Hello Ana."), Said("Yes."))
        await ana.says("Hi.")
        await ana.hears("Hello Ana")
        await ana.says("Again.")
        await ana.hears("Yes")
        assert (await ana.conversation()).customer_id == "imported"
        assert len(await scene.app.store.find(Message, {"customer_id": "imported"})) == 4


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_flow_from_its_first_question_to_its_ticket_survives_a_crash_at_every_write(tmp_path: Path, after: bool) -> None:
    async def one_ticket(scene: Scene) -> None:
        [ticket] = await scene.person(ANA).tickets()
        assert ticket.description == "the box in the hall hums all night", f"at {at}"
        assert [said.reply.text.split("?")[0][:20] for said in spoken] == [
            "What is it about",
            "I would open this ti",
            "It is open.",
        ]

    story = Story(
        [Called("start_flow", name="open_ticket", about="the box in the hall hums all night"), Said("It is open.")],
        says=("I want to tell you something", "skip", "yes"),
    )
    at, died = 0, True
    while died:
        at += 1
        spoken: list[Spoken] = []
        died = await lives(tmp_path / str(at), story, at, one_ticket, spoken, after=after)
    assert at > 12, "there were hardly any writes to crash at"
