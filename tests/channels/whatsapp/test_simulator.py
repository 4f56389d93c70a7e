"""The simulated phone: its bodies are Meta's, its secret is its own, and what is said to it is posted nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from bot.channels.base import Channel, channel_of
from bot.channels.console import ConsoleChannel
from bot.channels.whatsapp.receiving import receive
from bot.channels.whatsapp.signature import sign
from bot.channels.whatsapp.simulator import NAME, SimulatedChannel, Simulator
from bot.clock import SystemClock
from bot.errors import StoreUnavailable
from bot.message import Address, Button, Choice, InboundMessage, Incoming, Receipt, ReceiptStatus, Reply, Text
from bot.testing.channel_contract import ChannelContract, ChannelKit, Heard

pytestmark = pytest.mark.contract

ANA = "12025550101"
ADDRESS = Address("whatsapp", "simulator", ANA)


class _Phone(SimulatedChannel):
    """What is sent is what the phone would read from the timeline."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        self.heard.append(Heard(reply.text, reply.buttons, tracker))
        return f"{await super().send(to, reply, tracker)}.{len(self.heard)}"


class TestContract(ChannelContract):
    @pytest_asyncio.fixture
    async def kit(self) -> AsyncIterator[ChannelKit]:
        phone = _Phone()
        yield ChannelKit(phone, ADDRESS, heard=lambda: phone.heard)
        await phone.close()


class Inbox:
    """Keeps what is accepted, each id once, or is out of order."""

    def __init__(self) -> None:
        self.items: dict[str, Incoming] = {}
        self.is_broken = False

    async def accept(self, items: Sequence[Incoming]) -> int:
        if self.is_broken:
            raise StoreUnavailable("disk full")
        fresh = [item for item in items if item.id not in self.items]
        self.items.update({item.id: item for item in fresh})
        return len(fresh)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def phone(inbox: Inbox) -> Simulator:
    return Simulator(inbox.accept, SystemClock())


async def test_what_somebody_writes_arrives_as_a_message_of_theirs(phone: Simulator, inbox: Inbox) -> None:
    delivered = await phone.write(ANA, "Lucía <b>", "key-1", "¿Está abierto? <script>")
    (message,) = inbox.items.values()
    assert isinstance(message, InboundMessage)
    assert (delivered.status, delivered.fresh) == (200, 1)
    assert message.address == phone.address(ANA) == ADDRESS
    assert message.content == Text("¿Está abierto? <script>")
    assert (message.sender.name, message.sender.phone) == ("Lucía <b>", ANA)


async def test_the_same_key_again_is_the_same_message(phone: Simulator, inbox: Inbox) -> None:
    await phone.write(ANA, "Lucía", "key-1", "Hola")
    again = await phone.write(ANA, "Lucía", "key-1", "Hola")
    assert (again.status, again.fresh) == (200, 0)
    assert len(inbox.items) == 1


async def test_a_tapped_button_is_a_choice(phone: Simulator, inbox: Inbox) -> None:
    await phone.tap(ANA, "Lucía", "key-1", Button("yes", "Sí"))
    assert [message.content for message in inbox.items.values() if isinstance(message, InboundMessage)] == [Choice("yes", "Sí")]


async def test_what_is_on_its_screen_comes_back_as_receipts(phone: Simulator, inbox: Inbox) -> None:
    await phone.seen(ANA, ["wamid.SIM.1", "wamid.SIM.2"], "read")
    receipts = [item for item in inbox.items.values() if isinstance(item, Receipt)]
    assert [(one.provider_id, one.status) for one in receipts] == [
        ("wamid.SIM.1", ReceiptStatus.READ),
        ("wamid.SIM.2", ReceiptStatus.READ),
    ]


async def test_a_store_that_is_away_is_a_503_like_for_the_vendor(phone: Simulator, inbox: Inbox) -> None:
    inbox.is_broken = True
    assert (await phone.write(ANA, "Lucía", "key-1", "Hola")).status == 503


async def test_a_body_that_the_simulator_did_not_sign_is_refused(phone: Simulator, inbox: Inbox) -> None:
    body = b'{"entry": []}'
    for signature, status in ((sign("", body), 403), (sign("guessed", body), 403), ("sha256=short", 401), (None, 401)):
        assert (await phone.deliver(body, signature)).status == status
    assert inbox.items == {}


async def test_what_it_signs_is_nothing_to_a_real_number(monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> None:
    posted: list[tuple[bytes, str | None]] = []
    phone = Simulator(inbox.accept, SystemClock())
    deliver = phone.deliver

    async def listened(raw: bytes, signature: str | None) -> object:
        posted.append((raw, signature))
        return await deliver(raw, signature)

    monkeypatch.setattr(phone, "deliver", listened)
    await phone.write(ANA, "Lucía", "key-1", "Hola")
    ((raw, signature),) = posted
    other = Simulator(inbox.accept, SystemClock())
    answer = await receive(raw, signature, app_secret="the app's secret", accept=inbox.accept, clock=SystemClock())
    assert answer.status == 403
    assert (await other.deliver(raw, signature)).status == 403  # nor to another process's


def test_a_real_number_never_speaks_to_a_simulated_phone_nor_the_other_way_round() -> None:
    simulated, real = SimulatedChannel(), ConsoleChannel()
    both: dict[str, Channel] = {"whatsapp": real, NAME: simulated}
    assert channel_of(both, ADDRESS.lane) is simulated
    assert channel_of(both, Address("whatsapp", "106540352242922", ANA).lane) is real
    only: dict[str, Channel] = {NAME: simulated}
    assert channel_of(only, Address("whatsapp", "106540352242922", ANA).lane) is None
