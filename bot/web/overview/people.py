"""The lists of the supervisors' page: who waits, who holds what, as their reader may see it."""

from __future__ import annotations

from typing import Any

from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.records.permissions import allows
from bot.records.users import Presence, User
from bot.services.board import Board, Place
from bot.services.masking import masked_phone
from bot.services.numbers import number_of
from bot.services.presence import serves
from bot.web.overview.words import Words
from bot.web.rows import sees_whole

_TONES = {Presence.ONLINE: "ok", Presence.BUSY: "wait", Presence.AWAY: "wait", Presence.OFFLINE: ""}
_MOST_BOXES = 24


class People:
    """Rows for the templates; what the reader may not see is not in them."""

    def __init__(self, board: Board, reader: User, words: Words, limit: float) -> None:
        self._board = board
        self._words = words
        self._limit = limit
        self._may_see = allows(reader.granted, "customers", "read")
        self._sees_whole = sees_whole(reader)

    def waiting(self) -> list[dict[str, Any]]:
        """Who waits, in the order in which it is their turn."""
        return [self._row(one) | {"suggested": self._suggested(one)} for one in self._board.rows]

    def places(self) -> list[dict[str, Any]]:
        """Every operator, with what they hold."""
        return [self._place(place) for place in self._board.places]

    def called(self, conversation: Conversation) -> str:
        """The person's name, else their number as far as the reader may see it, else the conversation's."""
        customer = self._board.customers.get(conversation.customer_id or "")
        if customer is None or not self._may_see:
            return number_of(conversation)
        return _name_of(customer) or self._phone(customer.phone_number) or number_of(customer)

    def minutes(self, conversation: Conversation) -> float:
        """For how long the person has waited for an answer."""
        since = conversation.waiting_since or conversation.assigned_at or self._board.at
        return max(0.0, (self._board.at - since).total_seconds() / 60)

    def _phone(self, number: str | None) -> str:
        return (number if self._sees_whole else masked_phone(number)) if number else ""

    def _row(self, one: Conversation) -> dict[str, Any]:
        is_waiting = one.waiting_since is not None
        minutes, note = self.minutes(one), one.handoff
        cause = note.cause if note is not None else None
        return {
            "id": one.id,
            "name": self.called(one),
            "language": one.language or "",
            "channel": str(one.channel),
            "waits": self._words.lasting(minutes) if is_waiting else "",
            "tone": "bad" if minutes >= self._limit else "wait",
            "skill": one.assignee_name,
            "cause": self._words.t(f"cause_{cause}") if cause else "",
            "priority": str(one.priority),
            "said": (one.last_message.content if one.last_message else "")[:160],
        }

    def _suggested(self, one: Conversation) -> str:
        """Who fits best now: there, serving the queue, with the most room."""
        fitting = [
            place
            for place in self._board.places
            if place.user.status is Presence.ONLINE and place.held < place.capacity and serves(place.user, one.assignee_name)
        ]
        return min(fitting, key=lambda place: (place.held, place.name)).user.id if fitting else ""

    def _place(self, place: Place) -> dict[str, Any]:
        boxes = min(place.capacity, _MOST_BOXES)
        taken = place.held if place.capacity == boxes else round(place.held * boxes / max(1, place.capacity))
        is_full = place.held >= place.capacity
        status = place.user.status
        return {
            "id": place.user.id,
            "name": place.name,
            "status": str(status),
            "status_tone": _TONES[status],
            "held": place.held,
            "capacity": place.capacity,
            "boxes": [number < taken for number in range(boxes)],
            "tone": "bad" if is_full and place.held else "op" if status is Presence.ONLINE else "wait",
            "is_full": is_full,
            "skills": sorted({*place.user.skills, *([place.user.department] if place.user.department else [])}),
            "conversations": [self._row(one) for one in place.conversations],
        }


def _name_of(customer: Customer) -> str:
    return " ".join(part for part in (customer.first_name, customer.last_name) if part)
