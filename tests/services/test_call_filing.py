"""What is made of a call once it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.errors import ModelUnavailable
from bot.message import Reply
from bot.meter import Snapshot
from bot.metrics import PrometheusMeter
from bot.records.calling import CallBasis
from bot.records.calls import (
    ActionItemStatus,
    ActionKind,
    Call,
    Callback,
    CallDirection,
    CallStatus,
    ProcessingStatus,
    Speaker,
)
from bot.records.conversations import Conversation, Outcome
from bot.records.leads import Lead, LeadSource, LeadStatus
from bot.records.tickets import Ticket
from bot.records.work import Author, Job, JobStatus
from bot.services.call_jobs import SUMMARY_JOB, TRANSCRIPT_JOB
from bot.services.call_reading import RULES
from bot.services.calling_facts import Asked, To
from bot.store.base import Delete, Store, Unit
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Raised, Said, ScriptedModel
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import set_setting
from tests.services.call_helpers import Talk, talk

pytestmark = pytest.mark.scenario

FORM: dict[str, Any] = {
    "summary": "They asked about fibre and want an offer.",
    "key_points": ["Lives in the centre", "Has copper today"],
    "action_items": [],
    "sentiment": {"score": 0.6, "positive": 0.5, "neutral": 0.4, "negative": 0.2, "liked": ["speed"], "concerns": ["price"]},
    "topics": ["fibre"],
    "next_steps": "Send the offer.",
    "opportunities": [{"type": "upsell", "description": "fibre 500", "estimated_value": 40, "probability": 0.7}],
    "intent": "buy fibre",
    "outcome": "interested",
}


def form(**values: object) -> Said:
    return Said(orjson.dumps(FORM | values).decode())


async def by_rules(scene: Scene) -> None:
    await set_setting(scene, "call_summary", "rules")


async def talked(scene: Scene, *words: str) -> Talk:
    """A call in which they say this and are answered each time."""
    call = await talk(scene)
    for said in words:
        scene.model.will(Said("I see."))
        await call.says(said)
    return call


async def tickets_of(store: Store, call: Talk) -> list[Ticket]:
    return await store.find(Ticket, {"conversation_id": call.conversation_id})


# The transcript


async def test_a_finished_call_has_a_transcript_of_what_was_said_in_order_and_within_it(scene: Scene) -> None:
    await by_rules(scene)
    talking = await talked(scene, "My internet is slow.", "Since Monday.", "Thanks, bye.")
    await talking.ends()
    waiting = (await talking.call()).transcript
    assert waiting is not None
    assert waiting.status is ProcessingStatus.PENDING
    await scene.passes(10)
    call, conversation = await talking.call(), await talking.conversation()
    transcript = call.transcript
    assert transcript is not None
    assert transcript.status is ProcessingStatus.COMPLETED
    assert [(segment.speaker, segment.text) for segment in transcript.segments] == [
        (Speaker.CUSTOMER, "My internet is slow."),
        (Speaker.AGENT, "I see."),
        (Speaker.CUSTOMER, "Since Monday."),
        (Speaker.AGENT, "I see."),
        (Speaker.CUSTOMER, "Thanks, bye."),
        (Speaker.AGENT, "I see."),
    ]
    starts = [segment.start_time or 0.0 for segment in transcript.segments]
    assert starts == sorted(starts)
    assert all(0 <= (one.start_time or 0) <= (one.end_time or 0) <= (call.duration or 0) for one in transcript.segments)
    assert transcript.text == conversation.transcript == "\n".join(segment.text for segment in transcript.segments)
    assert transcript.word_count == len((transcript.text or "").split())
    assert transcript.confidence == 0.9
    assert transcript.language == "en"
    assert transcript.processed_at is not None
    assert transcript.processing_time is not None
    assert transcript.segments[0].speaker_id == call.customer_id
    assert (conversation.openness, conversation.closed_at is not None) == (conversation.id, True)


async def test_what_nobody_heard_is_in_no_transcript(scene: Scene) -> None:
    await by_rules(scene)
    talking = await talk(scene)
    scene.model.will(Said("We have three plans, which one do you want?"))
    [answer] = await talking.says("What plans do you have?")
    await talking.speaks(answer, heard="We have three")
    unit = Unit()
    scene.app.outbox.add(unit, await talking.conversation(), [Reply("Are you still there?")], Author.SYSTEM, spoken=True)
    await scene.app.store.commit(unit)
    call = await talking.is_over()
    assert call.transcript is not None
    assert call.transcript.text == "What plans do you have?\nWe have three"


async def test_times_outside_of_the_call_are_put_into_it(scene: Scene) -> None:
    await by_rules(scene)
    talking = await talk(scene)
    scene.model.will(Said("All right."))
    [answer] = await talking.says("Hello?")
    await scene.app.phone_calls.spoke(answer.id, start=9000, end=9001)
    call = await talking.is_over()
    assert call.transcript is not None
    assert [(one.start_time, one.end_time) for one in call.transcript.segments] == [(0, 2), (call.duration, call.duration)]


async def test_a_transcript_that_cannot_be_made_fails_and_no_summary_begins(scene: Scene) -> None:
    talking = await talked(scene, "Hello?")
    await scene.app.store.commit(Unit(Delete(Conversation, {"id": talking.conversation_id})))
    await talking.ends()
    await scene.passes(700)
    call = await talking.call()
    assert call.transcript is not None
    assert call.ai_summary is not None
    assert call.transcript.status is ProcessingStatus.FAILED
    assert call.ai_summary.status is ProcessingStatus.PENDING
    job = await scene.app.store.get(Job, f"{TRANSCRIPT_JOB}:{call.id}")
    assert job is not None
    assert job.status is JobStatus.FAILED
    assert await scene.app.store.get(Job, f"{SUMMARY_JOB}:{call.id}") is None


async def test_a_call_that_nobody_answered_has_neither(scene: Scene) -> None:
    talking = await talk(scene, answered=False, direction=CallDirection.OUTBOUND)
    call = await talking.is_over(CallStatus.NO_ANSWER)
    assert (call.transcript, call.ai_summary) == (None, None)
    assert (await talking.conversation()).outcome is None
    assert (await talking.conversation()).openness != "open"


async def test_a_call_whose_answer_nobody_told_is_filed_all_the_same(scene: Scene) -> None:
    talking = await talk(scene, answered=False)
    scene.model.will(Said("I see."))
    await talking.says("Hello, bye.")
    assert await scene.app.phone_calls.move(talking.call_id, CallStatus.COMPLETED, duration=9)
    scene.model.will(form())
    await scene.passes(10)
    call = await talking.call()
    assert call.ai_summary is not None
    assert call.ai_summary.status is ProcessingStatus.COMPLETED


async def test_the_end_plans_what_follows_once_however_often_it_is_told(scene: Scene) -> None:
    await by_rules(scene)
    talking = await talked(scene, "Hello, bye.")
    assert not await scene.app.after_call.ended(talking.call_id)  # it is still going on
    await asyncio.gather(*(scene.app.phone_calls.move(talking.call_id, CallStatus.COMPLETED) for _ in range(3)))
    assert not await scene.app.after_call.ended(talking.call_id)
    assert await scene.app.store.count(Job, {"id": f"{TRANSCRIPT_JOB}:{talking.call_id}"}) == 1


async def test_a_call_that_was_ended_by_another_hand_is_filed_when_that_is_told(scene: Scene) -> None:
    await by_rules(scene)
    talking = await talked(scene, "Hello, bye.")
    now = scene.clock.now()
    over = {"status": CallStatus.COMPLETED, "ended_at": now, "duration": 4}
    await scene.app.store.change(Call, {"id": talking.call_id}, set=over)
    assert await scene.app.after_call.ended(talking.call_id)
    assert not await scene.app.after_call.ended(talking.call_id)
    await scene.passes(10)
    assert (await talking.conversation()).outcome is Outcome.INTERESTED


# The summary


async def test_a_model_files_the_call_and_what_it_took_is_counted(tmp_path: Path) -> None:
    model = ScriptedModel(name="gpt-4o-mini")
    async with open_scene(tmp_path, model=model) as scene:
        talking = await talked(scene, "I want fibre.")
        before = (await talking.conversation()).cost
        scene.model.will(form())
        call = await talking.is_over()
        summary, conversation = call.ai_summary, await talking.conversation()
        assert summary is not None
        assert summary.sentiment is not None
        assert summary.sentiment.breakdown is not None
        shares = summary.sentiment.breakdown
        assert (summary.status, summary.model) == (ProcessingStatus.COMPLETED, "gpt-4o-mini")
        assert summary.summary == FORM["summary"]
        assert summary.key_points == FORM["key_points"]
        assert summary.topics == ["fibre"]
        assert summary.next_steps == "Send the offer."
        assert (summary.sentiment.overall, summary.sentiment.score) == ("positive", 0.6)
        assert shares.positive + shares.neutral + shares.negative == pytest.approx(1.0, abs=0.01)
        assert summary.sentiment.highlights is not None
        assert summary.sentiment.highlights.concerns == ["price"]
        assert summary.opportunities[0].probability == 0.7
        assert summary.generated_at is not None
        assert summary.processing_time is not None
        assert (conversation.outcome, conversation.intent) == (Outcome.INTERESTED, "buy fibre")
        assert conversation.sentiment_score == Decimal("0.60")
        assert conversation.cost.micros > before.micros
        assert conversation.cost.model_steps == before.model_steps + 1
        asked = str(model.requests[-1].messages)
        assert "Person: I want fibre." in asked


async def test_a_form_that_is_filled_in_wrongly_is_repaired_once_and_both_answers_are_paid_for(scene: Scene) -> None:
    talking = await talked(scene, "I want fibre.")
    scene.model.will(form(outcome="great"), form())
    call = await talking.is_over()
    assert call.ai_summary is not None
    assert call.ai_summary.model == "scripted"
    assert (await talking.conversation()).cost.model_steps == 3
    assert "outcome" in str(scene.model.requests[-1].messages[-1])


@pytest.mark.parametrize(
    "steps",
    [(Raised(ModelUnavailable("down")),), (Said("I would rather not."), Said("Really not."))],
    ids=["down", "twice no form"],
)
async def test_where_the_model_fails_rules_make_an_extract_and_say_so(scene: Scene, steps: tuple[Said | Raised, ...]) -> None:
    talking = await talked(scene, "My internet is terrible.", "I am very disappointed, bye.")
    scene.model.will(*steps)
    call = await talking.is_over()
    summary = call.ai_summary
    assert summary is not None
    assert summary.sentiment is not None
    assert summary.sentiment.breakdown is not None
    assert (summary.status, summary.model) == (ProcessingStatus.COMPLETED, RULES)
    assert summary.summary == "They said: “My internet is terrible.”\nThey said: “I am very disappointed, bye.”"
    assert summary.key_points == ["My internet is terrible.", "I am very disappointed, bye."]
    assert summary.sentiment.overall == "negative"
    shares = summary.sentiment.breakdown
    assert shares.positive + shares.neutral + shares.negative == pytest.approx(1.0, abs=0.01)
    assert summary.next_steps == "Nothing is left to be done."
    said = [message for message in await talking.said() if message.sentiment_score is not None]
    assert [message.sentiment_score for message in said] == [Decimal("-0.50"), Decimal("-0.50")]


async def test_where_rules_are_wanted_or_the_money_is_used_up_no_model_is_asked(scene: Scene) -> None:
    talking = await talked(scene, "Hello, bye.")
    await set_setting(scene, "ai_max_cost_per_day", "0.000001")
    scene.app.spending.add(1000)
    call = await talking.is_over()
    assert call.ai_summary is not None
    assert call.ai_summary.model == RULES


async def test_without_a_model_rules_file_the_call_in_its_language(tmp_path: Path) -> None:
    async with open_scene(tmp_path, with_model=False) as scene:
        talking = await talk(scene, language="es")
        for message in await talking.says("Quiero que me abran un ticket, por favor"):
            assert message.content
        call = await talking.is_over()
        assert call.ai_summary is not None
        assert call.ai_summary.model == RULES
        assert (call.ai_summary.summary or "").startswith("Dijo: «Quiero que me abran un ticket, por favor»")


# The outcome


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("Sounds good, send me the offer. Bye.", Outcome.INTERESTED),
        ("I am not interested. Goodbye.", Outcome.NOT_INTERESTED),
        ("No me interesa, adiós.", Outcome.NOT_INTERESTED),
        ("मुझे नहीं चाहिए, धन्यवाद", Outcome.NOT_INTERESTED),
    ],
)
async def test_rules_tell_the_outcome_by_what_was_said(scene: Scene, words: str, outcome: Outcome) -> None:
    await by_rules(scene)
    talking = await talked(scene, words)
    await talking.is_over()
    assert (await talking.conversation()).outcome is outcome


async def test_a_callback_is_the_outcome_where_one_was_booked_in_the_call(scene: Scene) -> None:
    talking = await talked(scene, "Call me tomorrow.")
    customer = (await talking.call()).customer_id
    booked = await scene.app.services.callbacks.book(
        scene.clock.now() + timedelta(days=1), by="system", customer_id=customer, conversation_id=talking.conversation_id
    )
    scene.model.will(form(outcome="interested"))
    call = await talking.is_over()
    conversation = await talking.conversation()
    assert conversation.outcome is Outcome.CALLBACK
    found = await scene.app.store.find(Callback, {"customer_id": customer})
    assert [one.id for one in found] == [booked.id]
    assert call.ai_summary is not None
    assert "callback at" in str(scene.model.requests[-1].messages[0])


async def test_a_callback_that_a_model_speaks_of_and_nobody_booked_is_none(scene: Scene) -> None:
    talking = await talked(scene, "Maybe call me some day. Bye.")
    scene.model.will(form(outcome="callback"))
    await talking.is_over()
    assert (await talking.conversation()).outcome is Outcome.INTERESTED
    assert await scene.app.store.count(Callback, {"customer_id": (await talking.call()).customer_id}) == 0


async def test_who_wants_no_more_calls_is_marked_at_once_and_not_interested_whatever_a_model_says(scene: Scene) -> None:
    known = await lead(scene, LeadStatus.NEW)
    talking = await talked(scene, "It is nice, but do not call me again.")
    await scene.app.calling.do_not_call.said(talking.call_id, "do not call me again")
    marked = await scene.app.store.get(Lead, known.id)
    assert marked is not None
    assert marked.dnd_status
    refused = await scene.app.calling.rules.may_call(Asked(To(number="+12025550123"), CallBasis.OPERATOR))
    assert refused.rule == "do_not_call"
    scene.model.will(form())
    await talking.is_over()
    assert (await talking.conversation()).outcome is Outcome.NOT_INTERESTED


async def test_who_hangs_up_midway_is_disconnected_and_what_was_said_is_kept(scene: Scene) -> None:
    await by_rules(scene)
    talking = await talk(scene)
    scene.model.will(Said("We have three plans: small, middle and large."))
    [answer] = await talking.says("What plans do you have?")
    await talking.speaks(answer, heard="We have three plans: sm")
    call = await talking.is_over()
    assert (await talking.conversation()).outcome is Outcome.DISCONNECTED
    assert call.transcript is not None
    assert call.transcript.text == "What plans do you have?\nWe have three plans: sm"


async def test_a_call_in_which_nothing_was_said_is_disconnected(scene: Scene) -> None:
    talking = await talk(scene)
    call = await talking.is_over()
    assert (await talking.conversation()).outcome is Outcome.DISCONNECTED
    assert call.ai_summary is not None
    assert call.ai_summary.model == RULES  # there is nothing that a model could read
    assert scene.model.requests == []


# What is to be done


async def test_what_was_promised_becomes_a_ticket_and_a_callback_by_rule(scene: Scene) -> None:
    talking = await talked(scene, "Send me the contract and call me on Friday. Bye.")
    due = scene.clock.now() + timedelta(days=2)
    items = [
        {"kind": "ticket", "description": "Send the contract", "priority": "high"},
        {"kind": "callback", "description": "Talk about the contract", "due": due.isoformat()},
    ]
    scene.model.will(form(action_items=items))
    call = await talking.is_over()
    assert call.ai_summary is not None
    first, second = call.ai_summary.action_items
    [ticket] = await tickets_of(scene.app.store, talking)
    [callback] = await scene.app.store.find(Callback, {"customer_id": call.customer_id})
    assert (first.kind, first.became, first.status) == (ActionKind.TICKET, ticket.id, ActionItemStatus.COMPLETED)
    assert (second.kind, second.became) == (ActionKind.CALLBACK, callback.id)
    assert (ticket.subject, ticket.priority) == ("Send the contract", "high")
    assert (callback.requested_time, callback.conversation_id) == (due, talking.conversation_id)
    assert (await talking.conversation()).outcome is Outcome.CALLBACK


async def test_a_callback_without_a_time_to_come_waits_for_a_person(scene: Scene) -> None:
    talking = await talked(scene, "Call me some day. Bye.")
    past = (scene.clock.now() - timedelta(days=1)).isoformat()
    items = [{"kind": "callback", "description": "Call"}, {"kind": "callback", "description": "Call", "due": past}]
    scene.model.will(form(action_items=items))
    call = await talking.is_over()
    assert call.ai_summary is not None
    assert [item.status for item in call.ai_summary.action_items] == [ActionItemStatus.PENDING] * 2
    assert (await talking.conversation()).outcome is Outcome.INTERESTED


async def test_no_rule_books_one_call_after_the_other_for_a_number_that_anybody_can_show(scene: Scene) -> None:
    talking = await talked(scene, "Call me on Friday. Bye.")
    customer = (await talking.call()).customer_id
    for days in range(1, 6):
        due = scene.clock.now() + timedelta(days=days)
        await scene.app.services.callbacks.book(due, by="system", customer_id=customer)
    due = scene.clock.now() + timedelta(days=7)
    scene.model.will(form(action_items=[{"kind": "callback", "description": "Call", "due": due.isoformat()}]))
    call = await talking.is_over()
    assert call.ai_summary is not None
    assert call.ai_summary.action_items[0].status is ActionItemStatus.PENDING
    assert await scene.app.store.count(Callback, {"customer_id": customer}) == 5


async def test_what_the_call_has_seen_to_is_not_done_again_by_rule(scene: Scene) -> None:
    talking = await talk(scene)
    scene.model.will(Called("create_ticket", subject="No internet", description="Since noon"), Said("I opened a ticket."))
    await talking.says("My internet is down.")
    scene.model.will(form(action_items=[{"kind": "ticket", "description": "Look at the line"}]))
    call = await talking.is_over()
    assert len(await tickets_of(scene.app.store, talking)) == 1
    assert call.ai_summary is not None
    assert call.ai_summary.action_items[0].status is ActionItemStatus.PENDING


async def test_a_kill_after_the_summary_was_written_makes_nothing_twice(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        talking = await talked(scene, "Send me the contract. Bye.")
        scene.model.will(form(action_items=[{"kind": "ticket", "description": "Send the contract"}]))
        await talking.is_over()
        job = f"{SUMMARY_JOB}:{talking.call_id}"
        # As if the process had died between the unit and the mark on the job.
        await scene.app.store.change(Job, {"id": job}, set={"status": JobStatus.PENDING})
        await scene.app.store.change(Job, {"id": f"{TRANSCRIPT_JOB}:{talking.call_id}"}, set={"status": JobStatus.PENDING})
    async with open_scene(tmp_path, clock=clock) as again:
        await again.passes(10)
        assert len(await again.app.store.find(Ticket, {"conversation_id": talking.conversation_id})) == 1
        done = await again.app.store.get(Job, job)
        assert done is not None
        assert done.status is JobStatus.COMPLETED
        assert again.model.requests == []


async def test_a_kill_before_the_conversation_was_closed_leaves_none_open(scene: Scene) -> None:
    await by_rules(scene)
    talking = await talked(scene, "Hello, bye.")
    await scene.app.worker.stop()
    await talking.ends()
    await scene.app.after_call.filing.transcribe({"call": talking.call_id})
    await scene.app.store.change(
        Conversation, {"id": talking.conversation_id}, set={"openness": "open", "status": "open", "closed_at": None}
    )
    await scene.app.after_call.filing.transcribe({"call": talking.call_id})
    assert (await talking.conversation()).closed_at is not None


async def test_a_kill_while_the_model_reads_begins_the_summary_anew(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_scene(tmp_path, clock=clock) as scene:
        talking = await talked(scene, "Send me the contract. Bye.")
        await talking.ends()
        await scene.app.worker.stop()
        await scene.app.after_call.filing.transcribe({"call": talking.call_id})
        await scene.app.store.change(Call, {"id": talking.call_id}, set={"ai_summary.status": ProcessingStatus.PROCESSING})
    async with open_scene(tmp_path, clock=clock) as again:
        again.model.will(form())
        await again.passes(10)
        call = await again.app.store.get(Call, talking.call_id)
        assert call is not None
        assert call.ai_summary is not None
        assert call.ai_summary.status is ProcessingStatus.COMPLETED


async def test_two_runs_of_the_summary_at_once_make_one(scene: Scene) -> None:
    talking = await talked(scene, "Send me the contract. Bye.")
    await scene.app.worker.stop()
    await talking.ends()
    filing = scene.app.after_call.filing
    await filing.transcribe({"call": talking.call_id})
    item = {"kind": "ticket", "description": "Send the contract"}
    scene.model.will(form(action_items=[item]), form(action_items=[item]))
    payload: Mapping[str, Any] = {"call": talking.call_id}
    results = await asyncio.gather(filing.sum_up(payload), filing.sum_up(payload), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert len(await tickets_of(scene.app.store, talking)) == 1


# Leads


async def lead(scene: Scene, status: LeadStatus) -> Lead:
    values = {"phone": "+12025550123", "status": status}
    return await scene.app.services.leads.create(None, values, by="system", source=LeadSource.CALL)


@pytest.mark.parametrize(
    ("status", "words", "after"),
    [
        (LeadStatus.NEW, "Sounds good, bye.", LeadStatus.CONTACTED),
        (LeadStatus.NEW, "I am not interested, bye.", LeadStatus.REJECTED),
        (LeadStatus.QUALIFIED, "Sounds good, bye.", LeadStatus.QUALIFIED),
        (LeadStatus.CONVERTED, "I am not interested, bye.", LeadStatus.CONVERTED),
        (LeadStatus.REJECTED, "Sounds good, bye.", LeadStatus.CONTACTED),
        (LeadStatus.REJECTED, "I am not interested, bye.", LeadStatus.REJECTED),
    ],
)
async def test_a_lead_that_we_called_moves_forward_and_never_back(
    scene: Scene, status: LeadStatus, words: str, after: LeadStatus
) -> None:
    await by_rules(scene)
    known = await lead(scene, status)
    talking = await talk(scene, direction=CallDirection.OUTBOUND)
    await scene.app.store.change(Call, {"id": talking.call_id}, set={"lead_id": known.id})
    scene.model.will(Said("I see."))
    await talking.says(words)
    await talking.is_over()
    found = await scene.app.store.get(Lead, known.id)
    assert found is not None
    assert found.status is after


async def test_a_number_that_a_call_to_us_shows_rejects_no_lead(scene: Scene) -> None:
    await by_rules(scene)
    known = await lead(scene, LeadStatus.NEW)
    talking = await talked(scene, "I am not interested, bye.")
    await scene.app.store.change(Call, {"id": talking.call_id}, set={"lead_id": known.id})
    await talking.is_over()
    found = await scene.app.store.get(Lead, known.id)
    assert found is not None
    assert found.status is LeadStatus.CONTACTED


# Beside


async def test_a_conversation_that_waits_for_a_person_stays_open(scene: Scene) -> None:
    await by_rules(scene)
    talking = await talk(scene)
    scene.model.will(Called("hand_to_person", reason="asked for one"))
    await talking.says("A person, please.")
    call = await talking.is_over()
    assert (await talking.conversation()).openness == "open"
    assert call.ai_summary is not None
    assert "A person of the team answers." in (call.ai_summary.next_steps or "")


async def test_calls_are_counted_by_direction_and_outcome(tmp_path: Path) -> None:
    clock = ManualClock()
    meter = PrometheusMeter(clock, "0.1.0")
    async with open_scene(tmp_path, clock=clock, meter=meter) as scene:
        await by_rules(scene)
        await (await talked(scene, "I am not interested, bye.")).is_over()
        other = await talk(scene, sid="CA00000000000000000000000000000002", answered=False, direction=CallDirection.OUTBOUND)
        await other.is_over(CallStatus.NO_ANSWER)
        text = (meter.exposition(Snapshot()) or b"").decode()
    assert 'switchboard_calls_total{direction="inbound",outcome="not-interested"} 1.0' in text
    assert 'switchboard_calls_total{direction="outbound",outcome="no-answer"} 1.0' in text
