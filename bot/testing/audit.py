"""An account of every message after a run in which anything may have happened: was it lost, said twice, done twice, mixed up?

What the fake WhatsApp received (the outside) is compared with what the store holds (the inside); every difference is a problem.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Self, TypeVar

from bot.records.base import Record
from bot.records.conversations import Conversation, Direction, Message
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.work import Author, Delivery, DeliveryState, InboxRow, InboxState
from bot.store.base import Store
from bot.testing.crowd import Written
from bot.testing.processes import Send

R = TypeVar("R", bound=Record)

_PAGE = 1000
_STILL_SECONDS = 60.0
"""After so long without any progress what waits counts as lost."""


class Invariant(StrEnum):
    """What may never happen, as the table names it."""

    LOST = "lost"
    SET_ASIDE = "set aside"
    DUPLICATED = "sent twice with no POST in flight"
    OUT_OF_ORDER = "out of order"
    REPEATED = "effects repeated"
    MISSING = "effects missing"
    AFTER_TAKE_OVER = "AI sends claimed after a take-over"
    COUNTERS = "counters that differ from a recount"
    ENDED = "processes that ended wrongly"
    SLOW = "recovered too late"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that happened and may not."""

    invariant: Invariant
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text}"


@dataclass(slots=True)
class Account:
    """What a run came to."""

    seed: int
    seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    """What reached somebody twice, and when: a POST was in flight when its process was killed or paused."""

    def problem(self, invariant: Invariant, text: str) -> None:
        self.problems.append(Problem(invariant, text))

    def count(self, invariant: Invariant) -> int:
        return sum(problem.invariant is invariant for problem in self.problems)


@dataclass(frozen=True, slots=True)
class TakeOver:
    """An operator took a conversation from the AI, and gave it back."""

    conversation_id: str
    who: str
    epoch: int
    """The epoch that began with it."""
    begun_at: datetime
    """Right before the commit."""
    taken_at: datetime
    """Right after it."""
    back_at: datetime
    """Right after the conversation was given back."""
    tries: dict[str, int]
    """The deliveries that were open after the commit -> how often each had been claimed by then."""


async def come_to_rest(store: Store) -> None:
    """Until nothing waits and nothing is to be sent, seen by another process than those that work.

    Raises TimeoutError when there is something left and nothing has moved for a minute.
    """
    until, before = time.monotonic() + _STILL_SECONDS, None
    while True:
        left = (
            await store.distinct(InboxRow, "lane", {"state": InboxState.WAITING}),
            await store.distinct(Delivery, "lane", {"openness": "open"}),
        )
        if not any(left):
            return
        if left != before:
            until, before = time.monotonic() + _STILL_SECONDS, left
        if time.monotonic() > until:
            raise TimeoutError(f"in {len(left[0])} lanes messages wait, in {len(left[1])} something is to be sent")
        await asyncio.sleep(0.1)


async def all_of(store: Store, kind: type[R]) -> list[R]:
    """Every record of this kind."""
    found: list[R] = []
    while page := await store.find(kind, {}, limit=_PAGE, after=found[-1].id if found else None):
        found += page
    return found


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known at the end."""

    sends: Sequence[Send]
    written: Sequence[Written]
    take_overs: Sequence[TakeOver]
    in_flight: Collection[str] | None
    """Trackers of what was being posted when its process was killed or paused; None where `resends` has to tell."""
    inbox: dict[str, InboxRow]
    messages: dict[str, Message]
    deliveries: dict[str, Delivery]
    tickets: list[Ticket]
    conversations: list[Conversation]
    customers: list[Customer]

    @classmethod
    async def of(
        cls,
        store: Store,
        sends: Sequence[Send],
        written: Sequence[Written],
        take_overs: Sequence[TakeOver] = (),
        in_flight: Collection[str] | None = None,
    ) -> Self:
        return cls(
            sends,
            written,
            take_overs,
            in_flight,
            {row.id: row for row in await all_of(store, InboxRow)},
            {message.id: message for message in await all_of(store, Message)},
            {delivery.id: delivery for delivery in await all_of(store, Delivery)},
            await all_of(store, Ticket),
            await all_of(store, Conversation),
            await all_of(store, Customer),
        )

    @property
    def heard(self) -> list[Message]:
        return [message for message in self.messages.values() if message.direction is Direction.INBOUND]

    def changed_hands(self, message: Message) -> bool:
        """Whether the turn of this message met an operator: then it may have no answer, or one that was not sent any more."""
        row = self.inbox.get(f"whatsapp:{message.whatsapp_message_id}")
        if row is None or row.updated_at is None or message.created_at is None:
            return False
        begun, done = message.created_at, row.updated_at
        return any(
            take.conversation_id == message.conversation_id and take.begun_at <= done and take.back_at >= begun
            for take in self.take_overs
        )

    def was_refused(self, delivery: Delivery) -> bool:
        """Whether it was not said because an operator was faster."""
        return (
            delivery.state is DeliveryState.REFUSED
            and delivery.error_code == "epoch"
            and any(take.conversation_id == delivery.conversation_id and take.epoch > delivery.epoch for take in self.take_overs)
        )


class Audit:
    """Compares what was written, what the store holds and what arrived."""

    def __init__(self, account: Account, evidence: Evidence) -> None:
        self._account = account
        self._known = evidence
        self._arrived = Counter(send.tracker for send in evidence.sends)

    def check(self) -> None:
        self._check_work()
        self._check_timeline()
        self._check_tickets()
        self._check_answers()
        self._check_sends()
        self._check_order()
        self._check_take_overs()
        self._check_counters()
        self._count()

    def _check_work(self) -> None:
        """Nothing was set aside, nothing is left over."""
        for row in self._known.inbox.values():
            if row.state is InboxState.DEAD:
                self._account.problem(Invariant.SET_ASIDE, f"inbox row {row.id}: {row.error}")
            elif row.state is not InboxState.DONE:
                self._account.problem(Invariant.LOST, f"inbox row {row.id} is {row.state}: {row.error}")
        for delivery in self._known.deliveries.values():
            if delivery.state is not DeliveryState.SENT and not self._known.was_refused(delivery):
                self._account.problem(Invariant.LOST, f"delivery {delivery.id} is {delivery.state}: {delivery.error}")

    def _check_timeline(self) -> None:
        """Each message that was answered with 200 is there once, in the order in which its person wrote."""
        counted = Counter(message.whatsapp_message_id for message in self._known.heard)
        numbers = {written.id: (written.who, written.number) for written in self._known.written}
        for written in self._known.written:
            times = counted.pop(written.id, 0)
            if times == 0:
                self._account.problem(Invariant.LOST, f"{written.text!r} was accepted and is not on the timeline")
            elif times > 1:
                self._account.problem(Invariant.REPEATED, f"{written.text!r} is on the timeline {times} times")
        for id_ in counted:
            self._account.problem(Invariant.REPEATED, f"{id_} is on the timeline and was never answered with 200")
        places = defaultdict(list)
        for message in sorted(self._known.heard, key=lambda message: message.id):
            who, number = numbers.get(message.whatsapp_message_id or "", ("", 0))
            places[who].append(number)
        for who, order in places.items():
            if order != sorted(order):
                self._account.problem(Invariant.OUT_OF_ORDER, f"the messages of {who} are out of order: {order}")

    def _check_tickets(self) -> None:
        """One ticket for each turn that asked for one, unless an operator came between: no effect is missing, none repeated."""
        tickets = self._known.tickets
        descriptions = Counter(line for ticket in tickets for line in ticket.description.splitlines())
        by_id = {message.whatsapp_message_id: message for message in self._known.heard}
        asked: dict[str | None, bool] = {}
        for written in self._known.written:
            message = by_id.get(written.id)
            if not written.asks_for_ticket or message is None:
                continue
            times, may_lack = descriptions[written.text], self._known.changed_hands(message)
            asked[message.turn_id] = times > 0 or asked.get(message.turn_id, False)
            if times > 1:
                self._account.problem(Invariant.REPEATED, f"{written.text!r} asked for a ticket and {times} were opened")
            elif times == 0 and not may_lack:
                self._account.problem(Invariant.MISSING, f"{written.text!r} asked for a ticket and none was opened")
        if sum(asked.values()) != len(tickets):
            self._account.problem(Invariant.REPEATED, f"{sum(asked.values())} turns had a ticket and {len(tickets)} were opened")
        if len({ticket.ticket_id for ticket in tickets}) != len(tickets):
            self._account.problem(Invariant.REPEATED, "two tickets have the same number")

    def _whereabouts(self, message: Message) -> str:
        """What there is to know of a message that nobody answered."""
        held = next((one for one in self._known.conversations if one.id == message.conversation_id), None)
        row = self._known.inbox.get(f"whatsapp:{message.whatsapp_message_id}")
        holder = f"{held.assignee} in epoch {held.epoch}, {held.status}" if held is not None else "nobody"
        done = row.updated_at if row is not None else None
        return f"heard {message.created_at}, done {done}, turn {message.turn_id}, held by {holder}"

    def _check_answers(self) -> None:
        """Each turn has one reply, which speaks of all its messages and arrived, unless an operator came between."""
        opened = {line: ticket.ticket_id for ticket in self._known.tickets for line in ticket.description.splitlines()}
        texts = {written.id: written.text for written in self._known.written}
        replies = defaultdict(list)
        for message in self._known.messages.values():
            if message.direction is Direction.OUTBOUND:
                replies[message.turn_id].append(message)
        by_message = {delivery.message_id: delivery for delivery in self._known.deliveries.values()}
        for message in self._known.heard:
            text = texts.get(message.whatsapp_message_id or "")
            if text is None:
                continue
            said = replies[message.turn_id]
            if not said and not self._known.changed_hands(message):
                self._account.problem(Invariant.LOST, f"{text!r} has no reply; {self._whereabouts(message)}")
            if len(said) > 1:
                self._account.problem(Invariant.REPEATED, f"{text!r} has {len(said)} replies")
            for reply in said:
                if text not in reply.content and opened.get(text, "?") not in reply.content:
                    self._account.problem(Invariant.LOST, f"{text!r} was answered with {reply.content!r}")
                delivery = by_message[reply.id]
                if not self._arrived[delivery.id] and not self._known.was_refused(delivery):
                    self._account.problem(Invariant.LOST, f"the reply to {text!r} never arrived")

    def _check_sends(self) -> None:
        """Nothing arrived that we do not know of; twice only what was in flight when its process was killed or paused."""
        times_of = defaultdict(list)
        for send in self._known.sends:
            times_of[send.tracker].append(send)
        for tracker, sends in times_of.items():
            delivery = self._known.deliveries.get(tracker)
            if delivery is None:
                self._account.problem(Invariant.DUPLICATED, f"something arrived that no delivery tells of: {tracker}")
                continue
            if len(sends) == 1:
                continue
            moments = ", ".join(f"{send.at:%H:%M:%S.%f}"[:-3] for send in sends)
            named = f"conversation {delivery.conversation_id}, delivery {tracker}, to {sends[0].to} at {moments}"
            in_flight = self._known.in_flight
            if len(sends) > 1 + delivery.resends or (in_flight is not None and tracker not in in_flight):
                self._account.problem(Invariant.DUPLICATED, f"{named}, {delivery.resends} resends")
            else:
                self._account.twice.append(named)

    def _check_order(self) -> None:
        """Replies arrived in the order of the turns they answer; what is posted again may come late."""
        turns = defaultdict(list)
        seen = set()
        for send in self._known.sends:
            delivery = self._known.deliveries.get(send.tracker)
            if delivery is not None and send.tracker not in seen:
                seen.add(send.tracker)
                turns[send.to].append(self._known.messages[delivery.message_id].turn_id or "")
        for who, order in turns.items():
            if any(before > after for before, after in pairwise(order)):
                self._account.problem(Invariant.OUT_OF_ORDER, f"replies reached {who} out of order")

    def _check_take_overs(self) -> None:
        """What the AI had written before an operator took over was not claimed any more once that was committed."""
        of = defaultdict(list)
        for delivery in self._known.deliveries.values():
            if delivery.author is Author.AI:
                of[delivery.conversation_id].append(delivery)
        for take in self._known.take_overs:
            for delivery in of[take.conversation_id]:
                is_later = delivery.created_at is not None and delivery.created_at > take.taken_at
                known = take.tries.get(delivery.id, 0 if is_later else None)
                if delivery.epoch < take.epoch and known is not None and delivery.attempts > known:
                    named = f"delivery {delivery.id}, conversation {take.conversation_id}"
                    moment = f"{take.taken_at:%H:%M:%S.%f}"[:-3]
                    self._account.problem(Invariant.AFTER_TAKE_OVER, f"{named}, taken over at {moment}")

    def _check_counters(self) -> None:
        """One customer and one conversation for each person, and their counters equal a recount."""
        known = self._known
        people = len({written.who for written in known.written})
        if not people == len(known.conversations) == len(known.customers):
            found = f"{people} people, {len(known.conversations)} conversations, {len(known.customers)} customers"
            self._account.problem(Invariant.COUNTERS, found)
        messages = Counter(message.conversation_id for message in known.messages.values())
        for conversation in known.conversations:
            if conversation.message_count != messages[conversation.id]:
                wrong = f"{conversation.message_count} instead of {messages[conversation.id]}"
                self._account.problem(Invariant.COUNTERS, f"the message count of conversation {conversation.id} is {wrong}")
        opened = Counter(ticket.customer_id for ticket in known.tickets)
        for customer in known.customers:
            if customer.statistics.total_tickets != opened[customer.id]:
                wrong = f"{customer.statistics.total_tickets} instead of {opened[customer.id]}"
                self._account.problem(Invariant.COUNTERS, f"the ticket count of customer {customer.id} is {wrong}")

    def _count(self) -> None:
        known = self._known
        self._account.figures = {
            "conversations": len({written.who for written in known.written}),
            "messages accepted": len(known.written),
            "of them posted again until taken": sum(written.tries > 1 for written in known.written),
            "of them posted twice on purpose": sum(written.is_twice for written in known.written),
            "turns": len({message.turn_id for message in known.heard}),
            "tickets": len(known.tickets),
            "take-overs by operators": len(known.take_overs),
            "replies refused after one": sum(map(known.was_refused, known.deliveries.values())),
            "sends": len(known.sends),
            "deliveries posted again": sum(delivery.resends > 0 for delivery in known.deliveries.values()),
            "replies that arrived twice": sum(times > 1 for times in self._arrived.values()),
        }


def lines_of(figures: dict[str, int]) -> Iterable[str]:
    """Figures below each other, aligned."""
    width = max(map(len, figures), default=0)
    return (f"  {name:{width}}  {figure:>9,}" for name, figure in figures.items())
