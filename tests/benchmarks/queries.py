"""What an operator's desk asks all day, on a large database: latencies of the embedded store.

    python -m tests.benchmarks.queries [--messages 1000000] [--asked 300] [--keep FOLDER]

A database of so many messages in Spanish-like words (a few very common, most rare, as in any language) is made in a temporary
folder, with a conversation and a customer for every ten of them. With --keep it stays there, and is used again the next time.
The file is read once before, so that it is in the operating system's memory: times are the program's, not the disk's.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import uvloop

from bot.clock import SystemClock
from bot.conversation import AssigneeKind, ConversationStatus
from bot.records.conversations import Conversation, Direction, LastMessage, Message, MessageSender
from bot.records.people import Customer, Identity, IdentityKind
from bot.running import settle
from bot.services.search import Search
from bot.store.sqlite import SqliteStore
from tests.benchmarks.common import judge

BAR_MS = 10.0
_BATCH = 2000
_EACH = 10
"""Messages of one conversation."""
_WAITING = 0.02
"""The share of conversations that wait for a person."""
_BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
_SPOKEN = """
    hola gracias por favor factura pago pedido envío internet cuenta ayuda problema mañana quiero necesito tengo servicio cliente
    número tarjeta cargo cambiar cancelar dirección entrega producto precio información llamar correo contraseña acceso
"""
_NAMES = "Ana Luis María José Carmen Rajesh Priya Juan Sofía Diego Lucía Pablo Elena Miguel Rosa Arjun Kavya John"
_COMMON, _FIRST = tuple(_SPOKEN.split()), tuple(_NAMES.split())
_SYLLABLES = [consonant + vowel for consonant in ("ll", "ch", "tr", *"bcdfglmnprstv") for vowel in ("an", "er", "os", *"aeiou")]


def _vocabulary(luck: random.Random, size: int) -> list[str]:
    made = {"".join(luck.choices(_SYLLABLES, k=luck.randint(2, 4))) for _ in range(size)}
    return [*_COMMON, *sorted(made)]


class Desk:
    """The database, and what is asked of it."""

    def __init__(self, store: SqliteStore, messages: int) -> None:
        self.store = store
        self.conversations = max(1, messages // _EACH)
        self._luck = random.Random(11)
        self.words = _vocabulary(self._luck, 40_000)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(len(self.words))))
        """Added up, as a choice needs them."""
        self._last = [f"{word.capitalize()}ez" for word in self.words[len(_COMMON) : 3000]]

    async def build(self) -> None:
        done, began = 0, time.monotonic()
        for start in range(0, self.conversations, _BATCH // _EACH):
            numbers = range(start, min(start + _BATCH // _EACH, self.conversations))
            await self.store.insert([record for number in numbers for record in self._people(number)])
            messages = [message for number in numbers for message in self._said(number)]
            await self.store.insert(messages)
            done += len(messages)
            if sys.stderr.isatty() or numbers.stop == self.conversations or done % 100_000 == 0:
                rate = done / (time.monotonic() - began)
                end = "\n" if numbers.stop == self.conversations or not sys.stderr.isatty() else "   \r"
                print(f"{done:,} of {self.conversations * _EACH:,} messages, {rate:,.0f}/s", end=end, file=sys.stderr, flush=True)

    def phone(self, number: int) -> str:
        return f"+52155{10_000_000 + number * 7 % 90_000_000:08d}"

    def _people(self, number: int) -> list[Customer | Identity | Conversation]:
        luck, phone = self._luck, self.phone(number)
        at = _BEGAN + timedelta(seconds=number * 300)
        person, first, last = f"p{number:07}", luck.choice(_FIRST), luck.choice(self._last)
        customer = Customer(
            id=person,
            phone_number=phone,
            first_name=first,
            last_name=last,
            email=f"{first}.{last}.{number}@example.org",
            created_at=at,
        )
        is_waiting = luck.random() < _WAITING
        conversation = Conversation(
            id=f"c{number:07}",
            customer_id=person,
            lane=f"whatsapp:1:{phone}",
            our_address="1",
            their_address=phone[1:],
            assignee_kind=AssigneeKind.QUEUE if is_waiting else AssigneeKind.AGENT,
            assignee_name="support",
            status=ConversationStatus.WAITING if is_waiting else ConversationStatus.OPEN,
            assigned_at=at if is_waiting else None,
            last_message=LastMessage(content="hola", timestamp=at, sender=MessageSender.CUSTOMER),
            created_at=at,
        )
        identity = Identity(id=Identity.key(IdentityKind.PHONE, phone), kind=IdentityKind.PHONE, value=phone, customer_id=person)
        return [customer, identity, conversation]

    def _said(self, number: int) -> list[Message]:
        luck = self._luck
        texts = [luck.choices(self.words, cum_weights=self._weights, k=luck.randint(3, 18)) for _ in range(_EACH)]
        at = _BEGAN + timedelta(seconds=number * 300)
        return [
            Message(
                id=f"m{number:07}{turn:02}",
                conversation_id=f"c{number:07}",
                customer_id=f"p{number:07}",
                content=" ".join(words),
                direction=Direction.INBOUND if turn % 2 else Direction.OUTBOUND,
                sender=MessageSender.CUSTOMER if turn % 2 else MessageSender.AI,
                whatsapp_message_id=f"wamid.{number:07}{turn:02}",
                timestamp=at + timedelta(seconds=turn * 20),
            )
            for turn, words in enumerate(texts)
        ]

    def questions(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """The name of a question -> one of its kind, another one each time."""
        store, luck, search = self.store, random.Random(3), Search(self.store)

        def someone() -> int:
            return luck.randrange(self.conversations)

        def spoken(count: int) -> str:
            return " ".join(luck.choices(self.words, cum_weights=self._weights, k=count))

        async def person() -> object:
            identity = await store.get(Identity, Identity.key(IdentityKind.PHONE, self.phone(someone())))
            assert identity is not None
            return await store.get(Customer, identity.customer_id or "")

        async def conversation() -> object:
            where = {"conversation_id": f"c{someone():07}"}
            return await store.find(Message, where, sort=("-timestamp",), limit=50)

        return {
            "queue: who waits, the oldest 50": lambda: store.find(
                Conversation, {"status": ConversationStatus.WAITING}, sort=("assigned_at",), limit=50
            ),
            "queue: how many wait": lambda: store.count(Conversation, {"status": ConversationStatus.WAITING}),
            "last 50 messages of a conversation": conversation,
            "person by phone": person,
            "people by first name": lambda: search.customers(luck.choice(_FIRST)),
            "people by both names": lambda: search.customers(f"{luck.choice(_FIRST)} {luck.choice(self._last)}"),
            "people by the beginning of a name": lambda: search.customers(luck.choice(self._last)[: luck.randint(1, 4)]),
            "people by digits of the phone": lambda: search.customers(self.phone(someone())[-luck.randint(3, 6) :]),
            "messages by one common word": lambda: search.messages(luck.choice(_COMMON)),
            "messages by one word": lambda: search.messages(spoken(1)),
            "messages by two words": lambda: search.messages(spoken(2)),
            "messages by three words": lambda: search.messages(spoken(3)),
            "messages by two common words": lambda: search.messages(" ".join(luck.sample(_COMMON, 2))),
            "messages by a common and a rare word": lambda: search.messages(
                f"{luck.choice(_COMMON)} {self.words[luck.randrange(5000, len(self.words))]}"
            ),
            "messages by the beginning of a word": lambda: search.messages(spoken(1)[: luck.randint(1, 4)]),
            "messages by three beginnings": lambda: search.messages(" ".join(spoken(1)[:3] for _ in range(3))),
        }


async def measure(path: Path, messages: int, asked: int) -> bool:
    store = SqliteStore(path, SystemClock())
    await store.open()
    try:
        desk = Desk(store, messages)
        if await store.count(Message, {}) < messages // _EACH * _EACH:
            await desk.build()
        settle()
        with path.open("rb") as file:  # what is asked for first after a start is read from the disk, and waits for that
            while file.read(1 << 20):
                pass
        print(f"{path.stat().st_size / 1e9:.2f} GB, {messages:,} messages, {asked} of each question")
        holds = True
        for name, ask in desk.questions().items():
            for _ in range(5):
                await ask()
            taken = []
            for _ in range(asked):
                began = time.perf_counter()
                await ask()
                taken.append((time.perf_counter() - began) * 1000)
            taken.sort()
            holds &= judge(f"{name}: p50 {taken[asked // 2]:.2f} ms, p99", taken[int(asked * 0.99)], BAR_MS, " ms")
        return holds
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.queries")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=300)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = (options.keep or Path(folder)) / "queries.db"
        sys.exit(not uvloop.run(measure(place, options.messages, options.asked)))


if __name__ == "__main__":
    main()
