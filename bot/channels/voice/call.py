"""A telephone call under way: what the line tells becomes turns, and what the engine answers is spoken, over any line."""

from __future__ import annotations

import asyncio

import structlog

from bot.channels.voice.alarms import Alarm
from bot.channels.voice.backchannels import asks_for_no_calls, is_backchannel, is_halt
from bot.channels.voice.base import CallInfo, Line, Played
from bot.channels.voice.figures import Figures
from bot.channels.voice.keys import NO_MORE_CALLS, Keys, expects_number
from bot.channels.voice.lead import Lead
from bot.channels.voice.opening import disclosure, invitation
from bot.channels.voice.parts import CallParts
from bot.channels.voice.saying import Said
from bot.channels.voice.timeline import Timeline, buttons_of
from bot.channels.voice.watching import Watch
from bot.conversation import AssigneeKind
from bot.dialogs.language import guess_language
from bot.errors import FenceLost
from bot.message import Content, Text
from bot.policy import plain
from bot.records.conversations import Conversation, Message, MessageSender
from bot.resources import LANGUAGES, say
from bot.services.phone_calls import address_of
from bot.store.base import Claim

log = structlog.get_logger()

_CLOSE_SECONDS = 10.0
"""After the end, until what is not written yet is given up."""

_LONGEST_SPEECH = 60.0
"""Seconds of speech that is never told to have ended, until it counts as silence."""


class LiveCall:
    """Leads one call. It hears what the line tells (`bot.channels.voice.base.Hears`): nothing of that waits or raises."""

    def __init__(self, info: CallInfo, line: Line, parts: CallParts) -> None:
        self.info = info
        self.language = info.language if info.language in LANGUAGES else LANGUAGES[0]
        self._line = line
        self._parts = parts
        clock, rules, lane = parts.clock, parts.rules, address_of(info.ours, info.sid).lane
        self._lane = lane
        self._watch = Watch(parts.store, parts.live, clock, self, lane=lane, seconds=rules.look_seconds)
        self._timeline = Timeline(info, parts, line, language=lambda: self.language, tell=self._watch.tell_others)
        self._saying = self._timeline.saying
        self._keys = Keys(clock, rules.key_seconds, said=self._says, no_more_calls=lambda: self._wants_no_calls(None))
        self._lead = Lead(info, parts, self._timeline, language=lambda: self.language, offer=self._keys.offer, rested=self._weigh)
        self._hold = Alarm(clock, self._means_it)
        self._idle = Alarm(clock, self._nobody_speaks)
        self._longest = Alarm(clock, self._lasts_too_long)
        self._last = Alarm(clock, lambda: self.over("left"))
        self._is_hearing = False
        """Whether the person is saying something."""
        self._spoke_over_us = False
        """Whether they began it while we spoke."""
        self._asked = 0
        """So often in a row it was asked whether somebody is there."""
        self._failures = 0
        """So often in a row it could not be recognised what they said."""
        self._stored_language: str | None = None
        self._holder = AssigneeKind.AGENT
        self._is_ending = False
        """Whether the last sentence is being said: what is heard from then on changes nothing."""
        self._reason = ""
        """Why it is over; empty until it is."""
        self._task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @property
    def figures(self) -> Figures:
        """What was measured until now."""
        return self._timeline.figures

    async def start(self) -> None:
        """Takes the call's lane and begins to speak. Raises StoreUnavailable; then there is nothing to be ended."""
        claim = await self._parts.lanes.take(self._lane)
        try:
            conversation, unsaid = await self._watch.start(self.info.conversation_id)
        except BaseException:
            await self._parts.lanes.release(claim)
            raise
        self._task = asyncio.create_task(self._live(claim))
        self._longest.set(max(0.0, self._parts.rules.most_seconds - self._timeline.now()))
        if conversation is not None:
            self.changed(conversation)
        for message in unsaid:  # put there before the line was open, or lost with the last one
            self.written(message)
        if conversation is None or not conversation.message_count:  # else it goes on, over another line
            self._timeline.remark(*disclosure(self.language, self._parts.rules, self.info.about), is_due=True)
            self._timeline.remark(invitation(self.info.direction, self.language))
        self._weigh()

    async def ended(self) -> None:
        """Returns once the call is over and nothing is left of it: no task, no listener, no claim."""
        await self._ended.wait()

    def leave(self, reason: str) -> None:
        """Speaks what is left and leaves the line; the provider asks what comes next and is told by `reason` (a transfer)."""
        self._end_with(reason)

    def move_on(self) -> None:
        """The same where this process ends: the person is told that it goes on."""
        self._end_with("shutdown", "call_moving")

    # What the line tells.

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        if self._is_deaf():
            return
        self._is_hearing = False
        is_listening = is_backchannel(text, self.language) and not self._saying.is_asking
        was_spoken_over = self._spoke_over_us or self._saying.is_paused or self._saying.is_speaking
        self._spoke_over_us = False
        if not plain(text) or (is_listening and (self._saying.is_paused or self._saying.is_speaking)):
            self._go_on()
            return
        self._asked = self._failures = 0
        self._fall_silent()
        self._lead.interrupt()
        said = Text(text.strip(), start, end, confidence)
        if asks_for_no_calls(text):
            self._wants_no_calls(said)
        elif was_spoken_over and is_halt(text):
            self._lead.note(said)  # what they want comes next
        else:
            self._switch_to(guess_language(text, self.language))
            self._says(said)

    def hearing(self, text: str) -> None:
        if self._is_deaf():
            return
        self._is_hearing = True
        if self._saying.is_paused and plain(text) and not is_backchannel(text, self.language):
            self._means_it()
        self._weigh()

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        if self._reason:
            return
        self._saying.pause(played, words)
        if self._is_ending:
            self._take_back(everything=True)
        else:
            self._is_hearing = self._spoke_over_us = True
            self._hold.set(self._parts.rules.hold_seconds)
        self._weigh()

    def played(self, clause: int) -> None:
        self._saying.played(clause)
        self._weigh()

    def silent(self) -> None:
        self._saying.silent()
        self._weigh()

    def pressed(self, digit: str) -> None:
        if self._is_deaf():
            return
        self._asked = 0
        self._fall_silent()
        self._lead.interrupt()
        self._keys.press(digit)
        self._weigh()

    def failed(self, stage: str, clause: int | None = None) -> None:
        """Without a voice the call goes on where the provider has one of its own; without ears it is asked once more before."""
        if self._is_deaf():
            return
        self._failures += 1
        if stage == "voice" or self._failures > 1:
            self._end_with("speech_failed")
        else:
            self._timeline.remark(say(self.language, "call_say_again"))

    def took(self, stage: str, seconds: float) -> None:
        self.figures.took(stage, seconds)

    def over(self, reason: str) -> None:
        if self._reason:
            return
        self._reason = reason
        number = self._saying.first_unheard
        if not self._saying.is_paused and number:
            self._saying.pause(self._line.stop() or Played(number))
        self._take_back(everything=True)
        self._lead.end()

    # What others do with the conversation: the Watcher.

    def changed(self, conversation: Conversation) -> None:
        if conversation.language != self._stored_language:
            self._stored_language = conversation.language
            self._switch_to(conversation.language)
        self._keys.expects_number = conversation.flow is not None and expects_number(conversation.flow)
        before, self._holder = self._holder, conversation.assignee_kind
        if self._holder is AssigneeKind.OPERATOR and before is not AssigneeKind.OPERATOR and not self._is_deaf():
            self._fall_silent(everything=True)
            self._lead.break_off()
        self._weigh(anew=False)

    def written(self, message: Message) -> None:
        if not self._is_deaf():
            said = Said(message.id, is_ours=message.sender is not MessageSender.AGENT)
            self._timeline.read_out(said, message.content, buttons_of(message))
            if buttons_of(message):
                self._keys.offer(buttons_of(message))

    def is_own(self, message: Message) -> bool:
        return message.id in self._timeline.own or message.turn_id in self._lead.turn_ids

    # What the person does.

    def _says(self, content: Content) -> None:
        self.figures.heard(self._timeline.now())
        if self._saying.is_paused:
            self._saying.resume()  # what has to be heard comes before the answer
        self._lead.answer(content)
        self._weigh()

    def _wants_no_calls(self, said: Text | None) -> None:
        """Stored before anything is said; then politely ended."""
        if said is not None:
            self._lead.note(said)
        self._lead.no_more_calls(said.text if said else f"pressed {NO_MORE_CALLS}", self._noted)

    def _noted(self, is_noted: bool) -> None:
        if is_noted:
            self._end_with("", "call_no_more_calls")
        elif not self._is_deaf():
            self._timeline.remark(say(self.language, "call_not_noted"))

    def _go_on(self) -> None:
        """They said nothing, or only that they listen: what was broken off is said again."""
        if self._saying.is_paused:
            self.figures.false_alarms += 1
            self._hold.clear()
            self._saying.resume()
        self._weigh()

    def _means_it(self) -> None:
        """They speak over us, and it is more than a noise."""
        self.figures.interrupted()
        self._take_back()
        self._lead.interrupt()
        self._weigh()

    def _fall_silent(self, *, everything: bool = False) -> None:
        """Nothing that is being said is said to its end."""
        if self._saying.is_speaking:
            self._saying.pause(self._line.stop())
            self.figures.interrupted()
        elif self._saying.is_paused:
            self.figures.interrupted()
        self._take_back(everything=everything)

    def _take_back(self, *, everything: bool = False) -> None:
        """What was not heard was not said."""
        self._hold.clear()
        for said in self._saying.cut(everything=everything):
            if said.id:  # else the turn that says it is broken off, and writes what was heard
                self._timeline.heard(said)

    # What nobody does.

    def _weigh(self, *, anew: bool = True) -> None:
        """While nobody speaks, nothing is being done and nobody of ours holds it, it is only a matter of time."""
        is_quiet = not (self._saying.is_speaking or self._lead.is_busy or self._is_deaf())
        if not is_quiet or self._holder is not AssigneeKind.AGENT:
            self._idle.clear()
        elif anew or not self._idle.is_set:
            self._idle.set(self._parts.rules.idle_seconds + (_LONGEST_SPEECH if self._is_hearing else 0.0))

    def _nobody_speaks(self) -> None:
        self._is_hearing = False
        self._go_on()
        self._asked += 1
        if self._asked > self._parts.rules.idle_prompts:
            self._end_with("", "call_nobody_there")
        else:
            self._timeline.remark(say(self.language, "call_still_there", seed=f"{self.info.sid}{self._asked}"))

    def _lasts_too_long(self) -> None:
        if self._holder is AssigneeKind.AGENT:
            self._end_with("", "call_too_long")
        else:
            self._longest.set(self._parts.rules.most_seconds)

    # How it ends.

    def _is_deaf(self) -> bool:
        return self._is_ending or bool(self._reason)

    def _end_with(self, reason: str, sentence: str = "") -> None:
        """The last that is said; with a `reason` the line is left, without one the call is ended."""
        if self._is_deaf():
            return
        if sentence:
            self._fall_silent(everything=True)
            self._lead.break_off()
        self._is_ending = True
        if sentence:
            self._timeline.remark(say(self.language, sentence))
        if reason:
            self._line.leave(reason)
        else:
            self._line.hang_up()
        self._last.set(self._parts.rules.end_seconds)
        self._weigh()

    def _switch_to(self, language: str | None) -> None:
        if language in LANGUAGES and language != self.language:
            self.language = language
            self._line.set_language(language)

    async def _live(self, claim: Claim) -> None:
        try:
            await self._lead.work(claim)
        except FenceLost:
            log.warning("a call's lane was lost; another process has it")
            self._line.leave("lane_lost")
            self.over("left")
        finally:
            for alarm in (self._hold, self._idle, self._longest, self._last):
                alarm.clear()
            self._keys.clear()
            await self._watch.stop()
            await self._timeline.close(_CLOSE_SECONDS)
            await self._parts.lanes.release(claim)
            self._parts.ended(self.info, self.figures, self._reason)
            self._ended.set()
