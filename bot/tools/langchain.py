"""A LangChain tool as one of ours, by its public attributes: nothing of LangChain is imported.

from langchain_community.tools import SomeTool
some_tool = langchain_tool(SomeTool(), needs=Strength.SIGNED)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from bot.errors import ResourceError, ToolError
from bot.principal import Strength
from bot.records.base import explain
from bot.tools.base import Confirm, Result, Tool, ToolContext, clip

_RESULT_LENGTH = 4000
_REASON_LENGTH = 300
_TYPES: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list[Any],
    "object": dict[str, Any],
    "null": None,
}


class LangChainTool(Protocol):
    """What we need of LangChain's `BaseTool`."""

    name: str
    description: str

    @property
    def tool_call_schema(self) -> Any:
        """What the model may say: a pydantic class or a JSON schema, without what the runtime fills in."""

    async def ainvoke(self, input: Any) -> Any:
        """Runs it."""


def langchain_tool(
    theirs: LangChainTool,
    *,
    write: bool = False,
    timeout: float = 15.0,
    needs: Strength = Strength.CLAIMED,
    permission: str = "",
    confirm: Confirm | None = None,
) -> Tool:
    """Makes a tool of ours; its arguments are validated as ours are, its result is text of at most 4,000 characters.

    It knows no principal and no unit of work: what it does elsewhere may happen twice where the process dies in between, so
    declare with `write=True` what changes anything and give it to agents only where that is fine. Raises ResourceError.
    """
    name = theirs.name
    if not theirs.description:
        raise ResourceError(f"tool {name}: has no description; the model needs one")
    if confirm is not None and not write:
        raise ResourceError(f"tool {name}: only what writes is confirmed; make it with write=True")
    arguments, parameters = _shape_of(name, theirs.tool_call_schema)

    async def run(context: ToolContext, **values: Any) -> Result:
        given = {key: value for key, value in values.items() if value is not None or arguments.model_fields[key].is_required()}
        try:
            answer = await theirs.ainvoke(given)
        except ValidationError as error:  # by the validators of its own
            raise ToolError(explain(name, error)) from None
        except Exception as error:
            if any(kind.__name__ == "ToolException" for kind in type(error).__mro__):  # what it wants the model to know
                raise ToolError(clip(str(error), _REASON_LENGTH)) from None
            raise
        return Result(clip(_text(answer), _RESULT_LENGTH))

    about = {"name": name, "description": theirs.description, "parameters": parameters}
    schema = {"type": "function", "function": about}
    return Tool(name, theirs.description, run, arguments, write, timeout, schema, needs, permission, confirm)


def _shape_of(name: str, shape: Any) -> tuple[type[BaseModel], dict[str, Any]]:
    """The class that checks the arguments, and the JSON schema that the model sees."""
    known = isinstance(shape, Mapping)
    arguments = _class_of(name, shape) if known else _strict(name, shape)
    parameters = dict(shape) if known else arguments.model_json_schema()
    about = {key: value for key, value in parameters.items() if key not in ("title", "description")}  # these only cost tokens
    return arguments, about | {"additionalProperties": False}


def _strict(name: str, shape: Any) -> type[BaseModel]:
    """Their class, but an argument that it does not know is a mistake, as with our own tools."""
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        raise ResourceError(f"tool {name}: its arguments are no pydantic 2 class and no JSON schema")
    members = {"model_config": ConfigDict(extra="forbid"), "__module__": __name__}
    return type(f"{name}_arguments", (shape,), members)


def _class_of(name: str, schema: Mapping[str, Any]) -> type[BaseModel]:
    """A class for a JSON schema: names, required or not, and the outermost types; the tool itself has to check the rest."""
    required = schema.get("required", ())
    fields: dict[str, Any] = {
        field: (_type_of(part), Field(...)) if field in required else (_type_of(part) | None, Field(part.get("default")))
        for field, part in schema.get("properties", {}).items()
    }
    return create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)


def _type_of(part: Mapping[str, Any]) -> Any:
    if "enum" in part:
        return Literal[tuple(part["enum"])]
    kind = part.get("type")
    return _TYPES.get(kind, Any) if isinstance(kind, str) else Any


def _text(answer: Any) -> str:
    """What a tool gives back, whichever way: words, content blocks, or data."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list) and answer and all(isinstance(part, Mapping) and part.get("type") == "text" for part in answer):
        return "\n".join(str(part["text"]) for part in answer)
    return orjson.dumps(answer, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
