"""A simulated telephone: the browser plays the vendor's end of a Media Stream, and behind it everything is as in earnest.

It never forges: a call is begun by us alone, its line is let in by a token that is signed with a secret of our own, made anew
in every process, and neither is ever taken on the vendor's routes (DESIGN 5). Typed words come as the sound of a voice, in
which they are written for the offline recogniser to read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSMsgType, web

from bot.channels.voice.base import CallInfo, Hears, Line
from bot.channels.voice.detector import Detector
from bot.channels.voice.either import EitherRecogniser
from bot.channels.voice.frames import Start
from bot.channels.voice.humming import hum
from bot.channels.voice.scripted import CHARACTERS_PER_SECOND, with_words
from bot.channels.voice.speech import Speech
from bot.channels.voice.stream import Answering, Streams
from bot.channels.voice.stream_line import HANG_UP, HUNG_UP, LOST
from bot.channels.voice.tapping import Tap
from bot.clock import Clock
from bot.records.calls import CALL_MOVES, CallDirection, CallStatus
from bot.services.conversations import FIRST_AGENT
from bot.services.phone_calls import PhoneCalls

OURS: Final = "simulator"
"""Our end of it: no number, so that nobody can be called from it."""
SILENT, SCRIPTED = "silence", "scripted"
"""Names of the voice and the recogniser of last resort."""
_MOST_WAITING = 500
"""Captions for a page that does not take them; the next are dropped."""


Answer = Callable[[CallInfo, Line], Awaitable[Hears | None]]
"""Who leads the talk over a line; None where there is no room."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """The page that shows a call."""

    frames: asyncio.Queue[dict[str, Any] | None]

    def tell(self, frame: dict[str, Any] | None) -> None:
        if not self.frames.full():
            self.frames.put_nowait(frame)


class SimulatedTelephone:
    """The telephone of the front page, as many as are open."""

    def __init__(self, calls: PhoneCalls, clock: Clock, speech: Speech, detector: Callable[[], Detector], answer: Answer) -> None:
        """`detector` makes one for each call."""
        self._calls = calls
        self._clock = clock
        self._speech = speech
        self._answer = answer
        answering = Answering(self._begun, self._answered, self._over)
        self._streams = Streams(speech.voice, EitherRecogniser(speech.recogniser), detector, clock, answering)
        self._secret = secrets.token_bytes(32)
        self._watched: dict[str, _Watched] = {}

    @property
    def has_sound(self) -> bool:
        """Whether anything here can speak."""
        return self._speech.voice.name != SILENT

    @property
    def has_ears(self) -> bool:
        """Whether a voice is understood, and not only what is typed."""
        return self._speech.recogniser.name != SCRIPTED

    async def begin(self, number: str, language: str) -> Mapping[str, str]:
        """A new call from this number (E.164): what its line has to say to be let in. Raises StoreUnavailable."""
        sid = f"CAsim{secrets.token_hex(14)}"
        await self._calls.begin(
            sid, ours=OURS, theirs=number, direction=CallDirection.INBOUND, agent=FIRST_AGENT, language=language
        )
        return {"sid": sid, "stream": f"MZsim{secrets.token_hex(14)}", "token": self._token(sid, language)}

    async def words(self, text: str, language: str) -> bytes:
        """How these words sound, with the words in it; empty for none. Raises SpeechError."""
        if not text:
            return b""
        if not self.has_sound:
            return with_words(hum(max(0.6, len(text) / CHARACTERS_PER_SECOND)), text)
        sound = bytearray()
        async with aclosing(self._speech.voice.speak(text, language)) as pieces:
            async for piece in pieces:
                sound += piece
        return with_words(bytes(sound), text)

    async def line(self, request: web.Request) -> web.StreamResponse:
        """The websocket of a call's line, until it is over."""
        return await self._streams.serve(request)

    async def close(self) -> None:
        """The process ends: so do its calls."""
        await self._streams.close()
        await self._speech.close()

    async def captions(self, token: str, socket: web.WebSocketResponse) -> None:
        """Tells a page what is said on its call, until that is over or the page is gone."""
        sid, _ = self._read(token)
        if not sid or sid in self._watched:
            return
        watched = self._watched[sid] = _Watched(asyncio.Queue(_MOST_WAITING))
        telling = asyncio.create_task(_tell(watched, socket))
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
        finally:
            del self._watched[sid]
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    # What the line asks

    async def _begun(self, start: Start) -> CallInfo | None:
        sid, language = self._read(start.parameters.get("token", ""))
        call = await self._calls.by_sid(sid) if sid == start.call_sid else None
        if call is None or not CALL_MOVES[call.status] or call.status is CallStatus.IN_PROGRESS:
            return None
        await self._calls.move(call.id, CallStatus.IN_PROGRESS)
        return CallInfo(
            call_id=call.id,
            sid=sid,
            conversation_id=call.conversation_id or "",
            ours=OURS,
            theirs=call.caller_number or "",
            direction=CallDirection.INBOUND,
            language=language,
            answered_at=self._clock.monotonic(),
        )

    async def _answered(self, info: CallInfo, line: Line) -> Hears | None:
        watched = self._watched.get(info.sid)
        tap = Tap(line, watched.tell if watched is not None else lambda _: None)
        call = await self._answer(info, tap)
        if call is None:
            return None
        tap.join(call)
        return tap

    async def _over(self, info: CallInfo, left: str) -> None:
        """Nobody connects a simulated call elsewhere: where it left its line it is over, too."""
        await self._calls.move(info.call_id, CallStatus.COMPLETED)
        if watched := self._watched.get(info.sid):
            watched.tell({"event": "over", "reason": "hung_up" if left in (HANG_UP, HUNG_UP, LOST) else "left"})

    # The token

    def _token(self, sid: str, language: str) -> str:
        signature = hmac.digest(self._secret, f"{sid}.{language}".encode(), hashlib.sha256).hex()
        return f"{sid}.{language}.{signature}"

    def _read(self, token: str) -> tuple[str, str]:
        """Of which call it is, and its language; both empty for one that is not ours."""
        sid, _, rest = token.partition(".")
        language = rest.partition(".")[0]
        is_ours = hmac.compare_digest(token.encode(errors="replace"), self._token(sid, language).encode(errors="replace"))
        return (sid, language) if is_ours else ("", "")


async def _tell(watched: _Watched, socket: web.WebSocketResponse) -> None:
    while (frame := await watched.frames.get()) is not None:
        await socket.send_json(frame)
