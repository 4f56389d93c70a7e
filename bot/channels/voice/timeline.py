"""What was said on a call, and what was heard of it, written behind to its conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from bot.channels.voice.base import CallInfo, Line
from bot.channels.voice.clauses import Clauses
from bot.channels.voice.figures import Figures
from bot.channels.voice.notes import Notes, Write
from bot.channels.voice.parts import CallParts
from bot.channels.voice.reading import Menus, read_choice
from bot.channels.voice.saying import Said, Saying
from bot.clock import new_id
from bot.errors import NotFound
from bot.message import Button
from bot.records.conversations import InteractiveButton, Message, MessageSender


class Timeline:
    """Of one call. Nothing here waits but `settled` and `close`."""

    def __init__(
        self, info: CallInfo, parts: CallParts, line: Line, *, language: Callable[[], str], tell: Callable[[], None]
    ) -> None:
        self.conversation_id = info.conversation_id
        self.figures = Figures()
        self.own: set[str] = set()
        """Ids of messages that the call itself has put there, or is about to."""
        self.tell = tell
        """Tells others that there is something new on it."""
        self.saying = self._saying = Saying(line, self.now, self.heard)
        self._answered_at = info.answered_at
        self._clock = parts.clock
        self._phone_calls = parts.phone_calls
        self._language = language
        self._notes = Notes(parts.clock, tell)
        self._menus = Menus()

    def now(self) -> float:
        """Seconds of the call."""
        return self._clock.monotonic() - self._answered_at

    def remark(self, *sentences: str, is_due: bool = False) -> None:
        """Fixed sentences of ours: spoken after all that is to be said, and on the timeline as one message.

        What `is_due` has to be heard, whoever speaks over it.
        """
        said = Said(new_id(), is_due=is_due)
        self._put(said, " ".join(sentences), MessageSender.SYSTEM, None)
        for place, sentence in enumerate(sentences):
            self._saying.add(said, f" {sentence}" if place else sentence, self._language(), fixed=True)
        self._saying.end(said)

    def read_out(self, said: Said, text: str, buttons: Sequence[InteractiveButton]) -> None:
        """Speaks a text that is written already, to its end, and which key stands for which of the buttons."""
        clauses, language = Clauses(), self._language()
        for raw in (*clauses.feed(text), clauses.flush()):
            if raw:
                self._saying.add(said, raw, language)
        for digit, button in self._menus.read([Button(button.id, button.title) for button in buttons]):
            self._saying.add(said, "", language, text=read_choice(button, digit, language))
        self._saying.end(said)

    def spoken(self, said: Said, *, turn_id: str) -> None:
        """This was spoken by the AI, and no turn has written it."""
        said.id = new_id()
        self._put(said, said.heard if said.is_cut else said.text, MessageSender.AI, turn_id)
        if not said.is_cut:
            self._saying.end(said)
        elif said.heard:
            self.heard(said)

    def heard(self, said: Said) -> None:
        """So much of a message was heard: all of it, or, where it was cut, no more than that."""
        end = self.now()
        begun = said.begun if said.begun is not None else end
        ended = said.ended if said.ended is not None else end
        heard = said.heard if said.is_cut and said.is_ours else None
        id_ = said.id
        self.figures.spoken(len(said.text), len(said.heard))
        self._notes.add(lambda: self._phone_calls.spoke(id_, start=begun, end=ended, heard=heard))

    def later(self, write: Write) -> None:
        """Something else that is to be written, in its turn."""
        self._notes.add(write)

    async def settled(self) -> None:
        """Returns when everything until now is written: what a model is told is read off the timeline."""
        await self._notes.settled()

    async def close(self, seconds: float) -> None:
        """Writes what is left, within so much time."""
        await self._notes.close(seconds)

    def _put(self, said: Said, text: str, sender: MessageSender, turn_id: str | None) -> None:
        if not text:
            return
        id_ = said.id
        self.own.add(id_)

        async def write() -> None:
            with suppress(NotFound):  # forgotten in the middle of the call
                await self._phone_calls.said(self.conversation_id, text, id=id_, sender=sender, turn_id=turn_id)

        self._notes.add(write)


def buttons_of(message: Message) -> Sequence[InteractiveButton]:
    """What a message offers to choose from."""
    return message.interactive.buttons if message.interactive else ()
