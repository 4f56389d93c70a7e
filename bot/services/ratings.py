"""What a customer thinks of us: the average of all ratings they gave (S2-062)."""

from __future__ import annotations

from bot.clock import Clock
from bot.records.audit import AuditAction
from bot.records.conversations import Conversation, Satisfaction
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.services.audit import Audit
from bot.store.base import Change, Store, Unit


async def average_rating(
    store: Store,
    *customer_ids: str,
    ticket: tuple[str, int] | None = None,
    conversation: tuple[str, int] | None = None,
) -> float | None:
    """The mean over their rated conversations and tickets; None where there is none.

    `ticket` and `conversation` are an id and the rating that it is just being given.
    """
    ratings: list[int] = []
    for customer_id in customer_ids:
        for talk in await store.find(Conversation, {"customer_id": customer_id}):
            if talk.customer_satisfaction is not None and (conversation is None or talk.id != conversation[0]):
                ratings.append(talk.customer_satisfaction.rating)
        for found in await store.find(Ticket, {"customer_id": customer_id}):
            feedback = found.customer_feedback
            if feedback is not None and feedback.rating is not None and (ticket is None or found.id != ticket[0]):
                ratings.append(feedback.rating)
    ratings.extend(given[1] for given in (ticket, conversation) if given is not None)
    return sum(ratings) / len(ratings) if ratings else None


class Ratings:
    """Keeps what people say of a conversation."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def rate(self, unit: Unit, conversation: Conversation, rating: int, comment: str, *, by: str) -> None:
        """From 1 to 5; their satisfaction score is the average of all they gave. A later rating takes the place of this one."""
        given = Satisfaction(rating=rating, comment=comment or None, submitted_at=self._clock.now())
        unit.add(Change(Conversation, {"id": conversation.id}, set={"customer_satisfaction": given}))
        after = {"customerSatisfaction.rating": rating}
        unit.insert(self._audit.entry(AuditAction.UPDATED, "conversation", conversation.id, by, after=after))
        customer = await self._store.get(Customer, conversation.customer_id or "")
        if customer is None:
            return
        score = await average_rating(self._store, customer.id, conversation=(conversation.id, rating))
        where = {"id": customer.id, "statistics.satisfaction_score": customer.statistics.satisfaction_score}
        unit.add(Change(Customer, where, set={"statistics.satisfaction_score": score}, must=1))
