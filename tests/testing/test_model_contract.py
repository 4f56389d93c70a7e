from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langchain_core.exceptions import ModelAPIError, ModelInvalidRequestError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from bot.dialogs.langchain_model import LangChainModel
from bot.dialogs.llm import Model, ModelRequest, ModelStep
from bot.dialogs.openai_model import OpenAIModel
from bot.dialogs.resilient import Choice, ResilientModel
from bot.errors import ModelError, ModelRejected, ModelUnavailable
from bot.testing.clock import ManualClock
from bot.testing.llm import ScriptedModel, Step
from bot.testing.model_contract import ModelContract
from bot.testing.openai import FakeOpenAI

pytestmark = pytest.mark.contract


class TestScriptedModel(ModelContract):
    @asynccontextmanager
    async def model(self, *steps: Step) -> AsyncIterator[Model]:
        model = ScriptedModel(*steps)
        yield model
        model.assert_complete()


class TestOpenAIModel(ModelContract):
    """Over a server that streams."""

    @asynccontextmanager
    async def model(self, *steps: Step) -> AsyncIterator[Model]:
        async with FakeOpenAI(*steps) as server:
            model = OpenAIModel("sk-test", server.url, "fake", timeout=5.0, max_retries=0)
            yield model
            await model.close()
            server.assert_complete()


class TestOpenAIModelPaced(ModelContract):
    """Over a server that streams token by token."""

    @asynccontextmanager
    async def model(self, *steps: Step) -> AsyncIterator[Model]:
        async with FakeOpenAI(*steps, token_seconds=0.0005) as server:
            model = OpenAIModel("sk-test", server.url, "fake", timeout=5.0, max_retries=0)
            yield model
            await model.close()
            server.assert_complete()


class TestResilientModel(ModelContract):
    """One model behind its breaker."""

    @asynccontextmanager
    async def model(self, *steps: Step) -> AsyncIterator[Model]:
        model = ScriptedModel(*steps)
        yield ResilientModel([Choice("scripted", model)], ManualClock())
        model.assert_complete()


class ScriptedChat(BaseChatModel):
    """A chat model of LangChain that takes a script's steps and fails as LangChain's do."""

    script: Any

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise AssertionError("it is to be streamed")

    def bind_tools(self, tools: Any, **_: Any) -> Runnable[Any, AIMessage]:
        return self

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        asked = ModelRequest([{"role": "user", "content": message.text} for message in messages])
        try:
            async for item in self.script.stream(asked):
                for chunk in _last_chunks(item) if isinstance(item, ModelStep) else [AIMessageChunk(content=item)]:
                    yield ChatGenerationChunk(message=chunk)
        except ModelUnavailable:
            raise ModelAPIError from None
        except ModelRejected:
            raise ModelInvalidRequestError from None
        except ModelError:
            raise ValueError("nonsense") from None


def _last_chunks(step: ModelStep) -> list[AIMessageChunk]:
    """What comes after the words: the calls, in two pieces each, the usage and the reason."""
    chunks = []
    for index, call in enumerate(step.calls):
        first = {"type": "tool_call_chunk", "index": index, "id": call.id, "name": call.name, "args": call.arguments[:5]}
        rest = {"type": "tool_call_chunk", "index": index, "id": None, "name": None, "args": call.arguments[5:]}
        chunks += [AIMessageChunk(content="", tool_call_chunks=[part]) for part in (first, rest)]
    used = {"input_tokens": step.usage.input_tokens, "output_tokens": step.usage.output_tokens, "total_tokens": 0}
    about = {"finish_reason": step.finish_reason, "model_name": step.model}
    return [*chunks, AIMessageChunk(content="", usage_metadata=used, response_metadata=about)]


class TestLangChainModel(ModelContract):
    @asynccontextmanager
    async def model(self, *steps: Step) -> AsyncIterator[Model]:
        script = ScriptedModel(*steps)
        yield LangChainModel(lambda name, max_tokens: ScriptedChat(script=script), "fake:one")
        script.assert_complete()
