"""Webhooks: what happens is posted, signed, to whoever subscribed and may see it; again and again, and not for ever."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import NotFound, RecordError, ServiceError
from bot.records.audit import AuditEntry
from bot.records.people import Customer
from bot.records.tickets import Ticket, TicketStatus
from bot.records.users import Role, User
from bot.records.webhooks import PostState, Webhook, WebhookDelivery
from bot.records.work import Job
from bot.services.webhook_events import EVENTS, is_wanted, job_of
from bot.services.webhook_posting import SECONDS, backoff, signature
from bot.services.webhook_rules import KEY, read_rules
from bot.services.webhooks import Webhooks
from bot.store.base import Unit
from bot.testing.receiver import HANGS, Receiver, receiver
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import ANA, set_setting, until
from tests.services.desk_helpers import add_user, nobody_is_given_anything, open_hours, waits

pytestmark = pytest.mark.scenario

BY = "user:vera"
RULES = {"allow_private": True, "timeout_seconds": 1, "attempts": 3, "disable_after": 25}


class Mails:
    """Takes mail."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send(self, to: str, subject: str, text: str, key: str) -> None:
        self.sent.append((to, text))


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
async def crm() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


@pytest.fixture
async def office(tmp_path: Path, mails: Mails) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, mailer=mails) as scene:
        await set_setting(scene, KEY, RULES)
        await set_setting(scene, "ticket_sla", {})
        await add_user(scene, "Vera", Role.ADMIN)
        await scene.app.store.insert([Customer(id="ana")])
        yield scene


async def registered(scene: Scene, crm: Receiver, *events: str, **more: Any) -> tuple[Webhook, str]:
    return await scene.app.webhooks.register(more.pop("owner", "vera"), "CRM", crm.url, events or ("*",), by=BY, **more)


async def opened(scene: Scene, subject: str = "No internet") -> Ticket:
    tickets = scene.app.ticketing.tickets
    return await tickets.open(customer_id="ana", subject=subject, description="Since yesterday", by="agent:support")


async def kept(scene: Scene, hook: Webhook) -> list[WebhookDelivery]:
    return (await scene.app.webhooks.deliveries(hook.id))[::-1]


async def test_an_event_is_posted_once_signed_with_ids_and_few_words(office: Scene, crm: Receiver) -> None:
    """S3-148."""
    hook, secret = await registered(office, crm, "ticket.*")
    ticket = await opened(office)
    await office.settle()
    [post] = crm.posts
    assert post.is_signed_with(secret)
    assert not post.is_signed_with(secret + "x")
    assert post.event["data"] == {
        "ticketId": ticket.id,
        "number": ticket.ticket_id,
        "customerId": "ana",
        "conversationId": None,
        "status": "open",
        "priority": "medium",
        "category": "general_inquiry",
        "slaLevel": "standard",
        "assignedAgent": None,
        "escalated": False,
        "breaches": [],
        "changes": ["category", "priority", "ticketId"],
        "by": "agent:support",
    }
    assert post.headers["X-Switchboard-Event"] == post.type == "ticket.created"
    assert post.headers["X-Switchboard-Event-Id"] == post.event["id"]
    assert "personal" not in post.event
    [delivery] = await kept(office, hook)
    assert (delivery.state, delivery.status, delivery.attempts) == (PostState.DELIVERED, 200, 1)
    assert (await office.app.webhooks.get(hook.id)).last_triggered == office.clock.now()


async def test_the_life_of_a_ticket_is_told_as_it_is(office: Scene, crm: Receiver) -> None:
    await registered(office, crm, "ticket.*", "rating")
    tickets = office.app.ticketing.tickets
    ticket = await opened(office)
    await tickets.assign(ticket.id, "vera", by=BY)
    await tickets.add_note(ticket.id, "the secret", agent="vera", by=BY)
    await tickets.escalate(ticket.id, "vera", "again", by=BY)
    await tickets.resolve(ticket.id, "done", by=BY)
    await tickets.feedback(ticket.id, 4, by="person:ana", comment="it was fine")
    await tickets.move(ticket.id, TicketStatus.CLOSED, by=BY)
    await tickets.move(ticket.id, TicketStatus.OPEN, by=BY)
    await office.settle()
    told = sorted((post.event["at"], post.event["id"], post.type) for post in crm.posts)
    assert [each[2] for each in told] == [
        "ticket.created",
        "ticket.assigned",
        "ticket.commented",
        "ticket.escalated",
        "ticket.resolved",
        "ticket.updated",
        "rating",
        "ticket.closed",
        "ticket.reopened",
    ]
    assert [post.event["data"]["rating"] for post in crm.posts if post.type == "rating"] == [4]
    everything = b" ".join(post.body for post in crm.posts)
    for private in (b"the secret", b"it was fine", b"No internet"):
        assert private not in everything


async def test_conversations_and_handoffs_are_told_with_where_they_are(office: Scene, crm: Receiver) -> None:
    await nobody_is_given_anything(office)
    await open_hours(office)
    await registered(office, crm, "conversation.*", "handoff", "rating")
    _, conversation = await waits(office, ANA)
    vera = await office.app.store.get(User, "vera")
    assert vera is not None
    await office.app.desk.transfers.take_over(conversation.id, vera)
    await office.app.desk.closing.resolve(conversation.id, vera, "done")
    await office.settle()
    by_type = {post.type: post.event for post in crm.posts}
    assert set(by_type) == {"conversation.created", "conversation.assigned", "handoff", "conversation.resolved"}
    assert crm.types.count("handoff") == 2
    resolved = by_type["conversation.resolved"]["data"]
    assert (resolved["conversationId"], resolved["customerId"]) == (conversation.id, conversation.customer_id)
    assert (resolved["status"], resolved["holder"]) == ("resolved", {"kind": "operator", "name": "vera"})
    assert ANA not in json.dumps([post.event for post in crm.posts])


async def test_what_is_personal_comes_along_only_where_its_owner_may_see_it(office: Scene, crm: Receiver) -> None:
    await add_user(office, "Olga")  # an operator reads customers; she does not manage them
    await registered(office, crm, "ticket.*", has_personal=True)
    await registered(office, crm, "ticket.*", has_personal=True, owner="olga")
    await registered(office, crm, "ticket.*")
    await opened(office, "My number is 12025550199")
    await office.settle()
    assert [("12025550199" in post.body.decode()) for post in crm.posts].count(True) == 1
    assert len(crm.posts) == 3
    stored = [each.model_dump_json() for each in await office.app.store.find(WebhookDelivery, {}, limit=9)]
    assert ["12025550199" in each for each in stored].count(True) == 2, "kept only for those who asked for it"


async def test_an_owner_who_lost_the_right_is_told_nothing_more(office: Scene, crm: Receiver, mails: Mails) -> None:
    await add_user(office, "Mara", Role.SUPERVISOR)
    hook, _ = await registered(office, crm, owner="mara")
    await office.app.store.change(User, {"id": "mara"}, set={"role": Role.MANAGER})
    await opened(office)
    await office.settle()
    [delivery] = await kept(office, hook)
    assert (delivery.state, delivery.error) == (PostState.DEAD, "the webhook's owner may not read tickets")
    await office.app.store.change(User, {"id": "mara"}, set={"is_active": False})
    await opened(office)
    await office.settle()
    assert (await office.app.webhooks.get(hook.id)).disabled_reason == "owner"
    assert crm.posts == []


async def test_a_failure_is_tried_again_later_with_the_same_event_and_then_it_is_dead(office: Scene, crm: Receiver) -> None:
    hook, secret = await registered(office, crm)
    crm.will(500, 302, 404)
    await opened(office)
    await office.settle(4)
    assert len(crm.posts) == 1
    await office.passes(backoff(1) + 1)
    assert len(crm.posts) == 2
    await office.passes(backoff(2) + 1)
    assert [post.status for post in crm.posts] == [500, 302, 404]
    assert len({post.event["id"] for post in crm.posts}) == 1
    assert all(post.is_signed_with(secret) for post in crm.posts)
    [dead] = await office.app.webhooks.deliveries(hook.id, state=PostState.DEAD)
    assert (dead.attempts, dead.status, dead.error) == (3, 404, "it answered 404")
    await office.app.webhooks.send_again(dead.id, by=BY)
    await office.settle()
    assert crm.posts[-1].status == 200
    assert crm.posts[-1].event["id"] == dead.event_id
    with pytest.raises(NotFound):
        await office.app.webhooks.send_again("nothing", by=BY)


async def test_a_server_that_asks_for_a_pause_gets_it(office: Scene, crm: Receiver) -> None:
    await registered(office, crm)
    crm.headers = {"Retry-After": "120"}
    crm.will(429)
    await opened(office)
    await opened(office)
    await office.settle()
    assert len(crm.posts) == 1, "the second one is not tried either"
    await office.passes(100)
    assert len(crm.posts) == 1
    await office.passes(30)
    assert [post.status for post in crm.posts] == [429, 200, 200]


async def test_an_event_that_is_refused_by_itself_holds_up_no_other(office: Scene, crm: Receiver) -> None:
    await registered(office, crm)
    crm.refuses = "ticket.assigned"
    ticket = await opened(office)
    await office.app.ticketing.tickets.assign(ticket.id, "vera", by=BY)
    await office.app.ticketing.tickets.escalate(ticket.id, "vera", "again", by=BY)
    await office.settle(3)
    assert sorted(crm.types) == ["ticket.assigned", "ticket.created", "ticket.escalated"]


async def test_a_stalled_server_holds_up_nobody_else(office: Scene, crm: Receiver) -> None:
    async with receiver() as slow:
        slow.always = HANGS
        for _ in range(3):
            await registered(office, slow)
        await registered(office, crm)
        await opened(office)
        await until(lambda: bool(crm.posts))
        assert crm.types == ["ticket.created"]
        await until(lambda: len(slow.posts) == 3)
        await office.settle(0.5)
        assert {each.error for each in await office.app.store.find(WebhookDelivery, {}, limit=9)} == {"", "no answer within 1 s"}


async def test_after_many_failures_it_is_switched_off_and_its_owner_told_once(office: Scene, crm: Receiver, mails: Mails) -> None:
    await set_setting(office, KEY, {**RULES, "attempts": 20, "disable_after": 4})
    hook, _ = await registered(office, crm)
    crm.always = 500
    together = Unit()
    for _ in range(6):
        more: dict[str, Any] = {"customer_id": "ana", "conversation_id": None, "subject": "x", "description": "x"}
        await office.app.ticketing.tickets.create(together, by=BY, **more)
    await office.app.store.commit(together)
    await office.passes(120)
    off = await office.app.webhooks.get(hook.id)
    assert (off.active, off.disabled_reason, off.failures) == (False, "failing", 4)
    assert len(crm.posts) == 4
    [(to, text)] = mails.sent
    assert to == "vera@example.com"
    assert "4" in text
    assert "CRM" in text
    await opened(office)
    await office.passes(120)
    assert len(crm.posts) == 4, "active=false sends nothing"
    crm.always = 200
    await office.app.webhooks.update(hook.id, by=BY, active=True)
    await office.passes(90)
    assert crm.types[4:] == ["ticket.created"] * 6, "what waited is sent; what happened meanwhile was not subscribed to"


async def test_a_server_that_is_gone_for_good_is_left_at_once(office: Scene, crm: Receiver) -> None:
    hook, _ = await registered(office, crm)
    crm.will(410)
    await opened(office)
    await office.settle()
    assert (await office.app.webhooks.get(hook.id)).disabled_reason == "gone"
    assert [each.state for each in await kept(office, hook)] == [PostState.DEAD]


async def test_without_the_setting_nothing_of_this_network_is_posted_to(office: Scene, crm: Receiver) -> None:
    """S3-143."""
    await set_setting(office, KEY, {"allow_private": False})
    hook, _ = await registered(office, crm)
    await opened(office)
    await office.settle()
    assert crm.posts == []
    [delivery] = await kept(office, hook)
    assert "private network" in delivery.error


async def test_what_is_not_written_is_not_told(office: Scene, crm: Receiver) -> None:
    await registered(office, crm)
    unit = Unit()
    tickets = office.app.ticketing.tickets
    await tickets.create(unit, customer_id="ana", conversation_id=None, subject="x", description="x", by=BY)
    await office.settle()
    assert crm.posts == []
    await office.app.store.commit(unit)
    await office.settle()
    assert crm.types == ["ticket.created"]


async def test_what_a_crash_left_unposted_goes_out_after_it(tmp_path: Path, crm: Receiver) -> None:
    async with open_scene(tmp_path) as scene:
        await set_setting(scene, KEY, RULES)
        await add_user(scene, "Vera", Role.ADMIN)
        await scene.app.store.insert([Customer(id="ana")])
        hook, _ = await registered(scene, crm)
        await scene.app.worker.stop()
        await opened(scene)
        clock = scene.clock
    assert crm.posts == []
    async with open_scene(tmp_path, clock=clock) as scene:
        await scene.passes(SECONDS + 1)
        assert crm.types == ["ticket.created"]
        assert [each.state for each in await kept(scene, hook)] == [PostState.DELIVERED]


async def test_a_secret_is_shown_once_stored_sealed_and_renewed(office: Scene, crm: Receiver) -> None:
    hook, secret = await registered(office, crm)
    stored = await office.app.webhooks.get(hook.id)
    assert stored.secret.startswith("sealed:1:")
    _, second = await office.app.webhooks.renew_secret(hook.id, by=BY)
    await office.app.webhooks.ping(hook.id, by=BY)
    await office.settle()
    assert crm.types == ["ping"]
    assert crm.posts[0].is_signed_with(second)
    log = [entry.model_dump_json() for entry in await office.app.store.find(AuditEntry, {"entity_id": hook.id})]
    assert len(log) == 2
    assert not [each for each in log if secret in each or second in each or "sealed:" in each]


async def test_a_secret_that_was_imported_in_the_clear_is_sealed_at_the_first_post(office: Scene, crm: Receiver) -> None:
    hook, _ = await registered(office, crm)
    await office.app.store.change(Webhook, {"id": hook.id}, set={"secret": "as it came"})
    await opened(office)
    await office.settle()
    assert crm.posts[0].is_signed_with("as it came")
    assert (await office.app.webhooks.get(hook.id)).secret.startswith("sealed:1:")


async def test_an_imported_one_begins_when_it_is_switched_on(office: Scene, crm: Receiver) -> None:
    hook = Webhook(id="w", webhook_id="w", user_id="vera", name="CRM", url=crm.url, events=["*"], secret="came so", active=False)
    await office.app.store.insert([hook])
    await office.app.webhooks.update("w", by=BY, active=True)
    await opened(office)
    await office.settle()
    assert crm.types == ["ticket.created"]


async def test_a_deleted_one_takes_its_job_and_what_waited_with_it(office: Scene, crm: Receiver) -> None:
    hook, _ = await registered(office, crm)
    crm.will(500)
    await opened(office)
    await office.settle(2)
    await office.app.webhooks.delete(hook.id, by=BY)
    await opened(office)
    await office.passes(60)
    assert len(crm.posts) == 1
    assert await office.app.store.get(Job, job_of(hook.id)) is None
    assert [each.state for each in await kept(office, hook)] == [PostState.DEAD]
    with pytest.raises(NotFound):
        await office.app.webhooks.get(hook.id)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "ftp://crm.example.com"}, r"Webhook\.url: must be an address like https://crm\.example\.com/hooks"),
        ({"url": "https://"}, r"Webhook\.url: must be an address like .*"),
        ({"url": "https://crm.example.com:99999/"}, r"Webhook\.url: .* is no address; .*"),
        ({"url": "https://me:pw@crm.example.com/"}, r"Webhook\.url: must hold no user, .*"),
        ({"url": "https://crm.example.com/\r\nX: y"}, r"Webhook\.url: must be an address like .*"),
        ({"events": ["ticket.eaten"]}, r"Webhook\.events: there is no event 'ticket\.eaten'; there are \*, .*"),
        ({"events": []}, r"Webhook\.events: name at least one; .*"),
        ({"name": "  "}, r"Webhook\.name: is required; .*"),
        ({"name": "x" * 81}, r"Webhook\.name: at most 80 characters .*"),
    ],
)
async def test_what_cannot_be_a_webhook_is_refused_in_one_line(office: Scene, values: dict[str, Any], message: str) -> None:
    given = {"name": "CRM", "url": "https://crm.example.com/hooks", "events": ["*"], **values}
    with pytest.raises(RecordError, match=f"^{message}$"):
        await office.app.webhooks.register("vera", given["name"], given["url"], given["events"], by=BY)


async def test_a_public_server_posts_to_https_only(office: Scene) -> None:
    app = office.app
    public = Webhooks(
        app.store, app.clock, app.desk.canned._audit, app.jobs, app.webhooks._events, app.posting_tools, is_public=True
    )
    with pytest.raises(RecordError, match=r"^Webhook\.url: must begin with https:// on a public server$"):
        await public.register("vera", "CRM", "http://crm.example.com/hooks", ["*"], by=BY)
    with pytest.raises(NotFound, match="no active user"):
        await public.register("nobody", "CRM", "https://crm.example.com/hooks", ["*"], by=BY)


async def test_one_that_still_waits_is_not_sent_again_by_hand(office: Scene, crm: Receiver) -> None:
    hook, _ = await registered(office, crm)
    crm.will(500)
    await opened(office)
    await office.settle(2)
    [waiting] = await kept(office, hook)
    with pytest.raises(ServiceError, match="goes out by itself"):
        await office.app.webhooks.send_again(waiting.id, by=BY)
    assert waiting.due_at - office.clock.now() <= timedelta(seconds=backoff(1))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, r"webhook_rules: must be a mapping of .*"),
        ({"retries": 5}, r"webhook_rules: there is no 'retries'; there are .*"),
        ({"allow_private": "yes"}, r"webhook_rules\.allow_private: must be true or false"),
        ({"timeout_seconds": 0}, r"webhook_rules\.timeout_seconds: must be a whole number from 1 to 30; for example 10"),
        ({"attempts": True}, r"webhook_rules\.attempts: must be a whole number from 1 to 20; for example 8"),
    ],
)
def test_wrong_rules_are_refused_in_one_line(value: object, message: str) -> None:
    with pytest.raises(RecordError, match=f"^{message}$"):
        read_rules(value)


def test_patterns_cover_their_events() -> None:
    assert all(is_wanted(["*"], event) for event in EVENTS)
    assert [event for event in EVENTS if is_wanted(["ticket.*"], event)] == [e for e in EVENTS if e.startswith("ticket.")]
    assert not is_wanted(["ticket.*"], "ping")


def test_the_signature_is_the_documented_one() -> None:
    """A known value: whoever checks it elsewhere gets the same."""
    assert (
        signature("secret", 1768471200, b'{"id":"1"}')
        == "sha256=f23e8eb6c1d08d55c43d51ad64e8d71d370f3c2b78b8ee07fadd2d0e3c57e2de"
    )
