"""What is being said: clauses and messages, heard, cut, and said again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.voice.base import Played
from bot.channels.voice.linking import links
from bot.channels.voice.saying import Said, Saying
from bot.clock import new_id
from bot.records.conversations import ConversationKind, Direction, Message, MessageSender
from bot.testing.clock import ManualClock
from bot.testing.line import RecordingLine

pytestmark = pytest.mark.unit


class Voice:
    """A line and what is said on it; `told` are the messages that were heard whole."""

    def __init__(self) -> None:
        self.now = 0.0
        self.line = RecordingLine()
        self.told: list[Said] = []
        self.saying = Saying(self.line, lambda: self.now, self.told.append)

    def says(self, *pieces: str, id: str = "m1", ends: bool = True, is_due: bool = False) -> Said:
        said = Said(id, is_due=is_due)
        for piece in pieces:
            self.saying.add(said, piece, "en")
        if ends:
            self.saying.end(said)
        return said


def test_a_message_is_told_once_when_all_of_it_was_heard() -> None:
    voice = Voice()
    said = voice.says("One.", " Two.")
    voice.saying.played(1)
    assert voice.told == []
    voice.now = 3.0
    voice.saying.played(2)
    voice.saying.silent()
    assert voice.told == [said]
    assert (said.begun, said.ended, said.heard) == (0.0, 3.0, "One. Two.")


def test_what_cannot_be_spoken_is_heard_with_what_comes_before_it() -> None:
    voice = Voice()
    said = voice.says("One.", " 😀", " Two.")
    assert voice.line.said == ["One.", "Two."]
    voice.saying.played(1)
    assert said.heard == "One. 😀"
    alone = voice.says("😀", id="m2")
    voice.saying.silent()
    assert alone.heard == "😀"
    assert voice.told == [said, alone]


def test_a_cut_leaves_what_was_heard_of_each() -> None:
    voice = Voice()
    first, second, third = voice.says("One two.", id="a"), voice.says("Three four.", id="b"), voice.says("Five.", id="c")
    voice.saying.pause(Played(2, 0.6))
    assert voice.saying.cut() == [second, third]
    assert [said.heard for said in (first, second, third)] == ["One two.", "Three", ""]


def test_what_has_to_be_heard_comes_again_and_the_rest_does_not() -> None:
    voice = Voice()
    due, other = voice.says("Program.", id="a", is_due=True), voice.says("Help?", id="b")
    voice.saying.pause(Played(1, 0.5))
    assert voice.saying.cut() == [other]
    voice.saying.resume()
    assert voice.line.said == ["Program.", "Help?", "Program."]
    voice.saying.silent()
    assert voice.told == [due]


def test_at_the_end_nothing_comes_again() -> None:
    voice = Voice()
    due = voice.says("Program.", is_due=True)
    voice.saying.pause(Played(1, 0.0))
    assert voice.saying.cut(everything=True) == [due]
    assert not voice.saying.is_paused


@given(st.lists(st.sampled_from(["One.", " Two three.", " 😀", " four,", "\n"]), min_size=1, max_size=8), st.data())
def test_what_was_heard_is_a_beginning_and_what_is_resumed_is_the_rest(pieces: list[str], data: st.DataObject) -> None:
    voice = Voice()
    said = voice.says(*pieces)
    spoken = list(voice.line.said)
    clause = data.draw(st.integers(1, max(1, len(spoken))))
    voice.saying.pause(Played(clause, data.draw(st.floats(0, 0.99))))
    assert said.text.startswith(said.heard)
    if data.draw(st.booleans()):
        voice.saying.resume()
        assert voice.line.said[len(spoken) :] == spoken[clause - 1 :]
        voice.saying.silent()
        assert said.heard == said.text
    else:
        voice.saying.cut()
        assert not voice.saying.is_speaking
        assert said.text.startswith(said.heard)


def message(content: str) -> Message:
    return Message(
        id=new_id(),
        conversation_id="c",
        kind=ConversationKind.CALL,
        content=content,
        direction=Direction.OUTBOUND,
        sender=MessageSender.AI,
        timestamp=ManualClock().now(),
    )


def spoken(*pieces: str) -> Said:
    return Voice().says(*pieces, id="")


@pytest.mark.parametrize(
    ("streamed", "written", "rest"),
    [
        ([("We are open.",)], ["We are open."], [""]),
        ([("We", " are  open.\n")], ["We are open."], [""]),
        ([("We are open.",)], ["We are open.\n\nSimple mode."], ["\n\nSimple mode."]),
        ([], ["Connecting."], ["Connecting."]),
        ([("One moment.",), ("Done.",)], ["One moment.", "Done.", "Anything else?"], ["", "", "Anything else?"]),
        ([("Done.",)], ["Shall I?", "Done."], ["Shall I?", ""]),
        ([("A longer answer than is kept",)], ["A longer answer"], [""]),
    ],
)
def test_what_was_streamed_is_not_said_again(streamed: list[tuple[str, ...]], written: list[str], rest: list[str]) -> None:
    found = links([spoken(*pieces) for pieces in streamed], [message(content) for content in written])
    assert [link.rest for link in found] == rest
