"""Whose call a websocket of Twilio's is, who leads it, and what stands on its record before Twilio asks what comes next."""

from __future__ import annotations

from datetime import datetime

import structlog

from bot.channels.voice.base import CallInfo
from bot.channels.voice.caller import shown_number
from bot.channels.voice.frames import Start
from bot.channels.voice.joining import Calls
from bot.channels.voice.relay_messages import Setup
from bot.channels.voice.stream_line import HANG_UP
from bot.clock import Clock
from bot.records.calls import CALL_MOVES, Call, CallDirection, NextKind
from bot.records.conversations import Conversation
from bot.services.phone_calls import PhoneCalls
from bot.store.base import Store

log = structlog.get_logger()

CALL = "call"
"""The parameter that says which call of ours it is: the document that opened the line has told it to Twilio alone."""


class Lines:
    """What both kinds of websockets ask: a handshake says that it is Twilio's, and its first message which call it carries."""

    def __init__(self, account_sid: str, store: Store, clock: Clock, phone_calls: PhoneCalls, calls: Calls) -> None:
        self._account_sid = account_sid
        self._store = store
        self._clock = clock
        self._phone_calls = phone_calls
        self._calls = calls

    async def of_relay(self, setup: Setup) -> CallInfo | None:
        """The call of a ConversationRelay; None for one that is none of ours, or over."""
        return await self._info(setup.account_sid, setup.call_sid, setup.custom_parameters.get(CALL))

    async def of_stream(self, start: Start) -> CallInfo | None:
        """The same of a Media Stream."""
        return await self._info(start.account_sid, start.call_sid, start.parameters.get(CALL))

    async def over(self, info: CallInfo, left: str) -> None:
        """A stream is over (`left`: why). A Media Stream hands nothing over, so what we decided has to be on the record."""
        call = self._calls.live.by_sid(info.sid)
        if call is not None:
            await call.ended()
        if left == HANG_UP:
            record = await self._phone_calls.by_sid(info.sid)
            if record is not None and record.next_step is None:
                await self._phone_calls.then(record.id, NextKind.HANG_UP)

    async def _info(self, account_sid: str, sid: str, call_id: object) -> CallInfo | None:
        """The signature of a handshake is the same for every call, so a websocket has to know our own name of its call, too."""
        call = await self._phone_calls.by_sid(sid) if account_sid == self._account_sid else None
        if call is not None and call.id != call_id:
            call = None
        conversation = await self._store.get(Conversation, call.conversation_id or "") if call is not None else None
        if call is None or conversation is None or not CALL_MOVES[call.status]:
            log.warning("a websocket is of no call that is under way")
            return None
        return CallInfo(
            call_id=call.id,
            sid=sid,
            conversation_id=conversation.id,
            ours=conversation.our_address,
            theirs=shown_number(_theirs(call)),
            direction=call.direction or CallDirection.INBOUND,
            language=conversation.language or "",
            answered_at=self._clock.monotonic() - self._since(call.started_at),
            about=call.about,
        )

    def _since(self, at: datetime | None) -> float:
        return max(0.0, (self._clock.now() - at).total_seconds()) if at is not None else 0.0


def _theirs(call: Call) -> str:
    number = call.dialed_number if call.direction is CallDirection.OUTBOUND else call.caller_number
    return number or ""
