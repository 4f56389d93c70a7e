"""The agent's loop: whatever the model does, the turn ends in a right state, and no bad call reaches a tool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field
from structlog.testing import capture_logs

from bot.clock import new_id
from bot.config import Settings
from bot.conversation import Heard, Queue, Turn
from bot.dialogs.agent import AgentLoop
from bot.dialogs.intents import Intents
from bot.dialogs.llm import Model, ModelRequest, ModelStep, ToolCall, Usage
from bot.dialogs.offline import Offline
from bot.dialogs.openai_model import OpenAIModel
from bot.dialogs.prompts import Agent
from bot.dialogs.task import Answer, Bounds, Task
from bot.errors import (
    EpochMoved,
    FenceLost,
    ModelBroken,
    ModelRejected,
    ModelUnavailable,
    NotFound,
    StoreUnavailable,
    ToolError,
)
from bot.jobs import Jobs
from bot.journal import Guard, Journal, steps_of
from bot.message import Address, Button, InboundMessage, Reply, Text
from bot.policy import Policy
from bot.principal import PersonRef, Strength
from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.work import Delivery, Fence, JournalKind, JournalRow
from bot.resources import say
from bot.services.audit import Audit
from bot.services.callbacks import Callbacks
from bot.services.calling import join as join_calling
from bot.services.capture import Capture
from bot.services.consents import Consents
from bot.services.conversations import Conversations
from bot.services.directory import Directory
from bot.services.handoff import Handoffs
from bot.services.hours import Hours
from bot.services.knowledge import Knowledge
from bot.services.leads import Leads
from bot.services.memories import Memories
from bot.services.merging import Merging
from bot.services.one_time_codes import OneTimeCodes
from bot.services.people import People
from bot.services.phone_calls import PhoneCalls
from bot.services.ratings import Ratings
from bot.services.search import Search
from bot.services.settings import SystemSettings
from bot.services.tickets import Tickets
from bot.services.verification import Verifying
from bot.shared import alone
from bot.store.base import Require, Unit
from bot.store.local import LocalLanes
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock
from bot.testing.llm import Called, Calls, Raised, Said, ScriptedModel, ScriptedStep
from bot.testing.openai import FakeOpenAI, Fault
from bot.tools.base import Result, Services, Tool, Toolbox, ToolContext, tool
from bot.tools.talk import hand_to_person, offer_choices
from bot.tools.tickets import create_ticket, list_my_tickets

pytestmark = pytest.mark.unit


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Hands:
    """Tools that note what reached them."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.together = asyncio.Event()

    def tools(self) -> list[Tool]:
        hands = self

        @tool()
        async def look(context: ToolContext, place: str, times: int = 1, colour: Colour = Colour.RED) -> Result:
            """Looks at a place."""
            hands.did.append(f"look {place} {times} {colour}")
            return Result(f"saw {place}")

        @tool()
        async def look_with_others(context: ToolContext, place: str) -> Result:
            """Looks when another one looks, too."""
            hands.at_once += 1
            hands.most_at_once = max(hands.most_at_once, hands.at_once)
            if hands.at_once == 3:
                hands.together.set()
            await hands.together.wait()
            hands.at_once -= 1
            return Result(f"saw {place}")

        @tool(write=True)
        async def paint(context: ToolContext, thing: str, coats: Annotated[int, Field(ge=1, le=3)] = 1) -> Result:
            """Paints a thing."""
            hands.did.append(f"paint {thing} {coats}")
            await asyncio.sleep(0)
            return Result(f"painted {thing}")

        @tool(write=True)
        async def paint_twice(context: ToolContext, thing: str) -> Result:
            """Writes a record whose id is taken the second time."""
            hands.did.append(f"paint_twice {thing}")
            context.unit.insert(Customer(id="same"))
            return Result("painted")

        @tool(write=True)
        async def break_down(context: ToolContext) -> Result:
            """Has a fault."""
            hands.did.append("break_down")
            raise ZeroDivisionError("secret inside")

        @tool(write=True)
        async def say_no(context: ToolContext) -> Result:
            """Cannot be done."""
            raise NotFound("there is no order 77")

        @tool(write=True)
        async def complain(context: ToolContext) -> Result:
            """Tells the model itself."""
            raise ToolError("give the order's number")

        @tool(write=True, timeout=0.05)
        async def hang(context: ToolContext) -> Result:
            """Takes for ever."""
            hands.did.append("hang")
            await asyncio.Event().wait()
            raise AssertionError

        @tool()
        async def lose_the_lane(context: ToolContext) -> Result:
            """Finds the lane lost."""
            raise FenceLost

        @tool()
        async def lose_the_store(context: ToolContext) -> Result:
            """Finds the store gone."""
            raise StoreUnavailable

        @tool()
        async def show_two(context: ToolContext) -> Result:
            """Shows something and goes on."""
            return Result("shown", replies=(Reply("look here"), Reply("and here", (Button("b", "Tap"),))))

        @tool(write=True, needs=Strength.VERIFIED)
        async def open_the_safe(context: ToolContext) -> Result:
            """Opens the safe."""
            hands.did.append("open_the_safe")
            return Result("open")

        mine = [open_the_safe, look, look_with_others, paint, paint_twice, break_down, say_no, complain, hang]
        return [*mine, lose_the_lane, lose_the_store, show_two]

    def noted(self, *names: str) -> list[str]:
        return [did for did in self.did if did.split()[0] in names]


@dataclass
class Bench:
    """A loop with everything around it, without engine and worker."""

    store: SqliteStore
    clock: ManualClock
    conversation: Conversation
    customer: Customer
    hands: Hands
    model: ScriptedModel = field(default_factory=ScriptedModel)
    turn_id: str = field(default_factory=new_id)

    async def answer(
        self,
        *steps: ScriptedStep,
        bounds: Bounds | None = None,
        model: Model | None = None,
        without: tuple[str, ...] = (),
        offline: bool = False,
        said: str = "Do something.",
        strength: Strength = Strength.SIGNED,
    ) -> Answer:
        self.model = ScriptedModel(*steps)
        names = [tool.name for tool in self._tools() if tool.name not in without]
        agent = Agent("support", "", tuple(names), "", "prompt", "hash")
        loop = AgentLoop(
            None if offline else model or self.model,
            Offline(Intents(knowledge := Knowledge(self.store)), knowledge),
            Toolbox({tool.name: tool for tool in self._tools()}),
            self.clock,
            bounds,
        )
        context = ToolContext(
            PersonRef(self.customer.id, strength),
            self.conversation,
            "support",
            "en",
            self.services(),
        )
        messages: list[dict[str, Any]] = [{"role": "system", "content": "prompt"}, {"role": "user", "content": said}]
        journal = await self.journal()
        answer = await loop.answer(Task(agent, {agent.name: agent}, lambda agent: agent.prompt, messages, context, journal))
        rest = Unit()
        journal.flush(rest)  # as the engine does at the end of the turn
        await self.store.commit(rest)
        self.model.assert_complete()
        return answer

    def services(self) -> Services:
        store, clock, audit = self.store, self.clock, Audit(self.clock)
        people, merging = People(store, clock, audit), Merging(store, clock, audit)
        policy, jobs, codes = Policy(store, clock), Jobs(store, LocalLanes(1, clock), clock), OneTimeCodes(bytes(32))
        search, leads, system = Search(store), Leads(store, clock, audit), SystemSettings(store, clock)
        callbacks = Callbacks(store, clock, audit)
        calls = PhoneCalls(store, clock, audit, people, Conversations(store, clock, audit), jobs)
        pacer, settings = alone(clock).pacer, Settings(_env_file=None)
        calling = join_calling(store, clock, audit, jobs, policy, system, calls, callbacks, pacer, None, "Acme", settings)
        return Services(
            tickets=Tickets(store, clock, audit),
            handoffs=Handoffs(("support", "sales", "billing")),
            people=people,
            callbacks=callbacks,
            search=search,
            knowledge=Knowledge(store),
            memories=Memories(store, clock, audit),
            verification=Verifying(store, clock, audit, policy, jobs, people, merging, codes, has_email=False),
            leads=leads,
            capture=Capture(store, clock, leads),
            directory=Directory(store, search, leads),
            ratings=Ratings(store, clock, audit),
            consents=Consents(clock),
            hours=Hours(system, clock),
            dialling=calling.dialling,
        )

    def _tools(self) -> list[Tool]:
        return [create_ticket, list_my_tickets, hand_to_person, offer_choices, *self.hands.tools()]

    async def journal(self) -> Journal:
        message = InboundMessage("m", Address("whatsapp", "1", "2"), Text("x"), self.clock.now())
        turn = Turn(message.address, (Heard("whatsapp:m", self.turn_id, message),))
        fence = Require(Fence, {"id": "local", "value": 1}, FenceLost)
        epoch = Require(Conversation, {"id": self.conversation.id, "epoch": 0}, EpochMoved)
        steps = await steps_of(self.store, turn)
        return Journal(self.store, self.clock, turn, self.conversation.id, Guard((fence, epoch)), steps)

    def told(self) -> list[str]:
        """What the tools' results said to the model, in its last request."""
        return [str(message["content"]) for message in self.model.requests[-1].messages if message["role"] == "tool"]

    async def rows(self, kind: JournalKind) -> list[JournalRow]:
        found = await self.store.find(JournalRow, {"turn_id": self.turn_id}, sort=("step",))
        return [row for row in found if row.kind is kind]

    async def tickets(self) -> list[Ticket]:
        return await self.store.find(Ticket, {"customer_id": self.customer.id})


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_bench(folder: Path) -> AsyncIterator[Bench]:
    clock = ManualClock()
    store = SqliteStore(folder / "bot.db", clock)
    await store.open()
    customer = Customer(id=new_id())
    conversation = Conversation(
        id=new_id(), customer_id=customer.id, lane="l", our_address="1", their_address="2", assignee_name="support"
    )
    await store.insert([customer, conversation, Fence(id="local", value=1)])
    try:
        yield Bench(store, clock, conversation, customer, Hands())
    finally:
        await store.close()


TICKET = {"subject": "No internet", "description": "Since yesterday"}


# Calls that must not reach a tool: each is told to the model in words it can act on


def raw(*calls: tuple[str, str]) -> Callable[[ModelRequest], Any]:
    """A step with calls whose arguments are exactly this text."""

    class Raw:
        async def stream(self, request: ModelRequest) -> Any:
            step = tuple(ToolCall(f"call_{number}", name, text) for number, (name, text) in enumerate(calls))
            yield ModelStep("", step, Usage(1, 1), "tool_calls", "scripted")

    return Raw().stream


class RawModel:
    """A first step made of raw calls, then words."""

    def __init__(self, *calls: tuple[str, str]) -> None:
        self.first = raw(*calls)
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> Any:
        self.requests.append(request)
        if len(self.requests) == 1:
            async for item in self.first(request):
                yield item
        else:
            yield ModelStep("Sorry.", (), Usage(1, 1))

    async def close(self) -> None:
        return


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("lok", '{"place": "x"}', "there is no tool 'lok'; did you mean look?"),
        ("create_tickets", "{}", "did you mean create_ticket?"),
        ("", "{}", "there is no tool ''"),
        ("x" * 100_000, "{}", "there is no tool 'xxxx"),
        ("rm -rf /", "{}", "there is no tool 'rm -rf /'; there are create_ticket"),
        ("look", '{"place": 7}', "look.place: "),
        ("look", '{"place": ["a"]}', "look.place: "),
        ("look", '{"place": null}', "look.place: "),
        ("look", '{"place": "a", "times": "many"}', "look.times: "),
        ("look", '{"place": "a", "times": 1.5}', "look.times: "),
        ("look", '{"place": "a", "colour": "green"}', "look.colour: "),
        ("look", "{}", "look.place: "),
        ("look", "", "look.place: "),
        ("look", '{"place": "a", "customer_id": "somebody else"}', "look.customer_id: "),
        ("look", '{"palce": "a"}', "(and 1 more)"),
        ("look", '{"place": "a"', "not valid JSON"),
        ("look", "place=a", "not valid JSON"),
        ("look", '{"place": NaN}', "not valid JSON"),
        ("look", "[" * 100_000, "not valid JSON"),
        ("look", '{"place": "\\ud800"}', "not valid JSON"),
        ("look", '["a"]', "error: look"),
        ("look", '"a"', "error: look"),
        ("look", "null", "error: look"),
        ("paint", '{"thing": "door", "coats": 0}', "paint.coats: "),
        ("paint", '{"thing": "door", "coats": 99999999999999999999999999}', "paint.coats: "),
        ("create_ticket", '{"subject": "", "description": "b"}', "create_ticket.subject: "),
        ("create_ticket", '{"subject": "a", "description": "b", "category": "magic"}', "create_ticket.category: "),
        (
            "offer_choices",
            '{"text": "Which?", "options": ["a", "b", "c", "d"]}',
            "offer_choices.options: ",
        ),
        ("offer_choices", '{"text": "Which?", "options": []}', "offer_choices.options: "),
        ("hand_to_person", "{}", "hand_to_person.reason: "),
    ],
    ids=lambda value: value[:24],
)
async def test_a_bad_call_is_told_to_the_model_and_reaches_no_tool(bench: Bench, name: str, arguments: str, told: str) -> None:
    model = RawModel((name, arguments))
    answer = await bench.answer(model=model)
    assert [reply.text for reply in answer.replies] == ["Sorry."]
    assert (answer.trouble, answer.assignee) == (False, None)
    result = model.requests[1].messages[-1]["content"]
    assert result.startswith("error: ")
    assert told in result
    assert len(result) < 500
    assert bench.hands.did == []
    assert await bench.tickets() == []
    [row] = await bench.rows(JournalKind.TOOL)
    assert row.body["result"] == result


async def test_a_tool_that_exists_but_is_not_the_agents_is_unknown_to_it(bench: Bench) -> None:
    await bench.answer(Called("paint", thing="door"), Said("I cannot paint."), without=("paint",))
    assert bench.told() == ["error: there is no tool 'paint'; did you mean paint_twice?"]
    assert bench.hands.did == []
    assert "paint" not in [tool["function"]["name"] for tool in bench.model.requests[0].tools]


async def test_good_calls_beside_a_bad_one_are_run(bench: Bench) -> None:
    await bench.answer(Calls(Called("look", place="a"), Called("lok", place="b"), Called("paint", thing="c")), Said("Done."))
    assert bench.hands.did == ["look a 1 red", "paint c 1"]
    assert [told.split(";")[0] for told in bench.told()] == ["saw a", "error: there is no tool 'lok'", "painted c"]


async def test_arguments_arrive_in_their_types(bench: Bench) -> None:
    await bench.answer(Called("look", place="a", times="2", colour="blue"), Said("Done."))
    assert bench.hands.did == ["look a 2 blue"]


# Writing once


async def test_the_same_write_twice_in_one_step_runs_once(bench: Bench) -> None:
    await bench.answer(Calls(Called("create_ticket", **TICKET), Called("create_ticket", **TICKET)), Said("Done."))
    assert [ticket.ticket_id for ticket in await bench.tickets()] == ["TICKET-2026-000001"]
    assert bench.told() == ["opened ticket TICKET-2026-000001"] * 2


async def test_the_same_write_in_several_steps_runs_once_however_it_is_spelled(bench: Bench) -> None:
    other_order = dict(reversed(TICKET.items()))
    await bench.answer(
        Called("create_ticket", **TICKET),
        Called("create_ticket", **other_order, priority="medium"),
        Called("create_ticket", **TICKET, category="general_inquiry"),
        Said("Done."),
    )
    assert len(await bench.tickets()) == 1
    assert set(bench.told()) == {"opened ticket TICKET-2026-000001"}


async def test_two_different_writes_both_run_in_order(bench: Bench) -> None:
    await bench.answer(
        Calls(Called("paint", thing="b"), Called("paint", thing="a"), Called("paint", thing="b", coats=2)), Said("Done.")
    )
    assert bench.hands.did == ["paint b 1", "paint a 1", "paint b 2"]


async def test_the_same_read_twice_reads_twice(bench: Bench) -> None:
    await bench.answer(Called("look", place="a"), Called("look", place="a"), Said("Done."))
    assert bench.hands.did == ["look a 1 red"] * 2


async def test_reads_of_one_step_run_side_by_side_and_are_told_in_order(bench: Bench) -> None:
    async with asyncio.timeout(5):
        await bench.answer(Calls(*(Called("look_with_others", place=place) for place in "abc")), Said("Done."))
    assert bench.hands.most_at_once == 3
    assert bench.told() == ["saw a", "saw b", "saw c"]


async def test_a_write_that_meets_a_taken_key_changes_nothing_and_the_model_is_told(bench: Bench) -> None:
    await bench.store.insert([Customer(id="same")])
    answer = await bench.answer(Called("paint_twice", thing="a"), Said("That is taken."))
    assert "taken already; nothing was changed" in bench.told()[0]
    assert answer.trouble is False


# Tools that fail


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("break_down", "error: break_down failed inside; nothing was changed"),
        ("say_no", "error: there is no order 77; nothing was changed"),
        ("complain", "error: give the order's number"),
        ("hang", "error: hang took longer than 0.05 s; nothing was changed"),
    ],
)
async def test_a_tool_that_fails_is_told_to_the_model_and_the_turn_goes_on(bench: Bench, name: str, told: str) -> None:
    answer = await bench.answer(Called(name), Said("It did not work."))
    assert bench.told() == [told]
    assert [reply.text for reply in answer.replies] == ["It did not work."]
    assert [row.body["result"] for row in await bench.rows(JournalKind.TOOL)] == [told]


async def test_a_write_that_failed_can_be_tried_again_in_the_same_turn(bench: Bench) -> None:
    await bench.answer(Called("break_down"), Called("break_down"), Said("It does not work."))
    assert bench.hands.did == ["break_down", "break_down"]


@pytest.mark.parametrize(("name", "error"), [("lose_the_lane", FenceLost), ("lose_the_store", StoreUnavailable)])
async def test_losing_the_lane_or_the_store_ends_the_turn_without_an_answer(
    bench: Bench, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await bench.answer(Calls(Called(name), Called("look", place="a")))


async def test_a_tool_commits_nothing_after_the_lane_was_lost(bench: Bench) -> None:
    await bench.store.change(Fence, {"id": "local"}, inc={"value": 1})
    with pytest.raises(FenceLost):
        await bench.answer(Called("create_ticket", **TICKET))
    assert await bench.tickets() == []
    assert await bench.rows(JournalKind.MODEL) == []


async def test_a_tool_commits_nothing_after_the_conversation_changed_hands(bench: Bench) -> None:
    async def taken_over() -> None:
        await bench.store.change(Conversation, {"id": bench.conversation.id}, inc={"epoch": 1})

    model = Meanwhile(taken_over, Called("create_ticket", **TICKET))
    with pytest.raises(EpochMoved):
        await bench.answer(model=model)
    assert await bench.tickets() == []


class Meanwhile(ScriptedModel):
    """Something happens while the model thinks."""

    def __init__(self, happens: Callable[[], Awaitable[None]], *steps: ScriptedStep) -> None:
        super().__init__(*steps)
        self._happens = happens

    async def stream(self, request: ModelRequest) -> Any:
        await self._happens()
        async for item in super().stream(request):
            yield item


# Bounds


async def test_of_twenty_calls_in_a_step_only_the_first_eight_are_run(bench: Bench) -> None:
    calls = [Called("paint", thing=str(number)) for number in range(20)]
    await bench.answer(Calls(*calls), Said("Done."))
    assert len(bench.hands.did) == 8
    assert bench.told()[8:] == ["error: too many calls at once; nothing was done"] * 12


async def test_endless_calls_end_in_an_honest_word(bench: Bench) -> None:
    answer = await bench.answer(*(Called("look", place=str(number)) for number in range(8)))
    assert (answer.trouble, answer.replies, answer.assignee) == (True, [], None)
    assert answer.spent.steps == 8


async def test_the_bound_on_tokens_ends_the_turn(bench: Bench) -> None:
    def costly(_: ModelRequest) -> Called:
        return Called("look", place="a")

    answer = await bench.answer(costly, costly, bounds=Bounds(tokens=10))
    assert answer.trouble is True
    assert answer.spent.steps <= 2


async def test_a_finished_answer_over_the_bound_on_tokens_is_still_said(bench: Bench) -> None:
    answer = await bench.answer(Said("A long story.", usage=Usage(100, 100)), bounds=Bounds(tokens=10))
    assert (answer.trouble, [reply.text for reply in answer.replies]) == (False, ["A long story."])


async def test_the_bound_on_time_ends_the_turn(bench: Bench) -> None:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    answer = await bench.answer(model=Meanwhile(for_ever, Said("Too late.")), bounds=Bounds(seconds=0.05))
    assert (answer.trouble, answer.replies) == (True, [])


async def test_a_megabyte_of_text_is_cut(bench: Bench) -> None:
    answer = await bench.answer(Said("word " * 200_000))
    assert [len(reply.text) for reply in answer.replies] == [16_000]
    assert answer.trouble is False


async def test_a_megabyte_beside_a_call_is_not_sent_back_whole(bench: Bench) -> None:
    bounds = Bounds(tokens=10_000_000)
    await bench.answer(Calls(Called("look", place="a"), said="word " * 200_000), Said("Done."), bounds=bounds)
    assert len(str(bench.model.requests[-1].messages[-2]["content"])) == 16_000


async def test_a_result_is_shown_to_the_model_only_up_to_a_length(bench: Bench) -> None:
    await bench.answer(Called("look", place="a" * 20_000), Said("Done."))
    assert len(bench.told()[0]) == 8_000


# What is said


async def test_words_beside_calls_are_not_said(bench: Bench) -> None:
    answer = await bench.answer(Calls(Called("look", place="a"), said="Let me look ..."), Said("It is red."))
    assert [reply.text for reply in answer.replies] == ["It is red."]


async def test_words_beside_a_call_that_ends_the_turn_are_said_first(bench: Bench) -> None:
    answer = await bench.answer(Calls(Called("offer_choices", text="Which?", options=["A", "B"]), said="Of course."))
    assert [reply.as_text() for reply in answer.replies] == ["Of course.", "Which?\n[A]\n[B]"]


async def test_replies_of_a_tool_that_does_not_end_the_turn_come_before_the_answer(bench: Bench) -> None:
    answer = await bench.answer(Called("show_two"), Said("That was it."))
    assert [reply.text for reply in answer.replies] == ["look here", "and here", "That was it."]


async def test_asking_for_a_person_gives_the_queue_and_the_reason(bench: Bench) -> None:
    answer = await bench.answer(Called("hand_to_person", reason="is upset", skill=" Sales "))
    assert (answer.assignee, answer.reason, answer.trouble, answer.replies) == (Queue("sales"), "is upset", False, [])


async def test_what_was_called_before_the_end_of_the_turn_is_done_and_what_comes_after_it_is_not(bench: Bench) -> None:
    answer = await bench.answer(
        Calls(
            Called("paint", thing="a"),
            Called("offer_choices", text="Painted. More?", options=["Yes"]),
            Called("paint", thing="b"),
            Called("hand_to_person", reason="r"),
            Called("offer_choices", text="Again?", options=["No"]),
        )
    )
    assert bench.hands.did == ["paint a 1"]
    assert [reply.text for reply in answer.replies] == ["Painted. More?"]
    assert answer.assignee is None


# Models that fail: the path without a model serves in the same turn


@pytest.mark.parametrize("error", [ModelUnavailable("down"), ModelRejected("bad key"), ModelBroken("not JSON")])
async def test_a_model_that_fails_at_once_is_served_without(bench: Bench, error: Exception) -> None:
    answer = await bench.answer(Raised(error))
    [reply] = answer.replies
    assert reply.text == say("en", "no_answer")
    assert [button.title for button in reply.buttons] == ["Open a ticket", "Get a call", "Talk to a person"]
    assert (answer.trouble, answer.spent.offline) == (False, True)


CUT = Raised(ModelBroken("cut off"), after="Your balance is 7")


async def test_an_answer_that_breaks_off_is_asked_for_again_and_its_words_are_kept_but_not_said(bench: Bench) -> None:
    answer = await bench.answer(CUT, Said("Your balance is 700."))
    assert [reply.text for reply in answer.replies] == ["Your balance is 700."]
    broken, whole = await bench.rows(JournalKind.MODEL)
    assert (broken.body["text"], broken.body["finishReason"], broken.body["estimated"]) == ("Your balance is 7", "error", True)
    assert whole.body["text"] == "Your balance is 700."
    assert answer.spent.output_tokens > whole.body["outputTokens"], "what was lost has been paid for, too"


async def test_a_model_that_breaks_off_twice_in_a_turn_is_not_asked_any_more(bench: Bench) -> None:
    answer = await bench.answer(CUT, Called("look", place="a"), CUT)
    assert bench.hands.did == ["look a 1 red"]
    assert len(bench.model.requests) == 3
    assert len(answer.replies) == 1
    assert "Your balance" not in answer.replies[0].text


@pytest.mark.parametrize("step", [Said(""), Said("  \n "), Said("", finish_reason="content_filter")])
async def test_an_empty_answer_is_served_without_the_model(bench: Bench, step: Said) -> None:
    answer = await bench.answer(step)
    assert [reply.text for reply in answer.replies] == [say("en", "no_answer")]


async def test_a_model_that_fails_after_a_ticket_was_made_still_tells_its_number_and_is_not_asked_again(bench: Bench) -> None:
    answer = await bench.answer(Called("create_ticket", **TICKET), Raised(ModelUnavailable("down")))
    assert [reply.text for reply in answer.replies] == [say("en", "ticket_opened", ticket_id="TICKET-2026-000001")]
    assert len(await bench.tickets()) == 1


async def test_a_model_whose_stream_just_ends_is_served_without(bench: Bench) -> None:
    class Silent:
        async def stream(self, request: ModelRequest) -> Any:
            yield "some words"

        async def close(self) -> None:
            return

    answer = await bench.answer(model=Silent())
    assert [reply.text for reply in answer.replies] == [say("en", "no_answer")]


async def test_without_a_model_the_same_loop_serves(bench: Bench) -> None:
    answer = await bench.answer(offline=True, said="Talk to a person")
    assert answer.assignee == Queue("support")


# The journal


async def test_every_step_is_journaled_with_what_it_took(bench: Bench) -> None:
    answer = await bench.answer(Called("look", place="a"), Said("Red.", usage=Usage(100, 5)))
    steps = await bench.rows(JournalKind.MODEL)
    assert [step.body["finishReason"] for step in steps] == ["tool_calls", "stop"]
    assert {step.body["prompt"] for step in steps} == {"hash"}
    assert (steps[1].body["inputTokens"], steps[1].body["outputTokens"]) == (100, 5)
    [read] = await bench.rows(JournalKind.TOOL)
    assert (read.body["tool"], read.body["arguments"]["place"]) == ("look", "a")
    assert answer.spent.steps == 2
    assert answer.spent.input_tokens >= 100
    assert answer.spent.amounts()["model_steps"] == 2


async def test_a_turn_that_is_run_again_asks_neither_the_model_nor_the_tools_again(bench: Bench) -> None:
    steps: tuple[ScriptedStep, ...] = (
        Calls(Called("look", place="a"), Called("create_ticket", **TICKET), Called("break_down")),
        Called("paint", thing="b"),
        Calls(Called("offer_choices", text="Which?", options=["A"]), said="So:"),
    )
    first = await bench.answer(*steps)
    did = list(bench.hands.did)
    again = await bench.answer()
    assert again.replies == first.replies
    assert (again.assignee, again.trouble) == (first.assignee, first.trouble)
    assert bench.hands.did == did
    assert len(await bench.tickets()) == 1
    assert again.spent.amounts() == first.spent.amounts()


async def test_a_handoff_is_read_back_from_the_journal(bench: Bench) -> None:
    first = await bench.answer(Called("hand_to_person", reason="r", skill="billing"))
    again = await bench.answer()
    assert (again.assignee, again.reason) == (first.assignee, first.reason) == (Queue("billing"), "r")


async def test_nothing_is_put_into_the_outbox_by_the_loop_itself(bench: Bench) -> None:
    await bench.answer(Said("Hello."))
    assert await bench.store.count(Delivery, {}) == 0


async def test_a_model_that_fails_is_logged_by_kind_and_status_and_never_in_the_vendors_words(bench: Bench) -> None:
    async with FakeOpenAI(Fault.status(400, message="cannot read: my card is 4111")) as server:
        model = OpenAIModel("key", server.url, "any", max_retries=0)
        with capture_logs() as logs:
            await bench.answer(model=model)
        await model.close()
    [line] = [line for line in logs if line["event"].startswith("model failed")]
    assert (line["kind"], line["status"]) == ("ModelRejected", 400)
    assert "4111" not in str(logs)


async def test_a_write_that_the_store_refuses_is_logged_by_tool_and_kind(bench: Bench) -> None:
    with capture_logs() as logs:
        await bench.answer(Called("paint_twice", thing="Ana's"), Called("paint_twice", thing="Bo's"), Said("Taken."))
    refused = [line for line in logs if line["event"] == "tool could not write"]
    assert [(line["log_level"], line["tool"], line["kind"]) for line in refused] == [("warning", "paint_twice", "Duplicate")]
    assert "Bo" not in str(refused)


async def test_a_use_case_that_says_no_is_no_warning(bench: Bench) -> None:
    with capture_logs() as logs:
        await bench.answer(Called("say_no"), Said("There is none."))
    assert logs == []


# How sure we are of who the person is


@pytest.mark.parametrize("strength", [Strength.CLAIMED, Strength.SIGNED])
async def test_a_tool_is_not_run_for_somebody_we_are_not_sure_enough_of(bench: Bench, strength: Strength) -> None:
    answer = await bench.answer(Called("open_the_safe"), Said("You have to be verified."), strength=strength)
    (told,) = bench.told()
    assert told.startswith("error: open_the_safe was not run")
    assert "verified" in told
    assert "person of the team" in told
    assert (bench.hands.did, answer.trouble) == ([], False)


async def test_a_tool_is_run_for_somebody_we_are_sure_of(bench: Bench) -> None:
    await bench.answer(Called("open_the_safe"), Said("Open."), strength=Strength.VERIFIED)
    assert bench.hands.did == ["open_the_safe"]


async def test_what_an_earlier_run_did_for_somebody_stays_done_where_we_are_not_sure_of_them_any_more(bench: Bench) -> None:
    await bench.answer(Called("open_the_safe"), bounds=Bounds(steps=1), strength=Strength.VERIFIED)
    await bench.answer(Said("Open."), strength=Strength.CLAIMED)  # the turn again after a crash, when the proof has run out
    assert bench.told() == ["open"]
    assert bench.hands.did == ["open_the_safe"]


async def test_the_tickets_of_a_person_who_only_claims_to_be_somebody_are_not_shown(bench: Bench) -> None:
    await bench.answer(Called("create_ticket", **TICKET), Called("list_my_tickets"), Said("."), strength=Strength.CLAIMED)
    opened, refused = bench.told()
    assert opened.startswith("opened ticket")
    assert "No internet" not in refused
