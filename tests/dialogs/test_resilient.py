"""Which model is asked, and which is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import structlog

from bot.breakers import BreakerState, Tolerance
from bot.dialogs.llm import Model, ModelRequest, ModelStep, finish
from bot.dialogs.openai_model import OpenAIModel
from bot.dialogs.resilient import Choice, ResilientModel
from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnavailable
from bot.testing.clock import ManualClock
from bot.testing.llm import Raised, Said, ScriptedModel, Step
from bot.testing.model_contract import QUESTION, heard
from bot.testing.openai import FakeOpenAI, Fault

pytestmark = pytest.mark.unit

FAILURES, COOL_DOWN, LONGEST_COOL_DOWN = Tolerance().failures, Tolerance().cool_down, Tolerance().longest
DOWN = Raised(ModelUnavailable("down", status=503))


class Desk:
    """A first and a second model, behind breakers."""

    def __init__(self, *, second: bool = True) -> None:
        self.clock = ManualClock()
        self.first, self.second = ScriptedModel(), ScriptedModel()
        choices = [Choice("first", self.first), Choice("second", self.second)]
        self.model = ResilientModel(choices if second else choices[:1], self.clock)

    async def ask(self, first: Step | None = None, second: Step | None = None, **more: Any) -> str:
        """The answer, when the models that are asked do this; whoever has no step must not be asked."""
        self.first.will(*([first] if first else []))
        self.second.will(*([second] if second else []))
        try:
            return (await finish(self.model, ModelRequest(QUESTION.messages, **more))).text
        finally:
            self.first.assert_complete()
            self.second.assert_complete()

    async def break_first(self) -> None:
        for _ in range(FAILURES):
            await self.ask(DOWN, Said("second"))

    @property
    def states(self) -> list[tuple[str, str, float]]:
        return [(state.name, state.state.value, state.seconds) for state in self.model.states()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_the_first_one_is_asked(desk: Desk) -> None:
    assert await desk.ask(Said("first")) == "first"


@pytest.mark.parametrize(
    "error",
    [
        ModelUnavailable("down", status=503),
        ModelBroken("nonsense"),
        ModelRejected("no key", status=401),
        ModelRejected("too long", status=400),
    ],
)
async def test_the_next_one_is_asked_when_one_fails_before_its_first_word(desk: Desk, error: ModelError) -> None:
    assert await desk.ask(Raised(error), Said("second")) == "second"


async def test_after_the_first_word_the_error_goes_up_with_what_was_said(desk: Desk) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await desk.ask(Raised(ModelUnavailable("gone"), after="Your ticket"))
    assert (caught.value.partial, caught.value.model) == ("Your ticket", "first")


async def test_the_last_error_goes_up_when_nobody_answers(desk: Desk) -> None:
    with pytest.raises(ModelBroken, match="second"):
        await desk.ask(DOWN, Raised(ModelBroken("the second broke")))


async def test_a_model_named_by_the_request_is_for_the_first_one_only(desk: Desk) -> None:
    await desk.ask(DOWN, Said("second"), model="special")
    assert (desk.first.requests[0].model, desk.second.requests[0].model) == ("special", "")


async def test_one_that_keeps_failing_is_left_alone(desk: Desk) -> None:
    await desk.break_first()
    assert desk.states == [("first", "open", COOL_DOWN), ("second", "closed", 0.0)]
    assert await desk.ask(None, Said("second")) == "second"


async def test_an_answer_in_between_sets_the_count_back(desk: Desk) -> None:
    for _ in range(3):
        for _ in range(FAILURES - 1):
            await desk.ask(DOWN, Said("second"))
        await desk.ask(Said("first"))
    assert desk.states[0] == ("first", "closed", 0.0)


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (ModelBroken("nonsense"), True),
        (ModelRejected("key", status=401), True),
        (ModelRejected("credit", status=402), True),
        (ModelRejected("no such model", status=404), True),
        (ModelRejected("elsewhere", status=302), True),
        (ModelRejected("too long", status=400), False),
        (ModelRejected("too large", status=413), False),
        (ModelRejected("what?", status=422), False),
        (ModelRejected("no JSON"), False),
    ],
)
async def test_what_says_nothing_about_other_requests_opens_nothing(desk: Desk, error: ModelError, opens: bool) -> None:
    for _ in range(FAILURES):
        await desk.ask(Raised(error), Said("second"))
    assert (desk.model.states()[0].state is BreakerState.OPEN) is opens


async def test_a_model_that_only_this_request_named_and_nobody_has_opens_nothing(desk: Desk) -> None:
    for _ in range(FAILURES):
        await desk.ask(Raised(ModelRejected("no such model", status=404)), Said("second"), model="misspelt")
    assert desk.states[0] == ("first", "closed", 0.0)


async def test_answers_that_break_off_count_too(desk: Desk) -> None:
    for _ in range(FAILURES):
        with pytest.raises(ModelUnavailable):
            await desk.ask(Raised(ModelUnavailable("gone"), after="Well"))
    assert desk.states[0] == ("first", "open", COOL_DOWN)


async def test_after_the_cool_down_it_is_tried_and_taken_back(desk: Desk) -> None:
    await desk.break_first()
    await desk.clock.advance(COOL_DOWN - 0.001)
    assert await desk.ask(None, Said("second")) == "second"
    await desk.clock.advance(0.001)
    assert desk.states[0] == ("first", "half_open", 0.0)
    assert await desk.ask(Said("first")) == "first"
    assert desk.states[0] == ("first", "closed", 0.0)


async def test_each_try_that_fails_doubles_the_cool_down_up_to_a_bound(desk: Desk) -> None:
    await desk.break_first()
    waits = []
    for _ in range(6):
        waits.append(desk.states[0][2])
        await desk.clock.advance(waits[-1])
        await desk.ask(DOWN, Said("second"))
    assert waits == [30.0, 60.0, 120.0, 240.0, LONGEST_COOL_DOWN, LONGEST_COOL_DOWN]


async def test_only_one_tries_whether_it_works_again() -> None:
    class Held(ScriptedModel):
        def __init__(self) -> None:
            super().__init__()
            self.free = asyncio.Event()

        async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
            await self.free.wait()
            async for item in super().stream(request):
                yield item

    desk, held = Desk(), Held()
    model = ResilientModel([Choice("first", held), Choice("second", desk.second)], desk.clock)
    held.free.set()
    held.will(*[DOWN] * FAILURES)
    desk.second.will(*[Said("second")] * (FAILURES + 3))
    for _ in range(FAILURES):
        await finish(model, QUESTION)
    await desk.clock.advance(COOL_DOWN)
    held.free.clear()
    trying = asyncio.create_task(finish(model, QUESTION))
    await asyncio.sleep(0)
    others = [(await finish(model, QUESTION)).text for _ in range(3)]
    held.will(Said("first"))
    held.free.set()
    assert others == ["second"] * 3
    assert (await trying).text == "first"
    held.assert_complete()


async def test_a_try_that_is_given_up_leaves_the_next_one_to_try(desk: Desk) -> None:
    await desk.break_first()
    await desk.clock.advance(COOL_DOWN)
    stream = desk.model.stream(QUESTION)
    desk.first.will(Said("one two"))
    assert await anext(stream) == "one"
    await stream.aclose()
    assert desk.states[0] == ("first", "half_open", 0.0)
    assert await desk.ask(Said("first")) == "first"


async def test_a_straggler_that_fails_makes_no_cool_down_longer(desk: Desk) -> None:
    straggler = desk.model.stream(QUESTION)
    desk.first.will(Raised(ModelUnavailable("gone"), after="one two"))
    assert await anext(straggler) == "one"
    await desk.break_first()
    await desk.clock.advance(COOL_DOWN / 2)
    with pytest.raises(ModelUnavailable):
        await finish(Rest(straggler), QUESTION)
    assert desk.states[0] == ("first", "open", COOL_DOWN / 2)


async def test_with_nobody_left_to_ask_it_is_said_at_once() -> None:
    desk = Desk(second=False)
    for _ in range(FAILURES):
        with pytest.raises(ModelUnavailable, match="down"):
            await desk.ask(DOWN)
    with pytest.raises(ModelUnavailable, match="left alone for a while") as caught:
        await desk.ask()
    assert caught.value.retryable


async def test_a_change_is_logged_without_a_word_of_what_was_said(desk: Desk) -> None:
    with structlog.testing.capture_logs() as logs:
        for _ in range(FAILURES):
            await desk.ask(Raised(ModelUnavailable("it said: ¿Está abierto?", status=503)), Said("second"))
        await desk.clock.advance(COOL_DOWN)
        await desk.ask(Said("first"))
    left = {"event": "vendor left alone", "vendor": "model:first", "seconds": 30.0, "kind": "ModelUnavailable", "status": 503}
    assert logs == [
        left | {"log_level": "warning"},
        {"event": "vendor works again", "vendor": "model:first", "log_level": "info"},
    ]


class Slow:
    """Says nothing until somebody lets it."""

    def __init__(self) -> None:
        self.was_closed = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        try:
            await asyncio.Event().wait()
            yield ModelStep("never")
        finally:
            self.was_closed = True

    async def close(self) -> None:
        return


async def test_one_without_a_word_for_too_long_counts_as_failed_and_the_next_is_asked() -> None:
    slow, second = Slow(), ScriptedModel(Said("second"))
    model = ResilientModel([Choice("slow", slow), Choice("second", second)], ManualClock(), patience=0.01)
    assert (await finish(model, QUESTION)).text == "second"
    assert slow.was_closed
    alone = ResilientModel([Choice("slow", Slow())], ManualClock(), patience=0.01)
    with pytest.raises(ModelUnavailable, match=r"no word of the model within 0\.01 s"):
        await finish(alone, QUESTION)


async def test_each_model_gets_what_fits_it() -> None:
    small, large = ScriptedModel(DOWN), ScriptedModel(Said("Yes."))
    model = ResilientModel([Choice("small", small, 400), Choice("large", large)], ManualClock())
    history = [{"role": "user", "content": "x" * 600} for _ in range(3)]
    request = ModelRequest([*history, {"role": "user", "content": "And now?"}], max_tokens=100)
    await finish(model, request)
    assert [len(asked.requests[0].messages) for asked in (small, large)] == [2, 4]
    assert len(request.messages) == 4


async def test_closing_closes_them_all(desk: Desk) -> None:
    await desk.model.close()
    assert (desk.first.closed, desk.second.closed) == (True, True)


async def test_leaving_in_mid_answer_ends_the_request_at_once() -> None:
    async with FakeOpenAI(Fault.hang(after=1)) as server:
        model = ResilientModel([Choice("fake", OpenAIModel("", server.url, "fake"))], ManualClock())
        stream = model.stream(QUESTION)
        assert await anext(stream) == "one"
        await stream.aclose()
        await server.until_abandoned(1.0)
        await model.close()


async def test_a_second_model_of_the_same_server_takes_over() -> None:
    def serve(request: ModelRequest) -> Fault | Said:
        return Fault.status(503, retry_after=0.001) if request.model == "big" else Said(f"I am {request.model}")

    async with FakeOpenAI(*[serve] * 4) as server:
        names = ("big", "small")
        choices = [Choice(name, OpenAIModel("", server.url, name, max_retries=2)) for name in names]
        model: Model = ResilientModel(choices, ManualClock())
        *words, step = await heard(model)
        await model.close()
    assert isinstance(step, ModelStep)
    assert (step.text, len(words)) == ("I am small", 3)
    assert server.served == 4


class Rest:
    """A model whose stream has begun already."""

    def __init__(self, stream: AsyncGenerator[str | ModelStep, None]) -> None:
        self._stream = stream

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        return self._stream

    async def close(self) -> None:
        return
