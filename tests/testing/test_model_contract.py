from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.dialogs.llm import Model
from bot.dialogs.openai_model import OpenAIModel
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
