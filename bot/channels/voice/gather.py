"""The plain way to carry a call: Twilio recognises and speaks, and asks us by webhook what to say next (CHANNELS 2.3, 2.4).

Each thing that was said is a turn, numbered in the URL that it is posted to, and goes through the ordinary inbox, worker and
outbox: whoever works on it, the answer is on the timeline, and the webhook waits for it there. An answer that takes longer than
Twilio waits is asked for again behind a filler. A webhook that is posted twice is heard once, and answered the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlencode

import structlog

from bot.channels.voice import twiml
from bot.channels.voice.backchannels import asks_for_no_calls
from bot.channels.voice.channel import NAME
from bot.channels.voice.hooks import Hooks
from bot.channels.voice.keys import NO_MORE_CALLS
from bot.channels.voice.opening import disclosure, invitation
from bot.channels.voice.reading import MOST_CHOICES, Menus, buttons_of, read_message
from bot.channels.voice.rules import CallRules
from bot.clock import Clock, new_id
from bot.config import Settings
from bot.conversation import Heard, Turn
from bot.engine import Engine
from bot.errors import Overloaded, StoreError, StoreUnavailable
from bot.inbox import Inbox
from bot.live import Live
from bot.message import Address, Button, Choice, Content, InboundMessage, Text
from bot.records.calls import Call, CallDirection, NextKind
from bot.records.conversations import Conversation, Direction, Message
from bot.records.work import Delivery, InboxRow, InboxState
from bot.resources import say
from bot.running import end_tasks
from bot.services.call_timeline import CHARACTERS_PER_SECOND, CallTimeline, part_of
from bot.services.conversations import Conversations, is_held_by_ai
from bot.services.phone_calls import PhoneCalls, sender_of
from bot.store.base import LaneKinds, Store

log = structlog.get_logger()

ANSWER_SECONDS = 8.0
"""How long a webhook waits for its answer: Twilio hangs up on us after 15 (error 11205)."""
LOOK_SECONDS = 0.25
"""How often it looks, should nobody tell it."""
MOST_FILLERS = 8
"""So often the answer is asked for again; then they are listened to, and it is said once it is there."""
MOST_SILENCES_WAITING = 60
"""The same for who waits for a person, and has nothing to say: about six minutes."""
TELL_EACH = 5
"""Silences after which who waits hears that the line is not dead."""

_MOST_SORRY = 3

GATHER, ACTION = "/webhooks/twilio/voice/gather", "/webhooks/twilio/voice/action"


@dataclass(frozen=True, slots=True)
class Asked:
    """What Twilio posts to us, and where in the call that is."""

    turn: int = 1
    wait: int = 0
    """How often the answer to this turn was asked for before."""
    silence: int = 0
    """How often in a row nothing was heard before."""
    speech: str = ""
    digits: str = ""
    confidence: float | None = None
    why: str = ""
    """Why we speak, where that answers no turn."""

    @property
    def part(self) -> str:
        """Names our answer: asked again, it is the same."""
        return f"{self.why}{self.turn}.{self.wait}.{self.silence}"


def read_asked(query: Mapping[str, str], form: Mapping[str, str]) -> Asked:
    """Whatever there is: what cannot be read counts as not there."""
    return Asked(
        turn=max(1, _count(query.get("turn"))),
        wait=_count(query.get("wait")),
        silence=_count(query.get("silence")),
        speech=twiml.writable(form.get("SpeechResult", "")).strip()[:4000],
        digits="".join(c for c in form.get("Digits", "") if c in "0123456789*#")[:64],
        confidence=_share(form.get("Confidence")),
    )


class Parts(Protocol):
    """What of the joined program a call needs here (`bot.app.App`)."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def store(self) -> Store: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def lanes(self) -> LaneKinds: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def live(self) -> Live: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def phone_calls(self) -> PhoneCalls: ...
    @property
    def call_timeline(self) -> CallTimeline: ...


@dataclass(frozen=True, slots=True)
class Talk:
    """A call that is under way: as it stands in the store right now."""

    call: Call
    conversation: Conversation
    theirs: str
    """E.164; empty where it is withheld."""

    @property
    def language(self) -> str:
        return self.conversation.language or ""

    @property
    def address(self) -> Address:
        return self.conversation.address


class Gather:
    """Leads calls by answering one webhook after the other."""

    def __init__(self, parts: Parts, hooks: Hooks, rules: CallRules) -> None:
        self._parts = parts
        self._rules = rules
        self._hooks = hooks
        self._url = parts.settings.public_url

    async def greet(self, talk: Talk) -> None:
        """Puts on the timeline what everybody hears first, in fixed words: once, and not where they have heard it already."""
        if any(
            message.direction is Direction.OUTBOUND for message in await self._parts.call_timeline.latest(talk.conversation.id)
        ):
            return
        direction = talk.call.direction or CallDirection.INBOUND
        sentences = [*disclosure(talk.language, self._rules, talk.call.about), invitation(direction, talk.language)]
        await self._parts.call_timeline.say(talk.call, talk.conversation, " ".join(sentences), "opening")

    async def begin(self, talk: Talk, why: str, *, turn: int = 1, recording: twiml.Recording | None = None) -> str:
        """Says what is to be said and listens: at the beginning, and where another way of carrying the call is over (`why`)."""
        await self.greet(talk)
        return await self._next(talk, Asked(turn=turn - 1, why=why), recording=recording)

    async def answer(self, talk: Talk, asked: Asked) -> str:
        """The document that answers this webhook."""
        if asked.wait:
            return await self._answered(talk, asked)
        if not asked.speech and not asked.digits:
            return await self._silence(talk, asked)
        menu = await self._menu(talk.conversation)
        if (asked.digits == NO_MORE_CALLS and not asked.speech and not menu) or asks_for_no_calls(asked.speech):
            return await self._stop_calling(talk, asked)
        content = self._content(talk, asked, menu)
        if content is None:
            return self._listen(talk, [say(talk.language, "call_no_choice")], asked, menu)
        try:
            await self._parts.inbox.accept([self._message(talk, asked, content)])
        except (Overloaded, StoreUnavailable) as error:
            log.warning("what was said on a call could not be stored; it is asked for again", error=str(error))
            return self._listen(talk, [say(talk.language, "call_sorry")], asked, menu)
        return await self._answered(talk, asked)

    @staticmethod
    def lost(url: str, language: str, asked: Asked) -> str:
        """Where nothing can be read or written: they are asked to say it again. `url` is our public one."""
        again = _gather_url(url, turn=asked.turn, wait=asked.wait, silence=asked.silence + 1)
        if asked.silence > _MOST_SORRY:
            return twiml.hang_up([say(language, "call_trouble")], language)
        return twiml.ask([say(language, "call_sorry")], language, again)

    # What was heard

    def _content(self, talk: Talk, asked: Asked, menu: Sequence[Button]) -> Content | None:
        """What was said or pressed; None for a key that chooses nothing of the menu."""
        if asked.speech:
            return self._spoken(talk, asked)
        if menu and len(asked.digits) == 1:
            number = int(asked.digits) if asked.digits.isdigit() else 0
            if not 1 <= number <= len(menu):
                return None
            button = menu[number - 1]
            return Choice(button.id, button.title, source="key")
        return Text(asked.digits, end=self._parts.call_timeline.seconds(talk.call))

    def _spoken(self, talk: Talk, asked: Asked) -> Text:
        end = self._parts.call_timeline.seconds(talk.call)
        start = max(0.0, end - len(asked.speech) / CHARACTERS_PER_SECOND)
        return Text(asked.speech, start=start, end=end, confidence=asked.confidence)

    def _message(self, talk: Talk, asked: Asked, content: Content) -> InboundMessage:
        return InboundMessage(
            id=_message_id(talk.call, asked.turn),
            address=talk.address,
            content=content,
            sent_at=self._parts.clock.now(),
            sender=sender_of(talk.theirs),
        )

    async def _menu(self, conversation: Conversation) -> list[Button]:
        """The choices that were offered since they last said something."""
        for message in reversed(await self._parts.call_timeline.latest(conversation.id)):
            if message.direction is Direction.INBOUND:
                return []
            if buttons := buttons_of(message):
                return buttons[:MOST_CHOICES]
        return []

    # What comes next

    async def _answered(self, talk: Talk, asked: Asked) -> str:
        """The answer to this turn; a filler, and the question again, while there is none."""
        if await self._until_answered(talk, asked):
            return await self._next(talk, asked)
        if asked.wait >= MOST_FILLERS:
            return await self._next(talk, asked)
        seed = f"{talk.call.id}.{asked.turn}.{asked.wait}"
        filler = say(talk.language, "call_still_looking" if asked.wait else "call_filler", seed=seed)
        return twiml.go_on([filler], talk.language, self._gather(turn=asked.turn, wait=asked.wait + 1))

    async def _until_answered(self, talk: Talk, asked: Asked) -> bool:
        """Whether the turn is over and all that it says is on the timeline, within the time that a webhook has."""
        news = asyncio.Event()
        stop, clock = self._parts.live.listen(talk.address.lane, news.set), self._parts.clock
        deadline = clock.monotonic() + ANSWER_SECONDS
        try:
            while not await self._is_answered(talk, asked):
                left = deadline - clock.monotonic()
                if left <= 0:
                    return False
                told = asyncio.ensure_future(news.wait())
                late = asyncio.ensure_future(clock.sleep(min(LOOK_SECONDS, left)))
                await asyncio.wait((told, late), return_when=asyncio.FIRST_COMPLETED)
                await end_tasks(told, late)
                news.clear()
            return True
        finally:
            stop()

    async def _is_answered(self, talk: Talk, asked: Asked) -> bool:
        row = await self._parts.store.get(InboxRow, f"{NAME}:{_message_id(talk.call, asked.turn)}")
        if row is not None and row.state is InboxState.WAITING:
            return False
        return not await self._parts.store.count(Delivery, {"lane": talk.address.lane, "openness": "open"})

    async def _next(self, talk: Talk, asked: Asked, recording: twiml.Recording | None = None) -> str:
        """Says what is on the timeline and was not said yet, then does what was decided, or listens."""
        now = await self._again(talk)
        language, before = now.language, await self._read_before(now.conversation, asked)

        def fits(messages: Sequence[Message]) -> int:
            return twiml.fitting(_read(messages, language, before))

        part = await self._parts.call_timeline.take(now.call, now.conversation.id, asked.part, fits)
        said = _read(part.messages, language, before)
        if part.has_more:
            return twiml.go_on(said, language, self._gather(turn=asked.turn, wait=asked.wait + 1), recording=recording)
        if (step := now.call.next_step) is not None:
            if step.kind is NextKind.TRANSFER and step.to:
                return self._transfer(now, said, step.to, asked)
            return twiml.hang_up(said or [say(language, "call_goodbye")], language)
        if self._parts.call_timeline.seconds(now.call) > self._rules.most_seconds and is_held_by_ai(now.conversation):
            return twiml.hang_up([*said, say(language, "call_too_long")], language)
        if not said and not is_held_by_ai(now.conversation):
            said = [say(language, "call_noted")]
        menu = await self._menu(now.conversation)
        return self._listen(now, said, replace(asked, turn=asked.turn + 1, silence=0), menu, recording)

    async def _read_before(self, conversation: Conversation, asked: Asked) -> list[Sequence[Button]]:
        """The menus that were read out before this answer of ours."""
        latest = await self._parts.call_timeline.latest(conversation.id)
        spoken = [one for one in latest if one.direction is Direction.OUTBOUND and one.start_time is not None]
        return [buttons_of(message) for message in spoken if part_of(message) != asked.part]

    async def _again(self, talk: Talk) -> Talk:
        """The same call as the turn has left it."""
        call = await self._parts.phone_calls.by_sid(talk.call.external_call_id or "")
        conversation = await self._parts.store.get(Conversation, talk.conversation.id)
        return replace(talk, call=call or talk.call, conversation=conversation or talk.conversation)

    async def _silence(self, talk: Talk, asked: Asked) -> str:
        """Nothing was said: there may be news for them, else they are asked whether they are there, and then let go."""
        waits = not is_held_by_ai(talk.conversation)
        menu = await self._menu(talk.conversation)
        if talk.call.next_step is not None or await self._parts.call_timeline.has_news(talk.conversation.id, asked.part):
            return await self._next(talk, asked)
        count = asked.silence + 1
        if count > (MOST_SILENCES_WAITING if waits else self._rules.idle_prompts):
            return await self._end(talk, asked, "call_nobody_there")
        told = []
        if not waits:
            told = [say(talk.language, "call_still_there", seed=asked.part)]
        elif count % TELL_EACH == 0:
            told = [say(talk.language, "call_still_waiting")]
        return self._listen(talk, told, replace(asked, silence=count), menu)

    async def _stop_calling(self, talk: Talk, asked: Asked) -> str:
        """Stored first, then said; what could not be stored is not confirmed."""
        try:
            await self._hooks.do_not_call(talk.call.id, asked.speech or f"pressed {NO_MORE_CALLS}")
        except StoreError as error:
            log.warning("that somebody wants no more calls could not be stored", call=talk.call.id, error=str(error))
            return self._listen(talk, [say(talk.language, "call_not_noted")], asked, ())
        if asked.speech:
            await self._note(talk, asked)
        return await self._end(talk, asked, "call_no_more_calls")

    async def _note(self, talk: Talk, asked: Asked) -> None:
        """They said this, and no turn answers it."""
        message = self._message(talk, asked, self._spoken(talk, asked))
        turn = Turn(talk.address, (Heard(message.id, new_id(), message),))
        claim = await self._parts.lanes.turns.take(talk.address.lane)
        try:
            await self._parts.engine.break_off(claim, turn, "")
        finally:
            await self._parts.lanes.turns.release(claim)

    async def _end(self, talk: Talk, asked: Asked, name: str) -> str:
        """Says this last and ends the call."""
        await self._parts.phone_calls.then(talk.call.id, NextKind.HANG_UP)
        await self._parts.call_timeline.say(talk.call, talk.conversation, say(talk.language, name), name)
        return await self._next(talk, asked)

    def _transfer(self, talk: Talk, said: Sequence[str], to: str, asked: Asked) -> str:
        action = f"{self._url}{ACTION}?{urlencode({'line': 'dial', 'turn': asked.turn + 1})}"
        told = said or [say(talk.language, "call_transfer")]
        return twiml.dial(told, talk.language, to, talk.address.ours, action)

    def _listen(
        self,
        talk: Talk,
        said: Sequence[str],
        asked: Asked,
        menu: Sequence[Button],
        recording: twiml.Recording | None = None,
    ) -> str:
        url = self._gather(turn=asked.turn, silence=asked.silence)
        return twiml.ask(said, talk.language, url, choices=[button.title for button in menu], recording=recording)

    def _gather(self, **query: int) -> str:
        return _gather_url(self._url, **query)


def _read(messages: Sequence[Message], language: str, before: Sequence[Sequence[Button]]) -> list[str]:
    menus = Menus(before)
    return [read_message(message, language, menus) for message in messages]


def _gather_url(url: str, **query: int) -> str:
    shown = {name: value for name, value in query.items() if value or name == "turn"}
    return f"{url}{GATHER}?{urlencode(shown)}"


def _message_id(call: Call, turn: int) -> str:
    return f"{call.external_call_id}:gather:{turn}"


def _count(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 5 else 0


def _share(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None
