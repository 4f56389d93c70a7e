"""The model behind any server that speaks Chat Completions: OpenAI, Azure, vLLM, Ollama, llama.cpp, a proxy.

The `openai` client does auth, retries and errors; the bytes of the answer are read by our own SSE parser, because the client's
typed stream costs three times as much (one pydantic object per token). Only this file imports the client.

Sources: https://platform.openai.com/docs/api-reference/chat-streaming and
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Protocol, TypeVar, cast

import aiohttp
import httpx2
import openai
import orjson

from bot.dialogs.llm import ModelRequest, ModelStep, ToolCall, Usage
from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnavailable, SettingsError

OPENAI_URL = "https://api.openai.com/v1"
MAX_TEXT = 64 * 1024
"""Bound on the words of one answer, in bytes of UTF-8; also on the arguments of all its tool calls together."""
MAX_EVENT = 1024 * 1024
"""Bound on one event of the stream, in bytes; also on an answer that is not streamed."""
MAX_CALLS = 128
"""Bound on the tool calls of one answer; OpenAI's own bound on a request's tools."""

_CONNECT_SECONDS = 5.0  # short, so that a server that cannot be reached is tried again well within the timeout
_IDLE_SECONDS = 30.0  # how long an unused connection is kept
_DRAIN_SECONDS = 0.25  # how long to wait for the end of a body whose last event has come
_SAID_CHARACTERS = 200  # how much of a server's own words an error repeats

T = TypeVar("T")

# By name, because most of these live in modules that need not be loaded. A status error is judged by its status instead.
MAPPED_ERRORS: Mapping[str, type[ModelError]] = {
    "APIError": ModelUnavailable,
    "APIConnectionError": ModelUnavailable,
    "APITimeoutError": ModelUnavailable,
    "APIResponseValidationError": ModelBroken,
    "APIStatusError": ModelRejected,
    "BadRequestError": ModelRejected,
    "AuthenticationError": ModelRejected,
    "OAuthError": ModelRejected,
    "PermissionDeniedError": ModelRejected,
    "NotFoundError": ModelRejected,
    "UnprocessableEntityError": ModelRejected,
    "ConflictError": ModelUnavailable,
    "RateLimitError": ModelUnavailable,
    "InternalServerError": ModelUnavailable,
    "SubjectTokenProviderError": ModelRejected,
    "LengthFinishReasonError": ModelBroken,
    "ContentFilterFinishReasonError": ModelBroken,
    "StreamAlreadyConsumed": ModelBroken,
    "OpenAIError": ModelRejected,  # the bare one says that the client was set up wrongly
    # Parts of the library that this program does not use:
    "WebSocketConnectionClosedError": ModelUnavailable,
    "WebSocketQueueFullError": ModelUnavailable,
    "MutuallyExclusiveAuthError": ModelRejected,
    "APIRemovedInV1": ModelRejected,
    "_AmbiguousModuleClientUsageError": ModelRejected,
    "MissingDependencyError": ModelRejected,
    "AgentFilePreparationError": ModelBroken,
    "AgentFileStagingError": ModelBroken,
    "AgentOutputParseError": ModelBroken,
    "AgentTurnResultError": ModelBroken,
}
"""What each exception of the `openai` library becomes; a test fails when the library has one that is not listed."""

_PASSING = frozenset({408, 409, 425, 429})  # and every 5xx: the same request may work later
_FIXES = {
    401: "the key was refused: check OPENAI_API_KEY",
    402: "the account has no credit: check the account of OPENAI_API_KEY",
    403: "the key may not do this: check what OPENAI_API_KEY is allowed, and OPENAI_MODEL",
    404: "no such model or address: check OPENAI_MODEL and OPENAI_BASE_URL",
    405: "that address takes no questions: check OPENAI_BASE_URL",
}
_REFUSED = "the request was refused: check that OPENAI_MODEL takes tools and this much text"
_QUOTES_THE_KEY = frozenset({401, 403})  # what a server says with these tends to repeat the key, so it is not repeated here
_KEY_LIKE = re.compile(r"(?i)\b(?:sk|pk)-[\w*.-]+|\bbearer\s+\S+")
_REASONS = {"stop": "stop", "length": "length", "max_tokens": "length", "content_filter": "content_filter"}


class OpenAIModel:
    """A `Model` over the Chat Completions API of any compatible server.

    `base_url` None means OpenAI's own; an empty `api_key` is fine where the server asks for none. `timeout`, in seconds, bounds
    one whole step: connecting, every retry, reading to the last word, and the time its consumer takes. Up to `max_retries`
    retries happen within it, before the first word only, on connection errors, 408, 409, 429 and 5xx; Retry-After is obeyed, or
    the retry given up when it asks for more than `timeout`. `temperature` is sent only when it is set.

    Raises SettingsError for a key or an address that could never work.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        model: str,
        *,
        timeout: float = 60.0,
        max_retries: int = 2,
        temperature: float | None = None,
    ) -> None:
        self._key = _checked_key(api_key)
        url = _checked_url(base_url or OPENAI_URL)
        self._host = url.host
        self._model = model
        self._timeout = timeout
        self._temperature = temperature
        self._dialect = _Dialect("max_completion_tokens" if _is_openai(url.host) else "max_tokens")
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none",  # the client insists on one
            base_url=url,
            max_retries=max_retries,
            # Reading is bounded by one deadline per step instead of a timer set anew for every token.
            timeout=openai.Timeout(None, connect=min(_CONNECT_SECONDS, timeout)),
            http_client=openai.DefaultAioHttpClient(
                verify=_trusted(),
                limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=_IDLE_SECONDS),
                event_hooks={"response": [self._give_up_hopeless_retries]},
            ),
        )

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        """The words as they come, then exactly one ModelStep.

        Raises ModelUnavailable (no connection, too slow, 408, 409, 429, 5xx, an error or a cut in mid-answer), ModelRejected (any
        other status) and ModelBroken (no usable answer, or one beyond the bounds). Closing the generator closes the connection.
        """
        deadline = _Deadline(self._timeout)
        answer = Answer(len(request.messages), self._quoted)
        try:
            response = await self._ask(request, deadline)
            # Both are closed: closing a body that was never begun does not reach the connection.
            async with aclosing(response), aclosing(_pieces(response)) as pieces:
                events = _events_of(response)
                while not events.done and (piece := await deadline.next(pieces)) is not None:
                    for event in events.feed(piece):
                        if words := answer.take(event):
                            yield words
                for event in events.rest():
                    if words := answer.take(event):
                        yield words
                yield answer.step(request.model or self._model, events.done)
                await _drain(pieces)
        except TimeoutError:
            raise ModelUnavailable(f"the model took longer than {self._timeout:g} s") from None
        except openai.OpenAIError as error:
            raise self._mapped(error) from None
        except (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError) as error:
            raise ModelUnavailable(f"the connection to the model broke ({type(error).__name__})") from None
        finally:
            deadline.stop()

    async def close(self) -> None:
        """Closes its connections; it cannot be used afterwards."""
        await self._client.close()

    async def _ask(self, request: ModelRequest, deadline: _Deadline) -> httpx2.Response:
        tried: set[_Dialect] = set()
        while True:
            dialect = self._dialect
            tried.add(dialect)
            try:
                return await deadline.run(self._post(self._body(request, dialect)))
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                other = dialect.instead(str(error.body))
                if other is None or other in tried:
                    raise
                self._dialect = other  # the next request starts with what this server understands

    async def _post(self, body: bytes) -> httpx2.Response:
        # The client's `post` instead of its `chat.completions.create`: the same auth, retries and errors, without a walk over
        # every message to bring it into the form that it is in already.
        response = await self._client.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            content=body,
            options={"security": {"bearer_auth": True}},
            stream=True,
            stream_cls=openai.AsyncStream[Any],
        )
        return cast(httpx2.Response, response)

    def _body(self, request: ModelRequest, dialect: _Dialect) -> bytes:
        body: dict[str, Any] = {
            "model": request.model or self._model,
            "messages": request.messages,
            "stream": True,
            dialect.limit: request.max_tokens,
        }
        if request.tools:
            body["tools"] = request.tools
        if dialect.usage:
            body["stream_options"] = {"include_usage": True}
        if self._temperature is not None:
            body["temperature"] = self._temperature
        try:
            return orjson.dumps(body, default=_plain)
        except TypeError as error:
            raise ModelRejected(f"the request cannot be written as JSON: {error}") from None

    def _mapped(self, error: openai.OpenAIError) -> ModelError:
        if isinstance(error, openai.APIStatusError):
            return self._refusal(error.status_code, _words_of(error.body))
        name = type(error).__name__
        kind = next((MAPPED_ERRORS[base.__name__] for base in type(error).__mro__ if base.__name__ in MAPPED_ERRORS), ModelBroken)
        if isinstance(error, openai.APIConnectionError):
            return kind(f"no connection to the model at {self._host} ({name}): check OPENAI_BASE_URL if this lasts")
        return kind(f"the model's client failed ({name}): {self._quoted(str(error))}")

    def _refusal(self, status: int, said: str) -> ModelError:
        words = "" if status in _QUOTES_THE_KEY or not said else f": {self._quoted(said)}"
        if status in _PASSING or status >= 500:
            return ModelUnavailable(f"the model's server cannot answer now ({status}){words}")
        fix = _FIXES.get(status, _REFUSED if status >= 400 else "it sent us elsewhere: check OPENAI_BASE_URL")
        return ModelRejected(f"{fix} ({status}){words}")

    def _quoted(self, said: str) -> str:
        """A server's words as one short line without a key in it."""
        line = " ".join(said.split())
        if self._key:
            line = line.replace(self._key, "***")
        return _KEY_LIKE.sub("***", line)[:_SAID_CHARACTERS]

    async def _give_up_hopeless_retries(self, response: httpx2.Response) -> None:
        """Tells the client's retry loop, by the header it obeys, not to sleep beyond our own timeout."""
        if response.status_code >= 400 and _asked_to_wait(response.headers) > self._timeout:
            response.headers["x-should-retry"] = "false"


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What servers that are compatible otherwise do not agree on."""

    limit: str
    """The name of the bound on the answer: OpenAI's newer models refuse the old name, other servers do not know the new one."""
    usage: bool = True
    """Whether the server takes `stream_options`."""

    def instead(self, complaint: str) -> _Dialect | None:
        """What to speak to a server that complains like this; None when it complains about something else."""
        if self.limit == "max_completion_tokens" and self.limit in complaint:
            return replace(self, limit="max_tokens")
        if self.limit == "max_tokens" and "max_completion_tokens" in complaint:
            return replace(self, limit="max_completion_tokens")
        if self.usage and "stream_options" in complaint:
            return replace(self, usage=False)
        return None


class _Deadline:
    """Bounds the waiting of one step, from its making on.

    Not asyncio.timeout: held open across a generator's yields it would cancel the consumer's own awaits, and made anew for each
    token it costs as much as parsing one.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._strike)
        self._waiting: asyncio.Task[Any] | None = None
        self._passed = False

    def stop(self) -> None:
        self._timer.cancel()

    async def run(self, work: Awaitable[T]) -> T:
        """Waits for this. Raises TimeoutError when the deadline passes."""
        if self._passed:
            raise TimeoutError
        self._waiting = task = cast("asyncio.Task[Any]", asyncio.current_task())
        others = task.cancelling()
        try:
            return await work
        except asyncio.CancelledError:
            # Somebody else may have cancelled the task in the same moment; that one wins.
            if self._passed and task.uncancel() <= others:
                raise TimeoutError from None
            raise
        finally:
            self._waiting = None

    async def next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        """The next piece of a body; None at its end. Raises TimeoutError when the deadline passes."""
        try:
            return await self.run(pieces.__anext__())
        except StopAsyncIteration:
            return None

    def _strike(self) -> None:
        self._passed = True
        if self._waiting is not None:
            self._waiting.cancel()


class _Events(Protocol):
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
                raise ModelUnavailable(f"the model's server failed in mid-answer: {self._quoted(_words_of(event))}")
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


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that this machine trusts: 20 ms to load, so once for all models."""
    return httpx2.create_ssl_context()


def _events_of(response: httpx2.Response) -> _Events:
    kind = response.headers.get("content-type", "")
    if "html" in kind:
        raise ModelBroken("the model's server sent a page instead of an answer: check OPENAI_BASE_URL")
    return WholeBody() if "json" in kind else EventStream()


def _pieces(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    # Without a content encoding there is nothing to decode; each layer saved is one less for every token.
    return response.aiter_bytes() if "content-encoding" in response.headers else response.aiter_raw()


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Reads the end of a body, briefly, so that its connection can be used again. Whatever is wrong there matters no more."""
    with suppress(TimeoutError, httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in pieces:
                pass


def _decoded(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ModelBroken("the model's server sent something that is not JSON: check OPENAI_BASE_URL if this lasts") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _joined(parts: Iterable[Mapping[str, Any]]) -> str:
    """The words of a content that is a list of parts."""
    return "".join(part.get("text") or "" for part in parts)


def _words_of(body: object) -> str:
    """What a server says in an error, whichever way it wraps it; empty for a page of HTML."""
    if isinstance(body, Mapping):
        for key in ("error", "message", "detail"):
            if body.get(key):
                return _words_of(body[key])
        return orjson.dumps(dict(body), default=str).decode()
    words = str(body or "")
    return "" if words.lstrip().startswith("<") else words


def _asked_to_wait(headers: httpx2.Headers) -> float:
    """Seconds of a Retry-After; 0 where there is none, or where it is a date, which the client reads by itself."""
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        return float(headers.get("retry-after", "0"))
    except ValueError:
        return 0.0


def _checked_key(key: str) -> str:
    key = key.strip()
    if not all("!" <= character <= "~" for character in key):
        raise SettingsError("OPENAI_API_KEY has a space, a line break or a letter in it that no key has: copy it again")
    return key


def _checked_url(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text.strip())
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingsError("OPENAI_BASE_URL is no address: it looks like https://api.openai.com/v1")
    return url


def _is_openai(host: str) -> bool:
    return host.endswith((".openai.com", ".openai.azure.com"))
