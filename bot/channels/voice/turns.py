"""One turn of a call: heard, answered by the engine, spoken while the answer is written, broken off when the person speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from bot.channels.voice.alarms import Alarm
from bot.channels.voice.clauses import Clauses
from bot.channels.voice.linking import links
from bot.channels.voice.parts import CallParts
from bot.channels.voice.saying import Said
from bot.channels.voice.timeline import Timeline, buttons_of
from bot.conversation import Turn
from bot.errors import FenceLost, StoreUnavailable
from bot.records.conversations import Direction, InteractiveButton, Message
from bot.records.work import JournalKind, JournalRow
from bot.resources import say
from bot.running import end_tasks
from bot.store.base import Claim

log = structlog.get_logger()

_ATTEMPTS = 2
_AGAIN_SECONDS = 0.3
_LATEST = 20
"""So many messages back the answer to a turn can be."""


class LiveTurn:
    """Runs one turn; the Speaker of its answer."""

    def __init__(
        self,
        parts: CallParts,
        turn: Turn,
        timeline: Timeline,
        *,
        language: Callable[[], str],
        offer: Callable[[Sequence[InteractiveButton]], None],
        first_token: Callable[[], None],
    ) -> None:
        self.turn = turn
        self._parts = parts
        self._saying = timeline.saying
        self._timeline = timeline
        self._language = language
        self._offer = offer
        self._first_token = first_token
        self._clauses = Clauses()
        self._said: list[Said] = []
        """Its messages, in the order in which they are spoken."""
        self._now: Said | None = None
        """The one that is being written."""
        self._is_written = False
        self._is_broken = False
        self._gives_way = False
        self._held: list[Callable[[], None]] = []
        """What the engine tells while it is not known yet whether this gives way."""
        self._change = asyncio.Event()
        self._filler = Alarm(parts.clock, self._fill)

    @property
    def has_spoken(self) -> bool:
        """Whether the line was given anything of the answer, or is about to be."""
        return bool(self._said)

    def break_off(self) -> None:
        """The person spoke over the answer, or is gone. What they have heard is read off what was said, which is cut already."""
        self._is_broken = True
        self._change.set()

    def give_way(self) -> None:
        """The person goes on before anything was said: then this is not answered, unless something was done for it already."""
        if not self._is_written:
            self._gives_way = True
            self._change.set()

    async def run(self, claim: Claim) -> None:
        """Until its end. Raises FenceLost."""
        self._filler.set(self._parts.rules.filler_seconds)
        try:
            if not await self._answered(claim) and not self._is_written:
                await self._end_in_the_middle(claim)
        finally:
            self._filler.clear()
        for said in self._said:
            if not said.id:  # the turn was discarded, but this was spoken
                self._timeline.spoken(said, turn_id=self.turn.id)

    # What the engine tells: the Speaker.

    def say(self, words: str) -> None:
        if self._is_broken:
            return
        if self._gives_way:
            self._held.append(partial(self.say, words))
            return
        self._filler.clear()
        self._first_token()
        for raw in self._clauses.feed(words):
            self._add(raw)

    def end(self) -> None:
        if self._gives_way:
            self._held.append(self.end)
            return
        self._add(self._clauses.flush())
        if self._now is not None:
            self._saying.end(self._now)
            self._now = None

    def written(self, messages: Sequence[Message]) -> None:
        self._filler.clear()
        self._go_on()
        self.end()
        self._is_written = True
        for link in links(self._said, messages):
            said = link.said or self._begin()
            said.id = link.message.id
            if self._is_broken:
                said.is_cut = said.is_whole = True
                self._timeline.heard(said)
            else:
                self._timeline.read_out(said, link.rest, buttons_of(link.message))
        if messages:
            self._offer([button for message in messages for button in buttons_of(message)])

    # How it goes.

    async def _answered(self, claim: Claim) -> bool:
        """Whether the turn has come to an end of its own; False where it was broken off."""
        error: Exception | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self._parts.clock.sleep(_AGAIN_SECONDS)
            if not self._is_broken:
                error = await self._run_engine(claim)
            if self._is_broken:
                return False
            if error is None or self._is_written:
                return True
            log.error("a turn of a call failed", exc_info=error)
            if self.has_spoken:
                break
        if error is not None:
            await self._fail(claim, error)
        return True

    async def _run_engine(self, claim: Claim) -> Exception | None:
        """How the engine failed; None where it did not. Raises FenceLost."""
        self._clauses = Clauses()
        task = asyncio.create_task(self._parts.engine.turn(claim, self.turn, self))
        try:
            while not task.done() and not self._is_broken:
                await self._wait_for(task)
        finally:
            await end_tasks(task)
        self._go_on()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, FenceLost):
            raise error
        return error if error is None or isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")

    async def _wait_for(self, task: asyncio.Task[int]) -> None:
        """Until the engine has ended, or is to end."""
        change = asyncio.create_task(self._change.wait())
        try:
            await asyncio.wait({task, change}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(change)
        self._change.clear()
        if self._gives_way:
            has_acted = await self._has_acted()
            self._is_broken = self._is_broken or not (has_acted or self._is_written)
            self._go_on()

    def _go_on(self) -> None:
        """It is known now whether this gives way: what was held back is said, if it does not."""
        self._gives_way, held = False, self._held
        self._held = []
        for tell in held:
            tell()

    async def _has_acted(self) -> bool:
        """Whether a tool has written something for this turn: then its answer is given, as the next turn knows nothing of it."""
        rows = await self._parts.store.find(JournalRow, {"turn_id": self.turn.id})
        return any(row.kind is JournalKind.TOOL for row in rows)

    async def _end_in_the_middle(self, claim: Claim) -> None:
        """What was heard of it until now is all that there is."""
        self.end()
        said = self._joined()
        text = "" if said is None else said.heard if self._is_broken else said.text
        try:
            message = await self._parts.engine.break_off(claim, self.turn, text)
        except StoreUnavailable:
            log.warning("a turn that was broken off is written later: the store is away")
            self._timeline.later(lambda: self._parts.engine.break_off(claim, self.turn, ""))
            return
        if message is None or said is None:  # nothing was heard; or its end was being written at that very moment
            await self._find_written()
            return
        said.id = message.id
        if self._is_broken:
            self._timeline.heard(said)
        else:
            self._saying.end(said)

    def _joined(self) -> Said | None:
        """All of its messages as one: a turn that ends in the middle has one on the timeline."""
        if not self._said:
            return None
        first, *others = self._said
        for said in others:
            for place, piece in enumerate(said.pieces):
                piece.said = first
                piece.raw = f"\n{piece.raw}" if place == 0 else piece.raw
            first.pieces.extend(said.pieces)
            first.ended, first.is_cut = said.ended or first.ended, first.is_cut or said.is_cut
        self._said = [first]
        return first

    async def _find_written(self) -> None:
        latest = await self._parts.store.find(
            Message, {"conversation_id": self._timeline.conversation_id}, sort=("-timestamp",), limit=_LATEST
        )
        ours = [one for one in latest if one.turn_id == self.turn.id and one.direction is Direction.OUTBOUND]
        if ours:
            self.written(sorted(ours, key=lambda message: message.id))

    async def _fail(self, claim: Claim, error: Exception) -> None:
        """The engine cannot. What was said already stays; else it is given up, and said so. The call goes on."""
        try:
            if not self.has_spoken:
                await self._parts.engine.give_up(claim, self.turn, f"{type(error).__name__}: {error}", self)
                return
            await self._end_in_the_middle(claim)
        except FenceLost:
            raise
        except Exception:
            log.exception("a turn of a call could not be given up")
        self._timeline.remark(say(self._language(), "call_sorry"))

    # What is said.

    def _begin(self) -> Said:
        said = Said()
        self._said.append(said)
        return said

    def _add(self, raw: str) -> None:
        if self._is_broken:
            return
        if self._now is None and raw.strip():
            self._now = self._begin()
        if self._now is not None and raw:
            self._saying.add(self._now, raw, self._language())

    def _fill(self) -> None:
        """The first word takes long: once per turn a short sentence says that we are at it."""
        if not (self.has_spoken or self._is_broken or self._saying.is_paused or self._saying.is_speaking):
            self._timeline.remark(say(self._language(), "call_filler", seed=self.turn.id))
