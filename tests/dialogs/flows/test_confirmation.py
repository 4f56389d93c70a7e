"""What counts as a yes, and as a no: only what is nothing else."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogs.flow import FlowTurn, Move, discover, read, stored
from bot.dialogs.flows.confirmation import FLOW, LIVES, Said, question, said
from bot.message import Address, Card, Choice, Contacts, Content, InboundMessage, Location, Media, Reaction, Text, Unsupported
from bot.policy import plain, plain_words
from bot.principal import PersonRef
from bot.records.conversations import Conversation, FlowState
from bot.resources import LANGUAGES, say, utterances, words
from bot.tools.base import Services, ToolContext

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
ADDRESS = Address("whatsapp", "1", "12025550123")
ARGUMENTS = {"number": "TICKET-2026-000001", "reason": "solved"}
YES, NO, NOTHING, ELSE = Said
EMOJI = "👍👌✅👎❌"


def context(language: str = "en") -> ToolContext:
    conversation = Conversation(
        id="c", customer_id="ana", lane=ADDRESS.lane, our_address="1", their_address=ADDRESS.theirs, assignee_name="support"
    )
    return ToolContext(PersonRef("ana"), conversation, "support", language, cast(Services, None))


def asked(language: str = "en", **slots: Any) -> FlowState:
    """What the conversation waits for after a question."""
    result = question(context(language), "close_my_ticket", ARGUMENTS, "Shall I?", NOW)
    assert result.flow is not None
    return result.flow.model_copy(update={"slots": {**result.flow.slots, **slots}})


def turn(*contents: Content | str, state: FlowState | None = None, now: datetime = NOW, language: str = "en") -> FlowTurn:
    messages = (
        InboundMessage(str(number), ADDRESS, Text(content) if isinstance(content, str) else content, now)
        for number, content in enumerate(contents)
    )
    return FlowTurn(state or asked(language), tuple(messages), context(language), now)


def heard(*contents: Content | str) -> Said:
    return said(turn(*contents))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "meaning"), [("yes_words", YES), ("no_words", NO)])
def test_every_word_of_the_lists_is_known_in_any_case_with_any_punctuation_and_politeness(
    language: str, name: str, meaning: Said
) -> None:
    for word in utterances(language)[name]:
        for spelled in (word, word.upper(), f" {word}. ", f"¡{word}!", f"*{word}*", f"{word}...", f"{word} 🙂"):
            assert heard(spelled) is meaning, spelled
        if word not in EMOJI:
            for polite in utterances(language)["polite_words"]:
                assert heard(f"{word}, {polite}") is meaning, (word, polite)


YESES = """Sí|si|SI|SÍ.|sí, por favor|Sí, claro|por supuesto|Dale|vale, gracias|de acuerdo|esta bien|ASI ES|claro que si|hágalo
hagalo porfa|sí sí|¡Perfecto! Muchas gracias|ok 👍|yes|Yes!|YES PLEASE|yep|ok|OK.|okay, thanks|sure|go ahead|that's right
Thats right|do it, please|haan|Haan ji|ji haan|theek hai|THIK HAI|kar do|kar dijiye please|sahi hai|bilkul|हाँ|हां|जी हाँ|हाँ जी
ठीक है।|कर दीजिए|हाँ, कृपया|बिल्कुल!|👍|👍🏽|👍🏿👍🏿|👌🏻|✅|👍 gracias|thanks 👍🏾|sí 😀|yes yes yes|Ｙｅｓ"""
NOES = """No|NO.|no, gracias|No no no|mejor no|todavía no|todavia no|déjalo|dejalo así|no lo hagas por favor|nop|no thanks
No, thank you|nope|don't|dont do it|never mind|leave it, please|nahi|Nahin ji|ji nahi|rehne do|mat karo|नहीं|जी नहीं|मत करो
रहने दीजिए|👎|👎🏼|❌|no 😕"""


@pytest.mark.parametrize("text", re.split(r"[|\n]", YESES))
def test_it_is_a_yes(text: str) -> None:
    assert heard(text) is YES


@pytest.mark.parametrize("text", re.split(r"[|\n]", NOES))
def test_it_is_a_no(text: str) -> None:
    assert heard(text) is NO


@pytest.mark.parametrize(
    "text",
    [
        "sí, pero mejor a las 6",
        "sí pero no",
        "si puede ser el lunes",
        "ok pero a las seis",
        "no sé",
        "No, mejor el lunes",
        "no es a las cinco",
        "no, cambia la fecha",
        "¿sí?",
        "ok?",
        "¿Está bien?",
        "right？",
        "yes?",
        "yes but at 6",
        "yes, and close the other one too",
        "not sure",
        "no idea",
        "no, change the date",
        "I said yes to the other thing",
        "haan lekin kal",
        "haan par 6 baje",
        "nahi pata",
        "हाँ लेकिन कल",
        "नहीं पता",
        "sí 👎",
        "no 👍",
        "👍👎",
        "😡",
        "🤔",
        "?",
        "...",
        "!!!",
        "",
        " \n ",
        "gracias",
        "please",
        "yesterday",
        "nothing",
        "sixto",
        "sí\u0000no",
        "1",
        "confirm:x:yes",
    ],
)
def test_it_is_neither(text: str) -> None:
    assert heard(text) is ELSE


@pytest.mark.parametrize(
    "content",
    [
        Media("image", caption="yes"),
        Media("audio", voice=True),
        Media("sticker"),
        Location(19.4, -99.1, name="Sí"),
        Contacts((Card("Yes"),)),
        Reaction("👍", target="wamid.question"),
        Reaction(""),
        Unsupported("poll"),
    ],
    ids=lambda content: type(content).__name__,
)
def test_only_words_and_buttons_answer(content: Content) -> None:
    assert heard(content) is ELSE
    assert heard(content, "yes") is ELSE


@pytest.mark.parametrize(
    ("texts", "meaning"),
    [
        (("sí", "gracias"), YES),
        (("gracias", "sí"), YES),
        (("ok", "👍"), YES),
        (("yes", "haan"), YES),
        (("please", "yes", "🙂", "thank you"), YES),
        (("no", "gracias"), NO),
        (("nahi", "👎"), NO),
        (("sí", "no"), ELSE),
        (("no", "sí"), ELSE),
        (("👍", "👎"), ELSE),
        (("sí", "¿cuánto cuesta?"), ELSE),
        (("sí", "a las 6"), ELSE),
        (("no", "mejor mañana"), ELSE),
        (("gracias", "por favor"), ELSE),
        ((), ELSE),
    ],
)
def test_several_messages_are_one_answer_if_they_agree(texts: tuple[str, ...], meaning: Said) -> None:
    assert heard(*texts) is meaning


def test_a_forwarded_yes_is_somebody_elses() -> None:
    one = turn("yes")
    forwarded = msgspec.structs.replace(one.messages[0], forwarded=True)
    assert said(FlowTurn(one.state, (forwarded,), one.context, NOW)) is ELSE


def sent(text: str, at: datetime) -> InboundMessage:
    return InboundMessage(text, ADDRESS, Text(text), at)


def test_a_yes_that_was_written_before_the_question_is_no_answer_to_it() -> None:
    state = asked().model_copy(update={"asked_at": NOW + timedelta(milliseconds=900)})
    early, within, after = (NOW + timedelta(seconds=seconds) for seconds in (-1, 0, 2))  # vendors tell whole seconds

    def meaning(*messages: InboundMessage) -> Said:
        return said(FlowTurn(state, messages, context(), after))

    assert meaning(sent("ok", early)) is ELSE
    assert meaning(sent("no", early)) is NO
    assert meaning(sent("yes", within)) is YES
    assert meaning(sent("ok", early), sent("yes", after)) is YES
    assert meaning(sent("at 6", early), sent("yes", after)) is ELSE


# Buttons


def buttons(state_language: str = "en") -> tuple[FlowState, dict[str, str]]:
    result = question(context(state_language), "close_my_ticket", ARGUMENTS, "Shall I?", NOW)
    assert result.flow is not None
    return result.flow, {button.title: button.id for button in result.replies[0].buttons}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_buttons_of_the_question_answer_it_in_its_language(language: str) -> None:
    state, ids = buttons(language)
    assert list(ids) == [say(language, "yes"), say(language, "no")]
    meanings = [said(turn(Choice(id_, title), state=state)) for title, id_ in ids.items()]
    assert meanings == [YES, NO]


def test_a_button_counts_by_its_id_whatever_its_title_says() -> None:
    state, ids = buttons()
    assert said(turn(Choice(ids["Yes"], "No"), state=state)) is YES
    assert said(turn(Choice("choice:1", "Yes"), state=state)) is ELSE
    assert said(turn(Choice("", "Yes"), state=state)) is ELSE


def test_a_button_of_an_older_question_is_no_answer_to_this_one() -> None:
    (older, ids), (newer, _) = buttons(), buttons()
    assert older.token != newer.token
    assert said(turn(Choice(ids["Yes"], "Yes"), state=newer)) is ELSE
    assert said(turn(Choice(ids["No"], "No"), state=newer)) is ELSE


@pytest.mark.parametrize(
    "forged", ["confirm::yes", "confirm:*:yes", "confirm:{token}:YES", "confirm:{token}", "confirm:{token}:yes ", "{token}"]
)
def test_a_made_up_button_is_no_answer(forged: str) -> None:
    state, _ = buttons()
    assert said(turn(Choice(forged.format(token=state.token), "Yes"), state=state)) is ELSE


def test_yes_and_no_tapped_one_after_the_other_are_neither() -> None:
    state, ids = buttons()
    assert said(turn(*(Choice(id_, title) for title, id_ in ids.items()), state=state)) is ELSE
    assert said(turn(Choice(ids["Yes"], "Yes"), "yes please", state=state)) is YES


# Nothing else is ever a yes

VOCABULARY = {token for name in ("yes_words", "polite_words") for word in plain_words(name) for token in word.split()}
YES_EMOJI = {word for word in words("yes_words") if word in EMOJI}
PIECES = [*words("yes_words"), *words("no_words"), *words("polite_words"), "pero", "but", "लेकिन", "a las 6", "?", "🤔", ",", " "]


@given(st.text())
def test_no_other_text_is_ever_a_yes(text: str) -> None:
    if heard(text) is YES:
        tokens = plain(text).split()
        assert set(tokens) <= VOCABULARY
        assert tokens or set(text) & YES_EMOJI


@given(st.lists(st.sampled_from(PIECES), max_size=5))
def test_no_mixture_with_another_word_is_ever_a_yes(pieces: list[str]) -> None:
    if heard(" ".join(pieces)) is YES:
        assert not {"pero", "but", "लेकिन", "a las 6", "?", "👎", "❌"} & set(pieces)
        assert set(pieces) & words("yes_words")


@given(st.text(alphabet=st.characters(categories=("P", "S", "Z", "C"))))
def test_no_text_without_a_letter_is_a_yes_but_for_the_emoji_of_the_list(text: str) -> None:
    assert (heard(text) is YES) <= bool(set(text) & YES_EMOJI)


@given(st.lists(st.sampled_from(["sí", "ok", "gracias", "no", "👎", "a las 6", "¿cuánto?"]), max_size=4))
def test_no_messages_with_another_one_among_them_are_a_yes(texts: list[str]) -> None:
    if heard(*texts) is YES:
        assert set(texts) <= {"sí", "ok", "gracias"}
        assert set(texts) & {"sí", "ok"}


def test_no_word_is_a_yes_and_a_no() -> None:
    assert not plain_words("yes_words") & plain_words("no_words")
    assert "" not in plain_words("yes_words") | plain_words("no_words") | plain_words("polite_words")


# What comes of it


async def test_a_yes_runs_exactly_what_was_asked_about() -> None:
    move = await FLOW.advance(turn("yes"))
    assert (move.call, move.replies, move.told) == (("close_my_ticket", ARGUMENTS), (), "")
    assert move.goes_to_agent


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_no_says_that_everything_stays_as_it_is(language: str) -> None:
    move = await FLOW.advance(turn("no", language=language))
    assert [reply.text for reply in move.replies] == [say(language, "confirm_declined")]
    assert not move.goes_to_agent
    assert move.state is None


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_yes_at_the_end_of_the_questions_life_is_too_late(language: str) -> None:
    just = await FLOW.advance(turn("yes", now=NOW + LIVES - timedelta(milliseconds=1), language=language, state=asked(language)))
    late = await FLOW.advance(turn("yes", now=NOW + LIVES, language=language, state=asked(language)))
    assert just.call is not None
    assert (late.call, [reply.text for reply in late.replies]) == (None, [say(language, "confirm_expired")])


async def test_anything_else_goes_to_the_agent_with_what_was_not_done() -> None:
    move = await FLOW.advance(turn("no, change the date"))
    assert (move.call, move.replies, move.state) == (None, (), None)
    [undone] = move.undone
    assert (undone.tool, json.loads(undone.arguments)) == ("close_my_ticket", ARGUMENTS)
    assert "NOT done" in undone.why
    assert move.told == "", "the person's words belong in no prompt"


async def test_the_agent_is_told_of_the_calls_that_stood_behind_the_one_that_was_asked_about() -> None:
    left = [["close_my_ticket", '{"number": "TICKET-2026-000002"}']]
    for answer in ("yes", "what?"):
        move = await FLOW.advance(turn(answer, state=asked(left=left)))
        assert move.undone[-1].arguments == '{"number": "TICKET-2026-000002"}'
        assert "NOT done" in move.undone[-1].why


@pytest.mark.parametrize("answer", ["yes", "no", "what?"])
async def test_a_move_is_read_back_from_the_journal_as_it_was(answer: str) -> None:
    move = await FLOW.advance(turn(answer))
    assert read(msgspec.json.decode(msgspec.json.encode(stored(move)))) == move
    assert move.outcome


def test_a_flow_that_waits_on_is_read_back_from_the_journal_as_it_was() -> None:
    move = Move(state=asked(), outcome="asked again")
    assert read(msgspec.json.decode(msgspec.json.encode(stored(move)))) == move


def test_the_flow_is_found_by_its_name() -> None:
    assert discover()["confirmation"] is FLOW
