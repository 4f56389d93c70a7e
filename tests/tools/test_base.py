"""A tool is its signature and its docstring."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from bot.errors import ResourceError, ToolError
from bot.tools.base import Result, Tool, Toolbox, ToolContext, tool

pytestmark = pytest.mark.unit


class Size(StrEnum):
    """How big."""

    SMALL = "small"
    BIG = "big"


class Place(BaseModel):
    """Where."""

    street: str
    number: int = 1


@tool(write=True, timeout=3)
async def order(
    context: ToolContext,
    what: Annotated[str, Field(description="What is wanted.", max_length=5)],
    where: Place | None = None,
    size: Size = Size.SMALL,
    tags: Annotated[list[str], Field(max_length=2)] = [],  # noqa: B006 - the default of a field
) -> Result:
    """Orders something.

    Ask first.
    """
    return Result(f"{what} {size}")


def test_the_signature_becomes_the_schema_and_the_docstring_the_description() -> None:
    function = order.schema["function"]
    assert (order.schema["type"], function["name"]) == ("function", "order")
    assert function["description"] == "Orders something.\n\nAsk first."
    parameters = function["parameters"]
    assert parameters["required"] == ["what"]
    assert parameters["additionalProperties"] is False
    assert parameters["properties"]["what"] == {"type": "string", "description": "What is wanted.", "maxLength": 5}
    assert parameters["$defs"]["Size"] == {"type": "string", "enum": ["small", "big"]}
    assert "context" not in parameters["properties"]
    assert "title" not in str(parameters["properties"]["what"])
    assert (order.write, order.timeout, order.name) == (True, 3, "order")


def test_a_tool_without_a_docstring_is_refused() -> None:
    with pytest.raises(ResourceError, match="tool silent: has no docstring"):

        @tool()
        async def silent(context: ToolContext) -> Result:
            return Result("")


def test_a_tool_reads_by_default() -> None:
    @tool()
    async def look(context: ToolContext) -> Result:
        """Looks."""
        return Result("")

    assert (look.write, look.timeout) == (False, 15.0)
    assert look.read_arguments({}) == {}


def test_arguments_come_in_their_types_with_their_defaults() -> None:
    assert order.read_arguments({"what": "tea"}) == {"what": "tea", "where": None, "size": Size.SMALL, "tags": []}
    read = order.read_arguments({"what": "tea", "where": {"street": "Main", "number": "7"}, "size": "big", "tags": ["a"]})
    assert (read["where"], read["size"], read["tags"]) == (Place(street="Main", number=7), Size.BIG, ["a"])


def test_a_default_list_is_not_shared_between_calls() -> None:
    order.read_arguments({"what": "tea"})["tags"].append("x")
    assert order.read_arguments({"what": "tea"})["tags"] == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "order.what: "),
        ({"what": "coffee"}, "order.what: "),
        ({"what": 1}, "order.what: "),
        ({"what": "tea", "size": "huge"}, "order.size: "),
        ({"what": "tea", "where": {"number": 1}}, "order.where.street: "),
        ({"what": "tea", "tags": ["a", "b", "c"]}, "order.tags: "),
        ({"what": "tea", "context": {}}, "order.context: "),
        ({"waht": "tea"}, "order.what: "),
        ("tea", "order: "),
        (None, "order: "),
    ],
)
def test_a_wrong_argument_is_named_with_the_rule(values: Any, told: str) -> None:
    with pytest.raises(ToolError) as caught:
        order.read_arguments(values)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_every_tool_that_ships_is_found_and_never_asks_whose_records() -> None:
    toolbox = Toolbox.discover()
    assert toolbox.names() == sorted(toolbox.names())
    assert {"create_ticket", "list_my_tickets", "hand_to_person", "offer_choices"} <= set(toolbox.names())
    for name in toolbox.names():
        found = toolbox.get(name)
        assert isinstance(found, Tool)
        parameters = set(found.schema["function"]["parameters"].get("properties", {}))
        assert not parameters & {"customer_id", "customer", "person", "principal", "user_id", "context"}, name


def test_the_nearest_name_is_one_of_those_asked_about() -> None:
    toolbox = Toolbox({"order": order})
    assert toolbox.nearest("ordr") == "order"
    assert toolbox.nearest("zzz") == ""
    assert toolbox.nearest("ordr", []) == ""
    assert toolbox.get("nothing") is None
