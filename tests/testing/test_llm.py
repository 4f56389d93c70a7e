import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from bot.dialogs.llm import ModelRequest, ModelStep, ToolCall, Usage
from bot.errors import ModelUnavailable
from bot.testing.llm import Called, Calls, Raised, Said, ScriptedModel, UnconsumedModelSteps, UnexpectedModelCall
from bot.testing.model_contract import QUESTION, finished, heard
from bot.testing.openai import FakeOpenAI, Fault, main, support_rule

pytestmark = pytest.mark.unit


class TestScriptedModel:
    async def test_it_says_its_words_in_several_deltas(self) -> None:
        assert (await heard(ScriptedModel(Said("one  two\nthree "))))[:-1] == ["one", "  two", "\nthree", " "]

    async def test_it_numbers_its_calls_over_its_whole_life(self) -> None:
        model = ScriptedModel(Calls(Called("a"), Called("b")), Said("hm"), Called("c", name="x", n=1))
        steps = [await finished(model) for _ in range(3)]
        assert steps[0].calls == (ToolCall("call_1", "a", "{}"), ToolCall("call_2", "b", "{}"))
        assert steps[2].calls == (ToolCall("call_3", "c", '{"name":"x","n":1}'),)

    async def test_a_step_may_depend_on_the_request(self) -> None:
        model = ScriptedModel(lambda request: Said(str(request.messages[-1]["content"]).upper()))
        assert (await finished(model)).text == "¿ESTÁ ABIERTO MI TICKET?"

    async def test_steps_can_be_added(self) -> None:
        model = ScriptedModel(Said("one")).will(Said("two"), Said("three"))
        assert model.steps_left == 3
        assert [(await finished(model)).text for _ in range(3)] == ["one", "two", "three"]
        assert model.steps_left == 0

    async def test_it_keeps_every_request_as_it_was(self) -> None:
        model = ScriptedModel(Said("one"), Said("two"))
        messages: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
        request = ModelRequest(messages)
        await heard(model, request)
        messages[0]["content"] = "changed"
        messages.append({"role": "assistant", "content": "one"})
        await heard(model, request)
        assert [len(request.messages) for request in model.requests] == [1, 2]
        assert model.requests[0].messages[0]["content"] == "Hi"

    async def test_it_raises_the_very_exception_that_it_was_given(self) -> None:
        error = ZeroDivisionError("x")
        with pytest.raises(ZeroDivisionError) as caught:
            await heard(ScriptedModel(Raised(error)))
        assert caught.value is error

    async def test_it_reports_the_usage_that_it_was_given(self) -> None:
        assert (await finished(ScriptedModel(Said("a", usage=Usage(7, 9))))).usage == Usage(7, 9)

    async def test_being_asked_too_often_fails_at_once_and_again_at_the_end(self) -> None:
        model = ScriptedModel(Said("one"))
        await heard(model)
        with pytest.raises(UnexpectedModelCall, match=r"step 2.*abierto"):
            await heard(model)
        with pytest.raises(UnexpectedModelCall, match="step 2"):
            model.assert_complete()

    async def test_being_asked_too_often_is_not_forgotten_when_more_steps_come(self) -> None:
        model = ScriptedModel()
        with pytest.raises(AssertionError):
            await heard(model)
        await heard(model.will(Said("late")))
        with pytest.raises(UnexpectedModelCall, match="step 1"):
            model.assert_complete()

    async def test_steps_that_are_left_fail_at_the_end(self) -> None:
        model = ScriptedModel(Said("one"), Said("never"))
        await heard(model)
        with pytest.raises(UnconsumedModelSteps, match=r"1 step\(s\).*never"):
            model.assert_complete()

    async def test_a_script_followed_to_its_end_is_complete(self) -> None:
        model = ScriptedModel(Said("one"))
        await heard(model)
        model.assert_complete()

    async def test_it_lets_others_run_between_its_words(self) -> None:
        model = ScriptedModel(Said("one two three"), Said("four five six"))
        order: list[str] = []

        async def listen() -> None:
            async for item in model.stream(QUESTION):
                order.append(str(item) if isinstance(item, str) else "end")

        await asyncio.gather(listen(), listen())
        assert order == ["one", "four", " two", " five", " three", " six", "end", "end"]

    async def test_it_knows_that_it_was_closed(self) -> None:
        model = ScriptedModel()
        assert not model.closed
        await model.close()
        assert model.closed


BODY = {"model": "m", "messages": [{"role": "user", "content": "Hello there"}]}


class Asked:
    """What came back."""

    def __init__(self, response: aiohttp.ClientResponse, data: bytes) -> None:
        self.status = response.status
        self.headers = response.headers
        self.data = data

    @property
    def json(self) -> Any:
        return orjson.loads(self.data)

    @property
    def events(self) -> list[Any]:
        lines = self.data.decode().removesuffix("\n\n").split("\n\n")
        assert lines.pop() == "data: [DONE]"
        return [orjson.loads(line.removeprefix("data: ")) for line in lines]


async def ask(server: FakeOpenAI, body: object = BODY, *, path: str = "/chat/completions", **headers: str) -> Asked:
    session = aiohttp.ClientSession(headers=headers)
    async with session, session.post(server.url + path, data=orjson.dumps(body)) as response:
        return Asked(response, await response.read())


class TestFakeOpenAI:
    async def test_it_answers_plainly(self) -> None:
        async with FakeOpenAI(Calls(Called("f", x=1), said="Wait.")) as server:
            answer = await ask(server)
        choice = answer.json["choices"][0]
        assert answer.json["object"] == "chat.completion"
        assert choice["message"] == {
            "role": "assistant",
            "content": "Wait.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
        }
        assert choice["finish_reason"] == "tool_calls"
        assert answer.json["usage"]["total_tokens"] > 0

    async def test_it_streams_like_openai(self) -> None:
        async with FakeOpenAI(Said("Hi there"), Called("f", text="long enough")) as server:
            words = await ask(server, BODY | {"stream": True, "stream_options": {"include_usage": True}})
            calls = await ask(server, BODY | {"stream": True})
        assert words.headers["content-type"].startswith("text/event-stream")
        assert {event["object"] for event in words.events} == {"chat.completion.chunk"}
        *deltas, usage = words.events
        assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 2)
        assert [event["choices"][0]["delta"].get("content") for event in deltas] == ["", "Hi", " there", None]
        assert deltas[-1]["choices"][0]["finish_reason"] == "stop"
        found = [event["choices"][0]["delta"].get("tool_calls", [None])[0] for event in calls.events][1:-1]
        assert found[0] == {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
        assert "".join(delta["function"]["arguments"] for delta in found) == '{"text":"long enough"}'
        assert all("id" not in delta for delta in found[1:])

    async def test_it_lists_its_models(self) -> None:
        async with FakeOpenAI() as server, aiohttp.ClientSession() as session, session.get(server.url + "/models") as response:
            assert (await response.json())["data"][0]["object"] == "model"

    async def test_it_keeps_requests_but_never_the_key(self) -> None:
        async with FakeOpenAI(Said("Hi"), keep=5) as server:
            await ask(server, Authorization="Bearer sk-secret")
        (request,) = server.requests
        assert request.body == BODY
        assert request.path == "/v1/chat/completions"
        assert request.headers["authorization"] == "***"
        assert "sk-secret" not in repr(request)

    async def test_a_request_beyond_the_script_is_answered_by_a_500_and_remembered(self) -> None:
        async with FakeOpenAI() as server:
            answer = await ask(server)
        assert answer.status == 500
        assert "step 1, which is not in its script" in answer.json["error"]["message"]
        with pytest.raises(UnexpectedModelCall, match="Hello there"):
            server.assert_complete()

    async def test_steps_that_are_left_fail_at_the_end(self) -> None:
        async with FakeOpenAI(Said("never")) as server:
            pass
        with pytest.raises(UnconsumedModelSteps):
            server.assert_complete()

    async def test_the_script_comes_before_the_rule_and_the_rule_before_the_default(self) -> None:
        async with FakeOpenAI(Said("script"), default=Said("default")) as server:
            server.will(lambda request: Said(f"script for {request.model}"))
            said = [(await ask(server)).json["choices"][0]["message"]["content"] for _ in range(3)]
            server.rule = lambda body: Said(f"rule for {body['model']}")
            said.append((await ask(server)).json["choices"][0]["message"]["content"])
        assert said == ["script", "script for m", "default", "rule for m"]
        server.assert_complete()

    async def test_a_rule_that_fails_is_remembered(self) -> None:
        async with FakeOpenAI(rule=lambda body: body["nothing"]) as server:
            assert (await ask(server)).status == 500
        with pytest.raises(UnexpectedModelCall, match="KeyError"):
            server.assert_complete()

    @pytest.mark.parametrize("body", [[], {}, 7])
    async def test_a_body_that_is_no_request_is_a_400(self, body: object) -> None:
        async with FakeOpenAI() as server:
            assert (await ask(server, body)).status == 400
        server.assert_complete()

    async def test_another_path_is_a_404(self) -> None:
        async with FakeOpenAI() as server:
            assert (await ask(server, path="/embeddings")).status == 404

    async def test_an_error_status_may_say_when_to_come_back(self) -> None:
        async with FakeOpenAI(Fault.status(429, retry_after=1.5)) as server:
            answer = await ask(server)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1.5")
        assert answer.json["error"]["type"] == "invalid_request_error"

    async def test_a_dropped_connection_is_reset(self) -> None:
        async with FakeOpenAI(Fault.dropped()) as server:
            with pytest.raises(aiohttp.ClientOSError, match="reset"):
                await ask(server)

    async def test_a_truncated_answer_has_no_end(self) -> None:
        async with FakeOpenAI(Fault.truncated(after=2)) as server:
            answer = await ask(server, BODY | {"stream": True})
        assert answer.data.count(b"data: ") == answer.data.count(b'"content"') == 2

    async def test_a_raised_error_becomes_a_status(self) -> None:
        async with FakeOpenAI(Raised(ModelUnavailable("away")), Raised(ValueError("x"))) as server:
            first, second = await ask(server), await ask(server)
        assert (first.status, first.json["error"]["message"], second.status) == (503, "away", 500)

    async def test_it_stops_while_somebody_waits(self) -> None:
        async with FakeOpenAI(Fault.hang()) as server:
            waiting = asyncio.create_task(ask(server))
            await server.until_served(1)
        with pytest.raises(aiohttp.ClientError):
            await waiting

    async def test_a_slow_answer_comes_word_by_word(self) -> None:
        async with (
            FakeOpenAI(Fault.slow(0.005, "one two")) as server,
            aiohttp.ClientSession() as session,
            session.post(server.url + "/chat/completions", json=BODY | {"stream": True}) as response,
        ):
            chunks = [chunk async for chunk in response.content.iter_any()]
        assert len(chunks) > 3

    async def test_a_taken_port_is_an_os_error(self) -> None:
        async with FakeOpenAI() as server:
            port = int(server.url.split(":")[2].split("/")[0])
            second = FakeOpenAI(port=port)
            with pytest.raises(OSError, match="in use"):
                await second.start()
            await second.stop()
            with pytest.raises(SystemExit, match=f"port {port} cannot be used"):
                await asyncio.to_thread(main, ["--port", str(port)])


class TestSupportRule:
    @pytest.mark.parametrize(
        ("message", "step"),
        [
            ({"role": "user", "content": "Hello"}, Said("You said: Hello")),
            ({"role": "user", "content": [{"type": "text", "text": "Hello"}]}, Said("You said: Hello")),
            ({"role": "tool", "tool_call_id": "a", "content": "x" * 300}, Said("Done: " + "x" * 200)),
            (
                {"role": "user", "content": "Open a TICKET" + "!" * 200},
                Called(
                    "create_ticket",
                    subject=("Open a TICKET" + "!" * 200)[:100],
                    description="Open a TICKET" + "!" * 200,
                    category="general_inquiry",
                ),
            ),
        ],
    )
    def test_it_answers_by_the_last_message(self, message: dict[str, Any], step: Said | Called) -> None:
        assert support_rule({"messages": [{"role": "system", "content": "ticket"}, message]}) == step

    async def test_it_is_served_by_a_process_of_its_own(self) -> None:
        async for url in serving("--rule", "support", "--token-ms", "1"):
            server = FakeOpenAI()
            server.url = url
            answer = await ask(server, BODY | {"stream": True})
            assert (
                "".join(event["choices"][0]["delta"].get("content") or "" for event in answer.events) == "You said: Hello there"
            )


async def serving(*arguments: str) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.testing.openai",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
    finally:
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 0


def test_a_step_of_the_script_can_be_compared() -> None:
    assert Called("f", x=1) == Called("f", x=1) != Called("f", x=2)
    assert Calls(Called("f")) == Calls(Called("f"))
    assert ModelStep("a") == ModelStep("a")
