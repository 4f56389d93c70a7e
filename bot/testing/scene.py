"""Conversations as tests: the real engine, worker and store, a scripted model, a clock that only moves when told to.

async def test_asking_for_a_person(scene: Scene) -> None:
    ana = scene.person("12025550123")
    scene.model.will(Called("hand_to_person", reason="asked for one"))
    await ana.says("I want to talk to a human")
    await ana.hears("passing you to a person")
    assert (await ana.conversation()).assignee == Queue("support")
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.app import App, assemble
from bot.channels.console import NAME as CONSOLE
from bot.channels.console import address_of
from bot.clock import new_id
from bot.config import Settings
from bot.dialogs.llm import Model
from bot.dialogs.task import Bounds
from bot.message import Address, Choice, Content, InboundMessage, Receipt, ReceiptStatus, Reply, Sender, Text
from bot.meter import KEEPS_NOTHING, Meter
from bot.principal import user_address
from bot.records.conversations import Conversation, Message
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.users import User
from bot.records.work import JournalKind, JournalRow
from bot.services.code_delivery import Mailer
from bot.services.phone_provider import PhoneProvider
from bot.services.telephone import Telephone
from bot.services.users import name_of
from bot.store.local import LocalLanes
from bot.testing.channel import RecordingChannel, Spoken
from bot.testing.clock import ManualClock
from bot.testing.llm import ScriptedModel

WHATSAPP, VOICE, WEB = "whatsapp", "voice", "web"
_OURS = "106540352242922"
_SETTLED_WITHIN = 10.0
"""Real seconds that a scene may take to come to rest before the test fails."""
_HORIZON = 5.0
"""Seconds of the scene's clock that `settle` lets pass: longer than a burst window, shorter than a retry that matters."""


class Scene:
    """One running Switchboard with everything around it under control."""

    def __init__(self, app: App, clock: ManualClock, model: ScriptedModel, channels: Mapping[str, RecordingChannel]) -> None:
        self.app = app
        self.clock = clock
        self.model = model
        self.channels = channels
        self.channel = channels[WHATSAPP]

    def person(self, number: str, *, name: str = "Ana Ruiz", channel: str = WHATSAPP) -> ScenePerson:
        """Somebody who writes from this number (digits with the country code), or calls; on the web nobody knows who it is."""
        sender = Sender() if channel == WEB else Sender(name=name, phone=number)
        return ScenePerson(self, _address(channel, number), sender)

    def user(self, user: User) -> ScenePerson:
        """Somebody of the team, who writes to the assistant from the terminal."""
        return ScenePerson(self, address_of(user_address(user.id)), Sender(name=name_of(user)))

    async def settle(self, within: float = _HORIZON) -> None:
        """Lets everything happen that is due within so many seconds of the scene's clock."""
        left = within
        async with asyncio.timeout(_SETTLED_WITHIN):
            while True:
                await self._come_to_rest()
                due = self._next_due()
                if due > left:
                    return
                left -= due
                await self.clock.advance(due)

    async def passes(self, seconds: float) -> None:
        """So much time goes by, and what falls due in it happens."""
        async with asyncio.timeout(_SETTLED_WITHIN):
            end = self.clock.monotonic() + seconds
            await self._come_to_rest()
            while self.clock.monotonic() + (due := self._next_due()) < end:
                await self.clock.advance(due)
                await self._come_to_rest()
            await self.clock.advance(end - self.clock.monotonic())
            await self._come_to_rest()

    def _lanes(self) -> list[LocalLanes]:
        kinds = self.app.lanes
        return [lanes for lanes in (kinds.turns, kinds.receipts, kinds.sends, kinds.jobs) if isinstance(lanes, LocalLanes)]

    def _next_due(self) -> float:
        """Seconds until the next lane is due; infinite when there is none."""
        return min((due for lanes in self._lanes() if (due := lanes.next_due()) is not None), default=math.inf)

    async def _come_to_rest(self) -> None:
        """Until nobody works and nothing is due. The store's threads need real time, so this asks again and again."""
        while not (all(lanes.idle() for lanes in self._lanes()) and self.app.worker.is_idle()):
            await asyncio.sleep(0.0005)


def _address(channel: str, number: str) -> Address:
    """Where somebody with this number is met."""
    if channel == CONSOLE:
        return address_of(number)
    theirs = {VOICE: f"+{number}", WEB: "visitor"}.get(channel, number)
    return Address(channel, _OURS, theirs)


class ScenePerson:
    """Somebody at the other end: a person, or a user."""

    def __init__(self, scene: Scene, address: Address, sender: Sender) -> None:
        self._scene = scene
        self.number = sender.phone
        self.address = address
        self.sender = sender
        self._heard = 0

    async def says(self, *texts: str) -> None:
        """Writes one or several messages, one right after the other."""
        for text in texts:
            await self.sends(Text(text))

    async def taps(self, title: str) -> None:
        """Taps the button with this title under the last reply that has one."""
        buttons = [button for spoken in self._spoken() for button in spoken.reply.buttons if button.title == title]
        assert buttons, f"no button {title!r} was offered; said so far: {self._texts()}"
        await self.sends(Choice(buttons[-1].id, buttons[-1].title))

    async def sends(self, content: Content, *, id: str = "") -> str:
        """Sends any content; its provider id."""
        message = InboundMessage(
            id=id or f"wamid.{new_id()}",
            address=self.address,
            content=content,
            sent_at=self._scene.clock.now(),
            sender=self.sender,
        )
        await self._scene.app.inbox.accept([message])
        return message.id

    async def hears(self, *parts: str) -> Reply:
        """The next reply has to hold these words, in any case; the reply."""
        await self._scene.settle()
        replies = self._replies()
        assert len(replies) > self._heard, f"nothing more was said; said so far: {self._texts()}"
        reply = replies[self._heard]
        self._heard += 1
        for part in parts:
            assert part.casefold() in reply.as_text().casefold(), f"{part!r} is not in {reply.as_text()!r}"
        return reply

    async def hears_nothing(self) -> None:
        """Nothing more is said."""
        await self._scene.settle()
        more = [reply.as_text() for reply in self._replies()[self._heard :]]
        assert not more, f"said although nothing should be: {more}"

    async def gets(self, status: ReceiptStatus, *, index: int = -1, error: str = "") -> None:
        """The vendor tells what became of one of our replies."""
        spoken = self._spoken()[index]
        receipt = Receipt(
            id=f"{spoken.tracker}:{status}",
            address=self.address,
            provider_id=f"whatsapp.{spoken.tracker}",
            status=status,
            at=self._scene.clock.now(),
            tracker=spoken.tracker,
            raw_status=status,
            error_code=error,
        )
        await self._scene.app.inbox.accept([receipt])
        await self._scene.settle()

    async def conversation(self) -> Conversation:
        """Their conversation that is not closed."""
        found = await self._scene.app.store.find(Conversation, {"lane": self.address.lane, "openness": "open"})
        assert len(found) == 1, f"{len(found)} open conversations"
        return found[0]

    async def customer(self) -> Customer:
        """Their record."""
        customer = await self._scene.app.store.get(Customer, (await self.conversation()).customer_id or "")
        assert customer is not None
        return customer

    async def tickets(self) -> list[Ticket]:
        """Their tickets, in the order of their numbers."""
        found = await self._scene.app.store.find(Ticket, {"customer_id": (await self.conversation()).customer_id})
        return sorted(found, key=lambda ticket: ticket.ticket_id)

    async def timeline(self) -> list[Message]:
        """Everything in their conversation, in the order in which it came about."""
        where = {"conversation_id": (await self.conversation()).id}
        return sorted(await self._scene.app.store.find(Message, where), key=lambda message: message.id)

    async def journal(self, kind: JournalKind | None = None) -> list[JournalRow]:
        """The journal of their conversation."""
        rows = await self._scene.app.store.find(JournalRow, {"conversation_id": (await self.conversation()).id})
        kept = (row for row in rows if kind is None or row.kind is kind)
        return sorted(kept, key=lambda row: (row.turn_id, row.step))

    def _spoken(self) -> list[Spoken]:
        return [spoken for spoken in self._scene.channels[self.address.channel].spoken if spoken.to == self.address]

    def _replies(self) -> list[Reply]:
        return [spoken.reply for spoken in self._spoken()]

    def _texts(self) -> Sequence[str]:
        return [reply.as_text() for reply in self._replies()]


@asynccontextmanager
async def open_scene(
    folder: Path,
    *,
    model: Model | None = None,
    with_model: bool = True,
    clock: ManualClock | None = None,
    bounds: Bounds | None = None,
    quiet_ms: int = 800,
    mongodb: tuple[str, str] | None = None,
    smtp_url: str = "",
    mailer: Mailer | None = None,
    telephone: Telephone | None = None,
    phone_provider: PhoneProvider | None = None,
    meter: Meter = KEEPS_NOTHING,
) -> AsyncIterator[Scene]:
    """A running scene whose data is in `folder`; opened again on the same folder it is the same program restarted.

    `mongodb`, a URI and a database, takes the place of the embedded store; `smtp_url` is where e-mail goes out,
    unless a `mailer` takes it. `telephone` places calls; without one nothing is placed.
    With `with_model=False` there is no model at all: what serves is the offline path. When the block ends without an error, the
    scripted model must have been asked for exactly its steps.
    """
    clock = clock or ManualClock()
    script = model if isinstance(model, ScriptedModel) else ScriptedModel()
    channels = {name: RecordingChannel(name) for name in (WHATSAPP, VOICE, WEB, CONSOLE)}
    uri, database = mongodb or ("", "unused")
    settings = Settings(
        _env_file=None,
        BOT_DATA_DIR=folder,
        BOT_QUIET_MS=quiet_ms,
        MONGODB_URI=uri,
        MONGODB_DATABASE=database,
        SMTP_URL=smtp_url,
    )
    used = (model or script) if with_model else None
    async with assemble(
        settings,
        clock=clock,
        model=used,
        channels=channels,
        bounds=bounds,
        mailer=mailer,
        phone_provider=phone_provider,
        telephone=telephone,
        meter=meter,
    ) as app:
        await app.worker.start()
        try:
            yield Scene(app, clock, script, channels)
        finally:
            await app.worker.stop()
    script.assert_complete()
