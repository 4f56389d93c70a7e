"""`bot call`, `bot consent`, `bot dnd` and `bot twilio` as their user runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from bot.__main__ import cli
from bot.clock import SystemClock
from bot.config import load_settings, setting_names
from bot.errors import BotError
from bot.records.settings import SystemSetting
from bot.testing.twilio_rest import FakeRest
from bot.vendors import embedded_store

pytestmark = pytest.mark.scenario

OURS, THEIRS, HERE = "+12025550100", "+525555550123", "https://bot.example.com"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def twilio(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRest]:
    """A Twilio on a thread of its own: the commands run loops of their own."""
    server, up, over = FakeRest(), Event(), Event()

    async def serve() -> None:
        async with server:
            up.set()
            while not over.is_set():
                await asyncio.sleep(0.01)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert up.wait(10)
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", server.account_sid)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", server.auth_token)
    monkeypatch.setenv("TWILIO_FROM_NUMBER", OURS)
    monkeypatch.setenv("TWILIO_API_URL", server.url)
    monkeypatch.setenv("BOT_PUBLIC_URL", HERE)
    yield server
    over.set()
    thread.join()


def bot(*words: str, input: str = "") -> Result:
    return CliRunner().invoke(cli, words, input=input)


def refused(*words: str) -> str:
    """The one line with which it ends."""
    done = bot(*words)
    assert done.exit_code != 0
    if isinstance(done.exception, BotError):
        assert "\n" not in str(done.exception)
        return str(done.exception)
    return done.output


def calls_are_made(start: str, end: str) -> None:
    """In these hours, wherever the number is."""
    hours = {"default": {"start": start, "end": end}, "countries": []}

    async def write() -> None:
        clock = SystemClock()
        store = embedded_store(load_settings(), clock)
        await store.open()
        await store.upsert([SystemSetting(id="calling_hours", key="calling_hours", value=hours)])
        await store.close()

    Path("data").mkdir(exist_ok=True)
    asyncio.run(write())


def test_a_call_that_may_be_made_is_placed(twilio: FakeRest) -> None:
    calls_are_made("00:00", "24:00")
    agreed = bot("consent", "add", THEIRS, "--for", "calls", "--source", "form on our site")
    assert (agreed.exit_code, agreed.output.startswith("consent to calls given, customer ")) == (0, True)
    placed = bot("call", "--to", THEIRS, "--about", "your order of Monday", "--language", "en")
    assert placed.exit_code == 0, placed.output
    allowed, told = placed.output.splitlines()
    assert allowed == "allowed"
    assert told.startswith("placed: call ")
    assert told.endswith(f"(CA{1:032d})")
    assert twilio.placed[0]["To"] == THEIRS
    again = bot("call", "--to", THEIRS)
    assert (again.exit_code, "not called: a call to this number is under way (under_way)" in again.output) == (1, True)
    assert len(twilio.placed) == 1


def test_a_call_without_consent_is_not_and_says_what_is_missing(twilio: FakeRest) -> None:
    done = bot("call", "--to", THEIRS)
    assert done.exit_code == 1
    assert "not called: there is no recorded consent to calls; record it with `bot consent add" in done.output
    assert twilio.requests == []


def test_a_call_at_night_says_from_when_on(twilio: FakeRest) -> None:
    is_morning = SystemClock().now().astimezone(ZoneInfo("America/Mexico_City")).hour < 12
    calls_are_made(*("18:00", "18:01") if is_morning else ("06:00", "06:01"))
    bot("consent", "add", THEIRS, "--for", "calls", "--source", "form")
    done = bot("call", "--to", THEIRS)
    assert done.exit_code == 1
    assert "(outside_hours); not before " in done.output
    assert twilio.requests == []


def test_what_twilio_refuses_is_told(twilio: FakeRest, monkeypatch: pytest.MonkeyPatch) -> None:
    calls_are_made("00:00", "24:00")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "wrong")
    bot("consent", "add", THEIRS, "--for", "calls", "--source", "form")
    done = bot("call", "--to", THEIRS)
    assert done.exit_code == 1
    assert "failed: Twilio does not take TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["call", "--to", THEIRS, "--about", 301 * "x"], "call.about: must have at most 300 characters"),
        (["call", "--to", THEIRS, "--language", "fr"], "'fr' is not one of"),
        (["consent", "add", "abc", "--for", "calls", "--source", "x"], "number: must be 7 to 15 digits"),
        (["consent", "add", "5550123456", "--for", "calls", "--source", "x"], "is no number that can be called"),
        (["consent", "add", THEIRS, "--for", "visits", "--source", "x"], "'visits' is not one of"),
        (["consent", "add", THEIRS, "--for", "calls", "--source", " "], "Consent.source: is required"),
        (["dnd", "add", "123"], "number: must be 7 to 15 digits"),
        (["dnd", "add", "5550123"], "needs its country code"),
        (["dnd", "remove", THEIRS, "--reason", " "], "needs a reason"),
        (["dnd", "remove", THEIRS, "--reason", "x"], "this number is not on the do-not-call list"),
    ],
)
def test_what_cannot_be_done_is_one_line(twilio: FakeRest, words: list[str], message: str) -> None:
    assert message in refused(*words)


def test_without_a_telephone_the_settings_are_named() -> None:
    assert "set TWILIO_ACCOUNT_SID" in refused("call", "--to", THEIRS)
    assert "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN and TWILIO_FROM_NUMBER and BOT_PUBLIC_URL: not set" in refused(
        "twilio", "setup"
    )


def test_a_number_is_put_on_the_list_shown_and_taken_off_with_a_reason(twilio: FakeRest) -> None:
    added = bot("dnd", "add", "+52 55 5555 0123", "--proof", "letter")
    assert added.output.startswith(f"{THEIRS} is not called any more, since ")
    assert bot("dnd", "add", THEIRS).exit_code == 0
    [line] = bot("dnd", "list").output.splitlines()
    assert line.startswith(THEIRS)
    warned = bot("consent", "add", THEIRS, "--for", "calls", "--source", "form")
    assert "they are on the do-not-call list" in warned.output
    assert bot("dnd", "remove", THEIRS, "--reason", "asked for it").output == f"{THEIRS} is not on the list any more\n"
    assert bot("dnd", "list").output == ""


def test_consent_that_is_taken_back_counts(twilio: FakeRest) -> None:
    calls_are_made("00:00", "24:00")
    bot("consent", "add", THEIRS, "--for", "calls", "--source", "form")
    bot("consent", "add", THEIRS, "--for", "calls", "--source", "letter", "--withdrawn")
    assert "(consent_withdrawn)" in bot("call", "--to", THEIRS).output
    assert twilio.requests == []


def test_the_number_at_twilio_is_set_up_after_a_yes_and_then_left_alone(twilio: FakeRest) -> None:
    assert "this account has no number" in refused("twilio", "setup", "--yes")
    twilio.owns(OURS, "https://demo.twilio.com/welcome")
    no = bot("twilio", "setup", input="n\n")
    assert "https://demo.twilio.com/welcome" in no.output
    assert f"{HERE}/webhooks/twilio/voice" in no.output
    [number] = twilio.numbers.values()
    assert number["voice_url"] == "https://demo.twilio.com/welcome"
    assert bot("twilio", "setup", "--yes").exit_code == 0
    assert (number["voice_url"], number["status_callback"]) == (
        f"{HERE}/webhooks/twilio/voice",
        f"{HERE}/webhooks/twilio/voice/status",
    )
    assert "nothing is to be changed" in bot("twilio", "setup").output


def test_a_check_asks_twilio(twilio: FakeRest) -> None:
    assert "this account has no number" in bot("check", "--live").output
    twilio.owns(OURS)
    assert "run `bot twilio setup`" in bot("check", "--live").output
    bot("twilio", "setup", "--yes")
    done = bot("check", "--live")
    assert f"{OURS} is ours" in done.output
