"""Reads answers of Chat Completions, streamed or whole, into words and one finished step: tolerant where servers differ, bounded.

Sources: https://platform.openai.com/docs/api-reference/chat-streaming and
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from bot.dialogs.llm import ModelStep, ToolCall, Usage
from bot.errors import ModelBroken, ModelUnavailable

MAX_TEXT = 64 * 1024
"""Bound on the words of one answer, in bytes of UTF-8; also on the arguments of all its tool calls together."""
MAX_EVENT = 1024 * 1024
"""Bound on one event of the stream, in bytes; also on an answer that is not streamed."""
MAX_CALLS = 128
"""Bound on the tool calls of one answer; OpenAI's own bound on a request's tools."""

_REASONS = {"stop": "stop", "length": "length", "max_tokens": "length", "content_filter": "content_filter"}


class Events(Protocol):
    """Makes events of an answer's bytes."""

    done: bool
    """Whether the server has said that this was the last."""

    def feed(self, piece: bytes) -> list[Any]:
        """The events that are complete with these bytes. Raises ModelBroken."""

    def rest(self) -> list[Any]:
        """The events left at the end of the bytes. Raises ModelBroken."""


class EventStream:
    """Server-sent events, cut anywhere, decoded: each is the JSON of its `data` lines. Tolerant where servers differ."""

    def __init__(self) -> None:
        self.done = False
        self._data: list[bytes] = []  # the data lines of the event that is being read
        self._parts: list[bytes] = []  # the line that is being read
        self._size = 0  # of both, about

    def feed(self, piece: bytes) -> list[Any]:
        """The events that are complete with these bytes. Raises ModelBroken for one that is not JSON, or beyond MAX_EVENT."""
        self._size += len(piece)
        if self._size > MAX_EVENT:
            raise ModelBroken(f"the model's server sent one event of over {MAX_EVENT} bytes")
        if b"\n" not in piece:
            self._parts.append(piece)
            return []
        if self._parts:
            self._parts.append(piece)
            piece = b"".join(self._parts)
        lines = piece.split(b"\n")
        rest = lines.pop()
        self._parts = [rest] if rest else []
        return self._read(lines)

    def rest(self) -> list[Any]:
        """The last event where nothing ended it; what is left of one cut off is dropped."""
        if not self._parts and not self._data:
            return []
        lines = [b"".join(self._parts), b""]
        self._parts = []
        try:
            return self._read(lines)
        except ModelBroken:
            return []

    def _read(self, lines: list[bytes]) -> list[Any]:
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:])
            elif (not line or line == b"\r") and self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                self._data.clear()
                if self._is_last(data):
                    break
                if data and not data.isspace():
                    events.append(_decoded(data))
        if not self._data:
            self._size = 0
        return events

    def _is_last(self, data: bytes) -> bool:
        self.done = len(data) < 16 and data.strip() == b"[DONE]"
        return self.done


class WholeBody:
    """The answer of a server that does not stream, although it was asked to: one event, at the end."""

    def __init__(self) -> None:
        self.done = False
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[Any]:
        """Keeps the bytes. Raises ModelBroken beyond MAX_EVENT."""
        self._size += len(piece)
        if self._size > MAX_EVENT:
            raise ModelBroken(f"the model's server sent an answer of over {MAX_EVENT} bytes")
        self._parts.append(piece)
        return []

    def rest(self) -> list[Any]:
        """The one event. Raises ModelBroken when it is not JSON."""
        self.done = True
        return [_decoded(b"".join(self._parts))]


@dataclass(slots=True)
class _Call:
    """A tool call that is being put together."""

    index: int
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Answer:
    """One answer, put together from its events. Raises ModelBroken as soon as it is beyond a bound."""

    def __init__(self, asked: int, quoted: Callable[[str], str]) -> None:
        self._asked = asked
        self._quoted = quoted
        self._words: list[str] = []
        self._text_size = 0
        self._calls: list[_Call] = []
        self._arguments_size = 0
        self._usage = Usage()
        self._reason = ""
        self._model = ""
        self._began = False

    def take(self, event: Any) -> str:
        """Adds an event; the words it brought. Raises ModelUnavailable for an error in it, ModelBroken for what is no event."""
        try:
            if event.get("error") or event.get("object") == "error":
                raise ModelUnavailable(f"the model's server failed in mid-answer: {self._quoted(words_of(event))}")
            if usage := event.get("usage"):
                self._usage = Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
            choices = event.get("choices")
            return self._take_choice(choices[0], event) if choices else ""
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelBroken(f"the model's server sent an event of the wrong shape ({type(error).__name__})") from None

    def step(self, model: str, done: bool) -> ModelStep:
        """The finished step. Raises ModelUnavailable when the stream ended before the answer did."""
        if not self._reason and not done:
            raise ModelUnavailable("stream cut off")
        if not self._began:
            raise ModelBroken("the model's server sent an answer without a choice: check OPENAI_BASE_URL if this lasts")
        return ModelStep("".join(self._words), self._finished_calls(), self._usage, self._finish_reason(), self._model or model)

    def _take_choice(self, choice: dict[str, Any], event: dict[str, Any]) -> str:
        if not self._began:
            self._began = True
            self._model = event.get("model") or ""
        if reason := choice.get("finish_reason"):
            self._take_reason(reason)
        delta = choice.get("delta") or choice.get("message")
        if not delta:
            return ""
        for call in delta.get("tool_calls") or ():
            self._take_call(call)
        words = delta.get("content") or delta.get("refusal")
        if not words:
            return ""
        return self._take_words(words if isinstance(words, str) else _joined(words))

    def _take_words(self, words: str) -> str:
        self._text_size += len(words) if words.isascii() else len(words.encode())
        if self._text_size > MAX_TEXT:
            raise ModelBroken(f"the model's answer is over {MAX_TEXT} bytes")
        self._words.append(words)
        return words

    def _take_reason(self, reason: str) -> None:
        if reason == "error":
            raise ModelUnavailable("the model's server failed in mid-answer")
        self._reason = reason

    def _take_call(self, delta: dict[str, Any]) -> None:
        function = delta.get("function") or {}
        name, arguments = function.get("name") or "", function.get("arguments")
        call = self._call(delta.get("index"), delta.get("id") or "", name)
        call.name = call.name or name
        if not arguments:
            return
        # Some servers send the arguments as an object instead of as its text.
        text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
        self._arguments_size += len(text) if text.isascii() else len(text.encode())
        if self._arguments_size > MAX_TEXT:
            raise ModelBroken(f"the arguments of the model's tool calls are over {MAX_TEXT} bytes")
        call.arguments.append(text)

    def _call(self, index: Any, id: str, name: str) -> _Call:
        number = None if index is None else int(index)
        known = self._latest(number, id, name)
        if known is None:
            known = self._begin_call(number)
        known.id = known.id or id
        return known

    def _latest(self, index: int | None, id: str, name: str) -> _Call | None:
        """The call that a delta goes on with: by index where there is one, else by id, else the last; None when it begins one."""
        if index is not None:
            known = next((call for call in reversed(self._calls) if call.index == index), None)
            # Some servers number every call 0: a name and an id of its own tell a new one.
            is_another = known is not None and name and known.name and id and known.id != id
            return None if is_another else known
        if same := next((call for call in self._calls if id and call.id == id), None):
            return same
        return self._calls[-1] if self._calls and not name else None

    def _begin_call(self, index: int | None) -> _Call:
        if len(self._calls) >= MAX_CALLS:
            raise ModelBroken(f"the model wants over {MAX_CALLS} tools at once")
        taken = index is None or any(call.index == index for call in self._calls)
        call = _Call(len(self._calls) if taken or index is None else index)
        self._calls.append(call)
        return call

    def _finished_calls(self) -> tuple[ToolCall, ...]:
        ids: set[str] = set()
        calls = []
        for position, call in enumerate(sorted(self._calls, key=lambda call: call.index)):
            if not call.name:
                raise ModelBroken("the model wants a tool to be run but does not name it")
            # An id of our own is the same when the step is run again, and another in the next step of the same turn.
            id = call.id if call.id and call.id not in ids else f"call_{self._asked}_{position}"
            ids.add(id)
            calls.append(ToolCall(id, call.name, "".join(call.arguments)))
        return tuple(calls)

    def _finish_reason(self) -> str:
        reason = _REASONS.get(self._reason, "stop")
        return "tool_calls" if self._calls and reason == "stop" else reason  # some servers say `stop` with calls


def _decoded(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ModelBroken("the model's server sent something that is not JSON: check OPENAI_BASE_URL if this lasts") from None


def _joined(parts: Iterable[Mapping[str, Any]]) -> str:
    """The words of a content that is a list of parts."""
    return "".join(part.get("text") or "" for part in parts)


def words_of(body: object) -> str:
    """What a server says in an error, whichever way it wraps it; empty for a page of HTML."""
    if isinstance(body, Mapping):
        for key in ("error", "message", "detail"):
            if body.get(key):
                return words_of(body[key])
        return orjson.dumps(dict(body), default=str).decode()
    words = str(body or "")
    return "" if words.lstrip().startswith("<") else words
