"""What has to be done on a call, one thing after another: turns, and what is only written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.channels.voice.base import CallInfo
from bot.channels.voice.parts import CallParts
from bot.channels.voice.timeline import Timeline
from bot.channels.voice.turns import LiveTurn
from bot.clock import new_id
from bot.conversation import Heard, Turn
from bot.errors import FenceLost
from bot.message import Content, InboundMessage
from bot.records.conversations import InteractiveButton
from bot.services.phone_calls import address_of, sender_of
from bot.store.base import Claim

log = structlog.get_logger()

_TRIES = 4
"""So often it is tried to store that somebody wants no more calls, before they are told that it could not be."""

Step = Callable[[Claim], Awaitable[None]]


class Lead:
    """Of one call, under one claim. Only `work` waits."""

    def __init__(
        self,
        info: CallInfo,
        parts: CallParts,
        timeline: Timeline,
        *,
        language: Callable[[], str],
        offer: Callable[[Sequence[InteractiveButton]], None],
        rested: Callable[[], None],
    ) -> None:
        self.turn_ids: set[str] = set()
        self._info = info
        self._parts = parts
        self._timeline = timeline
        self._language = language
        self._offer = offer
        self._rested = rested
        """Told whenever there is nothing left to be done for now."""
        self._steps: asyncio.Queue[Step | None] = asyncio.Queue()
        self._turns: list[LiveTurn] = []
        """What is being answered, and what is to be."""
        self._in_hand = 0
        self._unstored: list[str] = []
        """How somebody said that they want no more calls, as long as that is not stored."""

    @property
    def is_busy(self) -> bool:
        """Whether something is being done, or is to be."""
        return self._in_hand > 0

    def answer(self, content: Content) -> None:
        """The person said this."""
        began = self._parts.clock.monotonic()
        turn = LiveTurn(
            self._parts,
            self._heard(content),
            self._timeline,
            language=self._language,
            offer=self._offer,
            first_token=lambda: self._timeline.figures.took("first_token", self._parts.clock.monotonic() - began),
        )
        self._turns.append(turn)

        async def step(claim: Claim) -> None:
            try:
                await turn.run(claim)
            finally:
                self._turns.remove(turn)

        self._add(step)

    def note(self, content: Content) -> None:
        """The person said this, and wants no answer to it."""
        turn = self._heard(content)

        async def step(claim: Claim) -> None:
            await self._parts.engine.break_off(claim, turn, "")

        self._add(step)

    def no_more_calls(self, proof: str, noted: Callable[[bool], None]) -> None:
        """Stores that the person wants no more calls; `noted` is told once it is, or could not be."""

        async def step(_: Claim) -> None:
            is_noted = await self._is_noted(proof)
            self._unstored.remove(proof)
            noted(is_noted)

        self._unstored.append(proof)

        self._add(step)

    def interrupt(self) -> None:
        """The person speaks: what is being answered is broken off, or, where nothing was said to it yet, gives way."""
        for turn in self._turns:
            (turn.break_off if turn.has_spoken else turn.give_way)()

    def break_off(self) -> None:
        """Nothing more is said to what the person said until now."""
        for turn in self._turns:
            turn.break_off()

    def end(self) -> None:
        """What is being answered is broken off, what waits is written down, and then `work` returns."""
        self.break_off()
        self._steps.put_nowait(None)

    async def work(self, claim: Claim) -> None:
        """Until `end`. Raises FenceLost; that somebody wants no more calls is stored also then, for it needs no claim."""
        try:
            await self._work(claim)
        except FenceLost:
            for proof in self._unstored:
                await self._is_noted(proof)
            raise

    async def _work(self, claim: Claim) -> None:
        while (step := await self._steps.get()) is not None:
            await self._timeline.settled()
            try:
                await step(claim)
            except FenceLost:
                raise
            except Exception:
                log.exception("a step of a call failed")
            finally:
                self._in_hand -= 1
                self._timeline.tell()
            if not self._in_hand:
                self._rested()

    def _add(self, step: Step) -> None:
        self._in_hand += 1
        self._steps.put_nowait(step)

    async def _is_noted(self, proof: str) -> bool:
        for attempt in range(_TRIES):
            if attempt:
                await self._parts.clock.sleep(0.25 * 2**attempt)
            try:
                await self._parts.do_not_call.do_not_call(self._info.call_id, proof)
            except Exception:
                log.exception("that somebody wants no more calls could not be stored")
            else:
                return True
        return False

    def _heard(self, content: Content) -> Turn:
        """One turn of one message. Its id is made anew: a call that changes lines in the middle begins to count again."""
        info, position = self._info, new_id()
        address, now = address_of(info.ours, info.sid), self._parts.clock.now()
        message = InboundMessage(f"{info.sid}:{position}", address, content, now, sender_of(info.theirs))
        self.turn_ids.add(position)
        return Turn(address, (Heard(message.id, position, message),))
