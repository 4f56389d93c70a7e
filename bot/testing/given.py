"""What is there before a conversation in YAML begins, made by the services that make it in earnest.

given:
  customer: {email: ana@example.org}
  tickets: [{subject: No internet, description: Since yesterday}]
  users: [{email: rosa@example.com, role: sales_rep}]
  leads: [{phone: "+12025550199", firstName: Bo, lastName: Diaz, email: bo@example.org, owner: rosa@example.com}]
  knowledge: [{question: "When are you open?", answer: From 9 to 18, language: en}]

The customer, whose the tickets are, is whoever has the conversation's `number`. A lead without an owner is nobody's.
"""

from __future__ import annotations

from bot.app import App
from bot.clock import new_id
from bot.message import Address, Sender
from bot.policy import CALLS
from bot.records.base import Part
from bot.records.conversations import Priority
from bot.records.knowledge import KnowledgeEntry
from bot.records.leads import LeadSource
from bot.records.people import Customer
from bot.records.tickets import TicketCategory
from bot.records.users import Role
from bot.services.audit import Audit
from bot.services.leads import Leads
from bot.services.tickets import Tickets
from bot.store.base import Unit

_BY = "cli"
"""Who the audit log says made it."""


class GivenCustomer(Part):
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None


class GivenTicket(Part):
    subject: str
    description: str
    category: TicketCategory = TicketCategory.GENERAL_INQUIRY
    priority: Priority = Priority.MEDIUM


class GivenUser(Part):
    email: str
    role: Role
    name: str = "Olga Perez"


class GivenLead(Part):
    phone: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    company_name: str | None = None
    notes: str | None = None
    source: LeadSource = LeadSource.MANUAL
    owner: str | None = None
    """E-mail address of a user."""


class GivenEntry(Part):
    question: str
    answer: str
    language: str
    category: str = "general"


class Given(Part):
    """The records that a conversation begins with."""

    customer: GivenCustomer | None = None
    tickets: list[GivenTicket] = []
    users: list[GivenUser] = []
    leads: list[GivenLead] = []
    knowledge: list[GivenEntry] = []
    consents: list[str] = []
    """Numbers of people who have agreed to be called."""


async def make(given: Given, app: App, address: Address, sender: Sender) -> None:
    """Makes the records; the customer is whoever writes from this address. Raises what the services raise."""
    if given.customer is not None or given.tickets:
        customer = await app.people.recognise(address, sender, app.clock.now())
        if given.customer is not None:
            await app.people.update(customer.id, given.customer.model_dump(exclude_none=True), by=_BY)
        await _tickets(given, app, customer)
    for user in given.users:
        await app.users.add(user.email, user.name, user.role, by=_BY)
    await _leads(given, app)
    for number in given.consents:
        await app.consents.record(number, CALLS, source="test", by=_BY)
    await app.store.insert([KnowledgeEntry.new(id=new_id(), **entry.model_dump()) for entry in given.knowledge])


async def _tickets(given: Given, app: App, customer: Customer) -> None:
    tickets = Tickets(app.store, app.clock, Audit(app.clock))
    for ticket in given.tickets:
        unit = Unit()
        await tickets.create(unit, customer_id=customer.id, conversation_id=None, **ticket.model_dump(), by=_BY)
        await app.store.commit(unit)


async def _leads(given: Given, app: App) -> None:
    leads = Leads(app.store, app.clock, Audit(app.clock))
    for lead in given.leads:
        owner = (await app.users.by_email(lead.owner)).id if lead.owner else None
        values = lead.model_dump(exclude={"owner", "source"}, exclude_none=True)
        await leads.create(owner, values, by=_BY, source=lead.source)
