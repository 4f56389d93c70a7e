"""Our own do-not-call list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.errors import NotFound, RecordError
from bot.policy import CALLS
from bot.records.audit import AuditEntry
from bot.records.calling import DoNotCall
from bot.records.calls import CallDirection
from bot.records.leads import Lead, LeadSource
from bot.records.people import ConsentState
from bot.services.phone_calls import PhoneCall
from bot.testing.scene import Scene, open_scene

pytestmark = pytest.mark.scenario

OURS, THEIRS, SID = "+12025550100", "+12025550123", f"CA{1:032d}"


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path) as scene:
        yield scene


async def a_call(scene: Scene, theirs: str = THEIRS) -> PhoneCall:
    return await scene.app.phone_calls.begin(SID, ours=OURS, theirs=theirs, direction=CallDirection.INBOUND, agent="support")


async def a_lead(scene: Scene, owner: str | None = None, **more: str) -> Lead:
    values = {"phone": THEIRS, **more}
    return await scene.app.services.leads.create(owner, values, by="test", source=LeadSource.CALL)


async def test_who_says_so_in_a_call_is_on_the_list_with_mark_consent_and_proof(scene: Scene) -> None:
    call, lead = await a_call(scene), await a_lead(scene)
    await scene.app.consents.record(THEIRS, CALLS, source="form", by="test")
    await scene.passes(1)
    await scene.app.calling.do_not_call.said(call.call.id, "nunca más me llamen")
    entry = await scene.app.calling.do_not_call.listed(THEIRS)
    assert entry is not None
    assert (entry.proof, entry.source, entry.call_id) == ("nunca más me llamen", "call", call.call.id)
    assert (entry.customer_id, entry.lead_ids) == (call.customer.id, [lead.id])
    marked = await scene.app.store.get(Lead, lead.id)
    assert marked is not None
    assert (marked.dnd_status, marked.dnd_checked_at) == (True, scene.clock.now())
    consent = await scene.app.policy.consent(call.customer.id, CALLS)
    assert consent is not None
    assert (consent.state, consent.proof) == (ConsentState.WITHDRAWN, "nunca más me llamen")
    for kind, id_ in (("do_not_call", entry.id), ("lead", lead.id)):
        assert await scene.app.store.find(AuditEntry, {"entity_type": kind, "entity_id": id_})


async def test_a_withheld_number_withdraws_the_consent_alone(scene: Scene) -> None:
    call = await a_call(scene, theirs="")
    assert await scene.app.calling.do_not_call.add(call_id=call.call.id, proof="9", source="call", by="person") is None
    consent = await scene.app.policy.consent(call.customer.id, CALLS)
    assert consent is not None
    assert consent.state is ConsentState.WITHDRAWN
    assert not await scene.app.store.count(DoNotCall, {})


async def test_said_many_times_at_once_it_is_one_entry(scene: Scene) -> None:
    listed = scene.app.calling.do_not_call
    await asyncio.gather(*(listed.add(THEIRS, proof=str(n), source="test", by="test") for n in range(2)))
    await listed.add("+1 202 555 0123", proof="again", source="test", by="test")
    assert await scene.app.store.count(DoNotCall, {}) == 1


async def test_taking_a_number_off_takes_back_only_the_marks_that_it_made(scene: Scene) -> None:
    theirs = await a_lead(scene)
    imported = await a_lead(scene, email="b@example.org")
    await scene.app.store.change(Lead, {"id": imported.id}, set={"dnd_status": True})
    listed = scene.app.calling.do_not_call
    await listed.add(THEIRS, proof="stop", source="test", by="test")
    late = await a_lead(scene, email="c@example.org")
    await listed.look_up(THEIRS)
    await listed.remove(THEIRS, reason="a letter", by="user:1")
    marks = [(await scene.app.services.leads.get(None, lead.id)).dnd_status for lead in (theirs, imported, late)]
    assert marks == [False, True, False]
    assert await listed.listed(THEIRS) is None
    [entry] = await scene.app.store.find(AuditEntry, {"entity_type": "do_not_call", "action": "deleted"})
    assert entry.details["reason"] == "a letter"


async def test_what_cannot_be_done_is_one_line(scene: Scene) -> None:
    listed = scene.app.calling.do_not_call
    with pytest.raises(RecordError, match="needs a reason"):
        await listed.remove(THEIRS, reason="  ", by="user:1")
    with pytest.raises(NotFound, match="not on the do-not-call list"):
        await listed.remove(THEIRS, reason="x", by="user:1")
    with pytest.raises(NotFound, match="there is no call"):
        await listed.said("no-such", "9")
    with pytest.raises(RecordError, match="country code"):
        await listed.add("5550123", proof="", source="x", by="x")
