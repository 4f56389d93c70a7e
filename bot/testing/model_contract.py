"""What every `Model` keeps to, as a class of tests to inherit from.

    class TestMyModel(ModelContract):
        @asynccontextmanager
        async def model(self, *steps):
            async with FakeOpenAI(*steps) as server, ...:
                yield MyModel(server.url)

Needs pytest with pytest-asyncio in its auto mode.
"""

from __future__ import annotations

import asyncio
import copy
from contextlib import AbstractAsyncContextManager

import orjson
import pytest

from bot.dialogs.llm import Model, ModelRequest, ModelStep
from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnavailable
from bot.testing.llm import Called, Calls, Raised, Said, Step

QUESTION = ModelRequest(
    messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": "¿Está abierto mi ticket?"}),
    tools=(
        {"type": "function", "function": {"name": "get_ticket", "description": "One ticket.", "parameters": {"type": "object"}}},
    ),
)


async def heard(model: Model, request: ModelRequest = QUESTION) -> list[str | ModelStep]:
    """Everything that a model gives for a request."""
    return [item async for item in model.stream(request)]


async def finished(model: Model, request: ModelRequest = QUESTION) -> ModelStep:
    """The step that a model ends with."""
    last = (await heard(model, request))[-1]
    assert isinstance(last, ModelStep)
    return last


class ModelContract:
    """Tests that any `Model` passes."""

    def model(self, *steps: Step) -> AbstractAsyncContextManager[Model]:
        """A model that takes these steps, one for each request. To be overridden."""
        raise NotImplementedError

    async def test_words_come_one_by_one_and_then_exactly_one_step(self) -> None:
        async with self.model(Said("Su ticket está  abierto.\nGracias 🙂")) as model:
            *words, step = await heard(model)
        assert isinstance(step, ModelStep)
        assert all(isinstance(word, str) and word for word in words)
        assert len(words) > 3
        assert "".join(str(word) for word in words) == step.text == "Su ticket está  abierto.\nGracias 🙂"
        assert (step.calls, step.finish_reason) == ((), "stop")

    async def test_a_call_is_put_together(self) -> None:
        async with self.model(Called("get_ticket", number="T-1042", note='«¿qué?» "quoted"\n', deep={"a": [1, None]})) as model:
            items = await heard(model)
        (step,) = items
        assert isinstance(step, ModelStep)
        (call,) = step.calls
        assert (call.name, step.text, step.finish_reason) == ("get_ticket", "", "tool_calls")
        assert call.id
        assert orjson.loads(call.arguments) == {"number": "T-1042", "note": '«¿qué?» "quoted"\n', "deep": {"a": [1, None]}}

    async def test_several_calls_keep_their_order_and_have_ids_of_their_own(self) -> None:
        async with self.model(Calls(*(Called("get_ticket", number=number) for number in range(5)), said="One moment.")) as model:
            step = await finished(model)
        assert step.text == "One moment."
        assert [orjson.loads(call.arguments)["number"] for call in step.calls] == list(range(5))
        assert len({call.id for call in step.calls}) == 5

    async def test_a_call_without_arguments_is_a_call(self) -> None:
        async with self.model(Called("list_tickets")) as model:
            step = await finished(model)
        assert [call.name for call in step.calls] == ["list_tickets"]
        assert orjson.loads(step.calls[0].arguments or "{}") == {}

    async def test_ids_are_not_used_again_by_the_next_step(self) -> None:
        async with self.model(Called("get_ticket"), Called("get_ticket")) as model:
            first, second = await finished(model), await finished(model)
        assert first.calls[0].id != second.calls[0].id

    async def test_an_answer_cut_at_the_bound_says_so(self) -> None:
        async with self.model(Said("Once upon a", finish_reason="length")) as model:
            assert (await finished(model)).finish_reason == "length"

    async def test_an_empty_answer_is_a_step_without_words(self) -> None:
        async with self.model(Said("")) as model:
            (step,) = await heard(model)
        assert isinstance(step, ModelStep)
        assert (step.text, step.calls, step.finish_reason) == ("", (), "stop")

    async def test_what_the_step_took_is_counted(self) -> None:
        async with self.model(Said("Yes, it is open.")) as model:
            step = await finished(model)
        assert step.usage.input_tokens > 0
        assert step.usage.output_tokens > 0
        assert step.model

    async def test_the_request_is_left_as_it_was(self) -> None:
        before = copy.deepcopy(QUESTION)
        async with self.model(Called("get_ticket", number=1)) as model:
            await heard(model)
        assert before == QUESTION

    @pytest.mark.parametrize("kind", [ModelUnavailable, ModelRejected, ModelBroken])
    async def test_an_error_is_one_of_the_three(self, kind: type[ModelError]) -> None:
        async with self.model(Raised(kind("no"))) as model:
            with pytest.raises(kind) as caught:
                await heard(model)
        assert str(caught.value)
        assert "\n" not in str(caught.value)

    async def test_an_error_may_come_after_words_and_then_there_is_no_step(self) -> None:
        items: list[str | ModelStep] = []
        async with self.model(Raised(ModelUnavailable("gone"), after="One moment")) as model:
            stream = model.stream(QUESTION)
            items += [await anext(stream), await anext(stream)]
            with pytest.raises(ModelUnavailable):
                await anext(stream)
        assert items == ["One", " moment"]

    async def test_it_serves_on_after_an_error(self) -> None:
        async with self.model(Raised(ModelRejected("no")), Said("Yes.")) as model:
            with pytest.raises(ModelRejected):
                await heard(model)
            assert (await finished(model)).text == "Yes."

    async def test_a_consumer_may_leave_in_the_middle(self) -> None:
        async with self.model(Said("one two three four"), Said("Yes.")) as model:
            stream = model.stream(QUESTION)
            assert await anext(stream) == "one"
            await stream.aclose()
            assert (await finished(model)).text == "Yes."

    async def test_a_cancelled_consumer_is_cancelled_and_nothing_else(self) -> None:
        arrived = asyncio.Event()

        async def consume(model: Model) -> None:
            async for _ in model.stream(QUESTION):
                arrived.set()
                await asyncio.Event().wait()

        async with self.model(Said("one two three four"), Said("Yes.")) as model:
            consumer = asyncio.create_task(consume(model))
            await arrived.wait()
            consumer.cancel()
            with pytest.raises(asyncio.CancelledError):
                await consumer
            assert (await finished(model)).text == "Yes."

    async def test_streams_side_by_side_do_not_mix(self) -> None:
        texts = {f"answer {number} of many" for number in range(20)}
        async with self.model(*(Said(text) for text in sorted(texts))) as model:
            steps = await asyncio.gather(*(finished(model) for _ in texts))
        assert {step.text for step in steps} == texts

    async def test_closing_twice_is_harmless(self) -> None:
        async with self.model() as model:
            await model.close()
            await model.close()
