"""`bot chat`: a conversation in the terminal, with the same engine, records and rules as everywhere."""

from __future__ import annotations

import asyncio
import logging
import sys

import click

from bot.app import App, assemble_beside
from bot.channels.console import address_of, tapped, typed
from bot.commands.terminal import lines_typed
from bot.config import Settings, load_settings
from bot.conversation import AssigneeKind
from bot.errors import ServiceError, SettingsError
from bot.logs import configure_logs
from bot.message import Button
from bot.principal import user_address
from bot.records.conversations import Conversation, ConversationKind, Direction, Message, MessageStatus
from bot.records.work import Delivery, InboxRow, InboxState, JournalKind, JournalRow
from bot.running import run
from bot.services.people import normal_phone
from bot.vendors import is_worked_on

_LOOK_SECONDS = 0.1
_ALONE_SECONDS = 1.0
"""How often to look whether the process that does the work is still there."""
_SHOWN = 50


@click.command(short_help="Talk to the bot in this terminal.")
@click.option("--as", "number", default="", metavar="NUMBER", help="Be the person with this number, e.g. +12025550123.")
@click.option("--user", "email", default="", metavar="EMAIL", help="Be the user with this e-mail address (`bot user add`).")
@click.option("--tools", is_flag=True, help="Show the tool calls behind each answer.")
def command(number: str, email: str, tools: bool) -> None:
    """Talk to the bot in this terminal, as a customer or as one of the team; Ctrl-D ends.

    If another `bot` is running on the same data it answers; otherwise this command does the work itself.
    A number taps the button with that number.
    """
    if number and email:
        raise SettingsError("--as and --user: be one of them, a customer or one of the team")
    phone = _digits(number)
    configure_logs(logging.CRITICAL)
    run(_chat(load_settings(), phone, email, tools))


def _digits(number: str) -> str:
    if not number:
        return ""
    phone = normal_phone(number)
    if phone is None:
        raise SettingsError(f"--as: {number!r} is no phone number; give it with the country code, for example +12025550123")
    return phone.lstrip("+")


async def _chat(settings: Settings, number: str, email: str, show_tools: bool) -> None:
    async with assemble_beside(settings.model_copy(update={"quiet_ms": 0})) as app:
        if app.is_working:
            await app.knowledge.ensure()
        who = await _user(app, email) if email else number
        click.echo("Write something; Ctrl-D ends." + ("" if app.is_working else " Another `bot` process answers."))
        if app.is_working and not settings.has_model:
            click.echo("No OPENAI_API_KEY is set: simple mode.")
        await _Talk(app, who, show_tools).run()


async def _user(app: App, email: str) -> str:
    """Raises NotFound, ServiceError where no assistant is there for them."""
    user = await app.users.by_email(email)
    app.users.principal_of(user)
    if not app.router.has_agent(ConversationKind.ASSISTANT, str(user.role)):
        raise ServiceError(f"--user: there is no assistant for the role {user.role} yet")
    return user_address(user.id)


class _Talk:
    """One person at one terminal."""

    def __init__(self, app: App, who: str, show_tools: bool) -> None:
        self._app = app
        self._who = who
        self._lane = address_of(who).lane
        self._show_tools = show_tools
        self._seen: set[str] = set()
        self._seen_turns: set[str] = set()
        self._buttons: list[Button] = []
        self._has_said_something = False
        self._has_told_who_holds = False
        self._looked_for_worker = app.clock.monotonic()

    async def run(self) -> None:
        """Until the input ends and everything has been answered. Raises ServiceError when nobody is left to answer."""
        self._seen = {message.id for message in await self._said()}
        lines = lines_typed()
        while True:
            try:
                line = await asyncio.wait_for(lines.get(), _LOOK_SECONDS)
            except TimeoutError:
                await self._look()
                await self._refuse_to_wait_for_nobody()
                continue
            if line is None:
                break
            if line.strip():
                await self._send(line.strip())
                if not sys.stdin.isatty():  # a script's lines are a conversation, not a burst
                    await self._until_answered()
        await self._until_answered()

    async def _until_answered(self) -> None:
        while await self._is_unanswered():
            await self._refuse_to_wait_for_nobody()
            await asyncio.sleep(_LOOK_SECONDS)
        await self._look()

    async def _look(self) -> None:
        """Shows what is new, and tells once that a person has taken over."""
        tell = self._has_said_something and not self._has_told_who_holds and await self._is_held_by_a_person()
        await self._show_new()
        if tell:
            self._has_told_who_holds = True
            click.secho("(a person holds this conversation now)", dim=True)

    async def _is_held_by_a_person(self) -> bool:
        """Whether it waits for a person or has one, and the bot has said its last word before that."""
        conversation = await self._conversation()
        held = conversation is not None and conversation.assignee_kind is not AssigneeKind.AGENT
        return held and not await self._is_unanswered()

    async def _refuse_to_wait_for_nobody(self) -> None:
        now = self._app.clock.monotonic()
        if self._app.is_working or now - self._looked_for_worker < _ALONE_SECONDS:
            return
        self._looked_for_worker = now
        if not await is_worked_on(self._app.settings, self._app.store):
            raise ServiceError("the process that answered has ended; run `bot chat` again")

    async def _send(self, line: str) -> None:
        button = self._tapped(line)
        clock = self._app.clock
        item = tapped(button, self._who, clock) if button else typed(line, self._who, clock)
        await self._app.inbox.accept([item])
        self._has_said_something = True

    def _tapped(self, line: str) -> Button | None:
        index = int(line) - 1 if line.isdigit() else -1
        return self._buttons[index] if 0 <= index < len(self._buttons) else None

    async def _conversation(self) -> Conversation | None:
        found = await self._app.store.find(Conversation, {"lane": self._lane, "openness": "open"}, limit=1)
        return found[0] if found else None

    async def _said(self) -> list[Message]:
        """What was said to this person last, oldest first."""
        conversation = await self._conversation()
        if conversation is None:
            return []
        where = {"conversation_id": conversation.id}
        messages = await self._app.store.find(Message, where, sort=("-timestamp",), limit=_SHOWN)
        said = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ)
        ours = (m for m in messages if m.direction is Direction.OUTBOUND and m.status in said)
        return sorted(ours, key=lambda message: message.id)

    async def _show_new(self) -> None:
        for message in await self._said():
            if message.id not in self._seen:
                self._seen.add(message.id)
                await self._show(message)

    async def _show(self, message: Message) -> None:
        if self._show_tools and message.turn_id and message.turn_id not in self._seen_turns:
            self._seen_turns.add(message.turn_id)
            for row in await self._app.store.find(JournalRow, {"turn_id": message.turn_id}, sort=("step",)):
                if row.kind is JournalKind.TOOL:
                    click.secho(f"  · {row.body['tool']}({row.body['arguments']}) -> {row.body['result']}", dim=True)
        click.echo(f"bot> {message.content}")
        if message.interactive:
            self._buttons = [Button(button.id, button.title) for button in message.interactive.buttons]
            for number, button in enumerate(self._buttons, 1):
                click.echo(f"     [{number}] {button.title}")

    async def _is_unanswered(self) -> bool:
        store = self._app.store
        waiting = await store.count(InboxRow, {"lane": self._lane, "state": InboxState.WAITING})
        return bool(waiting or await store.count(Delivery, {"lane": self._lane, "openness": "open"}))
