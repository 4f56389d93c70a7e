"""Flows that ask for slots, one question after the other (DESIGN 7).

A form says which slots it has and what is done with them; asking, taking several at once, corrections, questions in the middle,
leaving it, and coming back too late are the same for all. What it does at its end is a tool's call, run like any of an agent's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from bot.dialogs.flow import FlowTurn, Move
from bot.dialogs.flows.confirmation import Said, said, yes_or_no
from bot.dialogs.progress import Heard, Progress, heard_in
from bot.dialogs.slot import Here, Pick, Slot, Words
from bot.dialogs.wishes import Correction, cancels, correction_in, is_question, skips, wants_person
from bot.errors import RecordError
from bot.message import Button, Reply, Text
from bot.principal import PersonRef, Strength
from bot.resources import LANGUAGES, say
from bot.services.hours import DEFAULT_ZONE
from bot.services.phones import place_of, zone_of

MISSES = 3
"""After so many answers that do not fit a person is offered."""

_LEAST_LETTERS = 4
"""A text with fewer letters is a choice or a slip, and no wish for something else."""
_REMARK_WORDS = 4
"""So many words instead of a choice are more on the matter, rather than a choice that cannot be read."""

READ_BACK, CHANGE = "read back", "change"
"""Steps that are no slot: waiting for the yes, and for what is to be different."""

ASKING = "The system is asking the person step by step"
_DIGRESSION = (
    f"{ASKING} for what the flow {{name}} needs, and waits for their answer. They wrote something else. "
    "Answer only that, briefly; the system asks its own question again right after your answer, so do not ask it yourself."
)
_EXPIRED = "What the system asked the person about before ({name}) is over: they answered too late. Answer what they write now."


class Form:
    """A flow of slots. Subclasses say what it is about."""

    name = ""
    slots: tuple[Slot, ...] = ()
    ended_by: frozenset[str] = frozenset()
    """Intents that mean to leave it: "forget the call" while one is being booked."""
    remarks = ""
    """The slot that takes whatever else is said when everything is read back."""

    async def refusal(self, turn: FlowTurn) -> Reply | None:
        """Why it cannot be done for this person, before anything is asked. Raises what services raise."""
        return None

    async def options(self, turn: FlowTurn, slot: str) -> tuple[Button, ...]:
        """Between what the person chooses in a slot, each with its value as id."""
        return ()

    async def opened(self, turn: FlowTurn, about: str, here: Here) -> dict[str, Any]:
        """More values out of the words with which it begins."""
        return {}

    async def read_back(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> str:
        """The question that wants a yes before it is done; empty where none is needed."""
        return ""

    async def finish(self, turn: FlowTurn, values: Mapping[str, Any], here: Here) -> Move:
        """What is done in the end."""
        raise NotImplementedError

    async def advance(self, turn: FlowTurn) -> Move:
        """The next step. Raises what services raise."""
        progress = Progress.of(turn.state)
        if not turn.state.step:
            return await self._begin(turn, progress)
        heard = heard_in(turn.messages, progress.id)
        if turn.now >= turn.state.expires_at:
            return self._expired(turn, heard)
        if heard.is_nothing:
            return Move(state=turn.state)
        if self._is_left(turn, heard):
            return self._left(turn)
        if wants_person(heard.text):
            return Move(call=("hand_to_person", {"reason": f"asked for a person in the middle of {self.name}"}))
        if turn.state.step in (READ_BACK, CHANGE) and not heard.taps:
            decided = await self._decided(turn, progress)
            if decided is not None:
                return decided
        here = await self._here(turn)
        if heard.answers and not (heard.text or heard.taps):  # of an older question: the one that counts is asked again
            return await self._again(turn, progress, here)
        if await self._take(turn, progress, heard, here):
            progress.misses = 0
            return await self._go_on(turn, progress, here)
        if _guess(turn, heard.text) in self.ended_by:
            return self._left(turn)
        if self._digresses(turn, heard):
            return await self._digression(turn, progress, here)
        return await self._missed(turn, progress, here)

    async def _begin(self, turn: FlowTurn, progress: Progress) -> Move:
        refused = await self.refusal(turn)
        if refused is not None:
            return Move((refused,), outcome=f"cannot begin: {self.name}")
        here, about = await self._here(turn), str(turn.state.slots.get("about", ""))
        for slot in self.slots:
            found = slot.find(about, here)
            if found is not None:
                progress.values[slot.name] = found
        progress.values.update(await self.opened(turn, about, here))
        return await self._go_on(turn, progress, here)

    async def _go_on(self, turn: FlowTurn, progress: Progress, here: Here) -> Move:
        """The next question, or the end."""
        slot = self._missing(progress.values, here)
        if slot is not None:
            return Move((await self._question(turn, progress, slot, here),), progress.state(turn, slot.name))
        text = await self.read_back(turn, progress.values, here)
        if not text:
            return await self.finish(turn, progress.values, here)
        state = progress.state(turn, READ_BACK, asked=text)
        return Move((Reply(text, yes_or_no(state.token, here.language)),), state)

    async def _decided(self, turn: FlowTurn, progress: Progress) -> Move | None:
        """What a plain yes or a plain no to what was read back does; None where it is neither."""
        language = turn.context.language
        match said(turn):
            case Said.YES if turn.state.step == READ_BACK:
                return await self.finish(turn, progress.values, await self._here(turn))
            case Said.NO if turn.state.step == READ_BACK:
                cancel = Button(f"flow:{progress.id}:cancel:", say(language, "option_cancel"))
                return Move((Reply(say(language, "flow_what_to_change"), (cancel,)),), progress.state(turn, CHANGE))
            case Said.NO:
                return self._left(turn)
        return None

    def _left(self, turn: FlowTurn) -> Move:
        return Move((Reply(say(turn.context.language, "flow_cancelled")),), outcome=f"left: {self.name}")

    def _is_left(self, turn: FlowTurn, heard: Heard) -> bool:
        texts = [message.content.text for message in turn.messages if isinstance(message.content, Text)]
        return any(slot == "cancel" for slot, _ in heard.taps) or any(map(cancels, texts))

    def _expired(self, turn: FlowTurn, heard: Heard) -> Move:
        language = turn.context.language
        gone = Reply(say(language, "flow_expired", what=say(language, f"flow_{self.name}")))
        if heard.taps or said(turn) in (Said.YES, Said.NO, Said.NOTHING) or not heard.text:
            return Move((gone,), outcome=f"too late: {self.name}")
        return Move((gone,), told=_EXPIRED.format(name=self.name), outcome=f"too late: {self.name}")

    async def _take(self, turn: FlowTurn, progress: Progress, heard: Heard, here: Here) -> bool:
        """Puts what was said into the slots; whether there was anything for them."""
        took = False
        for name, value in heard.taps:
            took = await self._tapped(turn, progress, name, value) or took
        text = heard.text
        if not text:
            return took
        asked = next((slot for slot in self.slots if slot.name == turn.state.step), None)
        if asked is not None:
            here = replace(here, options=await self.options(turn, asked.name))
        before = await self.known(turn, progress.values, asked, here) if asked is not None else None
        took = await self._corrected(turn, progress, asked, text, here, before) or took
        if took:
            return True
        if asked is not None and asked.is_optional and skips(text):
            progress.values[asked.name] = None
            return True
        if isinstance(asked, Words):
            return self._in_words(turn, progress, asked, text, here)
        read = asked.read(text, here, before) if asked is not None else None
        took = asked is not None and self._put(progress, asked, read)
        return self._in_slots(progress, asked, text, here, took)

    async def _tapped(self, turn: FlowTurn, progress: Progress, name: str, value: str) -> bool:
        slot = next((slot for slot in self.slots if slot.name == name), None)
        if slot is None:
            return False
        if not value and slot.is_optional:
            progress.values[name] = None
            return True
        if value not in {option.id for option in await self.options(turn, name)}:
            return False
        progress.values[name] = value
        return True

    async def _corrected(
        self, turn: FlowTurn, progress: Progress, asked: Slot | None, text: str, here: Here, before: Any
    ) -> bool:
        """A correction of what was said before, or of what is being asked."""
        known = [slot for name in reversed(progress.values) if (slot := self._slot(name)) and progress.values[name] is not None]
        fix = correction_in(text)
        if fix is None or fix.is_loose:
            bare = fix.meant if fix is not None else text
            whole = next((slot for slot in known if slot is not asked and slot.is_filled_by(bare, here)), None)
            return whole is not None and self._put(progress, whole, whole.read(bare, here, progress.values[whole.name]))
        denied = fix.denied.casefold()
        about = [slot for slot in known if denied and denied in str(progress.values[slot.name]).casefold()]
        if asked is not None and not isinstance(asked, Words):
            about.append(asked)
        about += [slot for slot in known if not isinstance(slot, Words)]
        if asked is None or not asked.is_optional or fix.denied or self.remarks:
            about += known
        values = {**progress.values, **({asked.name: before} if asked is not None else {})}
        for slot in about:
            there = replace(here, options=await self.options(turn, slot.name)) if isinstance(slot, Pick) else here
            if self._put(progress, slot, slot.corrected(fix, there, values.get(slot.name))):
                return True
        return False

    def _in_words(self, turn: FlowTurn, progress: Progress, asked: Words, text: str, here: Here) -> bool:
        """An answer in words: nearly anything is one, but for a question that we know an answer to."""
        guess = _guess(turn, text)
        if guess in self.ended_by or (is_question(text) and guess not in ("", self.name)):
            return False
        return self._put(progress, asked, asked.read(text, here, progress.values.get(asked.name)))

    def _in_slots(self, progress: Progress, asked: Slot | None, text: str, here: Here, took: bool) -> bool:
        """What else is in it: other slots, or more on the matter."""
        for slot in self.slots:
            if slot is asked or (asked is not None and progress.values.get(slot.name) is not None):
                continue
            known = progress.values.get(slot.name)
            found = slot.find(text, here)
            if found is not None and known is not None:
                found = slot.read(text, here, known)
            took = self._put(progress, slot, found) or took
        remarks = self._slot(self.remarks)
        if took or remarks is None or is_question(text) or (asked is not None and len(text.split()) < _REMARK_WORDS):
            return took
        return self._put(
            progress, remarks, remarks.corrected(Correction("", text, text), here, progress.values.get(remarks.name))
        )

    def _put(self, progress: Progress, slot: Slot, value: Any) -> bool:
        if value is None:
            return False
        progress.values.pop(slot.name, None)  # the newest last
        progress.values[slot.name] = value
        return True

    def _slot(self, name: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.name == name), None)

    def _missing(self, values: Mapping[str, Any], here: Here) -> Slot | None:
        return next((slot for slot in self.slots if slot.ask and not _has(values, slot, here)), None)

    def _digresses(self, turn: FlowTurn, heard: Heard) -> bool:
        """Whether it is about something else, rather than an answer that cannot be read."""
        if said(turn) is not Said.ELSE:
            return False
        guess = _guess(turn, heard.text)
        if guess:
            return guess != self.name
        return heard.others or is_question(heard.text)

    async def _digression(self, turn: FlowTurn, progress: Progress, here: Here) -> Move:
        again = await self._again(turn, progress, here)
        told = _DIGRESSION.format(name=self.name)
        return Move(state=again.state, told=told, after=again.replies, outcome=f"something else in {self.name}")

    async def _missed(self, turn: FlowTurn, progress: Progress, here: Here) -> Move:
        progress.misses += 1
        language, again = here.language, await self._again(turn, progress, here)
        outcome = f"not understood in {self.name}, {progress.misses} times"
        if progress.misses >= MISSES:
            buttons = (
                Button("person", say(language, "option_person")),
                Button(f"flow:{progress.id}:cancel:", say(language, "option_cancel")),
            )
            return Move((Reply(say(language, "flow_offers_person"), buttons),), again.state, outcome=outcome)
        first, *more = again.replies
        reply = Reply(f"{say(language, 'flow_not_understood', seed=turn.context.turn)} {first.text}", first.buttons)
        return Move((reply, *more), again.state, outcome=outcome)

    async def _again(self, turn: FlowTurn, progress: Progress, here: Here) -> Move:
        """The question that is open, asked again."""
        if turn.state.step == CHANGE:
            cancel = Button(f"flow:{progress.id}:cancel:", say(here.language, "option_cancel"))
            return Move((Reply(say(here.language, "flow_what_to_change"), (cancel,)),), progress.state(turn, CHANGE))
        return await self._go_on(turn, progress, here)

    async def _question(self, turn: FlowTurn, progress: Progress, slot: Slot, here: Here) -> Reply:
        options = await self.options(turn, slot.name)
        buttons = [Button(f"flow:{progress.id}:{slot.name}:{option.id}", option.title) for option in options]
        if slot.is_optional:
            buttons.append(Button(f"flow:{progress.id}:{slot.name}:", say(here.language, "option_skip")))
        return Reply(slot.question(here, progress.values.get(slot.name)), tuple(buttons))

    async def _here(self, turn: FlowTurn) -> Here:
        language = turn.context.language if turn.context.language in LANGUAGES else LANGUAGES[0]
        ours = place_of(turn.context.conversation.our_address)
        return Here(language, turn.now, await _zone(turn), region=ours.country if ours is not None else "")

    async def known(self, turn: FlowTurn, values: Mapping[str, Any], slot: Slot, here: Here) -> Any:
        """What an answer to a slot's question is read on top of: "at six" on the day that is known."""
        return values.get(slot.name)


def is_sure(turn: FlowTurn) -> bool:
    """Whether what is on record may be told to who writes."""
    principal = turn.context.principal
    return isinstance(principal, PersonRef) and principal.strength >= Strength.SIGNED


def unsure(turn: FlowTurn) -> Reply:
    """What is said instead."""
    language = turn.context.language
    return Reply(say(language, "not_sure_who"), (Button("person", say(language, "option_person")),))


def _has(values: Mapping[str, Any], slot: Slot, here: Here) -> bool:
    if slot.name not in values:
        return False
    value = values[slot.name]
    return slot.is_optional if value is None else slot.is_complete(value, here)


def _guess(turn: FlowTurn, text: str) -> str:
    """The intent of what was said, where it is words and in scope; else empty."""
    if sum(c.isalpha() for c in text) < _LEAST_LETTERS:
        return ""
    guess = turn.guess(text)
    return guess.name if guess.is_in_scope else ""


async def _zone(turn: FlowTurn) -> ZoneInfo:
    """Where the person is, as far as their number tells; else where the company is."""
    context = turn.context
    person = await context.services.people.get(context.customer_id)
    zone = zone_of(person.phone_number)
    if zone is not None:
        return zone
    try:
        return (await context.services.hours.hours()).zone
    except RecordError:
        return ZoneInfo(DEFAULT_ZONE)
