"""kill -9 between a change and its posts: every event of what is there arrives, none of what is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.app import assemble
from bot.clock import SystemClock
from bot.config import Settings
from bot.records.settings import SystemSetting
from bot.records.tickets import Ticket
from bot.records.users import Role
from bot.store.sqlite import SqliteStore
from bot.testing.processes import surroundings
from bot.testing.receiver import HANGS, Receiver, receiver
from bot.testing.web import added
from bot.testing.whatsapp import PHONE_ID, SECRET, Vendor, person

pytestmark = pytest.mark.end_to_end

RULES = {"allow_private": True, "timeout_seconds": 1}
PEOPLE = 12


async def tickets_in(data: Path) -> set[str]:
    store = SqliteStore(data / "bot.db", SystemClock())
    await store.open()
    found = await store.find(Ticket, {}, limit=1000)
    await store.close()
    return {ticket.id for ticket in found}


def told(crm: Receiver) -> set[str]:
    """Tickets of which the creation was taken."""
    return {post.event["data"]["ticketId"] for post in crm.posts if post.type == "ticket.created" and post.status == 200}


async def test_every_ticket_is_told_of_though_the_server_is_killed_while_it_posts(tmp_path: Path) -> None:
    async with receiver() as crm, surroundings(tmp_path / "around") as around:
        async with assemble(Settings(BOT_DATA_DIR=str(around.data)), work=False) as app:
            vera = await added(app, "vera@example.org", Role.ADMIN)
            await app.store.insert([SystemSetting(id="webhook_rules", key="webhook_rules", value=RULES)])
            _, secret = await app.webhooks.register(vera.id, "CRM", crm.url, ["ticket.*"], by="user:vera")
        crm.will(HANGS, 500)
        server = around.bot("serve")
        await server.start().ready()
        meta = Vendor(target=around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=True)
        for number in range(PEOPLE):
            await meta.text(person(number), "Please open a ticket: my internet is down.")
        async with asyncio.timeout(20):
            while not crm.posts:
                await asyncio.sleep(0.01)
        server.kill()
        crm.ended.set()
        await server.start().ready()
        async with asyncio.timeout(60):
            while len(there := await tickets_in(around.data)) < PEOPLE or told(crm) != there:
                await asyncio.sleep(0.2)
        await meta.close()
        assert all(post.is_signed_with(secret) for post in crm.posts)
        by_event = {post.event["id"]: post.event["data"]["ticketId"] for post in crm.posts if post.type == "ticket.created"}
        assert len(by_event) == PEOPLE, "at least once, and always under the same event's id"
