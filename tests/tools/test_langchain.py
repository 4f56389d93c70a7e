"""A LangChain tool as one of ours."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool, ToolException
from langchain_core.tools import tool as theirs
from pydantic import BaseModel, Field, field_validator

from bot.errors import ResourceError, ToolError
from bot.principal import Strength
from bot.tools.base import Tool, ToolContext
from bot.tools.langchain import langchain_tool

pytestmark = pytest.mark.unit


@theirs
def delivery_days(country: str, express: bool = False) -> str:
    """How many days a delivery takes."""
    return f"{country}: {1 if express else 3} days"


class Route(BaseModel):
    """Where from and to."""

    start: Annotated[str, Field(description="Where from.", max_length=10)]
    stops: list[str] = []

    @field_validator("start")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == "nowhere":
            raise ValueError("there is no such place")
        return value


@theirs(args_schema=Route)
async def distance(start: str, stops: list[str], where: Annotated[str, InjectedToolArg] = "s") -> dict[str, Any]:
    """How far it is."""
    return {"from": start, "km": len(stops)}


FROM_ELSEWHERE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}, "odd": {}},
    "required": ["city"],
}
"""The arguments of a tool that comes over MCP."""


async def run(tool: Tool, context: ToolContext, **arguments: Any) -> str:
    return (await tool.run(context, **tool.read_arguments(arguments))).text


@pytest.fixture
def context() -> ToolContext:
    return None  # type: ignore[return-value]  # a tool of LangChain's gets to see nothing of it


def test_its_name_description_and_arguments_are_what_the_model_sees() -> None:
    tool = langchain_tool(delivery_days, needs=Strength.SIGNED, permission="read:tickets", timeout=3)
    function = tool.schema["function"]
    assert (tool.name, function["name"]) == ("delivery_days", "delivery_days")
    assert function["description"] == "How many days a delivery takes."
    assert function["parameters"]["required"] == ["country"]
    assert set(function["parameters"]["properties"]) == {"country", "express"}
    assert function["parameters"]["additionalProperties"] is False
    assert (tool.needs, tool.permission, tool.timeout, tool.write) == (Strength.SIGNED, "read:tickets", 3, False)


async def test_it_runs(context: ToolContext) -> None:
    tool = langchain_tool(delivery_days)
    assert await run(tool, context, country="India") == "India: 3 days"
    assert await run(tool, context, country="India", express=True) == "India: 1 days"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "country"),
        ({"country": 7}, "country"),
        ({"country": "India", "express": "often"}, "express"),
        ({"country": "India", "x": 1}, "x"),
    ],
)
async def test_wrong_arguments_never_reach_it(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ToolError, match=rf"^delivery_days\.{told}\b"):
        langchain_tool(delivery_days).read_arguments(arguments)


async def test_data_is_told_as_json_and_what_the_runtime_fills_in_is_not_the_models(context: ToolContext) -> None:
    tool = langchain_tool(distance)
    assert await run(tool, context, start="here", stops=["a", "b"]) == '{"from":"here","km":2}'
    assert "where" not in tool.schema["function"]["parameters"]["properties"]
    with pytest.raises(ToolError, match="start"):
        tool.read_arguments({"start": "much too long a name"})


async def test_what_its_own_validators_refuse_is_told_to_the_model(context: ToolContext) -> None:
    with pytest.raises(ToolError, match="there is no such place"):
        await run(langchain_tool(distance), context, start="nowhere")


async def test_arguments_that_are_a_json_schema_are_checked_by_name_and_type(context: ToolContext) -> None:
    seen: list[dict[str, Any]] = []

    async def weather(**values: Any) -> list[dict[str, str]]:
        seen.append(values)
        return [{"type": "text", "text": "Sun"}, {"type": "text", "text": "and rain"}]

    made = StructuredTool.from_function(coroutine=weather, name="weather", description="Weather.", args_schema=FROM_ELSEWHERE)
    tool = langchain_tool(made)
    assert await run(tool, context, city="Pune", unit="C") == "Sun and rain"
    assert seen == [{"city": "Pune", "unit": "C"}]
    for wrong in ({}, {"city": 3}, {"city": "Pune", "days": "some"}, {"city": "Pune", "unit": "K"}, {"city": "Pune", "at": 1}):
        with pytest.raises(ToolError):
            tool.read_arguments(wrong)


def failing(error: Exception) -> BaseTool:
    def fail() -> str:
        """Fails."""
        raise error

    return StructuredTool.from_function(fail)


async def test_what_it_wants_to_tell_the_model_is_told(context: ToolContext) -> None:
    with pytest.raises(ToolError, match="the shop is closed"):
        await run(langchain_tool(failing(ToolException("the shop\nis closed"))), context)


async def test_any_other_failure_is_left_to_the_loop(context: ToolContext) -> None:
    with pytest.raises(ZeroDivisionError):
        await run(langchain_tool(failing(ZeroDivisionError())), context)


async def test_a_long_result_is_cut(context: ToolContext) -> None:
    @theirs
    def everything() -> str:
        """All of it."""
        return "x" * 100_000

    assert len(await run(langchain_tool(everything), context)) == 4000


def test_what_the_model_could_not_use_is_refused() -> None:
    async def ask(*_: Any) -> str:
        return "Sure?"

    made = StructuredTool.from_function(lambda: "x", name="silent", description="x")
    with pytest.raises(ResourceError, match="write=True"):
        langchain_tool(made, confirm=ask)
    made.description = ""
    with pytest.raises(ResourceError, match="tool silent: has no description"):
        langchain_tool(made)
