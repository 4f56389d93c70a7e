"""What becomes of our requests, and of the answers, of LangChain's chat models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core import exceptions as theirs
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.language_models.fake_chat_models import FakeListChatModel, FakeMessagesListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from bot.dialogs.langchain_model import LangChainModel, named
from bot.dialogs.llm import ModelRequest, ToolCall, finish
from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnavailable, SettingsError
from bot.testing.model_contract import QUESTION, finished, heard

pytestmark = pytest.mark.unit

PLAIN = ModelRequest(QUESTION.messages)


def over(chat: BaseChatModel, **options: Any) -> LangChainModel:
    return LangChainModel(lambda name, max_tokens: chat, "fake:one", **options)


class Chat(BaseChatModel):
    """A chat model of LangChain that streams these chunks, and remembers what it was asked."""

    chunks: Any = ()
    """Messages, an error to raise, or None to wait for ever."""
    asked: list[Any] = []
    tools: list[Any] = []
    closed: list[bool] = []

    @property
    def _llm_type(self) -> str:
        return "test"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise AssertionError("it is to be streamed")

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append(messages)
        try:
            for chunk in self.chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                if chunk is None:
                    await asyncio.Event().wait()
                else:
                    yield ChatGenerationChunk(message=chunk)
        finally:
            self.closed.append(True)

    def bind_tools(self, tools: Any, **_: Any) -> Runnable[Any, AIMessage]:
        self.tools.extend(tools)
        return self


def chunk(content: Any = "", **more: Any) -> AIMessageChunk:
    return AIMessageChunk(content=content, **more)


def piece(**part: Any) -> AIMessageChunk:
    return chunk(tool_call_chunks=[{"type": "tool_call_chunk", "index": 0, "id": None, "name": None, "args": None} | part])


def used(asked: int, answered: int) -> UsageMetadata:
    return {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered}


async def test_a_chat_model_of_langchains_own_answers() -> None:
    messages: Iterator[AIMessage | str] = iter(["Su ticket está abierto."])
    *words, step = await heard(over(GenericFakeChatModel(messages=messages)), PLAIN)
    assert "".join(map(str, words)) == "Su ticket está abierto."
    assert len(words) > 3
    assert (step.text, step.model) == ("Su ticket está abierto.", "fake:one")  # type: ignore[union-attr]


async def test_a_chat_model_that_does_not_stream_answers_too() -> None:
    call = {"name": "get_ticket", "args": {"number": "T-1"}, "id": "a", "type": "tool_call"}
    answer = AIMessage(
        "One moment.", tool_calls=[call], usage_metadata={"input_tokens": 9, "output_tokens": 4, "total_tokens": 13}
    )
    step = await finished(over(FakeMessagesListChatModel(responses=[answer])), PLAIN)
    assert (step.text, step.finish_reason) == ("One moment.", "tool_calls")
    assert step.calls == (ToolCall("a", "get_ticket", '{"number":"T-1"}'),)
    assert (step.usage.input_tokens, step.usage.output_tokens, step.usage.estimated) == (9, 4, False)


async def test_a_stream_that_breaks_keeps_its_words() -> None:
    with pytest.raises(ModelBroken) as caught:
        await finish(over(FakeListChatModel(responses=["Hello there"], error_on_chunk_number=5)), PLAIN)
    assert caught.value.partial == "Hello"


async def test_messages_and_tools_become_langchains() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "42"},
    ]
    chat = Chat(chunks=[chunk("Yes.")], asked=[], tools=[])
    await finished(over(chat), ModelRequest(messages, QUESTION.tools))
    assert chat.asked == [
        [
            SystemMessage("Be brief."),
            HumanMessage("Hi"),
            AIMessage("", tool_calls=[{"type": "tool_call", "id": "a", "name": "f", "args": {"x": 1}}]),
            ToolMessage("42", tool_call_id="a"),
        ]
    ]
    assert chat.tools == list(QUESTION.tools)


@pytest.mark.parametrize(("raw", "args"), [('{"x": ', {"not_an_object": '{"x": '}), ("[1]", {"not_an_object": [1]}), ("", {})])
async def test_arguments_that_were_no_object_are_told_all_the_same(raw: str, args: dict[str, Any]) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": raw}}
    chat = Chat(chunks=[chunk("Yes.")], asked=[])
    await finished(over(chat), ModelRequest([{"role": "assistant", "content": "", "tool_calls": [call]}]))
    (asked,) = chat.asked[0]
    assert isinstance(asked, AIMessage)
    assert asked.tool_calls[0]["args"] == args


async def test_calls_are_put_together_from_their_pieces() -> None:
    pieces = [
        piece(id="a", name="f", args=""),
        piece(args='{"x"'),
        piece(args=":1}"),
        piece(index=1, id="b", name="g", args="{}"),
    ]
    step = await finished(over(Chat(chunks=pieces)), PLAIN)
    assert step.calls == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))
    assert step.finish_reason == "tool_calls"


async def test_malformed_arguments_are_handed_on_as_they_are() -> None:
    step = await finished(over(Chat(chunks=[piece(id="a", name="f", args='{"subject": "No')])), PLAIN)
    assert step.calls == (ToolCall("a", "f", '{"subject": "No'),)


async def test_words_in_content_blocks_are_words() -> None:
    blocks = [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "Yes."}]
    assert (await finished(over(Chat(chunks=[chunk(blocks)])), PLAIN)).text == "Yes."


async def test_the_tokens_of_all_chunks_are_added_up() -> None:
    usages = [
        {"input_tokens": 100, "output_tokens": 0, "total_tokens": 100},
        {"input_tokens": 0, "output_tokens": 7, "total_tokens": 7},
    ]
    step = await finished(over(Chat(chunks=[chunk("Yes.", usage_metadata=usage) for usage in usages])), PLAIN)
    assert (step.usage.input_tokens, step.usage.output_tokens, step.usage.estimated) == (100, 7, False)


async def test_tokens_that_nobody_counts_are_estimated() -> None:
    usage = (await finished(over(Chat(chunks=[chunk("Yes.")])), PLAIN)).usage
    assert usage.estimated
    assert usage.input_tokens > 0


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stop_reason": "refusal"}, "content_filter"),
        ({"done_reason": "length"}, "length"),
        ({}, "stop"),
    ],
)
async def test_the_reason_is_one_of_ours_whatever_a_provider_calls_it(about: dict[str, str], reason: str) -> None:
    last = chunk("", response_metadata=about | {"model_name": "real-name"})
    step = await finished(over(Chat(chunks=[chunk("Yes."), last])), PLAIN)
    assert (step.finish_reason, step.model) == (reason, "real-name")


class StatusError(Exception):
    """As the providers' own clients raise them."""

    def __init__(self, status_code: int) -> None:
        super().__init__("sk-secret was refused")
        self.status_code = status_code


class APIConnectionError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (theirs.ModelAuthenticationError("sk-secret"), ModelRejected, 401),
        (theirs.ModelPermissionDeniedError("sk-secret"), ModelRejected, 403),
        (theirs.ModelNotFoundError(), ModelRejected, 404),
        (theirs.ModelInvalidRequestError(), ModelRejected, 400),
        (theirs.ContextOverflowError(), ModelRejected, 400),
        (theirs.ModelRateLimitError(), ModelUnavailable, 429),
        (theirs.ModelAPIError(), ModelUnavailable, 503),
        (theirs.ModelConnectionError(), ModelUnavailable, 503),
        (theirs.ModelTimeoutError(), ModelUnavailable, 503),
        (StatusError(401), ModelRejected, 401),
        (StatusError(422), ModelRejected, 422),
        (StatusError(429), ModelUnavailable, 429),
        (StatusError(529), ModelUnavailable, 529),
        (APIConnectionError("sk-secret"), ModelUnavailable, 0),
        (ConnectionResetError("sk-secret"), ModelUnavailable, 0),
        (ValueError("sk-secret"), ModelBroken, 0),
    ],
)
async def test_every_error_is_one_of_the_three_and_repeats_nothing(error: Exception, kind: type[ModelError], status: int) -> None:
    with pytest.raises(ModelError) as caught:
        await heard(over(Chat(chunks=[error])), PLAIN)
    assert (type(caught.value), caught.value.status) == (kind, status)
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_model_that_takes_no_tools_is_a_rejection_that_names_the_setting() -> None:
    with pytest.raises(ModelRejected, match="LANGCHAIN_MODEL takes tools"):
        await heard(over(FakeListChatModel(responses=["Hi"])), QUESTION)


async def test_the_timeout_bounds_the_whole_step() -> None:
    chat = Chat(chunks=[chunk("one"), None], closed=[])
    with pytest.raises(ModelUnavailable, match=r"longer than 0\.05 s") as caught:
        await finish(over(chat, timeout=0.05), PLAIN)
    assert caught.value.partial == "one"
    assert chat.closed == [True]


async def test_leaving_in_the_middle_ends_the_providers_stream() -> None:
    chat = Chat(chunks=[chunk("one"), None], closed=[])
    stream = over(chat).stream(PLAIN)
    assert await anext(stream) == "one"
    await stream.aclose()
    await asyncio.sleep(0)
    assert chat.closed == [True]


async def test_an_endless_answer_is_left_at_the_bound() -> None:
    with pytest.raises(ModelBroken, match="over 65536 bytes"):
        await heard(over(Chat(chunks=[chunk("x" * 4096)] * 20)), PLAIN)


async def test_a_request_may_name_another_model_and_bound_its_answer() -> None:
    made: list[tuple[str, int]] = []

    def make(name: str, max_tokens: int) -> BaseChatModel:
        made.append((name, max_tokens))
        return Chat(chunks=[chunk("Yes.")])

    model = LangChainModel(make, "anthropic:claude")
    for name in ("", "", "opus", "xai:grok"):
        await finished(model, ModelRequest(QUESTION.messages, model=name, max_tokens=77))
    assert made == [("anthropic:claude", 77), ("anthropic:opus", 77), ("xai:grok", 77)]


@pytest.mark.parametrize(
    ("name", "told"), [("cohere:command-r", "pip install langchain-cohere"), ("nobody:model", "nobody:model cannot be made")]
)
def test_a_model_that_cannot_be_made_is_one_line_that_names_the_fix(name: str, told: str) -> None:
    with pytest.raises(SettingsError, match=r"^LANGCHAIN_MODEL: ") as caught:
        named(name)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
