"""The customer hears what became of their ticket, in their language, where it may be said, and once."""

from __future__ import annotations

import pytest

from bot.records.tickets import Ticket, TicketStatus
from bot.records.work import Job, JobStatus
from bot.services.ticket_news import JOB, KEY
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene, ScenePerson
from tests.scenarios.helpers import ANA, set_setting
from tests.services.desk_helpers import waits

pytestmark = pytest.mark.scenario

BY = "user:olga"


async def opened(scene: Scene) -> tuple[ScenePerson, Ticket]:
    ana, conversation = await waits(scene, ANA)
    assert conversation.customer_id is not None
    ticket = await scene.app.ticketing.tickets.open(
        customer_id=conversation.customer_id,
        conversation_id=conversation.id,
        subject="No internet",
        description="Since yesterday",
        by="agent:support",
    )
    return ana, ticket


async def test_the_customer_is_told_of_another_status_in_the_talk(scene: Scene) -> None:
    ana, ticket = await opened(scene)
    await scene.app.ticketing.tickets.move(ticket.id, TicketStatus.IN_PROGRESS, by=BY)
    await ana.hears("working on your ticket TICKET-2026-000001", "No internet")
    await scene.app.ticketing.tickets.resolve(ticket.id, "the secret cause", by=BY)
    reply = await ana.hears("is resolved", "tell us here")
    assert "secret" not in reply.as_text()
    await ana.hears_nothing()


async def test_what_they_did_themselves_and_what_no_setting_names_is_not_told(scene: Scene) -> None:
    ana, ticket = await opened(scene)
    await scene.app.ticketing.tickets.move(ticket.id, TicketStatus.CLOSED, by="agent:support")
    await ana.hears_nothing()
    await scene.app.ticketing.tickets.move(ticket.id, TicketStatus.OPEN, by=BY)
    await ana.hears_nothing()
    await set_setting(scene, KEY, {"enabled": False, "statuses": ["closed"]})
    await scene.app.ticketing.tickets.move(ticket.id, TicketStatus.CLOSED, by=BY)
    await ana.hears_nothing()


async def test_an_internal_note_is_told_by_no_tool_and_in_no_news(scene: Scene) -> None:
    """S2-179."""
    scene.model.will(Called("create_ticket", subject="No internet", description="Since yesterday"), Said("Done."))
    ana = scene.person(ANA)
    await ana.says("please open a ticket")
    await ana.hears("Done.")
    [ticket] = await ana.tickets()
    await scene.app.ticketing.tickets.add_note(ticket.id, "a dubious customer", agent="olga", by=BY)
    await scene.app.ticketing.tickets.move(ticket.id, TicketStatus.IN_PROGRESS, by=BY)
    news = await ana.hears("working on your ticket")
    assert "dubious" not in news.as_text()
    scene.model.will(Called("list_my_tickets"), Said("It is in progress."))
    await ana.says("how is my ticket?")
    await ana.hears("in progress")
    assert not [request for request in scene.model.requests if "dubious" in str(request.messages)]


async def test_after_a_stop_nothing_is_said(scene: Scene) -> None:
    ana, ticket = await opened(scene)
    await ana.says("STOP")
    await ana.hears("")
    await scene.app.ticketing.tickets.move(ticket.id, TicketStatus.IN_PROGRESS, by=BY)
    await ana.hears_nothing()


async def test_outside_of_the_window_nothing_is_tried(scene: Scene) -> None:
    ana, ticket = await opened(scene)
    await scene.clock.advance(25 * 3600)
    await scene.settle()
    await scene.app.ticketing.tickets.move(ticket.id, TicketStatus.IN_PROGRESS, by=BY)
    heard = len(scene.channel.spoken)
    await scene.settle()
    assert len(scene.channel.spoken) == heard
    assert ana is not None


async def test_a_status_that_is_over_already_is_no_news(scene: Scene) -> None:
    ana, ticket = await opened(scene)
    tickets = scene.app.ticketing.tickets
    await tickets.move(ticket.id, TicketStatus.WAITING_INTERNAL, by=BY)
    await ana.hears_nothing()
    payload = {"job": "late", "ticket": ticket.id, "status": "in_progress"}
    await scene.app.jobs.schedule(JOB, scene.clock.now(), payload, id="late")
    await ana.hears_nothing()


async def test_a_job_that_runs_again_after_a_crash_says_nothing_twice(scene: Scene) -> None:
    ana, ticket = await opened(scene)
    await scene.app.ticketing.tickets.move(ticket.id, TicketStatus.IN_PROGRESS, by=BY)
    await ana.hears("working on your ticket")
    [job] = [each for each in await scene.app.store.find(Job, {"status": JobStatus.COMPLETED}) if each.job_type == JOB]
    handler, _ = scene.app.jobs._handlers[JOB]
    await handler(job.payload)
    await ana.hears_nothing()
