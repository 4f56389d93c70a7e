"""Files, relations, lists and figures of tickets; who may set which status."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import MoveRefused, NotFound, RecordError, ServiceError
from bot.records.conversations import AttachmentType, Priority
from bot.records.media import MediaState
from bot.records.people import Customer
from bot.records.tickets import ResolutionCategory, Ticket, TicketCategory, TicketStatus
from bot.services.audit import Audit
from bot.services.media import Media, MediaBounds
from bot.services.media_links import MediaLinks
from bot.services.relations import Relations
from bot.services.ticket_files import TicketFiles
from bot.services.ticket_lists import TicketLists
from bot.services.ticket_rules import moves_of
from bot.services.tickets import Tickets
from bot.store.base import Unit
from bot.store.files import FileDirectory
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock
from tests.services.media_samples import PNG, pieces

pytestmark = pytest.mark.unit

BY = "user:olga"
TWO_HOURS = 7200


class Desk:
    def __init__(self, store: SqliteStore, clock: ManualClock, media: Media) -> None:
        self.store, self.clock = store, clock
        self.tickets = Tickets(store, clock, Audit(clock))
        self.relations = Relations(store, self.tickets)
        self.media = media
        self.files = TicketFiles(store, clock, self.tickets, media)
        self.lists = TicketLists(store, clock)

    async def opened(self, customer: str = "ana", **values: object) -> Ticket:
        await self.clock.advance(1)
        return await self.tickets.open(customer_id=customer, subject="No internet", description="x", by="agent:support", **values)


@pytest.fixture
async def desk(store: SqliteStore, clock: ManualClock, tmp_path: Path) -> Desk:
    await store.insert([Customer(id="ana"), Customer(id="bo")])
    files, links = FileDirectory(tmp_path / "media"), MediaLinks(b"k" * 32, clock)
    return Desk(store, clock, Media(store, clock, Audit(clock), files, links, MediaBounds(file_mb=1, total_mb=100)))


async def test_a_customer_opens_and_closes_their_ticket_and_sets_nothing_else(desk: Desk) -> None:
    ticket = await desk.opened()
    assert moves_of(ticket, "person:ana") == moves_of(ticket, "agent:support") == [TicketStatus.CLOSED]
    assert len(moves_of(ticket, BY)) == len(TicketStatus) - 1
    for by in ("person:ana", "agent:support"):
        with pytest.raises(MoveRefused, match="at the team's hands only"):
            await desk.tickets.move(ticket.id, TicketStatus.IN_PROGRESS, by=by)
        with pytest.raises(MoveRefused, match="at the team's hands only"):
            await desk.tickets.resolve(ticket.id, "done", by=by)
    await desk.tickets.move(ticket.id, TicketStatus.CLOSED, by="agent:support")
    assert (await desk.tickets.move(ticket.id, TicketStatus.OPEN, by="person:ana")).status is TicketStatus.OPEN


async def test_a_file_is_attached_once_kept_by_its_ticket_and_let_go_with_it(desk: Desk) -> None:
    ticket, file = await desk.opened(), await desk.media.receive(pieces(PNG), "a.png", by=BY)
    for _ in range(2):
        held = await desk.files.attach(ticket.ticket_id, file.id, by=BY)
    [shown] = held.attachments
    assert (shown.type, shown.public_id, shown.url) == (AttachmentType.IMAGE, file.id, f"/media/{file.id}")
    assert (shown.filename, shown.size, shown.uploaded_by, shown.uploaded_at) == ("a.png", len(PNG), BY, desk.clock.now())
    await desk.clock.advance(TWO_HOURS)
    await desk.media.sweep()
    assert (await desk.media.path(file)).read_bytes() == PNG
    assert (await desk.files.detach(ticket.id, file.id, by=BY)).attachments == []
    with pytest.raises(NotFound, match="has no file"):
        await desk.files.detach(ticket.id, file.id, by=BY)
    await desk.media.sweep()
    with pytest.raises(NotFound, match="no such file"):
        await desk.media.get(file.id)


async def test_a_ticket_takes_only_files_that_one_may_attach_there(desk: Desk) -> None:
    ticket, other = await desk.opened(conversation_id="c1"), await desk.opened(conversation_id="c2")
    with pytest.raises(RecordError, match=r"^Ticket\.attachments\.publicId: is required"):
        await desk.files.attach(ticket.id, " ", by=BY)
    with pytest.raises(NotFound, match="no such file"):
        await desk.files.attach(ticket.id, "nothing", by=BY)
    theirs = await desk.media.receive(pieces(PNG), "b.png", by="visitor:ana")
    with pytest.raises(NotFound, match="upload it again"):
        await desk.files.attach(ticket.id, theirs.id, by=BY)
    unit = Unit()
    desk.media.put_attached(unit, [theirs], "c1")
    await desk.store.commit(unit)
    await desk.files.attach(ticket.id, theirs.id, by=BY)  # it was said in this ticket's conversation
    await desk.files.detach(ticket.id, theirs.id, by=BY)
    await desk.clock.advance(TWO_HOURS)
    await desk.media.sweep()
    assert (await desk.media.get(theirs.id)).state is MediaState.ATTACHED  # which still shows it
    mine = await desk.media.receive(pieces(PNG), "c.png", by=BY)
    await desk.files.attach(ticket.id, mine.id, by=BY)
    with pytest.raises(ServiceError, match=r"c\.png belongs to another ticket; upload it again"):
        await desk.files.attach(other.id, mine.id, by=BY)


async def test_of_two_tickets_that_take_one_file_at_once_one_gets_it(desk: Desk) -> None:
    tickets = [await desk.opened(), await desk.opened()]
    file = await desk.media.receive(pieces(PNG), "a.png", by=BY)
    said = await asyncio.gather(*(desk.files.attach(one.id, file.id, by=BY) for one in tickets), return_exceptions=True)
    assert [type(one) for one in said if isinstance(one, Exception)] == [ServiceError]
    holders = [one.id for one in tickets if (await desk.tickets.get(one.id)).attachments]
    assert holders == [(await desk.media.get(file.id)).ticket_id]


async def test_a_duplicate_is_related_both_ways_and_resolved_as_such(desk: Desk) -> None:
    first, second = await desk.opened(), await desk.opened()
    done = await desk.relations.duplicate(second.ticket_id, first.ticket_id, by=BY)
    assert done.status is TicketStatus.RESOLVED
    assert done.resolution is not None
    assert done.resolution.resolution_category is ResolutionCategory.DUPLICATE
    assert done.resolution.summary == f"duplicate of {first.ticket_id}"
    assert (await desk.tickets.get(first.id)).related_tickets == [second.id]
    await desk.relations.unrelate(first.id, second.id, by=BY)
    assert [(await desk.tickets.get(each.id)).related_tickets for each in (first, second)] == [[], []]
    with pytest.raises(ServiceError, match="cannot be related to itself"):
        await desk.relations.duplicate(first.id, first.id, by=BY)


async def test_a_list_is_narrowed_and_paged_and_never_longer_than_a_page(desk: Desk) -> None:
    """S2-217."""
    made = [await desk.opened(priority=Priority.HIGH if number % 2 else Priority.LOW) for number in range(5)]
    await desk.opened("bo", category=TicketCategory.BILLING)
    await desk.tickets.assign(made[0].id, "olga", by=BY)
    page = await desk.lists.page(customer_id="ana", limit=3)
    rest = await desk.lists.page(customer_id="ana", limit=3, after=page[-1].id)
    assert [ticket.id for ticket in page + rest] == [ticket.id for ticket in made[::-1]]
    assert [ticket.id for ticket in await desk.lists.page(assigned_agent="olga", status=TicketStatus.OPEN)] == [made[0].id]
    assert len(await desk.lists.page(priority=Priority.HIGH)) == 2
    assert len(await desk.lists.page(category=TicketCategory.BILLING)) == 1
    assert await desk.lists.page(tag="vip") == []
    assert await desk.lists.page(overdue=True) == []
    assert len(await desk.lists.page(limit=10_000)) == 6


async def test_figures_are_those_of_the_tickets_themselves(desk: Desk) -> None:
    """What is told is a recount."""
    begins = desk.clock.now()
    one, two, three = [await desk.opened() for _ in range(3)]
    await desk.tickets.assign(one.id, "olga", by=BY)
    await desk.clock.advance(600)
    await desk.tickets.add_note(two.id, "We are on it.", agent="olga", by=BY, internal=False)
    await desk.clock.advance(600)
    await desk.tickets.resolve(three.id, "done", by=BY)
    await desk.tickets.feedback(three.id, 4, by="person:ana", comment="fine")
    period = await desk.lists.period(begins, desk.clock.now() + timedelta(seconds=1))
    kept = await desk.store.find(Ticket, {}, limit=100)
    answered = [ticket.first_response_time for ticket in kept if ticket.first_response_time is not None]
    assert (period.opened, period.resolved, period.open, period.rating, period.ratings) == (3, 1, 2, 4.0, 1)
    assert period.first_response_minutes == pytest.approx(sum(answered) / len(answered))
    assert period.resolution_minutes == pytest.approx(20.0)
    assert await desk.lists.by_status() == {"open": 2, "resolved": 1}
    assert await desk.lists.by_operator() == {"olga": 1}
    nothing = await desk.lists.period(begins - timedelta(days=2), begins - timedelta(days=1))
    assert (nothing.opened, nothing.rating, nothing.resolution_minutes) == (0, None, None)
