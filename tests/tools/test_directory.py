"""Tools of users on other people's records: what is found, what a permission opens, and what never leaves a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from bot.conversation import Queue
from bot.errors import NotFound, RecordError, ToolError
from bot.principal import UserRef
from bot.records.base import PII, Record, Secret
from bot.records.calls import Callback
from bot.records.conversations import Conversation, ConversationKind, Message
from bot.records.leads import Lead, LeadSource
from bot.records.people import Customer
from bot.records.permissions import compile_permissions
from bot.records.tickets import Ticket, TicketStatus
from bot.records.users import Role, User
from bot.services.numbers import number_of, number_of_id
from bot.services.users import Users
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, BO, assign, take_over
from tests.tools.helpers import audited, run
from tests.tools.test_tickets import with_ticket

pytestmark = pytest.mark.scenario

ONE = "TICKET-2026-000001"


def user(role: Role, id_: str = "op-1") -> UserRef:
    return Users.principal_of(User.new(id=id_, email=f"{id_}@example.org", role=role))


def desk(user_id: str = "op-1") -> Conversation:
    """A user's own conversation with the assistant."""
    return Conversation(
        id="desk",
        kind=ConversationKind.ASSISTANT,
        user_id=user_id,
        lane=f"web:desk:{user_id}",
        our_address="desk",
        their_address=user_id,
        channel="web",
        assignee_name="colleague",
    )


AGENT, SUPERVISOR, REP = user(Role.AGENT), user(Role.SUPERVISOR), user(Role.SALES_REP)


async def ask(scene: Scene, who: UserRef, name: str, **arguments: object) -> str:
    return await run(scene, desk(who.user_id), who, name, **arguments)


async def test_people_are_found_and_shown_with_how_things_stand(scene: Scene) -> None:
    ana = await with_ticket(scene)
    person = await ana.customer()
    found = await ask(scene, AGENT, "find_people", words="ruiz")
    assert found == f"{number_of(person)}: Ana Ruiz, +1202•••0123"
    assert found == await ask(scene, AGENT, "find_people", words="5550123")
    assert await ask(scene, AGENT, "find_people", words="nobody") == "nothing was found"
    conversation = number_of(await ana.conversation())
    assert (await ask(scene, AGENT, "show_person", number=f" {number_of(person).lower()} ")).splitlines() == [
        f"person: {number_of(person)}: Ana Ruiz, +1202•••0123",
        "language: not known",
        "segment: new",
        "status: active",
        "tickets not finished: 1",
        "callbacks booked: 0",
        f"last conversation: {conversation} on whatsapp, open",
    ]


async def test_only_who_manages_customers_sees_numbers_and_addresses_whole(scene: Scene) -> None:
    ana = await with_ticket(scene)
    person = await ana.customer()
    await scene.app.people.update(person.id, {"email": "ana@example.com"}, by="user:op-1")
    masked = f"{number_of(person)}: Ana Ruiz, +1202•••0123, a•••@example.com"
    whole = f"{number_of(person)}: Ana Ruiz, +{ANA}, ana@example.com"
    assert await ask(scene, AGENT, "find_people", words="ana") == masked
    assert await ask(scene, REP, "find_people", words="ana") == masked
    assert await ask(scene, SUPERVISOR, "find_people", words="ana") == whole
    assert (await ask(scene, SUPERVISOR, "show_person", number=number_of(person))).startswith(f"person: {whole}\n")
    granted = UserRef("op-1", "agent", AGENT.permissions | compile_permissions(["manage:customers"]))
    assert await ask(scene, granted, "find_people", words="ana") == whole


async def test_tickets_are_found_by_words_number_and_status(scene: Scene) -> None:
    await with_ticket(scene)
    await with_ticket(scene, BO)
    first, second = f"{ONE}: No internet (open, medium)", "TICKET-2026-000002: No internet (open, medium)"
    tickets = scene.app.engine._parts.services.tickets
    assert set((await ask(scene, AGENT, "find_tickets")).splitlines()) == {first, second}
    await tickets.move(ONE, TicketStatus.CLOSED, by="user:op-1")
    assert await ask(scene, AGENT, "find_tickets") == second
    assert await ask(scene, AGENT, "find_tickets", status="closed") == first.replace("open", "closed")
    assert await ask(scene, AGENT, "find_tickets", words="internet", status="open") == second
    assert await ask(scene, AGENT, "find_tickets", words=ONE.lower()) == first.replace("open", "closed")
    assert await ask(scene, AGENT, "find_tickets", words="router") == "nothing was found"


async def test_a_ticket_is_shown_with_whose_it_is_and_its_last_notes(scene: Scene) -> None:
    ana = await with_ticket(scene)
    await Users(scene.app.store, scene.clock, scene.app.people._audit).add("bea@example.org", "Bea Cruz", "agent", by="cli")
    bea = (await scene.app.store.find(User, {"email": "bea@example.org"}))[0]
    tickets = scene.app.engine._parts.services.tickets
    await tickets.assign(ONE, bea.id, by="user:op-1")
    for number in range(4):
        await tickets.add_note(ONE, f"Called, {number}.", agent=bea.id, by="user:op-1")
    told = (await ask(scene, AGENT, "show_ticket", number=ONE)).splitlines()
    assert told[0] == f"ticket: {ONE}: No internet (open, medium)"
    assert f"person: {number_of(await ana.customer())}: Ana Ruiz" in told
    assert "looked after by: Bea Cruz" in told
    assert told[-3:] == [f"note (team, internal, 2026-01-15 10:00 UTC): Called, {number}." for number in (1, 2, 3)]
    with pytest.raises(NotFound, match="there is no ticket TICKET-2026-000777"):
        await ask(scene, AGENT, "show_ticket", number="TICKET-2026-000777")
    (ticket,) = await ana.tickets()
    with pytest.raises(NotFound):
        await ask(scene, AGENT, "show_ticket", number=ticket.id)


async def test_who_waits_is_listed_with_since_when_and_why_and_who_is_held_by_whom(scene: Scene) -> None:
    ana, bo = await with_ticket(scene), await with_ticket(scene, BO)
    await assign(scene, ana, Queue("billing"))
    number = number_of(await ana.conversation())
    waits = f"{number} on whatsapp, waiting, with Ana Ruiz, waits for billing since 2026-01-15 10:00 UTC: from the desk"
    assert await ask(scene, AGENT, "find_conversations") == waits
    assert await ask(scene, AGENT, "find_conversations", status="waiting") == waits
    assert await ask(scene, AGENT, "find_conversations", status="held") == "nothing was found"
    await take_over(scene, bo)
    held = await ask(scene, AGENT, "find_conversations", status="held")
    assert held.endswith("on whatsapp, assigned, with Ana Ruiz, held by a user since 2026-01-15 10:00 UTC")
    assert number_of(await bo.conversation()) in held


async def test_a_conversation_is_found_by_what_was_said_and_read(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("Which router is it?"))
    await ana.says("My router blinks")
    await ana.hears("Which router")
    number = number_of(await ana.conversation())
    found = await ask(scene, AGENT, "find_conversations", words="blinking routers")
    assert found == f"{number} on whatsapp, open, with Ana Ruiz; 2026-01-15 10:00 UTC person: My router blinks"
    assert await ask(scene, AGENT, "find_conversations", words="router", status="held") == "nothing was found"
    assert (await ask(scene, AGENT, "read_conversation", number=number)).splitlines()[1:] == [
        "2026-01-15 10:00 UTC person: My router blinks",
        "2026-01-15 10:00 UTC AI: Which router is it?",
    ]


async def test_another_users_conversation_with_the_assistant_is_not_there(scene: Scene) -> None:
    secret = desk("op-2").model_copy(update={"id": "0" * 8 + "desk", "status": "waiting"})
    said = Message.new(
        id="m", kind="assistant", conversation_id=secret.id, content="My raise", direction="inbound", sender="user", timestamp=NOW
    )
    await scene.app.store.insert([secret, said])
    assert await ask(scene, SUPERVISOR, "find_conversations") == "nothing was found"
    assert await ask(scene, SUPERVISOR, "find_conversations", words="raise") == "nothing was found"
    with pytest.raises(NotFound):
        await ask(scene, SUPERVISOR, "read_conversation", number=secret.id)


async def test_a_list_is_short_however_many_there_are(scene: Scene) -> None:
    people = [Customer.new(id=f"c{n}", phone_number=f"+1202555{n:04}", first_name="Ana " * 100) for n in range(50)]
    await scene.app.store.insert(people)
    lines = (await ask(scene, AGENT, "find_people", words="ana")).splitlines()
    assert len(lines) == 10
    assert max(len(line) for line in lines) < 120


async def test_a_note_of_a_users_is_internal_and_theirs(scene: Scene) -> None:
    ana = await with_ticket(scene)
    assert await ask(scene, AGENT, "note_on_ticket", number=ONE, text="Sent a technician.") == f"noted on {ONE}"
    (ticket,) = await ana.tickets()
    (note,) = ticket.notes
    assert (note.agent, note.is_internal, note.content) == ("op-1", True, "Sent a technician.")
    assert ("commented", "user:op-1") in await audited(scene, "ticket", ticket.id)


async def test_a_ticket_is_moved_by_the_table_and_resolved_by_saying_how(scene: Scene) -> None:
    ana = await with_ticket(scene)
    told = await ask(scene, AGENT, "move_ticket", number=ONE, status="in_progress")
    assert told == f"{ONE} is in_progress now"
    assert await ask(scene, AGENT, "move_ticket", number=ONE, status="in_progress") == f"{ONE} is in_progress already"
    with pytest.raises(ToolError, match="say what resolved"):
        await ask(scene, AGENT, "move_ticket", number=ONE, status="resolved")
    await ask(scene, AGENT, "move_ticket", number=ONE, status="resolved", reason="Router restarted.")
    (ticket,) = await ana.tickets()
    assert ticket.status is TicketStatus.RESOLVED
    assert ticket.resolution is not None
    assert (ticket.resolution.summary, ticket.resolution.resolved_by) == ("Router restarted.", "user:op-1")


@pytest.mark.parametrize(("tool", "arguments"), [("find_people", {"words": "?!"}), ("find_conversations", {"words": "?!"})])
async def test_words_that_are_none_are_told(scene: Scene, tool: str, arguments: dict[str, str]) -> None:
    with pytest.raises(RecordError):
        await ask(scene, AGENT, tool, **arguments)


@pytest.mark.parametrize("number", ["ZZZZZZZZZZ", "0", "%", "🙂", "' OR 1=1", "c" * 32])
@pytest.mark.parametrize("tool", ["show_person", "read_conversation", "show_ticket"])
async def test_a_number_that_is_none_finds_nothing(scene: Scene, tool: str, number: str) -> None:
    await with_ticket(scene)
    with pytest.raises(NotFound):
        await ask(scene, SUPERVISOR, tool, number=number)


async def test_a_records_own_id_is_no_number(scene: Scene) -> None:
    ana = await with_ticket(scene)
    for tool, record in (("show_person", await ana.customer()), ("read_conversation", await ana.conversation())):
        with pytest.raises(NotFound):
            await ask(scene, SUPERVISOR, tool, number=record.id)


# What never leaves

NOW = "2026-01-15T10:00:00.000Z"
_CANARY = re.compile(r"CANARY[A-Za-z0-9]+END|\+1202777[0-9]{4}|canary[a-z0-9]+@example\.com")


def _fields(model: type[BaseModel], path: str, marked: bool) -> Iterator[tuple[str, Any, bool]]:
    """Every field with whether it is personal or secret, itself or as a part of what is."""
    for name, info in model.model_fields.items():
        yield f"{path}{name}", info, marked or PII in info.metadata or Secret in info.metadata


def _canary(path: str, number: Iterator[int], annotation: Any) -> Any:
    """A value that shows where it is from, valid for this field; None where none can be told from others."""
    kinds = [annotation, *(inner for inner in get_args(annotation))]
    spelled = str(annotation)
    plain = "".join(letter for letter in path if letter.isalnum())
    if path.endswith(("phone", "phone_number", "phone_e164")):
        return f"+1202777{next(number):04}"
    if path.endswith("email"):
        return f"canary{plain.lower()}@example.com"
    text = f"CANARY{plain}END"
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return None
    if spelled.startswith("list["):
        return [text]
    if "dict[" in spelled:
        return {"need" if path == "Lead.custom_fields" else "key": text}
    return text if any(kind is str for kind in _flat(annotation)) else None


def _flat(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _flat(inner)


def _part(annotation: Any) -> type[BaseModel] | None:
    return next((kind for kind in _flat(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def with_canaries(
    model: type[BaseModel], numbers: Iterator[int], planted: dict[str, str], path: str = "", marked: bool = False
) -> dict[str, Any]:
    """Values for every personal and secret field of a record, however deep; `planted` learns which stands where."""
    values: dict[str, Any] = {}
    for where, info, personal in _fields(model, path or f"{model.__name__}.", marked):
        name = where.rpartition(".")[2]
        part = _part(info.annotation)
        if part is not None:
            inner = with_canaries(part, numbers, planted, f"{where}.", personal)
            if inner:
                try:
                    made = part(**{**_REQUIRED.get(part.__name__, {}), **inner})
                except ValueError as error:
                    raise AssertionError(f"{where}: {error}") from None
                values[name] = [made] if "list[" in str(info.annotation) else made
        elif personal and (canary := _canary(where, numbers, info.annotation)) is not None:
            values[name] = canary
            planted[where] = next(iter(_CANARY.findall(str(canary))))
    return values


_REQUIRED: dict[str, dict[str, Any]] = {
    "LastMessage": {"timestamp": NOW, "sender": "customer"},
    "InternalNote": {"agent": "op-1", "timestamp": NOW},
    "TicketEscalation": {"level": 1, "at": NOW, "by": "system"},
    "HandoffNote": {"reason": "asked for one", "by": "agent:support", "at": NOW},
    "FlowState": {"name": "confirmation", "token": "t", "agent": "support", "asked_at": NOW, "expires_at": NOW},
    "TicketNote": {"agent": "op-1", "timestamp": NOW},
    "Template": {"name": "hello"},
}
SHOWN = {
    "Customer.first_name",
    "Customer.last_name",
    "User.name",
    "Ticket.subject",
    "Ticket.description",
    "Ticket.notes.content",
    "Message.content",
    "Lead.first_name",
    "Lead.last_name",
    "Lead.notes",
    "Lead.custom_fields",
}
"""What the tools are there to show to who is permitted: the answer to what was asked is in it. All else never leaves."""
WHOLE = {"Customer.phone_number", "Customer.email"}
"""Shown besides to who manages customers."""
OWN = {"Lead.phone", "Lead.email"}
"""Shown besides of a user's own lead."""


@pytest.mark.parametrize("who", [SUPERVISOR, AGENT, REP, user(Role.SALES_HEAD), user(Role.VIEWER), user(Role.ADMIN)])
@pytest.mark.parametrize("owner", ["op-1", None, "op-2"])
async def test_of_all_that_is_personal_only_what_a_tool_is_for_leaves_a_record(
    scene: Scene, who: UserRef, owner: str | None
) -> None:
    planted: dict[str, str] = {}
    numbers = iter(range(10_000))
    made: dict[type[Record], dict[str, Any]] = {
        kind: with_canaries(kind, numbers, planted) for kind in (Customer, User, Ticket, Lead, Conversation, Message, Callback)
    }
    assert {path.partition(".")[0] for path in planted} == {kind.__name__ for kind in made}
    ids = {"id": "boss", "password_hash": "$2b$12$CANARYUserpasswordhashEND" + "N" * 25, "username": None}
    await scene.app.store.insert(
        [
            Customer.new(id="c", **made[Customer]),
            User.new(**{**made[User], **ids}),
            Ticket.new(**{**made[Ticket], "id": "t", "ticket_id": ONE, "customer_id": "c", "assigned_agent": "boss"},
                category="other", last_activity_at=NOW),
            Lead.new(**{**made[Lead], "id": "l", "user_id": owner, "source": LeadSource.WHATSAPP}),
            Conversation.new(**{**made[Conversation], "id": "v", "customer_id": "c", "lane": "x"}, our_address="o",
                assignee_name="boss", assignee_kind="operator", status="assigned", assigned_at=NOW),
            Conversation.new(**{**made[Conversation], "id": "w", "customer_id": "c", "lane": "y"}, our_address="o",
                assignee_name="support", assignee_kind="queue", status="waiting", assigned_at=NOW),
            Message.new(**{**made[Message], "id": "m", "conversation_id": "v", "customer_id": "c"}, direction="inbound",
                sender="customer", timestamp=NOW),
            Callback.new(**{**made[Callback], "id": "b", "customer_id": "c", "requested_time": NOW}),
        ]
    )  # fmt: skip
    told = [await _all_that_is_told(scene, who, words) for words in (*planted.values(), *(planted[path][:-3] for path in SHOWN))]
    left = {path for path, canary in planted.items() if canary in " ".join(told)}
    allowed = set(SHOWN)
    if ("customers", "*") in who.permissions or ("*", "*") in who.permissions:
        allowed |= WHOLE
    if owner == "op-1":
        allowed |= OWN
    if owner == "op-2":
        allowed -= {path for path in allowed if path.startswith("Lead.")}
    assert left <= allowed
    assert {path for path in left if path.startswith("Customer.")} == {p for p in allowed if p.startswith("Customer.")}
    if who.role == Role.ADMIN:
        assert left == allowed, "all that a tool is for is told"


async def _all_that_is_told(scene: Scene, who: UserRef, words: str) -> str:
    asked: list[tuple[str, dict[str, str]]] = [
        ("find_people", {"words": words}),
        ("show_person", {"number": "c"}),
        ("find_tickets", {}),
        ("find_tickets", {"words": words}),
        ("show_ticket", {"number": ONE}),
        ("find_leads", {}),
        ("find_leads", {"words": words}),
        ("show_lead", {"number": "l"}),
        ("find_conversations", {}),
        ("find_conversations", {"status": "held"}),
        ("find_conversations", {"words": words}),
        ("read_conversation", {"number": "v"}),
        ("take_lead", {"number": "no such"}),
        ("note_on_ticket", {"number": ONE, "text": "noted"}),
        ("move_ticket", {"number": ONE, "status": "open"}),
    ]
    told = []
    for name, arguments in asked:
        try:
            told.append(await ask(scene, who, name, **arguments))
        except (ToolError, NotFound, RecordError) as error:
            told.append(str(error).replace(words, ""))
    return "\n".join(told)


def test_a_number_is_short_and_one_of_a_kind() -> None:
    assert re.fullmatch("[0-9A-Z]{10}", number_of_id(f"{1_768_471_200_000 << 80:032x}"))
    assert number_of_id("507f1f77bcf86cd799439011") == "507f1f77bcf86cd799439011"
