"""The documents that Twilio gets: readable whatever goes in, and small enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.voice import twiml
from bot.testing.twilio.documents import BadDocument, Verb, read

pytestmark = pytest.mark.unit

ACTION = "https://bot.example.com/webhooks/twilio/voice/gather?turn=2&wait=1"


def only(document: str) -> Verb:
    [verb] = read(document)
    return verb


@given(st.text(max_size=300), st.text(max_size=40))
def test_whatever_is_said_the_document_can_be_read_and_says_it(text: str, choice: str) -> None:
    gather = only(twiml.ask([text], "es", ACTION, choices=[choice]))
    written = twiml.writable(text)
    assert "".join(said.text for said in gather.all("Say")) == written.replace("\r\n", "\n").replace("\r", "\n").strip()
    assert gather.attributes["action"] == ACTION


@given(st.lists(st.text(alphabet="ab&<न👍 ", max_size=3000), min_size=1, max_size=40))
def test_what_fits_into_a_document_fits(texts: list[str]) -> None:
    count = twiml.fitting(texts)
    assert 1 <= count <= len(texts)
    assert len(twiml.ask(texts[:count], "hi", ACTION).encode()) <= twiml.MOST_BYTES


def test_who_is_listened_to_may_speak_over_us_press_keys_or_be_silent() -> None:
    gather = only(twiml.ask(["Hola"], "es", ACTION))
    wanted = {"input": "dtmf speech", "language": "es-MX", "bargeIn": "true", "actionOnEmptyResult": "true", "method": "POST"}
    assert wanted.items() <= gather.attributes.items()
    assert gather.attributes["speechTimeout"].isdigit()  # "auto" is refused with the default model
    assert "numDigits" not in gather.attributes


def test_one_key_is_enough_where_there_is_a_choice_and_the_recogniser_knows_the_words() -> None:
    gather = only(twiml.ask(["?"], "en", ACTION, choices=["Yes, please", "No"]))
    assert (gather.attributes["numDigits"], gather.attributes["hints"]) == ("1", "Yes  please, No")


@pytest.mark.parametrize(
    ("language", "locale"), [("es", "es-MX"), ("en", "en-US"), ("hi", "hi-IN"), ("fr", "es-MX"), ("", "es-MX")]
)
def test_every_language_has_a_locale_and_a_voice(language: str, locale: str) -> None:
    said = only(twiml.ask(["x"], language, ACTION)).all("Say")[0]
    assert said.attributes["language"] == locale
    assert said.attributes["voice"].startswith("Polly.")


def test_a_recording_begins_before_anything_is_said() -> None:
    start, gather = read(twiml.ask(["x"], "en", ACTION, recording=twiml.Recording("https://bot.example.com/r")))
    assert start.all("Recording")[0].attributes["recordingStatusCallback"] == "https://bot.example.com/r"
    assert gather.name == "Gather"


def test_a_relay_knows_all_our_languages_and_whose_call_it_is() -> None:
    connect = only(twiml.relay("wss://bot.example.com/relay", ACTION, "hi", {"call": "abc"}))
    [relay] = connect.all("ConversationRelay")
    assert connect.attributes["action"] == ACTION
    assert {one.attributes["code"] for one in relay.all("Language")} == set(twiml.LOCALES.values())
    assert relay.attributes["language"] == "hi-IN"
    assert relay.all("Parameter")[0].attributes == {"name": "call", "value": "abc"}


def test_a_streams_address_has_no_query() -> None:
    connect = only(twiml.stream("wss://bot.example.com/stream", ACTION, {"call": "abc"}))
    [stream] = connect.all("Stream")
    assert stream.attributes == {"url": "wss://bot.example.com/stream"}
    assert stream.all("Parameter")[0].attributes == {"name": "call", "value": "abc"}


@pytest.mark.parametrize(("to", "noun"), [("+12025550199", "Number"), ("sip:ben@pbx.example.com", "Sip")])
def test_somebody_is_rung_as_our_number(to: str, noun: str) -> None:
    said, dial = read(twiml.dial(["One moment."], "en", to, "+12025550100", ACTION))
    assert said.text == "One moment."
    assert (dial.nested[0].name, dial.nested[0].text) == (noun, to)
    assert (dial.attributes["callerId"], dial.attributes["action"]) == ("+12025550100", ACTION)


def test_the_short_ones() -> None:
    assert [verb.name for verb in read(twiml.hang_up(["Bye"], "en"))] == ["Say", "Hangup"]
    assert [verb.name for verb in read(twiml.go_on(["Wait"], "en", ACTION, pause=2))] == ["Say", "Pause", "Redirect"]
    assert only(twiml.reject()).attributes == {"reason": "rejected"}
    assert read(twiml.nothing()) == []


@pytest.mark.parametrize(
    "document", ["", "<Response>", "<Reply/>", "<Response><Sing/></Response>", "<Response><Say tune='1'/></Response>"]
)
def test_the_kit_takes_no_document_that_twilio_would_not(document: str) -> None:
    with pytest.raises(BadDocument):
        read(document)
