"""Answers of a model as checked data instead of words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from bot.dialogs.llm import Model, ModelRequest, ModelStep, finish
from bot.errors import ModelBroken

T = TypeVar("T", bound=BaseModel)

_FENCED = re.compile(r"```[\w-]*\s*\n?(.*?)```", re.DOTALL)
_MISTAKES_TOLD = 10


async def ask_for(model: Model, request: ModelRequest, shape: type[T], took: Callable[[ModelStep], None] | None = None) -> T:
    """Asks for one JSON object of this shape and checks it; what is wrong is told to the model, once.

    The request's messages are the question; its tools are left out. Where the server can enforce a JSON schema it is asked to.
    `took` is told of each finished answer, also of one that cannot be used: it was paid for.
    Raises ModelError; ModelBroken when the second answer is no better, with that answer as its `partial`.
    """
    schema = {**shape.model_json_schema(), "title": shape.__name__}
    messages = _instructed(request, schema)
    asked = replace(request, messages=messages, tools=(), schema=schema)
    step = await finish(model, asked)
    if took is not None:
        took(step)
    found = _read(step, shape)
    if not isinstance(found, str):
        return found
    said = {"role": "assistant", "content": step.text or "(nothing)"}
    wish = {"role": "user", "content": f"That cannot be used: {found}. Answer again with the whole JSON object and nothing else."}
    step = await finish(model, replace(asked, messages=[*messages, said, wish]))
    if took is not None:
        took(step)
    found = _read(step, shape)
    if not isinstance(found, str):
        return found
    error = ModelBroken(f"the model's answer is no {shape.__name__}: {found}")
    error.partial = step.text
    raise error


def _instructed(request: ModelRequest, schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The messages with the wish for JSON in the system prompt: some models take only one, at the start."""
    wish = f"Answer with one JSON object and nothing else. It follows this JSON schema:\n{orjson.dumps(schema).decode()}"
    first, *rest = request.messages
    if first["role"] != "system":
        return [{"role": "system", "content": wish}, first, *rest]
    return [{**first, "content": f"{first['content']}\n\n{wish}"}, *rest]


def _read(step: ModelStep, shape: type[T]) -> T | str:
    """The data, or what is wrong with it in one line, without repeating it."""
    fenced = _FENCED.search(step.text)
    text = (fenced[1] if fenced else step.text).strip()
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        cut = "it was cut off before its end, so be shorter; " if step.finish_reason == "length" else ""
        return cut + _mistakes(error)


def _mistakes(error: ValidationError) -> str:
    """Where and what, like `price: Input should be a valid number; items.0: Field required`."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{'.'.join(map(str, one['loc'])) or 'the answer'}: {one['msg']}" for one in found[:_MISTAKES_TOLD]]
    return " ".join("; ".join(lines).split())
