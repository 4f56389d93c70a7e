"""The model behind any server that speaks Chat Completions: OpenAI, Azure, vLLM, Ollama, llama.cpp, a proxy.

The `openai` client does auth, retries and errors; the bytes of the answer are read by our own SSE parser, because the client's
typed stream costs three times as much (one pydantic object per token). Only this file imports the client.

`completions.py` reads the answers.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, cast

import aiohttp
import httpx2
import openai
import orjson

from bot.dialogs.completions import Answer, Events, EventStream, WholeBody, words_of
from bot.dialogs.deadline import Deadline
from bot.dialogs.llm import ModelRequest, ModelStep, counted
from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnavailable, SettingsError

OPENAI_URL = "https://api.openai.com/v1"

_CONNECT_SECONDS = 5.0  # short, so that a server that cannot be reached is tried again well within the timeout
_IDLE_SECONDS = 30.0  # how long an unused connection is kept
_DRAIN_SECONDS = 0.25  # how long to wait for the end of a body whose last event has come
_SAID_CHARACTERS = 200  # how much of a server's own words an error repeats

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
        self._url = f"{str(url).rstrip('/')}/chat/completions"  # whole, or the client puts it together anew for every request
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
        deadline = Deadline(self._timeout)
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
                yield counted(answer.step(request.model or self._model, events.done), request)
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

    async def _ask(self, request: ModelRequest, deadline: Deadline) -> httpx2.Response:
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
            self._url,
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
        if request.schema is not None and dialect.schema:
            body["response_format"] = _as_format(request.schema)
        try:
            return orjson.dumps(body, default=_plain)
        except TypeError as error:
            raise ModelRejected(f"the request cannot be written as JSON: {error}") from None

    def _mapped(self, error: openai.OpenAIError) -> ModelError:
        if isinstance(error, openai.APIStatusError):
            return self._refusal(error.status_code, words_of(error.body))
        name = type(error).__name__
        kind = next((MAPPED_ERRORS[base.__name__] for base in type(error).__mro__ if base.__name__ in MAPPED_ERRORS), ModelBroken)
        if isinstance(error, openai.APIConnectionError):
            return kind(f"no connection to the model at {self._host} ({name}): check OPENAI_BASE_URL if this lasts")
        return kind(f"the model's client failed ({name}): {self._quoted(str(error))}")

    def _refusal(self, status: int, said: str) -> ModelError:
        words = "" if status in _QUOTES_THE_KEY or not said else f": {self._quoted(said)}"
        if status in _PASSING or status >= 500:
            return ModelUnavailable(f"the model's server cannot answer now ({status}){words}", status=status)
        fix = _FIXES.get(status, _REFUSED if status >= 400 else "it sent us elsewhere: check OPENAI_BASE_URL")
        return ModelRejected(f"{fix} ({status}){words}", status=status)

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
    schema: bool = True
    """Whether the server takes a JSON schema as `response_format`; who asks for one also says it in words."""

    def instead(self, complaint: str) -> _Dialect | None:
        """What to speak to a server that complains like this; None when it complains about something else."""
        if self.limit == "max_completion_tokens" and self.limit in complaint:
            return replace(self, limit="max_tokens")
        if self.limit == "max_tokens" and "max_completion_tokens" in complaint:
            return replace(self, limit="max_completion_tokens")
        if self.usage and "stream_options" in complaint:
            return replace(self, usage=False)
        if self.schema and ("response_format" in complaint or "json_schema" in complaint):
            return replace(self, schema=False)
        return None


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that this machine trusts: 20 ms to load, so once for all models."""
    return httpx2.create_ssl_context()


def _events_of(response: httpx2.Response) -> Events:
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


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _as_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Not `strict`: that knows only a part of JSON schema, and what comes is validated anyway."""
    name = re.sub(r"[^\w-]", "_", str(schema.get("title") or "answer"), flags=re.ASCII)[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


def _asked_to_wait(headers: httpx2.Headers) -> float:
    """Seconds of a Retry-After, given as a number, as milliseconds or as a date; 0 where there is none that can be read."""
    said = headers.get("retry-after", "0")
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        return float(said)
    except ValueError:
        return _seconds_until(said, headers.get("date", ""))


def _seconds_until(moment: str, now: str) -> float:
    """Between two dates of one server: its clock need not be ours."""
    try:
        return (parsedate_to_datetime(moment) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
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
