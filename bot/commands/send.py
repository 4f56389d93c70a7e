"""`bot send`: a message to somebody, or the dead ones again."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import unicodedata

import click

from bot.app import App, assemble_beside
from bot.config import Settings, load_settings
from bot.errors import NotFound, SettingsError
from bot.logs import configure_logs
from bot.message import Reply
from bot.records.conversations import Conversation
from bot.records.people import Identity, IdentityKind
from bot.records.work import Author, Delivery, DeliveryState
from bot.running import run
from bot.services.people import normal_phone
from bot.store.base import In, Insert, Unit

_LOOK_SECONDS = 0.1
_A_DAY = 86_400.0


def _a_number(_: click.Context, __: click.Parameter, value: float) -> float:
    """A range alone lets nan through: it is neither below nor above anything."""
    if math.isnan(value):
        raise click.BadParameter("nan is no number of seconds; give for example 30")
    return value


@click.command(short_help="Send a message to somebody, or send dead ones again.")
@click.argument("number", default="")
@click.argument("text", default="")
@click.option("--dead", is_flag=True, help="Send again what failed too often.")
@click.option(
    "--wait",
    type=click.FloatRange(0, _A_DAY),
    default=30.0,
    show_default=True,
    callback=_a_number,
    help="Seconds to wait for the outcome.",
)
def command(number: str, text: str, dead: bool, wait: float) -> None:
    """Send TEXT to the person with this NUMBER, in the conversation we have with them; or, with --dead, send dead messages again.

    Policy is asked as for every message: consent, blocks, WhatsApp's 24 hours. Exit code 1 when it did not go out.
    """
    if not dead and not (number and text):
        raise click.UsageError("give a NUMBER and a TEXT, or --dead")
    if not dead and not _is_visible(text):
        raise click.UsageError("TEXT is blank: give some words")
    configure_logs(logging.CRITICAL)
    run(_send(load_settings(), number, text, dead, wait))


def _is_visible(text: str) -> bool:
    """Whether anything of it can be seen: not only spaces, controls and characters without width."""
    return any(unicodedata.category(character) not in ("Cc", "Cf", "Zs", "Zl", "Zp") for character in text)


async def _send(settings: Settings, number: str, text: str, dead: bool, wait: float) -> None:
    async with assemble_beside(settings) as app:
        ids = await _again(app) if dead else await _new(app, number, text)
        click.echo(f"{len(ids)} to be sent")
        await _until_closed(app, ids, wait)
        outcomes = [delivery for id_ in ids if (delivery := await app.store.get(Delivery, id_))]
    for delivery in outcomes:
        click.echo(f"{delivery.id}  {delivery.state}" + (f"  {delivery.error}" if delivery.error else ""))
    if any(delivery.state is not DeliveryState.SENT for delivery in outcomes):
        sys.exit(1)


async def _again(app: App) -> list[str]:
    found = await app.store.find(Delivery, {"state": DeliveryState.DEAD}, sort=("position",))
    return [delivery.id for delivery in found if await app.outbox.resend(delivery.id)]


async def _new(app: App, number: str, text: str) -> list[str]:
    conversation = await _conversation_with(app, number)
    unit = Unit()
    said = app.outbox.add(unit, conversation, [Reply(text)], Author.SYSTEM, proactive=True)
    app.conversations.said(unit, conversation, said)
    await app.store.commit(unit)
    await app.outbox.wake(conversation.lane)
    inserted = (operation.record for operation in unit.operations if isinstance(operation, Insert))
    return [record.id for record in inserted if isinstance(record, Delivery)]


async def _conversation_with(app: App, number: str) -> Conversation:
    """The newest open conversation with the person of this number. Raises NotFound, SettingsError."""
    phone = normal_phone(number)
    if phone is None:
        raise SettingsError(f"{number!r} is no phone number; give it with the country code, for example +12025550123")
    identity = await app.store.get(Identity, Identity.key(IdentityKind.PHONE, phone))
    found = await app.store.find(Conversation, {"customer_id": identity.customer_id}) if identity else []
    open_ones = [conversation for conversation in found if conversation.openness == "open"]
    if not open_ones:
        raise NotFound(f"nobody with the number {phone} has a conversation with us; they have to write first")
    return max(open_ones, key=lambda conversation: conversation.updated_at or conversation.id)


async def _until_closed(app: App, ids: list[str], wait: float) -> None:
    try:
        async with asyncio.timeout(wait):
            while await app.store.count(Delivery, {"id": In(ids), "openness": "open"}):
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        click.echo("not all of it is out yet; it goes on in the background while `bot serve` runs", err=True)
