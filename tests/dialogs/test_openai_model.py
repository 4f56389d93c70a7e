import asyncio
import gzip
import importlib
import pkgutil
import time
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from types import MappingProxyType
from typing import Any

import openai
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dialogs.completions import MAX_CALLS, MAX_EVENT, MAX_TEXT, Answer, EventStream
from bot.dialogs.llm import ModelRequest, ModelStep, ToolCall, Usage
from bot.dialogs.openai_model import MAPPED_ERRORS, OpenAIModel
from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnavailable, SettingsError
from bot.testing.llm import Called, Said
from bot.testing.model_contract import QUESTION, finished, heard
from bot.testing.openai import FakeOpenAI, Fault

pytestmark = pytest.mark.unit

KEY = "sk-proj-Very-Secret-0123456789"
DONE = b"data: [DONE]\n\n"
JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def over(server: FakeOpenAI, **options: Any) -> AsyncIterator[OpenAIModel]:
    """A model that asks this server."""
    async with server:
        model = OpenAIModel(KEY, server.url, "fake", **{"timeout": 5.0, "max_retries": 0} | options)
        try:
            yield model
        finally:
            await model.close()


def event(delta: dict[str, Any] | None = None, reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": reason}
    return b"data: " + orjson.dumps({"model": "m", "choices": [choice], **more}) + b"\n\n"


def call(**delta: Any) -> bytes:
    return event({"tool_calls": [delta]})


def read(pieces: Iterable[bytes], asked: int = 2) -> tuple[list[str], ModelStep]:
    """What the parser makes of a stream, as `OpenAIModel.stream` does."""
    events, answer, words = EventStream(), Answer(asked, str), []
    for piece in pieces:
        words += [answer.take(event) for event in events.feed(piece)]
        if events.done:
            break
    words += [answer.take(event) for event in events.rest()]
    return [word for word in words if word], answer.step("asked-for", events.done)


def step(*pieces: bytes) -> ModelStep:
    return read(pieces)[1]


class TestReading:
    @pytest.mark.parametrize(
        "stream",
        [
            event({"content": "Sí 🙂"}) + event({}, "stop") + DONE,
            (event({"content": "Sí 🙂"}) + event({}, "stop") + DONE).replace(b"\n", b"\r\n"),
            (event({"content": "Sí 🙂"}) + event({}, "stop") + DONE).replace(b"data: ", b"data:"),
            b": ping\n\n" + event({"content": "Sí 🙂"}) + b": ping\n\n:\n\n" + event({}, "stop") + DONE,
            b"event: message\nid: 7\nretry: 10\n" + event({"content": "Sí 🙂"}) + event({}, "stop") + DONE,
            event({"content": "Sí 🙂"}) + event({}, "stop"),
            event({"content": "Sí 🙂"}) + event({}, "stop") + b"data: [DONE]",
            event({"content": "Sí 🙂"}) + event({}, "stop").rstrip(),
            event({"content": "Sí 🙂"}) + DONE,
            event({"content": "Sí 🙂"}) + event({}, "stop") + b"data: [DONE]\r\n\r\n" + b"data: and more\n\n",
            event({"content": "Sí 🙂"}) + b"data:\n\ndata: \n\n" + event({}, "stop") + DONE,
            event({"content": "Sí"}).replace(b',"choices"', b',\ndata: "choices"') + event({"content": " 🙂"}, "stop") + DONE,
            event({"role": "assistant", "content": None}) + event({"content": "Sí 🙂"}, None, usage=None) + event({}, "stop"),
            event({"content": [{"type": "text", "text": "Sí "}, {"type": "text", "text": "🙂"}]}, "stop"),
            event({"content": None, "refusal": "Sí 🙂"}, "stop"),
            event({"content": "Sí 🙂"}, "eos_token"),
            b'data: {"model":"m","choices":[{"message":{"content":"S\\u00ed \\ud83d\\ude42"},"finish_reason":"stop"}]}\n\n',
        ],
    )
    def test_every_way_of_writing_the_stream_reads_the_same(self, stream: bytes) -> None:
        assert step(stream) == ModelStep("Sí 🙂", (), Usage(), "stop", "m")

    def test_events_without_choices_bring_the_usage(self) -> None:
        usage = {"choices": [], "usage": {"prompt_tokens": 200, "completion_tokens": 60, "total_tokens": 260}}
        first = b'data: {"choices":[],"prompt_filter_results":[]}\n\n'
        found = step(first, event({"content": "a"}, "stop"), b"data: " + orjson.dumps(usage) + b"\n\n", DONE)
        assert found.usage == Usage(200, 60)

    def test_a_usage_with_holes_counts_as_nothing(self) -> None:
        assert step(event({"content": "a"}, "stop", usage={"prompt_tokens": None})).usage == Usage(0, 0)

    def test_the_model_is_the_one_that_was_asked_for_where_the_server_names_none(self) -> None:
        assert step(b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n').model == "asked-for"

    @pytest.mark.parametrize(
        ("reason", "means"),
        [
            ("stop", "stop"),
            ("length", "length"),
            ("max_tokens", "length"),
            ("content_filter", "content_filter"),
            ("tool_calls", "stop"),
        ],
    )
    def test_the_reason_is_one_of_four(self, reason: str, means: str) -> None:
        assert step(event({"content": "a"}, reason)).finish_reason == means

    @pytest.mark.parametrize("reason", ["stop", "tool_calls", "function_call"])
    def test_with_calls_the_reason_is_the_calls(self, reason: str) -> None:
        assert (
            step(call(index=0, id="a", function={"name": "f", "arguments": ""}), event({}, reason)).finish_reason == "tool_calls"
        )

    def test_calls_cut_at_the_bound_say_so(self) -> None:
        assert (
            step(call(index=0, id="a", function={"name": "f", "arguments": "{"}), event({}, "length")).finish_reason == "length"
        )

    @pytest.mark.parametrize(
        "deltas",
        [
            # As OpenAI sends them.
            [
                {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
                {"index": 0, "function": {"arguments": '{"x"'}},
                {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
                {"index": 0, "function": {"arguments": ":1}"}},
                {"index": 1, "function": {"arguments": "{}"}},
            ],
            # The id and the name in every delta.
            [
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}},
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": ":1}"}},
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
            ],
            # Another id in every delta, the name only in the first.
            [
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}},
                {"index": 0, "id": "z", "function": {"arguments": ":1}"}},
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
            ],
            # The second one comes first.
            [
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}},
            ],
            # Whole calls, all numbered 0.
            [
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}},
                {"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}},
            ],
            # No index, arguments in pieces.
            [
                {"id": "a", "function": {"name": "f", "arguments": '{"x"'}},
                {"function": {"arguments": ":1}"}},
                {"id": "b", "function": {"name": "g", "arguments": "{}"}},
            ],
            # No index, the id in every delta, in turns.
            [
                {"id": "a", "function": {"name": "f", "arguments": '{"x"'}},
                {"id": "b", "function": {"name": "g", "arguments": "{"}},
                {"id": "a", "function": {"arguments": ":1}"}},
                {"id": "b", "function": {"arguments": "}"}},
            ],
            # Arguments as an object, null where there is nothing to add.
            [
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}},
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": None}},
                {"index": 1, "id": None, "function": {"name": None, "arguments": "{}"}},
            ],
        ],
    )
    def test_calls_are_put_together_however_a_server_sends_them(self, deltas: list[dict[str, Any]]) -> None:
        apart = step(*(call(**delta) for delta in deltas), event({}, "tool_calls"), DONE)
        together = step(event({"tool_calls": deltas}), event({}, "tool_calls"), DONE)
        assert apart.calls == together.calls == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))

    def test_an_id_that_is_missing_or_taken_is_made_up_the_same_each_time(self) -> None:
        deltas = [call(index=number, id="" if number < 2 else "x", function={"name": "f"}) for number in range(4)]
        ids = [found.id for found in step(*deltas, DONE).calls]
        assert ids == ["call_2_0", "call_2_1", "x", "call_2_3"]
        assert [found.id for found in step(*deltas, DONE).calls] == ids

    def test_an_id_that_is_made_up_differs_in_the_next_step_of_the_turn(self) -> None:
        stream = [call(index=0, function={"name": "f"}), DONE]
        assert read(stream, asked=2)[1].calls[0].id != read(stream, asked=4)[1].calls[0].id

    @pytest.mark.parametrize(
        "data",
        [
            b"<html>",
            b"[1]",
            b'"a"',
            b"7",
            b"\xff\xfe",
            b'{"choices":"a"}',
            b'{"choices":[7]}',
            b'{"choices":{}, "usage":[1]}',
            b'{"choices":[{"delta":[1]}]}',
            b'{"choices":[{"delta":{"content":7}}]}',
            b'{"choices":[{"delta":{"content":"\xf0\x9f"}}]}',
            b'{"choices":[{"delta":{"tool_calls":[7]}}]}',
            b'{"choices":[{"delta":{"tool_calls":[{"index":"x"}]}}]}',
        ],
    )
    def test_an_event_of_the_wrong_shape_is_a_broken_model(self, data: bytes) -> None:
        with pytest.raises(ModelBroken):
            step(b"data: " + data + b"\n\n", event({}, "stop"), DONE)

    def test_a_call_without_a_name_is_a_broken_model(self) -> None:
        with pytest.raises(ModelBroken, match="does not name it"):
            step(call(index=0, id="a", function={"arguments": "{}"}), DONE)

    def test_a_stream_without_any_choice_is_a_broken_model(self) -> None:
        with pytest.raises(ModelBroken, match="without a choice"):
            step(b'data: {"choices":[]}\n\n', DONE)

    @pytest.mark.parametrize(
        "data",
        [
            b'{"error":{"message":"overloaded\\n now"}}',
            b'{"error":"overloaded now"}',
            b'{"object":"error","message":"overloaded now","code":503}',
            b'{"error":{"message":"overloaded now"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}',
        ],
    )
    def test_an_error_in_the_stream_is_an_unavailable_model(self, data: bytes) -> None:
        with pytest.raises(ModelUnavailable, match=r"overloaded\s+now"):
            step(event({"content": "a"}), b"event: error\ndata: " + data + b"\n\n")

    def test_an_answer_that_finishes_in_error_is_an_unavailable_model(self) -> None:
        with pytest.raises(ModelUnavailable):
            step(event({"content": "a"}, "error"), DONE)

    @pytest.mark.parametrize(
        "stream",
        [event({"content": "one"}), event({"content": "one"}) + event({}, "stop")[:-9], b"", b": ping\n\n", event({})[:20]],
    )
    def test_a_stream_that_ends_too_early_is_an_unavailable_model(self, stream: bytes) -> None:
        with pytest.raises(ModelUnavailable, match="stream cut off"):
            step(stream)

    def test_an_answer_at_the_bound_is_fine_and_one_byte_more_is_not(self) -> None:
        half = event({"content": "é" * (MAX_TEXT // 4)})
        assert len(step(half, half, DONE).text.encode()) == MAX_TEXT
        with pytest.raises(ModelBroken, match="over 65536 bytes"):
            step(half, half, event({"content": "!"}), DONE)

    def test_arguments_beyond_the_bound_are_a_broken_model(self) -> None:
        half = call(index=0, id="a", function={"name": "f", "arguments": "x" * (MAX_TEXT // 2)})
        assert len(step(half, half, DONE).calls[0].arguments) == MAX_TEXT
        with pytest.raises(ModelBroken, match="over 65536 bytes"):
            step(half, half, call(index=1, id="b", function={"name": "f", "arguments": "!"}))

    def test_more_calls_than_the_bound_are_a_broken_model(self) -> None:
        with pytest.raises(ModelBroken, match="tools at once"):
            step(*(call(index=number, id=f"{number}", function={"name": "f"}) for number in range(MAX_CALLS + 1)))

    @pytest.mark.parametrize("piece", [b"x" * 4096, b"data: x\n" * 512])
    def test_an_event_that_never_ends_is_given_up(self, piece: bytes) -> None:
        stream = EventStream()
        for _ in range(MAX_EVENT // len(piece)):
            assert stream.feed(piece) == []
        with pytest.raises(ModelBroken, match="one event"):
            stream.feed(piece)

    def test_a_stream_of_pings_may_be_as_long_as_it_likes(self) -> None:
        stream = EventStream()
        for _ in range(3 * MAX_EVENT // 4096):
            assert stream.feed(b": ping\n\n" * 512) == []


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, WORDS),
    st.builds(
        lambda index, text: {"tool_calls": [{"index": index, "id": f"id-{index}", "function": {"name": "f", "arguments": text}}]},
        st.integers(0, 3),
        WORDS,
    ),
    st.just({"role": "assistant", "content": None}),
)


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream, and the same stream cut into pieces anywhere."""
    parts = [event(delta) for delta in draw(st.lists(DELTAS, max_size=8))] + [event({}, "stop")]
    for place in draw(st.lists(st.integers(0, len(parts)), max_size=3)):
        parts.insert(place, draw(st.sampled_from([b": ping\n\n", b"\n", b"event: x\n"])))
    whole = b"".join(parts) + draw(st.sampled_from([DONE, b"data:[DONE]", b""]))
    whole = whole.replace(b"\n", draw(st.sampled_from([b"\n", b"\r\n"])))
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=40)))
    return whole, [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(cut_streams())
@settings(max_examples=200, deadline=None)
def test_any_split_of_a_stream_gives_the_same_words_and_the_same_step(stream: tuple[bytes, list[bytes]]) -> None:
    whole, pieces = stream
    assert read(pieces) == read([whole])
    assert read(whole[at : at + 1] for at in range(len(whole))) == read([whole])


class TestAsking:
    async def test_the_request_is_what_the_settings_and_the_request_say(self) -> None:
        async with over(server := FakeOpenAI(Said("Yes."))) as model:
            await finished(model, ModelRequest(QUESTION.messages, QUESTION.tools, max_tokens=77))
        sent = server.requests[0]
        assert sent.body == {
            "model": "fake",
            "messages": list(QUESTION.messages),
            "tools": list(QUESTION.tools),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 77,
        }
        assert sent.headers["content-type"] == "application/json"

    async def test_the_key_is_sent_as_a_bearer(self) -> None:
        seen: list[str] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            writer.write(event({"content": "Yes."}, "stop") + DONE)
            writer.close()

        async with raw_server(answer) as url, closing(OpenAIModel(f" {KEY}\n", url, "fake")) as model:
            assert (await finished(model)).text == "Yes."
        assert f"authorization: bearer {KEY.lower()}\r\n" in seen[0]

    async def test_a_temperature_is_sent_only_when_it_is_set(self) -> None:
        async with over(server := FakeOpenAI(Said("Yes.")), temperature=0.0) as model:
            await finished(model)
        assert server.requests[0].body["temperature"] == 0.0

    async def test_a_request_may_name_its_own_model_and_have_no_tools(self) -> None:
        async with over(server := FakeOpenAI(Said("Yes."))) as model:
            step = await finished(model, ModelRequest(QUESTION.messages, model="other"))
        assert server.requests[0].body["model"] == step.model == "other"
        assert "tools" not in server.requests[0].body

    async def test_messages_may_be_any_mapping(self) -> None:
        async with over(server := FakeOpenAI(Said("Yes."))) as model:
            await finished(model, ModelRequest([MappingProxyType({"role": "user", "content": "Hi"})]))
        assert server.requests[0].body["messages"] == [{"role": "user", "content": "Hi"}]

    async def test_a_request_that_is_no_json_is_rejected_before_it_is_sent(self) -> None:
        async with over(server := FakeOpenAI()) as model:
            with pytest.raises(ModelRejected, match="cannot be written as JSON"):
                await heard(model, ModelRequest([{"role": "user", "content": {1, 2}}]))
        assert not server.requests

    async def test_a_server_that_wants_the_other_name_of_the_bound_gets_it_from_then_on(self) -> None:
        complaint = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        async with over(server := FakeOpenAI(Fault.status(400, message=complaint), Said("Yes."), Said("Again."))) as model:
            assert (await finished(model)).text == "Yes."
            assert (await finished(model)).text == "Again."
        assert ["max_tokens" in request.body for request in server.requests] == [True, False, False]
        assert [request.body.get("max_completion_tokens") for request in server.requests] == [None, 1024, 1024]

    async def test_a_server_that_does_not_know_stream_options_is_asked_without(self) -> None:
        async with over(server := FakeOpenAI(Fault.status(422, message="stream_options: extra input"), Said("Yes."))) as model:
            assert (await finished(model)).text == "Yes."
        assert ["stream_options" in request.body for request in server.requests] == [True, False]

    async def test_a_schema_is_sent_in_the_servers_own_way(self) -> None:
        schema = {"title": "My answer", "type": "object"}
        async with over(server := FakeOpenAI(Said("{}"))) as model:
            await finished(model, ModelRequest(QUESTION.messages, schema=schema))
        sent = server.requests[0].body["response_format"]
        assert sent == {"type": "json_schema", "json_schema": {"name": "My_answer", "schema": schema}}

    async def test_a_server_that_takes_no_schema_is_asked_without(self) -> None:
        asked = ModelRequest(QUESTION.messages, schema={"type": "object"})
        complaint = "'response_format.type' must be 'text'"
        async with over(server := FakeOpenAI(Fault.status(400, message=complaint), Said("{}"), Said("{}"))) as model:
            assert (await finished(model, asked)).text == (await finished(model, asked)).text == "{}"
        assert ["response_format" in request.body for request in server.requests] == [True, False, False]

    async def test_a_server_that_likes_neither_name_is_not_asked_for_ever(self) -> None:
        complaint = Fault.status(400, message="neither max_tokens nor max_completion_tokens nor stream_options")
        async with over(server := FakeOpenAI(default=complaint)) as model:
            with pytest.raises(ModelRejected):
                await heard(model)
        assert server.served == 2

    async def test_a_connection_is_used_again(self) -> None:
        ports: set[Any] = set()
        async with over(FakeOpenAI(*[Said("one two")] * 5, token_seconds=0.001)) as model:
            for _ in range(5):
                await finished(model)
            ports |= {id(connection) for connection in connections(model)}
        assert len(ports) == 1

    async def test_a_server_that_answers_in_plain_json_is_understood(self) -> None:
        async with over(FakeOpenAI(Said("Sí, está  abierto."), Called("f", x=1), streams=False)) as model:
            words, first = await heard(model)
            second = await finished(model)
        assert isinstance(first, ModelStep)
        assert words == first.text == "Sí, está  abierto."
        assert first.usage.output_tokens > 0
        assert [(found.name, found.arguments) for found in second.calls] == [("f", '{"x":1}')]

    async def test_a_compressed_stream_is_understood(self) -> None:
        packed = gzip.compress(event({"content": "Sí"}) + event({}, "stop") + DONE)
        async with over(FakeOpenAI(Fault.raw(packed[:30], packed[30:], headers={"Content-Encoding": "gzip"}))) as model:
            assert (await finished(model)).text == "Sí"

    @pytest.mark.parametrize("key", ["sk-a b", "sk-é", "sk-a\nX-Evil: 1"])
    def test_a_key_that_no_header_can_carry_is_a_wrong_setting(self, key: str) -> None:
        with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
            OpenAIModel(key, None, "m")
        assert key not in str(caught.value)

    @pytest.mark.parametrize("url", ["localhost:9", "ftp://host/v1", "http://", "http://a:b:c/", "nonsense"])
    def test_an_address_that_is_none_is_a_wrong_setting(self, url: str) -> None:
        with pytest.raises(SettingsError, match="OPENAI_BASE_URL"):
            OpenAIModel("", url, "m")


class TestErrors:
    @pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
    async def test_what_may_pass_is_an_unavailable_model(self, status: int) -> None:
        async with over(FakeOpenAI(Fault.status(status, message="try\nlater"))) as model:
            with pytest.raises(ModelUnavailable, match=rf"\({status}\): try later$"):
                await heard(model)

    @pytest.mark.parametrize(
        ("status", "setting"),
        [
            (304, "OPENAI_BASE_URL"),
            (400, "OPENAI_MODEL"),
            (401, "OPENAI_API_KEY"),
            (402, "OPENAI_API_KEY"),
            (403, "OPENAI_API_KEY"),
            (404, "OPENAI_MODEL"),
            (404, "OPENAI_BASE_URL"),
            (405, "OPENAI_BASE_URL"),
            (413, "OPENAI_MODEL"),
            (422, "OPENAI_MODEL"),
        ],
    )
    async def test_what_will_not_pass_is_a_rejection_that_names_the_setting(self, status: int, setting: str) -> None:
        async with over(FakeOpenAI(Fault.status(status)), max_retries=2) as model:
            with pytest.raises(ModelRejected, match=rf"{setting}.*\({status}\)") as caught:
                await heard(model)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
    async def test_a_key_is_never_repeated(self, status: int) -> None:
        said = f"Incorrect key {KEY}, or sk-other-one*********6789, sent as Bearer abcdef"
        async with over(FakeOpenAI(Fault.status(status, message=said))) as model:
            with pytest.raises(ModelError) as caught:
                await heard(model)
        assert not {word for word in (KEY, "sk-other", "6789", "abcdef") if word in str(caught.value)}
        assert caught.value.__cause__ is None

    async def test_a_long_complaint_is_cut(self) -> None:
        async with over(FakeOpenAI(Fault.status(500, message="x" * 10_000))) as model:
            with pytest.raises(ModelUnavailable) as caught:
                await heard(model)
        assert len(str(caught.value)) < 400

    async def test_an_error_page_is_not_repeated(self) -> None:
        page = b"<!doctype html><title>Bad gateway</title>"
        answer = answering(b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\n", page)
        async with raw_server(answer) as url, closing(OpenAIModel("", url, "m", max_retries=0)) as model:
            with pytest.raises(ModelUnavailable) as caught:
                await heard(model)
        assert str(caught.value) == "the model's server cannot answer now (502)"

    async def test_a_page_instead_of_a_stream_says_what_to_check(self) -> None:
        page = Fault.raw(b"<html>\n\nWelcome</html>", headers={"Content-Type": "text/html"})
        async with over(FakeOpenAI(page)) as model:
            with pytest.raises(ModelBroken, match="OPENAI_BASE_URL"):
                await heard(model)

    async def test_a_json_body_that_is_cut_is_a_broken_model(self) -> None:
        async with over(FakeOpenAI(Fault.raw(b'{"choices":[{"mess', headers=JSON))) as model:
            with pytest.raises(ModelBroken):
                await heard(model)

    async def test_an_error_in_a_plain_json_answer_is_an_unavailable_model(self) -> None:
        async with over(FakeOpenAI(Fault.raw(b'{"error":{"message":"overloaded"}}', headers=JSON))) as model:
            with pytest.raises(ModelUnavailable, match="overloaded"):
                await heard(model)

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (Fault.truncated(), ModelUnavailable),
            (Fault.dropped(), ModelUnavailable),
            (Fault.dropped(after=2), ModelUnavailable),
            (Fault.not_json(), ModelBroken),
            (Fault.empty_choices(), ModelBroken),
        ],
        ids=lambda value: getattr(value, "name", ""),
    )
    async def test_every_fault_has_its_error(self, fault: Fault, kind: type[ModelError]) -> None:
        async with over(FakeOpenAI(fault)) as model:
            with pytest.raises(kind):
                await heard(model)

    async def test_an_empty_answer_is_a_step_without_words(self) -> None:
        async with over(FakeOpenAI(Fault.nothing())) as model:
            assert (await finished(model)).text == ""

    async def test_malformed_arguments_are_handed_on_as_they_are(self) -> None:
        async with over(FakeOpenAI(Fault.malformed_arguments("f"))) as model:
            assert (await finished(model)).calls == (ToolCall("call_malformed", "f", '{"subject": "No inter'),)

    async def test_nobody_there_is_an_unavailable_model(self) -> None:
        async with FakeOpenAI() as gone:
            url = gone.url
        async with closing(OpenAIModel(KEY, url, "m", max_retries=0)) as model:
            with pytest.raises(ModelUnavailable, match="OPENAI_BASE_URL"):
                await heard(model)

    @pytest.mark.parametrize("head", [b"HELLO\r\n", b"", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n"])
    async def test_a_server_that_does_not_speak_http_is_an_unavailable_model(self, head: bytes) -> None:
        async with raw_server(answering(head, b"")) as url, closing(OpenAIModel(KEY, url, "m", max_retries=0)) as model:
            with pytest.raises(ModelUnavailable):
                await heard(model)

    async def test_an_endless_answer_is_left_at_the_bound(self) -> None:
        async with over(server := FakeOpenAI(Fault.huge(50_000_000))) as model:
            with pytest.raises(ModelBroken, match="over 65536 bytes"):
                await heard(model)
            await server.until_abandoned()

    async def test_an_endless_body_of_json_is_left_at_the_bound(self) -> None:
        async with over(server := FakeOpenAI(Fault.raw(*[b" " * 65536] * 400, headers=JSON))) as model:
            with pytest.raises(ModelBroken, match="over 1048576 bytes"):
                await heard(model)
            await server.until_abandoned()

    def test_every_exception_of_the_library_is_mapped(self) -> None:
        load_all_of_openai()
        found = {kind.__name__ for kind in with_subclasses(openai.OpenAIError)}
        assert found - MAPPED_ERRORS.keys() == set(), "a new version of openai has exceptions that MAPPED_ERRORS does not list"
        assert {"RateLimitError", "APITimeoutError", "AgentTurnResultError"} <= found

    @pytest.mark.parametrize("kind", sorted(MAPPED_ERRORS))
    def test_a_status_and_its_class_are_mapped_alike(self, kind: str) -> None:
        cls = getattr(openai, kind, None)
        status = getattr(cls, "status_code", None)
        if not isinstance(status, int):
            return
        passing = status in (408, 409, 429) or status >= 500
        assert MAPPED_ERRORS[kind] is (ModelUnavailable if passing else ModelRejected)


class TestRetries:
    @pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
    async def test_what_may_pass_is_tried_again_when_the_server_says(self, status: int) -> None:
        async with over(server := FakeOpenAI(Fault.status(status, retry_after=0.02), Said("Yes.")), max_retries=1) as model:
            began = time.monotonic()
            assert (await finished(model)).text == "Yes."
        assert time.monotonic() - began >= 0.02
        server.assert_complete()

    async def test_it_is_tried_no_more_than_allowed(self) -> None:
        async with over(server := FakeOpenAI(default=Fault.status(503, retry_after=0.001)), max_retries=2) as model:
            with pytest.raises(ModelUnavailable):
                await heard(model)
        assert server.served == 3

    async def test_a_connection_that_breaks_before_the_answer_is_tried_again(self) -> None:
        async with over(server := FakeOpenAI(Fault.dropped(), Said("Yes.")), max_retries=1) as model:
            assert (await finished(model)).text == "Yes."
        server.assert_complete()

    @pytest.mark.parametrize("fault", [Fault.dropped(after=2), Fault.truncated(after=2)], ids=lambda fault: fault.name)
    async def test_nothing_is_tried_again_after_the_first_word(self, fault: Fault) -> None:
        async with over(server := FakeOpenAI(fault), max_retries=2) as model:
            stream = model.stream(QUESTION)
            assert await anext(stream)
            with pytest.raises(ModelUnavailable):
                await consume(stream)
        assert server.served == 1

    async def test_a_wait_beyond_the_timeout_is_not_begun(self) -> None:
        began = time.monotonic()
        async with over(server := FakeOpenAI(Fault.status(429, retry_after=30)), max_retries=2, timeout=5.0) as model:
            with pytest.raises(ModelUnavailable, match="429"):
                await heard(model)
        assert server.served == 1
        assert time.monotonic() - began < 3

    async def test_a_wait_in_milliseconds_is_obeyed(self) -> None:
        waiting = Fault.status(429, headers={"Retry-After-Ms": "20", "Retry-After": "9"})
        async with over(server := FakeOpenAI(waiting, Said("Yes.")), max_retries=1) as model:
            began = time.monotonic()
            assert (await finished(model)).text == "Yes."
        assert 0.02 <= time.monotonic() - began < 3
        server.assert_complete()

    async def test_a_wait_until_a_date_is_obeyed(self) -> None:
        moment = int(time.time()) + 2
        waiting = Fault.status(503, headers={"Retry-After": formatdate(moment, usegmt=True)})
        async with over(server := FakeOpenAI(waiting, Said("Yes.")), max_retries=1) as model:
            assert (await finished(model)).text == "Yes."
        assert moment - 0.1 <= time.time() < moment + 2
        server.assert_complete()

    @pytest.mark.parametrize(
        "headers",
        [
            {"Retry-After-Ms": "30000"},
            {"Retry-After": "Thu, 15 Jan 2026 10:00:30 GMT", "Date": "Thu, 15 Jan 2026 10:00:00 GMT"},
        ],
    )
    async def test_however_a_wait_is_written_one_beyond_the_timeout_is_not_begun(self, headers: dict[str, str]) -> None:
        async with over(server := FakeOpenAI(Fault.status(429, headers=headers)), max_retries=2, timeout=5.0) as model:
            with pytest.raises(ModelUnavailable, match="429") as caught:
                await heard(model)
        assert caught.value.status == 429
        assert server.served == 1

    async def test_a_wait_that_cannot_be_read_is_no_reason_not_to_try_again(self) -> None:
        waiting = Fault.status(503, headers={"Retry-After": "soon"})
        async with over(server := FakeOpenAI(waiting, Said("Yes.")), max_retries=1) as model:
            assert (await finished(model)).text == "Yes."
        server.assert_complete()

    async def test_waits_within_the_timeout_end_with_it(self) -> None:
        async with over(FakeOpenAI(default=Fault.status(429, retry_after=0.08)), max_retries=50, timeout=0.1) as model:
            with pytest.raises(ModelUnavailable, match="longer than"):
                await heard(model)


class TestTime:
    @pytest.mark.parametrize("fault", [Fault.hang(), Fault.hang(after=1), Fault.slow(0.04)], ids=lambda fault: fault.name)
    async def test_the_timeout_bounds_the_whole_step(self, fault: Fault) -> None:
        async with over(server := FakeOpenAI(fault), timeout=0.1) as model:
            with pytest.raises(ModelUnavailable, match=r"longer than 0\.1 s"):
                await heard(model)
            await server.until_abandoned()

    async def test_the_timeout_never_cancels_what_the_consumer_does(self) -> None:
        async with over(FakeOpenAI(Said("one two")), timeout=0.25) as model:
            stream = model.stream(QUESTION)
            assert await anext(stream) == "one"
            await asyncio.sleep(0.3)
            *_, last = [item async for item in stream]
        assert isinstance(last, ModelStep)

    async def test_a_timeout_that_passed_while_the_consumer_was_busy_is_told_at_the_next_read(self) -> None:
        async with over(FakeOpenAI(Fault.hang(after=1)), timeout=0.25) as model:
            stream = model.stream(QUESTION)
            assert await anext(stream) == "one"
            await asyncio.sleep(0.3)
            with pytest.raises(ModelUnavailable, match="longer than"):
                await anext(stream)

    async def test_leaving_early_closes_the_connection(self) -> None:
        async with over(server := FakeOpenAI(Fault.hang(after=1))) as model:
            stream = model.stream(QUESTION)
            assert await anext(stream) == "one"
            await stream.aclose()
            await server.until_abandoned()

    @pytest.mark.parametrize("fault", [Fault.hang(), Fault.hang(after=1)], ids=["before the headers", "in the middle"])
    async def test_cancelling_closes_the_connection_and_stays_a_cancellation(self, fault: Fault) -> None:
        async with over(server := FakeOpenAI(fault)) as model:
            consumer = asyncio.create_task(heard(model))
            await server.until_served(1)
            consumer.cancel()
            with pytest.raises(asyncio.CancelledError):
                await consumer
            await server.until_abandoned()

    async def test_the_callers_own_timeout_stays_its_own(self) -> None:
        async with over(FakeOpenAI(Fault.hang())) as model:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await heard(model)

    async def test_a_body_that_does_not_end_after_its_last_event_holds_nobody_up(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            writer.write(event({"content": "Yes."}, "stop") + DONE)
            await reader.read()
            await reader.read()
            writer.close()

        async with raw_server(answer) as url, closing(OpenAIModel(KEY, url, "m")) as model:
            began = time.monotonic()
            assert (await finished(model)).text == "Yes."
            assert time.monotonic() - began < 2


@asynccontextmanager
async def closing(model: OpenAIModel) -> AsyncIterator[OpenAIModel]:
    try:
        yield model
    finally:
        await model.close()


@asynccontextmanager
async def raw_server(answer: Any) -> AsyncIterator[str]:
    """A server that can say anything at all."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await answer(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        for writer in writers:  # else one outlives the loop, and a later test is blamed for it
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def answering(head: bytes, body: bytes) -> Any:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"connection: close\r\n\r\n" + body if head else b"")
        writer.close()

    return answer


async def consume(stream: AsyncIterator[Any]) -> None:
    async for _ in stream:
        pass


def connections(model: OpenAIModel) -> list[Any]:
    """The idle connections of the client's pool."""
    pool = model._client._client._transport.client.connector._conns  # type: ignore[attr-defined]
    return [connection for group in pool.values() for connection, _ in group]


def load_all_of_openai() -> None:
    """Its exceptions live in modules that are loaded only when needed; types and resources have none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.walk_packages(openai.__path__, "openai.", onerror=lambda _: None):
            if module.name.startswith(("openai.types.", "openai.resources.", "openai.cli.")) or "__main__" in module.name:
                continue
            try:
                importlib.import_module(module.name)
            except (ImportError, openai.OpenAIError):
                continue  # needs an extra that we do not install


def with_subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for other in kind.__subclasses__():
        yield from with_subclasses(other)
