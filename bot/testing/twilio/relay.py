"""ConversationRelay's end of a call: speaks what it is sent, hears what the caller says (CHANNELS 2.5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.clock import new_id
from bot.running import end_tasks
from bot.testing.twilio.documents import BadDocument, Verb

if TYPE_CHECKING:
    from bot.testing.twilio.caller import FakeCaller

LETTERS_PER_SECOND = 13.0
"""How fast it speaks."""
_FLIGHT_SECONDS = 0.05
"""What was sent before our interruption has come by then: it is thrown away."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the caller means to say in the middle of what is said to them."""

    words: str
    after: int
    """Words that they hear first."""


class RelayEnd:
    """One session."""

    def __init__(self, caller: FakeCaller, noun: Verb, passes: Callable[[float], Awaitable[None]]) -> None:
        if not noun.attributes.get("url", "").startswith("ws"):
            raise BadDocument(f"<ConversationRelay> with {noun.attributes}: url has to be wss://")
        self._caller = caller
        self._noun = noun
        self._passes = passes
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._to_be_played: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._language = noun.attributes.get("language", "en-US")
        self._outcome: dict[str, str] = {}
        self._session = f"VX{new_id()}"
        self.errors: list[str] = []
        """What we sent that it did not take."""
        self.plan: Plan | None = None
        self.sent_digits: list[str] = []

    def outcome(self) -> dict[str, str]:
        return {"SessionId": self._session, "SessionDuration": "25", **self._outcome}

    async def run(self) -> None:
        """Until either side ends it."""
        try:
            async with self._caller.vendor.socket(self._noun.attributes["url"]) as socket:
                self._socket = socket
                await self._send(self._setup())
                playing = asyncio.create_task(self._play())
                try:
                    await self._receive(socket)
                finally:
                    await end_tasks(playing)
        except aiohttp.ClientError as error:
            self._outcome = {"SessionStatus": "failed", "ErrorCode": "64102", "ErrorMessage": str(error)[:80]}

    async def says(self, text: str) -> None:
        if self._noun.attributes.get("partialPrompts") == "true":
            await self._send(self._prompt(text[: len(text) // 2], last=False))
        await self._send(self._prompt(text, last=True))

    async def presses(self, digits: str) -> None:
        if self._noun.attributes.get("dtmfDetection") == "true":
            for digit in digits:
                await self._send({"type": "dtmf", "digit": digit})

    async def hangs_up(self) -> None:
        self._outcome = {"SessionStatus": "completed"}
        if self._socket is not None:
            await self._socket.close()

    async def breaks(self) -> None:
        """The connection is lost in the middle of the call."""
        self._outcome = {"SessionStatus": "failed", "ErrorCode": "64105"}
        if self._socket is not None and (transport := self._socket.get_extra_info("socket")) is not None:
            transport.shutdown(2)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            told = json.loads(message.data)
            match told:
                case {"type": "text", "token": str()}:
                    self._to_be_played.put_nowait(told)
                case {"type": "sendDigits", "digits": str(digits)}:
                    self.sent_digits.append(digits)
                case {"type": "language", "ttsLanguage": str(language)}:
                    self._language = language
                case {"type": "end"}:
                    self._outcome = {"SessionStatus": "ended", "HandoffData": told.get("handoffData", "")}
                    return
                case {"type": "play"}:
                    continue
                case _:
                    self.errors.append(message.data)
                    await self._send({"type": "error", "description": f"Invalid message received: {message.data[:200]}"})
        self._outcome = self._outcome or {"SessionStatus": "ended"}

    async def _play(self) -> None:
        """Speaks what has come, in the time that this takes; the caller may speak over it."""
        while True:
            told = await self._to_be_played.get()
            text = told["token"].strip()
            words, plan = text.split(), self.plan
            if plan is not None and len(words) > plan.after:
                await self._interrupted(plan, " ".join(words[: plan.after]))
                continue
            await self._passes(0.35 + len(text) / LETTERS_PER_SECOND)
            self._caller.spoken(text, told.get("lang") or self._language)

    async def _interrupted(self, plan: Plan, heard: str) -> None:
        self.plan = None
        seconds = 0.35 + len(heard) / LETTERS_PER_SECOND
        await self._passes(seconds)
        self._caller.spoken(heard, self._language)
        await asyncio.sleep(_FLIGHT_SECONDS)
        while not self._to_be_played.empty():
            self._to_be_played.get_nowait()
        told = {"utteranceUntilInterrupt": heard, "durationUntilInterruptMs": str(int(seconds * 1000))}
        await self._send({"type": "interrupt", **told})
        await self.says(plan.words)

    def _setup(self) -> dict[str, Any]:
        fields = self._caller.fields()
        return {
            "type": "setup",
            "sessionId": self._session,
            "accountSid": fields["AccountSid"],
            "parentCallSid": "",
            "callSid": fields["CallSid"],
            "from": fields["From"],
            "to": fields["To"],
            "forwardedFrom": "",
            "callType": "PSTN",
            "callerName": "",
            "direction": self._caller.direction,
            "callStatus": "RINGING",
            "customParameters": {one.attributes["name"]: one.attributes["value"] for one in self._noun.all("Parameter")},
        }

    def _prompt(self, text: str, *, last: bool) -> dict[str, Any]:
        return {"type": "prompt", "voicePrompt": text, "lang": self._language, "last": last}

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._socket is not None, "the websocket is not open yet"
        await self._socket.send_str(json.dumps(message))
