"""Somebody unmistakable, and a story in which all sorts of things go wrong around them."""

from __future__ import annotations

import asyncio
import logging

from bot.errors import ModelUnavailable, SendDelayed, SendRefused
from bot.message import ReceiptStatus
from bot.records.work import InboxRow
from bot.services.conversations import Conversations
from bot.testing.llm import Called, Calls, Raised, Said
from bot.testing.scene import Scene

NUMBER = "12025550147"
NAME = "Zenobia Quillfeather"
WORDS = "my cat Xanthippe sat on the router"
EMAIL = "zenobia@quillfeather.example"
CANARIES = ("2025550147", "zenobia", "quillfeather", "xanthippe", "router")
"""In small letters; none of them may be seen."""

_REPLY = "Dear Zenobia, poor Xanthippe! Your router is looked after."


def leaked(text: str) -> list[str]:
    """The canaries that can be read in it."""
    return [canary for canary in CANARIES if canary in text.casefold()]


async def go_through(scene: Scene) -> None:
    """A ticket, a receipt, calls that are nonsense, a model, a channel and a turn that fail, a row that nobody can read,
    "stop", and a person who takes over."""
    zenobia = scene.person(NUMBER, name=NAME)
    opened = Called("create_ticket", subject="Xanthippe", description=f"{NAME}, +{NUMBER}: the cat sat on the router")
    scene.model.will(opened, Said(_REPLY))
    await zenobia.says(f"I am {NAME}, {EMAIL}: {WORDS}.")
    await zenobia.hears("Xanthippe")
    await zenobia.gets(ReceiptStatus.DELIVERED)
    scene.model.will(
        Calls(Called(f"call {NAME} {NUMBER}", about=WORDS), Called("create_ticket", nonsense=NAME), Called(EMAIL)),
        Raised(ModelUnavailable(f"cannot answer: {WORDS}"), after="Dear Zenobia, your rou"),
        Said(_REPLY),
    )
    await zenobia.says(f"And {WORDS} again.")
    await zenobia.hears("Xanthippe")
    scene.channel.fail(SendDelayed(f"cannot reach {NUMBER}", code="131000"), SendRefused(f"{NAME} is unknown", code="131026"))
    scene.model.will(Said(_REPLY))
    await zenobia.says(f"Once more, {WORDS}.")
    await scene.settle(within=20.0)
    await _unreadable(scene)
    scene.model.will(Called("hand_to_person", reason=f"{NAME} wants somebody for Xanthippe"))
    await zenobia.says("I want to talk to a human being.")
    await scene.settle()
    await zenobia.says("stop")
    await scene.settle()


async def fail_turns(scene: Scene) -> None:
    """Turns that fail until they are given up; their error quotes the person."""
    before = Conversations.heard

    def fails(*_: object, **__: object) -> None:
        raise ValueError(f"{NAME} {NUMBER} {WORDS}")

    Conversations.heard = fails  # type: ignore[method-assign, assignment]
    try:
        await scene.person(NUMBER, name=NAME).says(f"{WORDS}.")
        await scene.settle(within=60.0)
    finally:
        Conversations.heard = before  # type: ignore[method-assign]


async def _unreadable(scene: Scene) -> None:
    lane = scene.person(NUMBER).address.lane
    now = scene.clock.now()
    row = InboxRow(id=f"whatsapp:wamid.{NUMBER}", lane=lane, position="0" * 31 + "1", item=f'{{"x": "{WORDS}"}}', accepted_at=now)
    await scene.app.store.insert([row])
    await scene.app.lanes.turns.wake(lane)
    await scene.settle()


def talk_like_libraries() -> None:
    """What libraries log, with somebody in it."""
    log = logging.getLogger("openai._base_client")
    log.debug("Request options: %s", {"messages": [{"content": WORDS}]})
    log.warning(f"made up of {NAME}")  # noqa: G004 - what some do
    logging.getLogger("pymongo.command").debug({"document": {"phone": NUMBER}})
    try:
        raise ValueError(WORDS)
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request from %s", NUMBER)


async def fail_where_nobody_waits() -> None:
    """A task whose error nobody asks for, and a callback that fails."""

    async def fails() -> None:
        raise ValueError(f"{NAME}: {WORDS}")

    def calls(words: str) -> None:
        raise ValueError(words)

    asyncio.get_running_loop().call_soon(calls, WORDS)
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
