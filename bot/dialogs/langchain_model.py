"""Any chat model of LangChain as a `Model`. Only this file imports LangChain; it is an extra (`switchboard[langchain]`).

What LangChain streams is turned into events of Chat Completions, so that `completions.Answer` puts every model's answers together
in one way, within one set of bounds. Source: https://reference.langchain.com/python/langchain/chat_models
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

import orjson
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from bot.dialogs.completions import Answer
from bot.dialogs.deadline import Deadline
from bot.dialogs.llm import ModelRequest, ModelStep, Usage, counted
from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnavailable, SettingsError

Make = Callable[[str, int], BaseChatModel]
"""Makes the chat model of a name, whose answers have at most so many tokens."""

_SETTINGS_KEPT = 16

_STATUSES = {
    "ModelAuthenticationError": 401,
    "ModelPermissionDeniedError": 403,
    "ModelNotFoundError": 404,
    "ModelInvalidRequestError": 400,
    "ContextOverflowError": 400,
    "ModelRateLimitError": 429,
    "ModelAPIError": 503,
    "ModelConnectionError": 503,
    "ModelTimeoutError": 503,
    "NotImplementedError": 400,  # a model that takes no tools
}
"""LangChain's own errors; by name, as older versions have only some of them."""

_PASSING = frozenset({408, 409, 425, 429})  # and every 5xx
_FIXES = {
    401: "the key was refused: check the provider's key in the environment",
    403: "the key may not do this: check the provider's key in the environment, and LANGCHAIN_MODEL",
    404: "no such model: check LANGCHAIN_MODEL",
}
_REFUSED = "the request was refused: check that LANGCHAIN_MODEL takes tools and this much text"

_REASONS = {
    "max_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""Why an answer ended, in other providers' words; the rest is as in Chat Completions, or means `stop`."""


def named(name: str, timeout: float = 60.0) -> LangChainModel:
    """The model that LangChain calls so (`provider:model`). Raises SettingsError where it cannot be made."""
    model = LangChainModel(_make, name, timeout=timeout)
    try:
        model.chat(ModelRequest(()))  # now, so that a missing package or key shows at start-up
    except ImportError as error:
        raise SettingsError(f"LANGCHAIN_MODEL: {_line(error)}") from None
    except Exception as error:
        # Whatever a provider's constructor raises; its words may hold the settings it was given, which are no secret but its key.
        kind = type(error).__name__
        fix = "check its name (provider:model) and that the provider's key is in the environment"
        raise SettingsError(f"LANGCHAIN_MODEL: {name} cannot be made ({kind}): {fix}") from None
    return model


def _make(name: str, max_tokens: int) -> BaseChatModel:
    return init_chat_model(name, max_tokens=max_tokens)


class LangChainModel:
    """A `Model` over a chat model of LangChain.

    `timeout`, in seconds, bounds one whole step. Retries before the first word are the provider's own. A request that names
    another model gets that one, of the same provider unless it names another. JSON schemas are left to the words that ask for it.
    """

    def __init__(self, make: Make, name: str, *, timeout: float = 60.0) -> None:
        self._make = lru_cache(maxsize=_SETTINGS_KEPT)(make)
        self._name = name
        self._timeout = timeout

    def chat(self, request: ModelRequest) -> BaseChatModel:
        """LangChain's model for such a request. Raises what its constructor raises."""
        provider = self._name.partition(":")[0]
        name = request.model or self._name
        return self._make(name if ":" in name else f"{provider}:{name}", request.max_tokens)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        """The words as they come, then exactly one ModelStep. Raises ModelUnavailable, ModelRejected, ModelBroken."""
        deadline = Deadline(self._timeout)
        answer, chunks = Answer(len(request.messages), str), _Chunks()
        try:
            chat = self.chat(request)
            asked = chat.bind_tools([dict(tool) for tool in request.tools]) if request.tools else chat
            came = cast("AsyncGenerator[AIMessage, None]", asked.astream(_messages(request.messages)))
            async with aclosing(came) as messages:
                while (message := await deadline.next(messages)) is not None:
                    if words := answer.take(chunks.event(message)):
                        yield words
            step = answer.step(self._name, done=True)
            yield counted(replace(step, model=chunks.model or request.model or self._name), request)
        except TimeoutError:
            raise ModelUnavailable(f"the model took longer than {self._timeout:g} s") from None
        except ModelError:
            raise
        except Exception as error:  # every provider has its own
            raise _mapped(error) from None
        finally:
            deadline.stop()

    async def close(self) -> None:
        """Nothing to do: providers keep their connections to themselves."""


class _Chunks:
    """Turns one answer's messages of LangChain into events of Chat Completions."""

    def __init__(self) -> None:
        self.model = ""
        self._usage = Usage()

    def event(self, message: AIMessage) -> dict[str, Any]:
        about = message.response_metadata
        self.model = about.get("model_name") or about.get("model") or self.model
        if usage := message.usage_metadata:  # of this chunk: LangChain adds them up
            self._usage = Usage(
                self._usage.input_tokens + usage["input_tokens"], self._usage.output_tokens + usage["output_tokens"]
            )
        reason = about.get("finish_reason") or about.get("stop_reason") or about.get("done_reason") or ""
        choice = {"delta": {"content": str(message.text), "tool_calls": _calls(message)}, "finish_reason": _reason(reason)}
        return {
            "choices": [choice],
            "usage": {"prompt_tokens": self._usage.input_tokens, "completion_tokens": self._usage.output_tokens},
        }


def _calls(message: AIMessage) -> list[dict[str, Any]]:
    if isinstance(message, AIMessageChunk):
        return [
            {
                "index": chunk["index"] if isinstance(chunk["index"], int) else None,
                "id": chunk["id"],
                "function": {"name": chunk["name"], "arguments": chunk["args"]},
            }
            for chunk in message.tool_call_chunks
        ]
    whole = [{"id": call["id"], "function": {"name": call["name"], "arguments": call["args"]}} for call in message.tool_calls]
    broken = [
        {"id": call["id"], "function": {"name": call["name"], "arguments": call["args"]}} for call in message.invalid_tool_calls
    ]
    return whole + broken


def _reason(said: object) -> str:
    reason = str(said).lower()
    return _REASONS.get(reason, reason)


def _messages(messages: Sequence[Mapping[str, Any]]) -> list[BaseMessage]:
    return [_message(message) for message in messages]


def _message(message: Mapping[str, Any]) -> BaseMessage:
    content = message.get("content") or ""
    match message["role"]:
        case "system" | "developer":
            return SystemMessage(content)
        case "assistant":
            return AIMessage(content, tool_calls=[_told(call) for call in message.get("tool_calls") or ()])
        case "tool":
            return ToolMessage(content, tool_call_id=message["tool_call_id"])
        case _:
            return HumanMessage(content)


def _told(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call that the model made before; arguments that were no JSON object stay readable to it."""
    function = call["function"]
    try:
        arguments = orjson.loads(function["arguments"] or "{}")
    except orjson.JSONDecodeError:
        arguments = function["arguments"]
    if not isinstance(arguments, dict):
        arguments = {"not_an_object": arguments}
    return {"type": "tool_call", "id": call["id"], "name": function["name"], "args": arguments}


def _mapped(error: Exception) -> ModelError:
    """Never with the error's words: each provider has its own way to repeat keys and prompts."""
    kind = type(error).__name__
    status = _status(error)
    if status in _PASSING or status >= 500 or _is_connection(error):
        return ModelUnavailable(f"the model cannot answer now ({status or kind})", status=status)
    if status >= 300:
        return ModelRejected(f"{_FIXES.get(status, _REFUSED)} ({status}, {kind})", status=status)
    return ModelBroken(f"the model's library failed ({kind})")


def _status(error: Exception) -> int:
    """The HTTP status, wherever the provider keeps it; 0 where there is none."""
    places = (getattr(error, "status_code", None), getattr(error, "code", None), getattr(error, "response", None))
    for place in places:
        status = getattr(place, "status_code", place)
        if isinstance(status, int) and 300 <= status < 600:
            return int(status)
    return next((_STATUSES[base.__name__] for base in type(error).__mro__ if base.__name__ in _STATUSES), 0)


def _is_connection(error: Exception) -> bool:
    names = [base.__name__ for base in type(error).__mro__]
    return isinstance(error, OSError) or any("Connect" in name or "Timeout" in name for name in names)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
