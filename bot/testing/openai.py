"""A model's server that says what a test tells it to, over real HTTP, with faults on demand.

    async with FakeOpenAI(Fault.status(429, retry_after=1), Said("Hello.")) as server:
        model = OpenAIModel("key", server.url, "any")

For load: `python -m bot.testing.openai --port 9000 --rule support` serves a whole make-believe support desk.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson
from aiohttp import web

from bot.dialogs.llm import ModelRequest, ModelStep, ToolCall, Usage
from bot.errors import ModelBroken, ModelRejected, ModelUnavailable
from bot.testing.llm import (
    WORDS,
    Called,
    CallIds,
    Raised,
    Said,
    Step,
    UnconsumedModelSteps,
    UnexpectedModelCall,
    left_over,
    model_step,
    short,
    unscripted,
)
from bot.testing.openai_audio import FakeAudio, reset

_SSE = "text/event-stream"
_DONE = b"data: [DONE]\n\n"
_HUGE_PIECE = "0123456789abcdef" * 256  # 4 KB of words


@dataclass(frozen=True, slots=True)
class FakeRequest:
    """A request that the server got."""

    path: str
    headers: dict[str, str]
    """Names in small letters; the key is blotted out."""
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong on the way; a step of `FakeOpenAI`. Made by its functions: `Fault.status(429, retry_after=1)`."""

    name: str
    serve: Callable[[Exchange], Awaitable[web.StreamResponse]]

    @staticmethod
    def status(
        code: int, *, retry_after: float | None = None, message: str = "", headers: Mapping[str, str] | None = None
    ) -> Fault:
        """An error status, with Retry-After in seconds if it is given, and other headers."""

        async def serve(exchange: Exchange) -> web.StreamResponse:
            waiting = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
            return _error(code, message or f"a make-believe {code}", waiting | dict(headers or {}))

        return Fault(f"status {code}", serve)

    @staticmethod
    def truncated(after: int = 3) -> Fault:
        """The stream ends properly after so many tokens, but without a finish reason and without [DONE]."""

        async def serve(exchange: Exchange) -> web.StreamResponse:
            return exchange.whole(_some_words(after))

        return Fault("truncated", serve)

    @staticmethod
    def malformed_arguments(name: str = "create_ticket") -> Fault:
        """A tool call whose arguments are not JSON."""
        call = ToolCall("call_malformed", name, '{"subject": "No inter')

        async def serve(exchange: Exchange) -> web.StreamResponse:
            return exchange.answer(ModelStep("", (call,), Usage(1, 1), "tool_calls"))

        return Fault("malformed arguments", serve)

    @staticmethod
    def slow(seconds: float, text: str = "one two three four") -> Fault:
        """So many seconds before each token."""

        async def serve(exchange: Exchange) -> web.StreamResponse:
            return await exchange.paced(ModelStep(text), seconds)

        return Fault("slow", serve)

    @staticmethod
    def hang(after: int = 0) -> Fault:
        """Says so many tokens, then nothing, until the client goes away. With 0 not even the headers come."""

        async def serve(exchange: Exchange) -> web.StreamResponse:
            response = await exchange.begin(_some_words(after)) if after else web.Response()
            await asyncio.Event().wait()
            return response

        return Fault("hang", serve)

    @staticmethod
    def dropped(after: int = 0) -> Fault:
        """The connection is reset, after so many tokens. With 0 before the headers."""

        async def serve(exchange: Exchange) -> web.StreamResponse:
            response = await exchange.begin(_some_words(after)) if after else web.Response()
            exchange.reset()
            return response

        return Fault("dropped", serve)

    @staticmethod
    def not_json() -> Fault:
        """An event that is not JSON."""
        return Fault.raw(b"data: <html>oops</html>\n\n", _DONE, name="not json")

    @staticmethod
    def empty_choices() -> Fault:
        """Events that never hold a choice."""
        return Fault.raw(b'data: {"object":"chat.completion.chunk","choices":[]}\n\n' * 2, _DONE, name="empty choices")

    @staticmethod
    def huge(size: int) -> Fault:
        """An answer of this many bytes, in pieces of 4 KB."""

        async def serve(exchange: Exchange) -> web.StreamResponse:
            response = await exchange.begin(())
            for event in _word_events(_HUGE_PIECE) * (size // len(_HUGE_PIECE) + 1):
                await response.write(event)
            await response.write(_DONE)
            return response

        return Fault("huge", serve)

    @staticmethod
    def nothing() -> Fault:
        """A proper answer with no words and no calls in it."""

        async def serve(exchange: Exchange) -> web.StreamResponse:
            return exchange.answer(ModelStep(""))

        return Fault("nothing", serve)

    @staticmethod
    def raw(*pieces: bytes, headers: Mapping[str, str] | None = None, name: str = "raw") -> Fault:
        """These bytes, each piece in a write of its own, and the end; an event stream unless the headers say otherwise."""

        async def serve(exchange: Exchange) -> web.StreamResponse:
            response = await exchange.begin((), headers)
            for piece in pieces:
                await response.write(piece)
                await asyncio.sleep(0)  # lets the piece out by itself
            return response

        return Fault(name, serve)


FakeStep = Step | Fault
"""What the server can be made to do with one request."""

ScriptedFakeStep = FakeStep | Callable[[ModelRequest], FakeStep]

Rule = Callable[[dict[str, Any]], FakeStep]
"""Decides by the body of the request, so that it can serve any number of conversations."""


class FakeOpenAI:
    """An HTTP server on this machine that speaks /v1/chat/completions (streaming or not), /v1/models and /v1/audio.

    It takes its steps from the script (its arguments, and `will`), then from `rule`, then from `default`. A request beyond all of
    these is answered by a 500 that says so, and `assert_complete` fails. `token_seconds` is the time between two tokens; at 0 an
    answer goes out in one write. `streams=False` answers in plain JSON even where a stream was asked for, as some servers do.
    """

    def __init__(
        self,
        *steps: ScriptedFakeStep,
        rule: Rule | None = None,
        default: FakeStep | None = None,
        port: int = 0,
        token_seconds: float = 0.0,
        streams: bool = True,
        keep: int = 10_000,
    ) -> None:
        self.requests: deque[FakeRequest] = deque(maxlen=keep)
        """The latest requests to /v1/chat/completions, at most `keep` of them."""
        self.served = 0
        """How many there were in all."""
        self.abandoned = 0
        """How many the client went away from before their answer was complete."""
        self.rule = rule
        self.default = default
        self.streams = streams
        self.token_seconds = token_seconds
        self.audio = FakeAudio()
        """What it says and hears."""
        self.url = ""
        self._port = port
        self._steps = deque(steps)
        self._ids = CallIds()
        self._unexpected: UnexpectedModelCall | None = None
        self._came = asyncio.Condition()
        self._left = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    def will(self, *steps: ScriptedFakeStep) -> FakeOpenAI:
        """Adds steps to the end of the script; returns the server itself."""
        self._steps.extend(steps)
        return self

    async def start(self) -> None:
        """Begins to listen; `url` is known from then on. Raises OSError when the port is taken."""
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def stop(self) -> None:
        """Stops, also in the middle of an answer."""
        if self._runner is not None:
            await self._runner.cleanup()
            await asyncio.sleep(0)  # a connection that was reset closes its socket in the next round of the loop

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def until_served(self, count: int, seconds: float = 5.0) -> None:
        """Waits until so many requests have come in all, answered or not. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: self.served >= count)

    async def until_abandoned(self, seconds: float = 5.0) -> None:
        """Waits until a client has gone away from an unfinished answer. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self._left.wait()

    def assert_complete(self) -> None:
        """Checks that the script was followed to its end. Raises UnexpectedModelCall or UnconsumedModelSteps."""
        if self._unexpected is not None:
            raise self._unexpected
        if self._steps:
            raise UnconsumedModelSteps(left_over(self._steps))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v1/models":
            return _json({"object": "list", "data": [{"id": "fake", "object": "model", "created": 0, "owned_by": "nobody"}]})
        if request.path.startswith("/v1/audio/"):
            return await self._watched(self.audio.answer(request))
        if request.path != "/v1/chat/completions" or request.method != "POST":
            return _error(404, f"there is no {request.method} {request.path} here")
        try:
            body = orjson.loads(await request.read())
            messages = body["messages"]
        except (ValueError, TypeError, KeyError):
            return _error(400, "the body is not a Chat Completions request")
        self.requests.append(FakeRequest(request.path, _headers(request), body))
        async with self._came:
            self.served += 1
            self._came.notify_all()
        return await self._serve(Exchange(request, body, messages, self))

    async def _serve(self, exchange: Exchange) -> web.StreamResponse:
        try:
            step = self._next(exchange)
        except UnexpectedModelCall as error:
            self._unexpected = self._unexpected or error
            return _error(500, str(error), {"x-should-retry": "false"})
        return await self._watched(step.serve(exchange) if isinstance(step, Fault) else self._say(exchange, step))

    async def _watched(self, answering: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        """The answer; counts where its client goes away from it."""
        try:
            return await answering
        except (asyncio.CancelledError, ConnectionError):
            self.abandoned += 1
            self._left.set()
            raise

    def _next(self, exchange: Exchange) -> FakeStep:
        step = self._steps.popleft() if self._steps else None
        if callable(step):
            return step(exchange.model_request())
        if step is not None:
            return step
        if self.rule is not None:
            return self._by_rule(self.rule, exchange.body)
        if self.default is None:
            raise UnexpectedModelCall(unscripted(self.served, exchange.messages))
        return self.default

    def _by_rule(self, rule: Rule, body: dict[str, Any]) -> FakeStep:
        try:
            return rule(body)
        except Exception as error:
            raise UnexpectedModelCall(f"the server's rule failed with {error!r} on {short(body)}") from error

    async def _say(self, exchange: Exchange, step: Step) -> web.StreamResponse:
        if isinstance(step, Raised):
            return await _fault_of(step).serve(exchange)
        answer = model_step(step, exchange.model_request(), self._ids)
        if self.token_seconds and exchange.streamed:
            return await exchange.paced(answer, self.token_seconds)
        return exchange.answer(answer)


class Exchange:
    """One request to a `FakeOpenAI` and the ways to answer it."""

    def __init__(
        self, request: web.BaseRequest, body: dict[str, Any], messages: list[dict[str, Any]], server: FakeOpenAI
    ) -> None:
        self.body = body
        self.messages = messages
        self.streamed = bool(body.get("stream")) and server.streams
        self._request = request

    def model_request(self) -> ModelRequest:
        """The request as a `Model` would have got it."""
        limit = self.body.get("max_completion_tokens") or self.body.get("max_tokens") or 0
        return ModelRequest(self.messages, self.body.get("tools") or (), str(self.body.get("model") or ""), limit)

    def answer(self, step: ModelStep) -> web.Response:
        """The whole answer in one write."""
        if not self.streamed:
            return _json(_completion(step))
        return self.whole(_events(step, self._wants_usage()))

    def whole(self, events: Iterable[bytes]) -> web.Response:
        """These events in one write."""
        return web.Response(body=b"".join(events), content_type=_SSE, charset="utf-8")

    async def begin(self, events: Iterable[bytes], headers: Mapping[str, str] | None = None) -> web.StreamResponse:
        """The headers and these events; more can be written."""
        response = web.StreamResponse(headers={"Content-Type": _SSE, **(headers or {})})
        await response.prepare(self._request)
        for event in events:
            await response.write(event)
        return response

    async def paced(self, step: ModelStep, seconds: float) -> web.StreamResponse:
        """So many seconds before each event."""
        response = await self.begin(())
        for event in _events(step, self._wants_usage()):
            await asyncio.sleep(seconds)
            await response.write(event)
        return response

    def reset(self) -> None:
        """Resets the connection, as a crashed server or a firewall does."""
        reset(self._request)

    def _wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))


def support_rule(body: dict[str, Any]) -> Step:
    """A make-believe support agent: opens a ticket where one is asked for, tells what a tool said, else repeats the customer."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return Said(f"Done: {_text(last)[:200]}")
    asked = next((_text(message) for message in reversed(body["messages"]) if message["role"] == "user"), "")
    if "ticket" in asked.lower():
        return Called("create_ticket", subject=asked[:100], description=asked, category="general_inquiry")
    return Said(f"You said: {asked}")


RULES: Mapping[str, Rule] = {"support": support_rule}
"""The rules that the command line knows."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves by a rule until it is stopped: `python -m bot.testing.openai --port 9000 --rule support`."""
    parser = argparse.ArgumentParser(
        prog="python -m bot.testing.openai", description="A make-believe OpenAI server on this machine."
    )
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes a free one")
    parser.add_argument("--rule", choices=sorted(RULES), default="support")
    parser.add_argument("--token-ms", type=float, default=0.0, help="milliseconds between two tokens")
    options = parser.parse_args(arguments)
    server = FakeOpenAI(rule=RULES[options.rule], port=options.port, token_seconds=options.token_ms / 1000, keep=0)
    try:
        asyncio.run(_serve_for_ever(server))
    except KeyboardInterrupt:
        pass
    except OSError as error:
        sys.exit(f"port {options.port} cannot be used: {error.strerror}")


async def _serve_for_ever(server: FakeOpenAI) -> None:
    async with server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def _fault_of(step: Raised) -> Fault:
    """What a server does that makes a model raise this error."""
    message = str(step.exception)
    if step.after:
        error = {"error": {"message": message, "type": "server_error"}}
        return Fault.raw(*_word_events(step.after), b"data: " + orjson.dumps(error) + b"\n\n", name="raised")
    match step.exception:
        case ModelUnavailable():
            return Fault.status(503, message=message)
        case ModelRejected():
            return Fault.status(400, message=message)
        case ModelBroken():
            return Fault.not_json()
        case _:
            return Fault.status(500, message=message)


_HEAD = b'{"id":"chatcmpl-fake","object":"chat.completion.chunk","created":0,"model":%s,"choices":'


def _events(step: ModelStep, usage: bool) -> list[bytes]:
    """A stream as OpenAI sends it: the role, a delta for each word and for pieces of the arguments, the reason, the usage."""
    head = b"data: " + _HEAD % orjson.dumps(step.model or "fake")
    events = [_event(head, {"role": "assistant", "content": "" if step.text else None})]
    events += _word_events(step.text, head)
    for index, call in enumerate(step.calls):
        events += _call_events(head, index, call)
    events.append(_event(head, {}, step.finish_reason))
    if usage:
        events.append(head + b'[],"usage":' + orjson.dumps(_usage(step.usage)) + b"}\n\n")
    events.append(_DONE)
    return events


def _word_events(text: str, head: bytes = b"data: " + _HEAD % b'"fake"') -> list[bytes]:
    start, end = head + b'[{"index":0,"delta":{"content":', b'},"logprobs":null,"finish_reason":null}]}\n\n'
    return [start + orjson.dumps(word) + end for word in WORDS.findall(text)]


def _some_words(count: int) -> list[bytes]:
    return _word_events(" ".join(["one"] * count))


def _call_events(head: bytes, index: int, call: ToolCall) -> list[bytes]:
    first = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    pieces = [call.arguments[start : start + 8] for start in range(0, len(call.arguments), 8)]
    deltas = [first, *({"index": index, "function": {"arguments": piece}} for piece in pieces)]
    return [_event(head, {"tool_calls": [delta]}) for delta in deltas]


def _event(head: bytes, delta: dict[str, Any], reason: str | None = None) -> bytes:
    return head + orjson.dumps([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]) + b"}\n\n"


def _completion(step: ModelStep) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": step.text or None}
    if step.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in step.calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": step.finish_reason}
    about = {"id": "chatcmpl-fake", "object": "chat.completion", "created": 0, "model": step.model or "fake"}
    return {**about, "choices": [choice], "usage": _usage(step.usage)}


def _usage(usage: Usage) -> dict[str, int]:
    total = usage.input_tokens + usage.output_tokens
    return {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens, "total_tokens": total}


def _json(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return _json({"error": {"message": message, "type": kind, "param": None, "code": None}}, status, headers)


def _headers(request: web.BaseRequest) -> dict[str, str]:
    return {name.lower(): "***" if name.lower() == "authorization" else value for name, value in request.headers.items()}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)


if __name__ == "__main__":
    main()
