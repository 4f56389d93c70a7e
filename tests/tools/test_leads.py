"""Tools on leads: the person's own only, one per person, forward only; and what users do with them."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import Conflict, MoveRefused, NotFound, RecordError, ServiceError, ToolError
from bot.principal import PersonRef, Strength, UserRef
from bot.records.conversations import Conversation
from bot.records.leads import Lead, LeadSource, LeadStatus
from bot.records.people import Customer, Identity
from bot.records.users import Role
from bot.services.numbers import number_of
from bot.store.base import Put, Unit
from bot.testing.llm import Called, Calls, Said
from bot.testing.scene import Scene, ScenePerson
from bot.tools.base import Toolbox, ToolContext
from tests.scenarios.helpers import ANA, BO
from tests.tools.helpers import audited, call, journaled, run
from tests.tools.test_directory import desk, user

pytestmark = pytest.mark.scenario

REP, OTHER = user(Role.SALES_REP, "rep-1"), user(Role.SALES_REP, "rep-2")
BANT = {"need": "two offices", "budget": "200 a month", "timeline": "in March", "authority": "she decides"}


class Talk:
    """A person who has written, and what is run on their behalf."""

    def __init__(self, scene: Scene, person: ScenePerson, conversation: Conversation) -> None:
        self.scene = scene
        self.person = person
        self.conversation = conversation
        self.principal = PersonRef(conversation.customer_id or "", Strength.SIGNED)

    async def run(self, name: str, **arguments: object) -> str:
        return await run(self.scene, self.conversation, self.principal, name, **arguments)

    async def has_number(self, number: str | None) -> None:
        """Their record says so, and nothing of what they are known by changes."""
        person = await self.scene.app.store.get(Customer, self.principal.customer_id)
        assert person is not None
        await self.scene.app.store.commit(Unit(Put(person.model_copy(update={"phone_number": number}))))

    async def leads(self) -> list[Lead]:
        found = await self.scene.app.store.find(Lead, {"phone_e164": f"+{self.person.number}"})
        return sorted(found, key=lambda lead: lead.id)

    async def lead(self) -> Lead:
        (found,) = await self.leads()
        return found


async def talk(scene: Scene, number: str = ANA, name: str = "Ana Ruiz") -> Talk:
    person = scene.person(number, name=name)
    scene.model.will(Said("Welcome."))
    await person.says("Do you have fibre?")
    await person.hears("Welcome")
    return Talk(scene, person, await person.conversation())


async def as_user(scene: Scene, who: UserRef, name: str, **arguments: object) -> str:
    return await run(scene, desk(who.user_id), who, name, **arguments)


async def imported(scene: Scene, number: str, owner: str = "rep-1", **values: Any) -> Lead:
    """A lead that a user has of the same number."""
    given = {"first_name": "Ann", "last_name": "R.", "email": f"{owner}@example.com", "phone": f"+{number}", **values}
    return await scene.app.engine._parts.services.leads.create(owner, given, by=f"user:{owner}")


# The person who writes


async def test_in_a_turn_of_the_agents_it_is_captured_once_and_a_refusal_is_told(scene: Scene) -> None:
    ana = scene.person(ANA)
    fibre = Called("capture_lead", interest="Fibre")
    to_sales = Called("hand_to_agent", agent="sales", reason="wants fibre")
    scene.model.will(to_sales, Calls(fibre, fibre, Called("qualify_lead", **BANT)), Said("Noted."))
    await ana.says("I want fibre")
    await ana.hears("Noted")
    (lead,) = await scene.app.store.find(Lead, {"phone_e164": f"+{ANA}"})
    assert (lead.status, lead.notes) == (LeadStatus.QUALIFIED, "2026-01-15, whatsapp: Fibre")
    assert await journaled(ana) == ["hand_to_agent", "capture_lead", "qualify_lead"]
    told = await call(scene, ana, "lead_status", to="contacted", reason="not sure any more")
    assert told == f"error: lead {number_of(lead)} is qualified; only a user makes it contacted; nothing was changed"


async def test_who_is_interested_becomes_a_lead_that_is_nobodys_yet(scene: Scene) -> None:
    ana = await talk(scene)
    told = await ana.run("capture_lead", interest="Fibre for two offices", company="Acme", email="Ana@Example.com")
    lead = await ana.lead()
    assert told == f"noted for the sales team as lead {number_of(lead)}"
    assert (lead.phone, lead.phone_e164, lead.user_id) == (f"+{ANA}", f"+{ANA}", None)
    assert (lead.source, lead.lead_source, lead.status) == (LeadSource.WHATSAPP, "whatsapp", LeadStatus.NEW)
    assert (lead.first_name, lead.last_name, lead.company_name, lead.email) == ("Ana", "Ruiz", "Acme", "ana@example.com")
    assert lead.notes == "2026-01-15, whatsapp: Fibre for two offices"
    assert lead.own_language is None, "she writes English, which is also what every lead has by default"
    assert await audited(scene, "lead", lead.id) == [("created", "agent:colleague")]


async def test_the_number_leads_to_the_lead_and_an_address_that_was_only_typed_does_not(scene: Scene) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre", email="ana@example.com")
    phone = await scene.app.store.get(Identity, f"phone:+{ANA}")
    assert phone is not None
    assert (phone.customer_id, phone.lead_ids) == (ana.principal.customer_id, [(await ana.lead()).id])
    assert await scene.app.store.get(Identity, "email:ana@example.com") is None


@pytest.mark.parametrize(
    ("channel", "source", "words"),
    [
        ("whatsapp", LeadSource.WHATSAPP, "whatsapp"),
        ("voice", LeadSource.CALL, "call"),
        ("web", LeadSource.WEB, "web"),
        ("console", LeadSource.WEB, "console"),
    ],
)
async def test_the_source_is_the_channel(scene: Scene, channel: str, source: LeadSource, words: str) -> None:
    ana = await talk(scene)
    ana.conversation = ana.conversation.model_copy(update={"channel": channel, "language": "hi"})
    await ana.run("capture_lead", interest="Fibre")
    lead = await ana.lead()
    assert (lead.source, lead.lead_source, lead.own_language) == (source, words, "hindi")


async def test_the_same_person_is_one_lead_and_what_they_say_later_is_added(scene: Scene) -> None:
    ana = await talk(scene)
    first = await ana.run("capture_lead", interest="Fibre")
    assert await ana.run("capture_lead", interest="Also phones", first_name="Anna", company="Acme") == first
    assert await ana.run("capture_lead", interest="Also  phones", first_name="Anna", company="Acme") == first
    lead = await ana.lead()
    assert lead.notes == "2026-01-15, whatsapp: Fibre\n2026-01-15, whatsapp: Also phones; first name: Anna; company name: Acme"
    assert (lead.first_name, lead.company_name) == ("Ana", None)
    assert len(await audited(scene, "lead", lead.id)) == 2


async def test_who_only_claims_the_number_leaves_a_note_that_says_so_and_learns_nothing(scene: Scene) -> None:
    ana = await talk(scene)
    await imported(scene, ANA, notes="Met at the fair.", first_name="Annabel")
    caller = PersonRef(ana.principal.customer_id)
    told = await run(scene, ana.conversation, caller, "capture_lead", interest="Fibre")
    assert told == "noted for the sales team"
    assert (await ana.lead()).notes == "Met at the fair.\n2026-01-15, whatsapp, not sure that it is them: Fibre"
    asked: list[tuple[str, dict[str, str]]] = [
        ("qualify_lead", {"need": "x"}),
        ("lead_status", {"to": "contacted", "reason": "said so"}),
    ]
    for name, arguments in asked:
        with pytest.raises(ToolError, match="not certain yet"):
            await run(scene, ana.conversation, caller, name, **arguments)


async def test_a_lead_that_a_user_has_of_the_person_is_the_one(scene: Scene) -> None:
    ana = await talk(scene)
    theirs = await imported(scene, ANA, notes="Met at the fair.")
    await ana.run("capture_lead", interest="Fibre")
    lead = await ana.lead()
    assert (lead.id, lead.user_id, lead.first_name) == (theirs.id, "rep-1", "Ann")
    assert lead.notes == "Met at the fair.\n2026-01-15, whatsapp: Fibre"
    await ana.run("lead_status", to="contacted", reason="she answered")
    assert (await ana.lead()).status is LeadStatus.CONTACTED


async def test_of_several_it_is_the_one_that_was_captured(scene: Scene) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    captured = await ana.lead()
    await imported(scene, ANA)
    await ana.run("qualify_lead", need="two offices")
    assert [bool(lead.custom_fields) for lead in await ana.leads()] == [True, False]
    assert (await ana.leads())[0].id == captured.id


async def test_notes_that_are_full_lose_nothing(scene: Scene) -> None:
    ana = await talk(scene)
    theirs = await imported(scene, ANA, notes="n" * 7_999)
    with pytest.raises(ServiceError, match="are full"):
        await ana.run("capture_lead", interest="Fibre")
    assert (await ana.lead()).notes == theirs.notes


async def test_answers_are_kept_and_move_the_status_forward(scene: Scene) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    told = await ana.run("qualify_lead", need=BANT["need"], budget=" 200  a month ")
    assert told == "kept need, budget; the lead is contacted; not answered yet: timeline, authority"
    assert await ana.run("qualify_lead", timeline=BANT["timeline"]) == (
        "kept timeline; the lead is contacted; not answered yet: authority"
    )
    told = await ana.run("qualify_lead", authority=BANT["authority"])
    assert told == "kept authority; the lead is qualified; all is answered"
    assert (await ana.lead()).custom_fields == BANT
    assert (await ana.lead()).status is LeadStatus.QUALIFIED


@pytest.mark.parametrize("status", [LeadStatus.QUALIFIED, LeadStatus.CONVERTED, LeadStatus.REJECTED])
async def test_an_answer_never_moves_a_status_back_or_over_what_a_user_decided(scene: Scene, status: LeadStatus) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    await scene.app.store.change(Lead, {"id": (await ana.lead()).id}, set={"status": status})
    await ana.run("qualify_lead", need="one office")
    assert ((await ana.lead()).status, (await ana.lead()).custom_fields) == (status, {"need": "one office"})
    await ana.run("qualify_lead", **BANT)
    assert (await ana.lead()).status is status


async def test_the_status_goes_forward_only(scene: Scene) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    assert await ana.run("lead_status", to="qualified", reason="wants it") == "the lead is qualified now"
    assert await ana.run("lead_status", to="qualified", reason="wants it") == "the lead is qualified already"
    with pytest.raises(MoveRefused, match=r"^lead [0-9A-Z]{10} is qualified; only a user makes it contacted$"):
        await ana.run("lead_status", to="contacted", reason="not now")
    for to in ("converted", "rejected", "new"):
        with pytest.raises(ToolError, match=r"lead_status\.to"):
            await ana.run("lead_status", to=to, reason="not now")
    assert (await ana.lead()).status is LeadStatus.QUALIFIED


async def test_who_is_no_lead_is_told_so(scene: Scene) -> None:
    ana = await talk(scene)
    for name, arguments in (("qualify_lead", {"need": "x"}), ("lead_status", {"to": "contacted", "reason": "said so"})):
        with pytest.raises(ToolError, match="no lead yet; capture_lead"):
            await ana.run(name, **arguments)
    await ana.run("capture_lead", interest="Fibre")
    with pytest.raises(ToolError, match="at least one answer"):
        await ana.run("qualify_lead", need="  ")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("capture_lead", {"interest": "Fibre"}),
        ("qualify_lead", {"need": "Fibre"}),
        ("lead_status", {"to": "contacted", "reason": "asked"}),
    ],
)
async def test_without_a_phone_on_record_nobody_is_a_lead(scene: Scene, name: str, arguments: dict[str, str]) -> None:
    ana = await talk(scene)
    await ana.has_number(None)
    with pytest.raises(ToolError, match="no phone number of the person is on record"):
        await ana.run(name, **arguments)
    assert await ana.leads() == []


@pytest.mark.parametrize("taken", [True, False])
async def test_a_number_on_record_that_is_not_proven_theirs_reaches_no_lead(scene: Scene, taken: bool) -> None:
    bo = await talk(scene, BO, "Bo Lee")
    number = BO if taken else "12025550199"
    if taken:
        await bo.run("capture_lead", interest="Bo's own")
    else:
        await imported(scene, number)
    before = await scene.app.store.find(Lead, {"phone_e164": f"+{number}"})
    ana = await talk(scene)
    await bo.has_number(None)
    await ana.has_number(f"+{number}")
    for name, arguments in (
        ("capture_lead", {"interest": "Fibre"}),
        ("qualify_lead", {"need": "x"}),
        ("lead_status", {"to": "contacted", "reason": "said so"}),
    ):
        with pytest.raises(ServiceError, match="not proven to be theirs"):
            await ana.run(name, **arguments)
    assert await scene.app.store.find(Lead, {"phone_e164": f"+{number}"}) == before


async def test_an_address_that_another_lead_has_is_neither_refused_nor_told(scene: Scene) -> None:
    for number, name in ((ANA, "Ana Ruiz"), (BO, "Bo Lee")):
        person = await talk(scene, number, name)
        assert (await person.run("capture_lead", interest="Fibre", email="same@example.com")).startswith("noted")


async def test_what_is_no_address_is_refused_by_name(scene: Scene) -> None:
    ana = await talk(scene)
    with pytest.raises(RecordError, match=r"^Lead\.email"):
        await ana.run("capture_lead", interest="Fibre", email="ana at example")
    assert await ana.leads() == []


async def test_two_conversations_of_one_person_at_once_make_one_lead(scene: Scene) -> None:
    ana = await talk(scene)
    tool = Toolbox.discover().get("capture_lead")
    assert tool is not None
    contexts = [ToolContext(ana.principal, ana.conversation, "sales", "en", scene.app.engine._parts.services) for _ in range(2)]
    for context in contexts:
        await tool.run(context, **tool.read_arguments({"interest": "Fibre"}))
    await scene.clock.advance(0.01)
    await scene.app.store.commit(contexts[0].unit)
    with pytest.raises(Conflict):
        await scene.app.store.commit(contexts[1].unit)
    assert await ana.lead()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("capture_lead", {"interest": "More"}),
        ("qualify_lead", {"need": "x"}),
        ("lead_status", {"to": "contacted", "reason": "asked"}),
        ("take_lead", {}),
        ("set_lead_status", {"status": "rejected"}),
    ],
)
async def test_nothing_is_written_but_in_the_callers_unit(scene: Scene, name: str, arguments: dict[str, str]) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    before = await ana.lead()
    number = {"number": number_of(before)} if name in ("take_lead", "set_lead_status") else {}
    if name == "set_lead_status":
        await as_user(scene, REP, "take_lead", **number)
        before = await ana.lead()
    principal = REP if number else ana.principal
    tool = Toolbox.discover().get(name)
    assert tool is not None
    context = ToolContext(principal, ana.conversation, "sales", "en", scene.app.engine._parts.services)
    await tool.run(context, **tool.read_arguments({**arguments, **number}))
    assert context.unit
    assert await ana.lead() == before
    await scene.app.store.commit(context.unit)
    assert await ana.lead() != before


async def test_a_lead_that_was_changed_meanwhile_is_not_written_over(scene: Scene) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    lead = await ana.lead()
    tool = Toolbox.discover().get("qualify_lead")
    assert tool is not None
    context = ToolContext(ana.principal, ana.conversation, "sales", "en", scene.app.engine._parts.services)
    await tool.run(context, **tool.read_arguments({"need": "x"}))
    await scene.clock.advance(0.01)
    await scene.app.store.change(Lead, {"id": lead.id}, set={"custom_fields": {"need": "y"}})
    with pytest.raises(Conflict):
        await scene.app.store.commit(context.unit)
    assert (await ana.lead()).custom_fields == {"need": "y"}


# Users


async def test_a_lead_that_is_nobodys_is_seen_by_all_who_may_until_one_takes_it(scene: Scene) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    await ana.run("qualify_lead", need="two offices")
    number = number_of(await ana.lead())
    free = f"{number}: Ana Ruiz, +1202•••0123 (contacted, whatsapp, nobody's yet)"
    assert [await as_user(scene, who, "find_leads") for who in (REP, OTHER)] == [free, free]
    assert await as_user(scene, REP, "take_lead", number=number.lower()) == f"lead {number} is theirs"
    assert await as_user(scene, REP, "take_lead", number=number) == f"lead {number} is theirs already"
    own = f"{number}: Ana Ruiz, +{ANA} (contacted, whatsapp, yours)"
    assert await as_user(scene, REP, "find_leads", words="ruiz") == own
    told = await as_user(scene, REP, "show_lead", number=number)
    assert told.splitlines() == [own, "need: two offices", "notes: 2026-01-15, whatsapp: Fibre"]
    assert await as_user(scene, OTHER, "find_leads") == "nothing was found"
    assert ("assigned", "user:rep-1") in await audited(scene, "lead", (await ana.lead()).id)


@pytest.mark.parametrize(
    ("name", "arguments"), [("show_lead", {}), ("take_lead", {}), ("set_lead_status", {"status": "rejected"})]
)
async def test_another_users_lead_is_told_like_one_that_does_not_exist_and_is_left_alone(
    scene: Scene, name: str, arguments: dict[str, str]
) -> None:
    """S4-035; also for the head of sales and the administrator."""
    theirs = await imported(scene, BO)
    for who in (OTHER, user(Role.SALES_HEAD, "head"), user(Role.ADMIN, "root")):
        for number in (number_of(theirs), theirs.id):
            with pytest.raises(NotFound, match=f"^there is no lead {number}; find_leads tells their numbers$"):
                await as_user(scene, who, name, number=number, **arguments)
        assert await as_user(scene, who, "find_leads", words="Ann") == "nothing was found"
        assert await as_user(scene, who, "find_leads") == "nothing was found"
    assert await scene.app.store.get(Lead, theirs.id) == theirs


async def test_a_user_moves_their_own_leads_anywhere_and_has_to_take_others_first(scene: Scene) -> None:
    """S5-025."""
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    number = number_of(await ana.lead())
    with pytest.raises(ToolError, match="nobody's yet; take_lead"):
        await as_user(scene, REP, "set_lead_status", number=number, status="converted")
    await as_user(scene, REP, "take_lead", number=number)
    for status in ("converted", "new", "rejected"):
        told = await as_user(scene, REP, "set_lead_status", number=number, status=status, reason="as agreed")
        assert told == f"lead {number} is {status} now"
    assert await as_user(scene, REP, "set_lead_status", number=number, status="rejected") == f"lead {number} is rejected already"
    assert (await ana.lead()).status is LeadStatus.REJECTED


async def test_two_users_who_take_one_lead_at_once_do_not_both_get_it(scene: Scene) -> None:
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre")
    leads = scene.app.engine._parts.services.leads
    tool = Toolbox.discover().get("take_lead")
    assert tool is not None
    context = ToolContext(OTHER, desk("rep-2"), "colleague", "en", scene.app.engine._parts.services)
    await tool.run(context, **tool.read_arguments({"number": number_of(await ana.lead())}))
    await leads.take("rep-1", number_of(await ana.lead()), by="user:rep-1")
    with pytest.raises(Conflict):
        await scene.app.store.commit(context.unit)
    assert (await ana.lead()).user_id == "rep-1"


async def test_a_lead_with_an_address_that_the_user_has_already_is_not_taken(scene: Scene) -> None:
    """S4-033."""
    await imported(scene, BO, email="ana@example.com")
    ana = await talk(scene)
    await ana.run("capture_lead", interest="Fibre", email="ANA@example.com")
    number = number_of(await ana.lead())
    with pytest.raises(ServiceError, match="you have a lead with the same e-mail address already"):
        await as_user(scene, REP, "take_lead", number=number)
    assert await as_user(scene, OTHER, "take_lead", number=number) == f"lead {number} is theirs"


@pytest.mark.parametrize("name", ["capture_lead", "qualify_lead", "lead_status"])
async def test_a_user_cannot_run_what_is_for_the_person_who_writes(scene: Scene, name: str) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "capture_lead": {"interest": "Fibre"},
        "qualify_lead": {"need": "x"},
        "lead_status": {"to": "contacted", "reason": "asked"},
    }
    with pytest.raises(ToolError, match="one of the team who writes"):
        await as_user(scene, REP, name, **arguments[name])


async def test_who_may_only_read_leads_takes_none(scene: Scene) -> None:
    with pytest.raises(ToolError, match="no permission"):
        await as_user(scene, user(Role.VIEWER), "take_lead", number="X")
    with pytest.raises(ToolError, match="no permission"):
        await as_user(scene, user(Role.AGENT), "find_leads")
