"""What a customer thinks of us: the average of all ratings they gave (S2-062)."""

from __future__ import annotations

from bot.records.conversations import Conversation
from bot.records.tickets import Ticket
from bot.store.base import Store


async def average_rating(store: Store, *customer_ids: str, ticket: tuple[str, int] | None = None) -> float | None:
    """The mean over their rated conversations and tickets; None where there is none.

    `ticket` is an id and the rating that it is just being given.
    """
    ratings: list[int] = []
    for customer_id in customer_ids:
        for conversation in await store.find(Conversation, {"customer_id": customer_id}):
            if conversation.customer_satisfaction is not None:
                ratings.append(conversation.customer_satisfaction.rating)
        for found in await store.find(Ticket, {"customer_id": customer_id}):
            feedback = found.customer_feedback
            if feedback is not None and feedback.rating is not None and (ticket is None or found.id != ticket[0]):
                ratings.append(feedback.rating)
    if ticket is not None:
        ratings.append(ticket[1])
    return sum(ratings) / len(ratings) if ratings else None
