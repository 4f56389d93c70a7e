"""Who acts on what a call's webhooks tell: dialling, the do-not-call list, recordings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.errors import SendError
from bot.records.calls import Call
from bot.services.calling import Calling
from bot.services.phone_calls import PhoneCalls

log = structlog.get_logger()

Recorded = Callable[[Call, Mapping[str, str]], Awaitable[object]]
Unanswered = Callable[[str], Awaitable[bool]]


class CallHooks:
    """The port `bot.channels.voice.hooks.Hooks`."""

    def __init__(
        self, phone_calls: PhoneCalls, calling: Calling, recorded: Recorded, unanswered: Unanswered | None = None
    ) -> None:
        """`recorded` is told news of recordings, `unanswered` of a call that nobody took over (by the call's id)."""
        self._phone_calls = phone_calls
        self._calling = calling
        self._recorded = recorded
        self._unanswered = unanswered

    async def placed(self, call_id: str, sid: str) -> None:
        await self._phone_calls.bind(call_id, sid)

    async def answered_by(self, call: Call, answered_by: str) -> str:
        """A provider that cannot be asked just now leaves the talk as it is: the machine hears our AI."""
        try:
            return await self._calling.dialling.answered_by(call, answered_by)
        except SendError as error:
            log.warning("a machine that answered could not be dealt with", call=call.id, why=str(error))
            return ""

    async def recorded(self, call: Call, news: Mapping[str, str]) -> None:
        await self._recorded(call, news)

    async def do_not_call(self, call_id: str, proof: str) -> None:
        await self._calling.do_not_call.said(call_id, proof)

    async def unanswered(self, call: Call) -> bool:
        return self._unanswered is not None and await self._unanswered(call.id)
