"""`bot replay`: what happened in a conversation."""

from __future__ import annotations

import logging

import click

from bot.clock import SystemClock
from bot.config import Settings, load_settings
from bot.errors import NotFound
from bot.logs import configure_logs
from bot.records.conversations import Conversation
from bot.records.people import Identity, IdentityKind
from bot.running import run
from bot.services.people import normal_phone
from bot.services.replay import Event, replay, total
from bot.store.base import Store
from bot.vendors import store_of

_COLOURS = {"heard": "green", "said": "cyan", "ended": "bright_black"}


@click.command(short_help="Show what happened in a conversation.")
@click.argument("conversation", metavar="CONVERSATION|NUMBER")
def command(conversation: str) -> None:
    """Show what was heard, decided, called, said and refused in a conversation, with times and costs.

    Give its id, or the number of the person (the newest conversation with them).
    """
    configure_logs(logging.CRITICAL)
    run(_show(load_settings(), conversation))


async def _show(settings: Settings, which: str) -> None:
    store = store_of(settings, SystemClock())
    await store.open()
    try:
        conversation = await _find(store, which)
        events = await replay(store, conversation)
    finally:
        await store.close()
    holder = f"{conversation.assignee_kind}:{conversation.assignee_name}"
    click.echo(f"conversation {conversation.id} on {conversation.channel}, {conversation.status}, held by {holder}")
    _print(events)
    click.echo(f"\nin all    {total(conversation)}")


def _print(events: list[Event]) -> None:
    turn = None
    for event in events:
        if event.turn_id != turn:
            turn = event.turn_id
            click.echo()
        click.echo(click.style(f"  {event.what:<8}", fg=_COLOURS.get(event.what)) + event.text)


async def _find(store: Store, which: str) -> Conversation:
    """By id, or the newest one of the person with this number. Raises NotFound."""
    found = await store.get(Conversation, which)
    if found is not None:
        return found
    phone = normal_phone(which)
    identity = await store.get(Identity, Identity.key(IdentityKind.PHONE, phone)) if phone else None
    of_person = await store.find(Conversation, {"customer_id": identity.customer_id}) if identity else []
    if not of_person:
        raise NotFound(f"there is no conversation {which!r}, by id or by number; for example `bot replay +12025550123`")
    return max(of_person, key=lambda conversation: conversation.id)
