"""Calls out: placed once, and looked after until they have ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.errors import Conflict, Duplicate, NotFound, RecordError, SendDelayed, SendRefused, ServiceError, VendorLeftAlone
from bot.records.calling import CallBasis, CallingDecision
from bot.records.calls import Call, Callback, CallbackStatus, CallDirection, CallStatus
from bot.records.leads import LeadSource
from bot.records.settings import SystemSetting
from bot.records.work import Job, JobStatus
from bot.services.calling_facts import Asked, To
from bot.services.dialling import Placed, State
from bot.services.do_not_call import customer_with
from bot.store.base import Unit
from bot.testing.clock import ManualClock
from bot.testing.scene import Scene, open_scene
from bot.testing.telephone import FakeTelephone, Fault

pytestmark = pytest.mark.scenario

THEIRS, OTHERS = "+12025550123", "+12025550124"
SID = f"CA{1:032d}"
"""What the provider calls its first call."""
NOON = datetime(2026, 1, 15, 17, 0, tzinfo=UTC)
"""In Washington."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def telephone(clock: ManualClock) -> FakeTelephone:
    return FakeTelephone(clock)


@pytest_asyncio.fixture
async def scene(tmp_path: Path, clock: ManualClock, telephone: FakeTelephone) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, clock=clock, telephone=telephone) as scene:
        for number in (THEIRS, OTHERS):
            await scene.app.consents.record(number, "calls", source="test", by="system")
        yield scene


async def place(scene: Scene, number: str = THEIRS, **more: Any) -> Placed:
    return await scene.app.calling.dialling.place(To(number=number), by="user:1", **more)


async def the_call(scene: Scene, number: str = THEIRS) -> Call:
    found = await scene.app.store.find(Call, {"dialed_number": number}, sort=("-scheduled_at",), limit=1)
    assert found
    return found[0]


async def test_who_may_be_called_is(scene: Scene, telephone: FakeTelephone) -> None:
    placed = await place(scene, about="your order of Monday", language="en")
    call = await the_call(scene)
    assert placed.state is State.PLACED
    assert (call.status, call.direction, call.external_call_id) == (
        CallStatus.INITIATED,
        CallDirection.OUTBOUND,
        SID,
    )
    assert (call.notes, call.language, call.basis, call.created_by) == (
        "your order of Monday",
        "en",
        CallBasis.OUTREACH,
        "user:1",
    )
    [order] = telephone.placed
    assert (order.call_id, order.number) == (call.id, THEIRS)
    assert (order.ring_seconds, order.most_seconds, order.waits_for_beep, order.record) == (30, 1800, False, False)


async def test_who_may_not_is_not_and_nothing_is_left_to_be_done(scene: Scene, telephone: FakeTelephone) -> None:
    placed = await place(scene, "+12025550199")
    assert (placed.state, placed.verdict.rule, placed.call) == (State.REFUSED, "no_consent", None)
    await scene.passes(600)
    assert telephone.asked == 0
    assert not await scene.app.store.count(Call, {"dialed_number": "+12025550199"})


async def test_at_night_the_answer_says_when(scene: Scene, telephone: FakeTelephone, clock: ManualClock) -> None:
    await clock.advance(9 * 3600)
    placed = await place(scene)
    assert placed.verdict.again_at == datetime(2026, 1, 16, 14, 0, tzinfo=UTC)
    assert telephone.asked == 0


async def test_a_second_call_to_the_number_is_refused_while_the_first_is_under_way(
    scene: Scene, telephone: FakeTelephone
) -> None:
    await place(scene)
    assert (await place(scene)).verdict.rule == "under_way"
    assert telephone.asked == 1


async def test_of_two_that_are_decided_at_the_same_moment_one_is_placed(scene: Scene, telephone: FakeTelephone) -> None:
    dialling = scene.app.calling.dialling
    first, second = Unit(), Unit()
    for unit in (first, second):
        planned = await dialling.plan(unit, Asked(To(number=THEIRS), by="user:1"))
        assert planned.call is not None
    await scene.app.store.commit(first)
    with pytest.raises(Duplicate):
        await scene.app.store.commit(second)
    await scene.settle()
    assert len(telephone.placed) == 1


async def test_also_where_the_number_was_dialled_before(scene: Scene, telephone: FakeTelephone, clock: ManualClock) -> None:
    await place(scene)
    await scene.app.phone_calls.move((await the_call(scene)).id, CallStatus.COMPLETED)
    await clock.advance(25 * 3600)
    first, second = Unit(), Unit()
    for unit in (first, second):
        await scene.app.calling.dialling.plan(unit, Asked(To(number=THEIRS), by="user:1"))
    await scene.app.store.commit(first)
    with pytest.raises(Conflict):
        await scene.app.store.commit(second)


async def test_what_is_planned_in_a_unit_is_placed_when_it_is_written(scene: Scene, telephone: FakeTelephone) -> None:
    unit = Unit()
    await scene.app.calling.dialling.plan(unit, Asked(To(number=THEIRS), by="user:1"), about="x")
    await scene.settle()
    assert telephone.asked == 0
    await scene.app.store.commit(unit)
    await scene.settle()
    assert telephone.asked == 1
    assert (await the_call(scene)).status is CallStatus.INITIATED


async def test_a_lost_answer_is_looked_for_and_never_asked_for_again(scene: Scene, telephone: FakeTelephone) -> None:
    telephone.loses_the_answer(is_placed=True)
    assert (await place(scene)).state is State.UNCONFIRMED
    assert (await the_call(scene)).external_call_id is None
    await scene.passes(30)
    call = await the_call(scene)
    assert (call.status, call.external_call_id) == (CallStatus.INITIATED, SID)
    assert telephone.asked == 1


async def test_a_call_that_was_lost_before_it_was_placed_is_given_up_and_told(scene: Scene, telephone: FakeTelephone) -> None:
    telephone.loses_the_answer(is_placed=False)
    await place(scene)
    await scene.passes(150)
    call = await the_call(scene)
    assert (call.status, call.provider_status) == (CallStatus.FAILED, "unplaced")
    assert telephone.asked == 1
    assert (await place(scene)).state is State.PLACED  # nobody's telephone has rung, so it was no attempt


async def test_the_answered_call_names_itself_before_it_was_found(scene: Scene, telephone: FakeTelephone) -> None:
    telephone.loses_the_answer(is_placed=True)
    await place(scene, language="hi")
    call = await the_call(scene)
    begun = await scene.app.phone_calls.begin(
        SID,
        ours=telephone.ours,
        theirs=THEIRS,
        direction=CallDirection.OUTBOUND,
        agent="support",
        call_id=call.id,
    )
    assert (begun.call.id, begun.call.external_call_id) == (call.id, SID)
    assert begun.conversation.language == "hi"
    telephone.becomes(SID, "in-progress")
    await scene.passes(60)
    assert await scene.app.store.count(Call, {"dialed_number": THEIRS}) == 1


async def test_calls_of_others_to_the_same_number_are_not_taken_for_ours(
    scene: Scene, telephone: FakeTelephone, clock: ManualClock
) -> None:
    await place(scene)
    mine = await the_call(scene)
    await scene.app.phone_calls.move(mine.id, CallStatus.COMPLETED)
    await clock.advance(25 * 3600)
    telephone.loses_the_answer(is_placed=False)
    await place(scene)
    await scene.passes(150)
    assert (await the_call(scene)).status is CallStatus.FAILED


async def test_a_provider_that_is_away_is_asked_until_it_tells_what_became_of_the_call(
    scene: Scene, telephone: FakeTelephone
) -> None:
    telephone.loses_the_answer(is_placed=True)
    telephone.is_away = SendDelayed("away")
    await place(scene)
    await scene.passes(300)
    assert (await the_call(scene)).status is CallStatus.SCHEDULED
    telephone.is_away = None
    await scene.passes(60)
    assert (await the_call(scene)).status is CallStatus.INITIATED
    assert telephone.asked == 1


@pytest.mark.parametrize(
    "error", [SendDelayed("asked too often", code="20429", wait=1.0), VendorLeftAlone("left alone", wait=30)]
)
async def test_what_was_certainly_not_placed_is_asked_for_again(
    scene: Scene, telephone: FakeTelephone, error: SendDelayed
) -> None:
    telephone.faults.append(Fault(error))
    placed = await place(scene)
    assert (placed.state, placed.detail) == (State.QUEUED, str(error))
    await scene.passes(60)
    assert (await the_call(scene)).status is CallStatus.INITIATED
    assert (telephone.asked, len(telephone.placed)) == (2, 1)


async def test_what_the_provider_refuses_has_failed_and_is_no_attempt(scene: Scene, telephone: FakeTelephone) -> None:
    telephone.faults.append(Fault(SendRefused("Twilio takes this for no telephone number", code="21211")))
    placed = await place(scene)
    assert (placed.state, placed.detail) == (State.FAILED, "Twilio takes this for no telephone number")
    assert (await the_call(scene)).provider_status == "refused: 21211"
    await scene.passes(2)
    assert (await place(scene)).state is State.PLACED


async def test_calls_are_placed_one_a_second(scene: Scene, telephone: FakeTelephone, clock: ManualClock) -> None:
    numbers = [f"+120255501{n}" for n in range(30, 36)]
    for number in numbers:
        await scene.app.consents.record(number, "calls", source="test", by="system")
        unit = Unit()
        await scene.app.calling.dialling.plan(unit, Asked(To(number=number), by="user:1"))
        await scene.app.store.commit(unit)
    while telephone.asked < len(numbers):  # the pace is kept by waiting, so the clock has to go on meanwhile
        await clock.advance(0.1)
        await asyncio.sleep(0.001)
    assert sorted(order.number for order in telephone.placed) == numbers
    assert telephone.asked_at[-1] - telephone.asked_at[0] >= timedelta(seconds=4.8)  # by steps of the clock of 0.1 s
    await scene.settle()


class Full:
    """A machine that takes no more calls."""

    room = False

    def may_begin(self) -> bool:
        return self.room


async def test_where_there_is_no_room_a_call_waits_until_there_is(scene: Scene, telephone: FakeTelephone) -> None:
    full = Full()
    scene.app.calling.dialling.admit_by(full)
    placed = await place(scene)
    assert placed.state is State.QUEUED
    assert "as many calls are under way as this machine takes" in placed.detail
    await scene.passes(60)
    assert telephone.asked == 0
    full.room = True
    await scene.passes(20)
    assert telephone.asked == 1


async def test_a_call_that_had_to_wait_is_judged_anew_before_it_is_dialled(scene: Scene, telephone: FakeTelephone) -> None:
    full = Full()
    scene.app.calling.dialling.admit_by(full)
    await place(scene)
    await scene.app.calling.do_not_call.add(THEIRS, proof="stop", source="test", by="system")
    full.room = True
    await scene.passes(60)
    call = await the_call(scene)
    assert (call.status, call.provider_status) == (CallStatus.CANCELLED, "refused: do_not_call")
    assert telephone.asked == 0
    assert await scene.app.store.count(CallingDecision, {"call_id": call.id}) == 1


async def test_a_call_that_waits_into_the_night_is_not_dialled(
    scene: Scene, telephone: FakeTelephone, clock: ManualClock
) -> None:
    full = Full()
    scene.app.calling.dialling.admit_by(full)
    await place(scene)
    await clock.advance(9 * 3600)
    full.room = True
    await scene.passes(60)
    assert telephone.asked == 0


async def test_a_call_that_the_provider_keeps_waiting_is_taken_back(scene: Scene, telephone: FakeTelephone) -> None:
    await place(scene)
    await scene.passes(120)
    call = await the_call(scene)
    assert (call.status, telephone.hung_up) == (CallStatus.CANCELLED, [call.external_call_id])


async def test_news_that_were_lost_are_asked_for(scene: Scene, telephone: FakeTelephone) -> None:
    await place(scene)
    sid = (await the_call(scene)).external_call_id or ""
    telephone.becomes(sid, "in-progress")
    await scene.passes(25)
    assert (await the_call(scene)).status is CallStatus.IN_PROGRESS
    telephone.becomes(sid, "completed")
    await scene.passes(600)
    assert (await the_call(scene)).status is CallStatus.COMPLETED
    assert not await scene.app.store.count(Job, {"job_type": "dial", "status": JobStatus.PENDING})


@pytest.mark.parametrize(("end", "becomes"), [("completed", CallbackStatus.COMPLETED), ("no-answer", CallbackStatus.MISSED)])
async def test_a_callback_was_made_or_missed_when_its_call_is_over(
    scene: Scene, telephone: FakeTelephone, end: str, becomes: CallbackStatus
) -> None:
    customer_id = await customer_with(scene.app.store, THEIRS)
    callback = await scene.app.services.callbacks.book(scene.clock.now() + timedelta(hours=1), by="test", customer_id=customer_id)
    await scene.passes(3600)
    placed = await place(scene, basis=CallBasis.CALLBACK, callback_id=callback.id)
    assert placed.state is State.PLACED
    call = await the_call(scene)
    if end == "completed":
        telephone.becomes(call.external_call_id or "", "in-progress")
        await scene.passes(40)
    telephone.becomes(call.external_call_id or "", end)
    await scene.passes(600)
    kept = await scene.app.store.get(Callback, callback.id)
    assert kept is not None
    assert kept.status is becomes


@pytest.mark.parametrize(
    ("answered_by", "machine", "hung_up", "said"),
    [
        ("human", "hang_up", 0, 0),
        ("unknown", "hang_up", 0, 0),
        ("machine_start", "hang_up", 1, 0),
        ("machine_end_beep", "message", 0, 1),
        ("machine_end_silence", "message", 0, 1),
        ("fax", "message", 1, 0),
        ("fax", "hang_up", 1, 0),
    ],
)
async def test_a_person_goes_on_and_a_machine_gets_what_is_set(
    scene: Scene, telephone: FakeTelephone, answered_by: str, machine: str, hung_up: int, said: int
) -> None:
    line = {"ring_seconds": 20, "most_minutes": 10, "machine": machine}
    await scene.app.store.upsert([SystemSetting(id="calling_line", key="calling_line", value=line)])
    await scene.passes(3)
    await place(scene, about="the new tariff", language="en")
    assert telephone.placed[0].waits_for_beep is (machine == "message")
    assert telephone.placed[0].ring_seconds == 20
    await scene.app.calling.dialling.answered_by(await the_call(scene), answered_by)
    assert (len(telephone.hung_up), len(telephone.said)) == (hung_up, said)
    assert all("the new tariff" in text and language == "en" for _, text, language in telephone.said)
    assert (await the_call(scene)).answered_by == answered_by


async def test_a_call_is_hung_up_once_and_only_while_it_lasts(scene: Scene, telephone: FakeTelephone) -> None:
    dialling = scene.app.calling.dialling
    await place(scene)
    call = await the_call(scene)
    await dialling.hang_up(call.id)
    assert telephone.hung_up == [call.external_call_id]
    await scene.app.phone_calls.move(call.id, CallStatus.COMPLETED)
    with pytest.raises(ServiceError, match="has ended already"):
        await dialling.hang_up(call.id)
    with pytest.raises(NotFound):
        await dialling.hang_up("no-such")


async def test_a_call_that_waits_is_taken_back_and_never_dialled(scene: Scene, telephone: FakeTelephone) -> None:
    full = Full()
    scene.app.calling.dialling.admit_by(full)
    await place(scene)
    await scene.app.calling.dialling.hang_up((await the_call(scene)).id)
    full.room = True
    await scene.passes(120)
    assert telephone.asked == 0
    assert (await the_call(scene)).status is CallStatus.CANCELLED


@pytest.mark.parametrize(
    ("more", "what"), [({"language": "fr"}, "call.language: must be one of"), ({"about": 301 * "x"}, "call.about: must")]
)
async def test_what_cannot_be_asked_for_is_one_line(scene: Scene, more: dict[str, str], what: str) -> None:
    with pytest.raises(RecordError, match=what):
        await place(scene, **more)


async def test_a_call_is_in_their_language_where_somebody_said_which(scene: Scene, telephone: FakeTelephone) -> None:
    leads = scene.app.services.leads
    await leads.create(None, {"phone": THEIRS, "language_preference": "hindi"}, by="test", source=LeadSource.CALL)
    await place(scene)
    call = await the_call(scene)
    assert call.language == "hi"
    assert call.lead_id is not None


async def test_without_a_telephone_that_is_said(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        with pytest.raises(ServiceError, match="set TWILIO_ACCOUNT_SID"):
            await place(scene)
