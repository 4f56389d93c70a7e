"""The way in for the telephone: Twilio's webhooks and websockets on aiohttp (the contract: CHANNELS 2.2, 2.3, 2.5).

Whatever is not signed by Twilio for our account is a 403. Whoever is on a call hears a sentence, never an error of a server: what
cannot be read or stored is answered with a document that says so.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import structlog
from aiohttp import web

from bot.channels.gate import Gate
from bot.channels.voice import twiml
from bot.channels.voice.caller import language_of, shown_number
from bot.channels.voice.channel import NAME
from bot.channels.voice.gather import ACTION, GATHER, Gather, Parts, Talk, read_asked
from bot.channels.voice.hooks import Hooks
from bot.channels.voice.joining import Calls
from bot.channels.voice.rules import CallRules
from bot.channels.voice.signature import HEADER, SETTINGS_HEADER, Form, Signatures, read_form
from bot.dialogs.router import Router
from bot.errors import Overloaded, StoreError
from bot.meter import Counted, Meter
from bot.policy import is_blocked
from bot.records.calls import CALL_MOVES, TWILIO_STATUSES, Call, CallDirection, CallStatus, NextKind
from bot.records.conversations import ConversationKind
from bot.resources import say
from bot.services.after_call import AfterCall
from bot.services.calling import Calling
from bot.services.people import People
from bot.services.phone_calls import PhoneCall, address_of, sender_of
from bot.services.transfer_call import TransferCalls
from bot.shared import Shared

log = structlog.get_logger()

VOICE = "/webhooks/twilio/voice"
STATUS, AMD, RECORDING = f"{VOICE}/status", f"{VOICE}/amd", f"{VOICE}/recording"
RELAY, STREAM = f"{VOICE}/relay", f"{VOICE}/stream"
MAX_BODY = 64 * 1024
"""Bytes; Twilio's forms have a few kilobytes."""
MOST_SECONDS = 12.0
"""Bound on one answer: Twilio waits for 15 s (CHANNELS 2.3)."""
_LINE_SECONDS = 5.0
"""For a line that is over to be written down."""
_SID = re.compile(r"CA[0-9a-f]{32}")
_OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Served(Parts, Protocol):
    """What of the joined program the way in needs (`bot.app.App`)."""

    @property
    def people(self) -> People: ...
    @property
    def router(self) -> Router: ...
    @property
    def meter(self) -> Meter: ...
    @property
    def calling(self) -> Calling: ...
    @property
    def after_call(self) -> AfterCall: ...
    @property
    def transfer_calls(self) -> TransferCalls: ...
    @property
    def calls(self) -> Calls: ...
    @property
    def shared(self) -> Shared: ...


@dataclass(frozen=True, slots=True)
class Posted:
    """A webhook that is Twilio's, for our account."""

    form: Form
    query: Mapping[str, str]

    @property
    def sid(self) -> str:
        """Of the call."""
        return self.form.get("CallSid", "")


def routes(
    parts: Served,
    signatures: Signatures,
    hooks: Hooks,
    lines: Mapping[str, Handler],
    rules: CallRules,
    has_room: Callable[[], bool] = lambda: True,
) -> list[web.RouteDef]:
    """The telephone's routes. `lines` are the handlers of websockets, by `relay` and `stream`: those that there are.

    While the process has no room for one more websocket a call is carried the plain way.
    """
    doors, calls = _Doors(parts, signatures, Gate()), _Calls(parts, hooks, lines, rules, has_room)
    return [
        web.post(VOICE, doors.document(calls.begin)),
        web.post(GATHER, doors.document(calls.gather)),
        web.post(ACTION, doors.document(calls.action)),
        web.post(STATUS, doors.news(calls.status)),
        web.post(AMD, doors.news(calls.answered_by)),
        web.post(RECORDING, doors.news(calls.recorded)),
        *(
            web.get(path, doors.socket(lines[name]), allow_head=False)
            for name, path in (("relay", RELAY), ("stream", STREAM))
            if name in lines
        ),
    ]


class _Doors:
    """Lets in what is Twilio's: signature, account, bounds; and sees to it that everything gets an answer in time."""

    def __init__(self, parts: Served, signatures: Signatures, gate: Gate) -> None:
        self._parts = parts
        self._signatures = signatures
        self._gate = gate

    def document(self, answer: Callable[[Posted], Awaitable[str]]) -> Handler:
        """A webhook that is answered with TwiML."""

        async def handle(request: web.Request) -> web.Response:
            async with _Within(self, request) as posted:
                if not _SID.fullmatch(posted.sid):
                    raise web.HTTPBadRequest(text="CallSid is not that of a call")
                return web.Response(text=await self._told(answer, posted, request.path), content_type=twiml.CONTENT_TYPE)

        return handle

    def news(self, take: Callable[[Posted], Awaitable[None]]) -> Handler:
        """A webhook that only tells."""

        async def handle(request: web.Request) -> web.Response:
            async with _Within(self, request) as posted:
                if not _SID.fullmatch(posted.sid):
                    raise web.HTTPBadRequest(text="CallSid is not that of a call")
                try:
                    await take(posted)
                except (StoreError, Overloaded) as error:
                    log.warning("news of a call could not be stored", path=request.path, error=str(error))
                    raise web.HTTPServiceUnavailable(text="Try again later.") from None
                return web.Response(status=204)

        return handle

    def socket(self, line: Handler) -> Handler:
        """A websocket: its handshake is signed like a webhook, over the wss:// URL."""

        async def handle(request: web.Request) -> web.StreamResponse:
            headers = request.headers
            if not self._signatures.handshake(request.rel_url.raw_path_qs, headers.get(HEADER), headers.get(SETTINGS_HEADER)):
                self.count("bad_signature")
                raise web.HTTPForbidden(text="This is not signed by our Twilio account.")
            self.count("accepted")
            return await line(request)

        return handle

    async def read(self, request: web.Request) -> Posted:
        """Raises HTTPForbidden, HTTPBadRequest, HTTPRequestEntityTooLarge."""
        raw = await _body(request)
        try:
            form = read_form(raw)
        except ValueError:
            raise web.HTTPBadRequest(text="This is no form.") from None
        headers, path = request.headers, request.rel_url.raw_path_qs
        if not self._signatures.webhook(path, form, headers.get(HEADER), headers.get(SETTINGS_HEADER)):
            raise web.HTTPForbidden(text="This is not signed by our Twilio account.")
        if form.get("AccountSid") != self._parts.settings.twilio_account_sid:
            raise web.HTTPForbidden(text="This is of another Twilio account.")
        return Posted(form, request.query)

    def enter(self, size: int) -> None:
        try:
            self._gate.enter(size)
        except Overloaded:
            raise web.HTTPServiceUnavailable(text="Try again later.", headers={"Retry-After": "1"}) from None

    def leave(self, size: int) -> None:
        self._gate.leave(size)

    def count(self, outcome: str) -> None:
        self._parts.meter.count(Counted.WEBHOOKS, NAME, outcome)

    async def _told(self, answer: Callable[[Posted], Awaitable[str]], posted: Posted, path: str) -> str:
        try:
            async with asyncio.timeout(MOST_SECONDS):
                return await answer(posted)
        except (StoreError, Overloaded, TimeoutError) as error:
            log.warning("a call's webhook could not be worked on", path=path, error=str(error) or type(error).__name__)
        except Exception:  # whoever is on the telephone hears a sentence in any case
            log.exception("a call's webhook failed", path=path)
        return self._trouble(posted, path)

    def _trouble(self, posted: Posted, path: str) -> str:
        language = language_of(None, _theirs(posted.form), self._parts.settings.default_language)
        if path == GATHER:  # it may be over in a moment, and whoever is in the middle of a talk goes on
            asked = read_asked(posted.query, posted.form)
            return Gather.lost(self._parts.settings.public_url, language, asked)
        return twiml.hang_up([say(language, "call_trouble")], language)


class _Within:
    """One webhook, from its reading to its answer, counted."""

    def __init__(self, doors: _Doors, request: web.Request) -> None:
        self._doors = doors
        self._request = request
        self._size = 0

    async def __aenter__(self) -> Posted:
        size = self._request.content_length or 0
        try:
            self._doors.enter(size)
            self._size = size
            return await self._doors.read(self._request)
        except web.HTTPException as refused:
            self._doors.count({403: "bad_signature", 413: "too_large", 503: "busy"}.get(refused.status, "malformed"))
            raise

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._doors.count("accepted" if error is None else "unavailable")
        self._doors.leave(self._size)


async def _body(request: web.Request) -> bytes:
    """Raises HTTPRequestEntityTooLarge as soon as that is known."""
    read = bytearray()
    if (request.content_length or 0) <= MAX_BODY:
        async for piece in request.content.iter_chunked(MAX_BODY):
            read += piece
            if len(read) > MAX_BODY:
                break
        else:
            return bytes(read)
    raise web.HTTPRequestEntityTooLarge(MAX_BODY, request.content_length or len(read))


class _Calls:
    """What is done about a call."""

    def __init__(
        self, parts: Served, hooks: Hooks, lines: Mapping[str, Handler], rules: CallRules, has_room: Callable[[], bool]
    ) -> None:
        self._parts = parts
        self._hooks = hooks
        self._lines = lines
        self._rules = rules
        self._has_room = has_room
        self._gather = Gather(parts, hooks, rules)
        self._url = parts.settings.public_url

    async def begin(self, posted: Posted) -> str:
        """A call begins, or one that we placed was answered."""
        phone_call = await self._phone_call(posted)
        call = phone_call.call
        if not CALL_MOVES[call.status]:  # a late retry: it is over
            return twiml.hang_up()
        if is_blocked(phone_call.customer):
            return twiml.reject()
        talk = _talk(phone_call, posted)
        await self._parts.phone_calls.move(call.id, CallStatus.IN_PROGRESS, provider_status=posted.form.get("CallStatus", ""))
        if answered_by := posted.form.get("AnsweredBy", ""):
            told = await self._hooks.answered_by(call, answered_by)
            if told or answered_by.startswith(("machine", "fax")):
                return twiml.hang_up([told] if told else [], talk.language)
        # A call that we placed was ordered with its recording: a second one would stay at Twilio, as we keep and delete one.
        records = self._rules.is_recorded and talk.call.direction is not CallDirection.OUTBOUND
        return await self._carried(talk, twiml.Recording(f"{self._url}{RECORDING}") if records else None)

    async def _carried(self, talk: Talk, recording: twiml.Recording | None) -> str:
        way = self._parts.settings.call_transport
        if way not in self._lines or not self._has_room():
            return await self._gather.begin(talk, "opening", recording=recording)
        socket, action = f"ws{self._url.removeprefix('http')}", f"{self._url}{ACTION}?line={way}"
        parameters = {"call": talk.call.id}
        if way == "relay":
            return twiml.relay(socket + RELAY, action, talk.language, parameters, recording=recording)
        return twiml.stream(socket + STREAM, action, parameters, recording=recording)

    async def gather(self, posted: Posted) -> str:
        """Something was said or pressed, or nothing was."""
        talk = _talk(await self._phone_call(posted), posted)
        if not CALL_MOVES[talk.call.status]:
            return twiml.hang_up()
        return await self._gather.answer(talk, read_asked(posted.query, posted.form))

    async def action(self, posted: Posted) -> str:
        """What carried the call is over: it ends, is passed on, or goes on by the plain way."""
        line = posted.query.get("line", "")
        await self._end_line(posted.sid)
        talk = _talk(await self._phone_call(posted), posted)
        if posted.form.get("CallStatus") in _OVER:
            await self._moved(posted)
            return twiml.nothing()
        if not CALL_MOVES[talk.call.status]:
            return twiml.hang_up()
        turn = read_asked(posted.query, {}).turn
        if line == "dial":
            if posted.form.get("DialCallStatus") in ("completed", "answered"):
                return twiml.hang_up()
            is_told = await self._hooks.unanswered(talk.call)  # before the transfer is taken off the record, by which it is known
            await self._parts.phone_calls.did(talk.call.id)
            if not is_told:
                sentence = say(talk.language, "call_not_transferred")
                await self._parts.call_timeline.say(talk.call, talk.conversation, sentence, f"not transferred {turn}")
            return await self._gather.begin(talk, "dial", turn=turn)
        if talk.call.next_step is None and _reason(posted.form) == NextKind.HANG_UP:
            return twiml.hang_up()
        if (why := posted.form.get("SessionStatus") or posted.form.get("StreamEvent") or "") in ("failed", "stream-error"):
            log.warning("the websocket of a call has failed; it goes on by gather", call=talk.call.id, line=line, why=why)
        return await self._gather.begin(talk, line or "line", turn=turn)

    async def _end_line(self, sid: str) -> None:
        """What this process still holds of the call ends first: what was said and heard is on the timeline then."""
        live = self._parts.calls.live.by_sid(sid)
        if live is None:
            return
        live.over("lost")
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINE_SECONDS):
                await live.ended()

    # News

    async def status(self, posted: Posted) -> None:
        """How far the call has come. Twilio numbers its news (SequenceNumber), for they overtake each other: a call only moves
        forward (`CALL_MOVES`), so that what comes late or twice changes nothing.
        """
        await self._moved(posted)

    async def _moved(self, posted: Posted) -> None:
        call = await self._known(posted)
        word = posted.form.get("CallStatus", "")
        to = TWILIO_STATUSES.get(word)
        if call is None or to is None:
            log.info("news of a call that is not known, or none that we know", status=word)
            return
        duration = posted.form.get("CallDuration", "")
        seconds = int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 7 else None
        at = _moment(posted.form.get("Timestamp", ""), self._parts.clock.now())
        await self._parts.phone_calls.move(call.id, to, provider_status=word, at=at, duration=seconds)
        self._parts.live.tell(address_of(_ours(posted.form), posted.sid).lane)

    async def answered_by(self, posted: Posted) -> None:
        call = await self._known(posted)
        if call is not None:
            await self._hooks.answered_by(call, posted.form.get("AnsweredBy", ""))

    async def recorded(self, posted: Posted) -> None:
        call = await self._known(posted)
        if call is not None:
            await self._hooks.recorded(call, dict(posted.form))

    async def _known(self, posted: Posted) -> Call | None:
        """The call, if it is on record; one that we placed is named in the address, should nobody have told us its id."""
        if intent := posted.query.get("call", ""):
            await self._hooks.placed(intent, posted.sid)
        return await self._parts.phone_calls.by_sid(posted.sid)

    async def _phone_call(self, posted: Posted) -> PhoneCall:
        """The call, with its conversation: made where it is not there yet."""
        form, sid = posted.form, posted.sid
        ours, theirs = _ours(form), _theirs(form)
        known = await self._known(posted)
        language, direction = (known.language or "") if known is not None else "", _direction(form)
        if not language and (known is None or known.conversation_id is None):
            person = await self._parts.people.recognise(address_of(ours, sid), sender_of(theirs), self._parts.clock.now())
            language = language_of(person, theirs, self._parts.settings.default_language)
        agent = self._parts.router.first(ConversationKind.CALL, NAME, language=language).name
        return await self._parts.phone_calls.begin(
            sid, ours=ours, theirs=theirs, direction=direction, agent=agent, language=language
        )


def _talk(phone_call: PhoneCall, posted: Posted) -> Talk:
    return Talk(phone_call.call, phone_call.conversation, _theirs(posted.form))


def _direction(form: Mapping[str, str]) -> CallDirection:
    """`inbound`, or `outbound-api`: of a call that we placed, we are `From`."""
    return CallDirection.OUTBOUND if form.get("Direction", "").startswith("outbound") else CallDirection.INBOUND


def _ours(form: Mapping[str, str]) -> str:
    return form.get("From" if _direction(form) is CallDirection.OUTBOUND else "To", "")[:64]


def _theirs(form: Mapping[str, str]) -> str:
    return shown_number(form.get("To" if _direction(form) is CallDirection.OUTBOUND else "From", ""))


def _reason(form: Mapping[str, str]) -> str:
    """What ConversationRelay was told when we ended it."""
    try:
        data = json.loads(form.get("HandoffData", "") or "{}")
    except (ValueError, RecursionError):
        return ""
    return str(data.get("reason") or data.get("reasonCode") or "") if isinstance(data, dict) else ""


def _moment(text: str, now: datetime) -> datetime:
    """A time of Twilio's (RFC 2822), as far as it can be: it has not come yet, or is not one that can be read, and it is now."""
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return now
    return min(at, now) if at.tzinfo is not None else now
