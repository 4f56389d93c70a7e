"""The second seed's migration of user threads to customers, conversations and threads (its phase 2, S2-212).

Nothing is dropped, and running it again makes nothing new: each user thread is one unit that is found by its id.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.clock import new_id
from bot.errors import Duplicate, RecordError
from bot.message import Address
from bot.records.conversations import Conversation, ConversationThread, WhatsAppData
from bot.records.people import Customer, CustomerSource, Identity, IdentityKind
from bot.records.userthreads import UserThread
from bot.services.conversations import FIRST_AGENT
from bot.services.people import normal_phone
from bot.store.base import In, Store, Unit

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Migrated:
    """What came of it."""

    made: int
    """User threads that now have a customer, a conversation and a thread."""
    known: int
    """Those that had them already."""
    refused: tuple[str, ...]
    """One line for each that could not be taken over."""


async def migrate_user_threads(store: Store, our_number_id: str) -> Migrated:
    """Takes over every user thread. `our_number_id` is the WhatsApp number at which these people write to us."""
    made, known, refused = 0, 0, []
    after: str | None = None
    while True:
        page = await store.find(UserThread, {}, sort=("id",), limit=_PAGE, after=after)
        there = {thread.id for thread in await store.find(ConversationThread, {"id": In([thread.id for thread in page])})}
        known += len(there)
        for thread in page:
            if thread.id in there:
                continue
            try:
                await store.commit(await _unit(store, thread, our_number_id))
                made += 1
            except (RecordError, Duplicate) as error:
                refused.append(f"userthreads {thread.id}: {error}")
        if len(page) < _PAGE:
            return Migrated(made, known, tuple(refused))
        after = page[-1].id


async def _unit(store: Store, thread: UserThread, our_number_id: str) -> Unit:
    """Everything that one user thread becomes. Raises RecordError when its user id is no phone number."""
    phone = normal_phone(thread.user_id)
    if phone is None:
        raise RecordError(f"userId {thread.user_id!r} is no phone number with its country code")
    unit = Unit()
    customer = await _customer(store, unit, thread, phone)
    address = Address("whatsapp", our_number_id, phone.lstrip("+"))
    conversation = await _conversation(store, unit, thread, customer, address)
    unit.insert(
        ConversationThread(
            id=thread.id,
            conversation_id=conversation.id,
            customer_id=customer.id,
            user_id=thread.user_id,
            thread_id=thread.thread_id,
            message_count=thread.message_count,
            last_interaction=thread.last_interaction,
            last_cleanup=thread.last_cleanup,
            is_active=True,
            created_at=thread.created_at,
        )
    )
    return unit


async def _customer(store: Store, unit: Unit, thread: UserThread, phone: str) -> Customer:
    found = await store.find(Customer, {"phone_number": phone}, limit=1)
    if found:
        return found[0]
    customer = Customer.new(
        id=new_id(),
        phone_number=phone,
        source=CustomerSource.WHATSAPP,
        first_contact=thread.created_at,
        last_interaction=thread.last_interaction,
        last_message_at=thread.last_interaction,
        statistics={"total_conversations": 1, "total_messages": thread.message_count},
        created_at=thread.created_at,
    )
    unit.insert(customer)
    known = ((IdentityKind.PHONE, phone), (IdentityKind.WA_ID, phone.lstrip("+")))
    unit.insert(
        *(Identity(id=Identity.key(kind, value), kind=kind, value=value, customer_id=customer.id) for kind, value in known)
    )
    return customer


async def _conversation(store: Store, unit: Unit, thread: UserThread, customer: Customer, address: Address) -> Conversation:
    found = await store.find(Conversation, {"lane": address.lane, "openness": "open"}, limit=1)
    if found:
        return found[0]
    conversation = Conversation.new(
        id=new_id(),
        customer_id=customer.id,
        lane=address.lane,
        our_address=address.ours,
        their_address=address.theirs,
        channel=address.channel,
        assignee_name=FIRST_AGENT,
        message_count=thread.message_count,
        whatsapp_data=WhatsAppData(phone_number_id=address.ours),
        created_at=thread.created_at,
    )
    unit.insert(conversation)
    return conversation
