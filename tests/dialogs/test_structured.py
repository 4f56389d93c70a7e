"""Data instead of words."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from bot.dialogs.llm import ModelRequest
from bot.dialogs.openai_model import OpenAIModel
from bot.dialogs.structured import ask_for
from bot.errors import ModelBroken, ModelUnavailable
from bot.testing.llm import Raised, Said, ScriptedModel
from bot.testing.model_contract import QUESTION
from bot.testing.openai import FakeOpenAI, Fault

pytestmark = pytest.mark.unit


class Wish(BaseModel):
    """What somebody wants, and when."""

    what: Annotated[str, Field(max_length=20)]
    on: date
    count: int = 1


GOOD = '{"what": "a call", "on": "2026-01-16"}'
WISH = Wish(what="a call", on=date(2026, 1, 16))


@pytest.mark.parametrize(
    "said",
    [GOOD, f"\n {GOOD}\n", f"```json\n{GOOD}\n```", f"```\n{GOOD}```", f"Here you are:\n```json\n{GOOD}\n```\nAnything else?"],
)
async def test_an_answer_of_the_right_shape_is_data(said: str) -> None:
    assert await ask_for(ScriptedModel(Said(said)), QUESTION, Wish) == WISH


async def test_the_wish_for_json_goes_into_the_system_prompt_and_nothing_else_changes() -> None:
    model = ScriptedModel(Said(GOOD))
    await ask_for(model, QUESTION, Wish)
    (asked,) = model.requests
    assert [message["role"] for message in asked.messages] == ["system", "user"]
    assert asked.messages[0]["content"].startswith("Be brief.\n\nAnswer with one JSON object")
    assert asked.messages[1] == QUESTION.messages[1]
    assert asked.tools == ()
    assert asked.schema is not None
    assert asked.schema["title"] == "Wish"


async def test_each_answer_is_told_of_also_one_that_cannot_be_used() -> None:
    took: list[str] = []
    await ask_for(ScriptedModel(Said("no"), Said(GOOD)), QUESTION, Wish, lambda step: took.append(step.text))
    assert took == ["no", GOOD]


async def test_a_request_without_a_system_prompt_gets_one() -> None:
    model = ScriptedModel(Said(GOOD))
    await ask_for(model, ModelRequest([{"role": "user", "content": "Call me"}]), Wish)
    assert [message["role"] for message in model.requests[0].messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Certainly! A call.", "the answer: Invalid JSON"),
        ("", "the answer: Invalid JSON"),
        ('{"what": "a call"}', "on: Field required"),
        (
            '{"what": "a call, a very long one", "on": "soon"}',
            "what: String should have at most 20 characters; on: Input should be",
        ),
    ],
)
async def test_what_is_wrong_is_told_to_the_model_once(said: str, told: str) -> None:
    model = ScriptedModel(Said(said), Said(GOOD))
    assert await ask_for(model, QUESTION, Wish) == WISH
    *before, answer, wish = model.requests[1].messages
    assert before == model.requests[0].messages
    assert (answer["role"], wish["role"]) == ("assistant", "user")
    assert answer["content"] == (said or "(nothing)")
    assert told in wish["content"]


async def test_an_answer_that_was_cut_off_is_told_to_be_shorter() -> None:
    model = ScriptedModel(Said(GOOD[:20], finish_reason="length"), Said(GOOD))
    assert await ask_for(model, QUESTION, Wish) == WISH
    assert "be shorter" in model.requests[1].messages[-1]["content"]


async def test_a_second_wrong_answer_is_a_broken_model() -> None:
    with pytest.raises(ModelBroken, match="no Wish: on: Field required") as caught:
        await ask_for(ScriptedModel(Said("no"), Said('{"what": "a call"}')), QUESTION, Wish)
    assert caught.value.partial == '{"what": "a call"}'


async def test_a_model_that_fails_is_not_asked_to_mend_it() -> None:
    with pytest.raises(ModelUnavailable):
        await ask_for(ScriptedModel(Raised(ModelUnavailable("down"))), QUESTION, Wish)


@pytest.mark.parametrize("refused", [False, True])
async def test_a_server_that_takes_no_schema_is_asked_in_words(refused: bool) -> None:
    no = Fault.status(400, message="response_format: json_schema is not supported")
    async with FakeOpenAI(*([no] if refused else []), Said(GOOD)) as server:
        model = OpenAIModel("", server.url, "fake")
        assert await ask_for(model, QUESTION, Wish) == WISH
        await model.close()
        server.assert_complete()
    assert ["response_format" in request.body for request in server.requests] == ([True, False] if refused else [True])
    assert all("JSON schema" in request.body["messages"][0]["content"] for request in server.requests)
