"""What is kept and counted of a model's answer, however it ends."""

from __future__ import annotations

import asyncio

import pytest

from bot.dialogs.llm import ModelRequest, ModelStep, ToolCall, Usage, broken_step, counted, finish
from bot.dialogs.openai_model import OpenAIModel
from bot.errors import ModelError, ModelRejected, ModelUnavailable
from bot.testing.llm import Called, Raised, Said, ScriptedModel
from bot.testing.model_contract import QUESTION
from bot.testing.openai import FakeOpenAI, Fault

pytestmark = pytest.mark.unit


async def test_a_stream_that_ends_well_gives_its_step() -> None:
    assert (await finish(ScriptedModel(Said("Yes, it is.")), QUESTION)).text == "Yes, it is."


async def test_the_words_of_a_stream_that_breaks_are_on_its_error() -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await finish(ScriptedModel(Raised(ModelUnavailable("gone"), after="Your ticket is")), QUESTION)
    assert caught.value.partial == "Your ticket is"


async def test_the_words_before_a_dropped_connection_are_on_the_error() -> None:
    async with FakeOpenAI(Fault.dropped(after=3)) as server:
        model = OpenAIModel("", server.url, "fake", max_retries=0)
        with pytest.raises(ModelUnavailable) as caught:
            await finish(model, QUESTION)
        await model.close()
    assert "one one one".startswith(caught.value.partial)
    assert caught.value.partial


@pytest.mark.parametrize("fault", [Fault.hang(after=1), Fault.slow(0.05)], ids=lambda fault: fault.name)
async def test_new_information_in_mid_answer_ends_the_request_at_once(fault: Fault) -> None:
    async with FakeOpenAI(fault) as server:
        model = OpenAIModel("", server.url, "fake", max_retries=0)
        answering = asyncio.create_task(finish(model, QUESTION))
        await server.until_served(1)
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering
        await server.until_abandoned(1.0)
        await model.close()


async def test_a_model_without_a_finished_step_is_broken() -> None:
    class Speechless(ScriptedModel):
        async def stream(self, request: ModelRequest):  # type: ignore[no-untyped-def]
            yield "Well"

    with pytest.raises(ModelError, match="without a finished step"):
        await finish(Speechless(), QUESTION)


def test_what_the_server_counted_counts() -> None:
    step = ModelStep("Yes.", usage=Usage(7, 2))
    assert counted(step, QUESTION) is step


def test_what_the_server_does_not_say_is_estimated_and_marked() -> None:
    call = ToolCall("1", "create_ticket", '{"subject": "No internet"}')
    usage = counted(ModelStep("One moment.", (call,)), QUESTION).usage
    assert usage.estimated
    assert usage.input_tokens > 50
    assert usage.output_tokens > 10


def test_only_the_side_that_the_server_left_out_is_estimated() -> None:
    usage = counted(ModelStep("Yes.", usage=Usage(7, 0)), QUESTION).usage
    assert (usage.input_tokens, usage.estimated) == (7, True)
    assert usage.output_tokens > 0


def test_an_answer_without_words_takes_no_output() -> None:
    step = ModelStep("", usage=Usage(7, 0))
    assert counted(step, QUESTION) is step


async def test_a_server_that_counts_nothing_costs_something_all_the_same() -> None:
    async with FakeOpenAI(Said("Yes, it is open.", usage=Usage()), Called("get_ticket"), streams=False) as server:
        model = OpenAIModel("", server.url, "fake")
        silent, told = await finish(model, QUESTION), await finish(model, QUESTION)
        await model.close()
    assert silent.usage.estimated
    assert silent.usage.input_tokens > 50
    assert not told.usage.estimated


def test_a_step_that_broke_off_has_its_words_and_what_it_took() -> None:
    error = ModelUnavailable("gone")
    error.partial, error.model = "Your ticket is", "gpt-4o"
    step = broken_step(QUESTION, error)
    assert step.model == "gpt-4o"
    assert (step.text, step.calls, step.finish_reason) == ("Your ticket is", (), "error")
    assert step.usage.estimated
    assert step.usage.input_tokens > 50
    assert step.usage.output_tokens > 4


def test_a_step_that_never_began_took_nothing() -> None:
    assert broken_step(QUESTION, ModelRejected("no", status=401)).usage == Usage()
