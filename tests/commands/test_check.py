"""`bot check` finds what `bot serve` would stumble over."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from bot.__main__ import cli
from bot.breakers import Tolerance
from bot.clock import SystemClock, new_id
from bot.config import load_settings, setting_names
from bot.errors import ResourceError, SendDelayed
from bot.records.settings import WEEKDAYS, SystemSetting
from bot.services.settings import SystemSettings
from bot.services.spending import Spending
from bot.store.redis_shared import shared_on
from bot.testing.llm import Said
from bot.testing.openai import FakeOpenAI
from bot.testing.openai_audio import AudioFault
from bot.testing.redis import RedisServer
from bot.vendors import store_of
from tests.dialogs.agentfiles import AgentFiles
from tests.mailbox import Mailbox, served

pytestmark = pytest.mark.scenario


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)


def check(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["check", *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_an_empty_folder_is_fine_and_stays_empty(tmp_path: Path) -> None:
    code, report = check()
    assert (code, "WRONG" in report) == (0, False)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_langchain_that_cannot_be_made_is_wrong_before_anything_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGCHAIN_MODEL", "nobody:nothing")
    code, report = check()
    assert code == 1
    assert "WRONG  LANGCHAIN_MODEL: nobody:nothing cannot be made" in report


@pytest.mark.parametrize("name", ["data", "data/below"])
def test_a_data_directory_that_is_a_file_or_below_one_is_wrong(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("data").write_text("precious")
    monkeypatch.setenv("BOT_DATA_DIR", name)
    code, report = check()
    assert code == 1
    assert "data is no directory  ->  set BOT_DATA_DIR" in report


def test_where_files_are_kept_is_told_and_wrong_where_they_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_MEDIA_MAX_MB", "7")
    code, report = check()
    assert (code, "data/media; up to 7 MB a file, 10,240 MB in all" in report) == (0, True)
    Path("media").write_text("precious")
    monkeypatch.setenv("BOT_MEDIA_DIR", "media")
    code, report = check()
    assert code == 1
    assert "media is no directory  ->  set BOT_MEDIA_DIR" in report
    monkeypatch.setenv("BOT_MEDIA_DIR", "elsewhere")
    monkeypatch.setattr("bot.services.status.shutil.disk_usage", lambda _: SimpleNamespace(free=1024**2))
    code, report = check()
    assert (code, "elsewhere: 1 MB free, so no files are taken  ->  make room" in report) == (1, True)


@pytest.mark.parametrize("locked", [".", "data", "data/worker.lock"])
def test_a_data_directory_that_cannot_be_written_is_wrong(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if locked != ".":
        Path("data").mkdir()
        Path("data/worker.lock").touch()
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != locked and may(path, mode))
    code, report = check()
    assert code == 1
    assert f"{locked} cannot be written to" in report


def test_data_that_cannot_be_read_is_one_line_of_a_whole_report() -> None:
    Path("data").mkdir()
    Path("data/bot.db").write_text("no database at all, but something else of some length" * 100)
    code, report = check()
    assert code == 1
    assert "WhatsApp" in report
    assert "work             WRONG" in report


@pytest.mark.parametrize("options", [(), ("--live",)])
def test_a_key_that_cannot_be_one_is_wrong_and_not_shown(options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter 2")
    code, report = check(*options)
    assert code == 1
    assert "OPENAI_API_KEY has a space" in report
    assert "hunter" not in report


@pytest.mark.parametrize(
    ("set_to", "told"),
    [
        ({"OPENAI_API_KEY": "k"}, "gpt-4o-mini at OpenAI; simple mode when it fails"),
        (
            {"OPENAI_BASE_URL": "http://a/v1", "OPENAI_FALLBACK_MODEL": "small"},
            "gpt-4o-mini at http://a/v1; small at http://a/v1 when",
        ),
        ({"LANGCHAIN_MODEL": "xai:grok"}, "xai:grok by LangChain; simple mode when it fails"),
        ({"LANGCHAIN_MODEL": "xai:grok", "OPENAI_FALLBACK_MODEL": "small"}, "OPENAI_FALLBACK_MODEL does nothing without"),
    ],
)
def test_the_models_are_named_in_the_order_in_which_they_are_asked(
    set_to: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    code, report = check()
    assert code == ("LANGCHAIN_MODEL" in set_to), "the package of that provider is not installed here"
    assert told in report


def test_what_models_cost_today_is_shown_against_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    asyncio.run(spend(49_990_000))
    code, report = check()
    assert code == 0
    assert "AI budget        on     $49.99 of $50.00 spent today (UTC); $1.00 per conversation and day" in report
    asyncio.run(spend(10_000, ai_max_cost_per_conversation=0))
    code, report = check()
    assert code == 1
    assert "$50.00 of $50.00 spent today (UTC); no bound per conversation: used up" in report
    assert "->  raise ai_max_cost_per_day" in report


def test_a_bound_that_is_no_amount_is_wrong_and_the_default_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    asyncio.run(spend(1, ai_max_cost_per_day="a lot"))
    code, report = check()
    assert code == 1
    assert "ai_max_cost_per_day: 'a lot' is no amount in US dollars; set a number like 50.00, or 0 for no bound" in report
    assert "of $50.00 spent" in report


def test_a_model_without_a_price_is_told_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setenv("OPENAI_MODEL", "qwen3")
    code, report = check()
    assert code == 0
    assert "no price known for qwen3: money bounds do not count it  ->  add it to prompts/prices.yaml" in report
    monkeypatch.setenv("OPENAI_MODEL", "gpt-4o-mini")
    assert "no price known" not in check()[1]


async def spend(micros: int, **settings: object) -> None:
    """A store in which so much more was spent today, with these system settings."""
    clock = SystemClock()
    store = store_of(load_settings(), clock)
    await store.open()
    try:
        await store.upsert([SystemSetting(id=key, key=key, value=value) for key, value in settings.items()])
        spending = Spending(store, clock, SystemSettings(store, clock))
        spending.add(micros)
        await spending.close()
    finally:
        await store.close()


def test_a_name_of_ours_that_is_no_setting_is_wrong_even_if_it_is_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_FOO", "1")
    code, report = check()
    assert code == 1
    assert "there is no such setting  ->  unset BOT_FOO" in report


def test_a_vendors_name_that_we_do_not_use_is_told_and_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "1")
    code, report = check()
    assert code == 0
    assert any(line.startswith("OPENAI_ORG_ID") and line.endswith("ignored") for line in report.splitlines())


def test_each_agent_is_listed_with_how_many_tools_it_has_and_to_whom_it_hands() -> None:
    _, report = check()
    lines = {line.split()[1]: line for line in report.splitlines() if line.startswith("agent ")}
    assert {"support", "sales", "colleague"} <= set(lines)
    assert "tools; hands to sales; for support, billing" in lines["support"]
    assert "tools; hands to support; for sales" in lines["sales"]


def test_all_that_is_wrong_with_the_agents_is_told_with_the_file_and_the_nearest_real_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = AgentFiles(tmp_path / "texts", monkeypatch)
    files.partial("facts.md", "It is {{ nowe }}.")
    files.agent("support", "tools: [create_tiket]\nhandoffs: [sale]")
    files.agent("sales", prompt="{% include 'fact.md' %}{{ compny }}")
    code, report = check()
    assert code == 1
    told = [line.split("WRONG  ")[1] for line in report.splitlines() if "WRONG" in line]
    assert told == [
        "prompts/partials/facts.md: nothing fills in 'nowe'  ->  did you mean now?",
        "prompts/agents/sales.md: there is no partial 'fact.md'  ->  did you mean facts.md?",
        "prompts/agents/sales.md: nothing fills in 'compny'  ->  did you mean company?",
        "prompts/agents/support.md: there is no tool 'create_tiket'  ->  did you mean create_ticket?",
        "prompts/agents/support.md: there is no agent to hand to: 'sale'  ->  did you mean sales?",
    ]


def test_an_agent_that_nobody_can_reach_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = AgentFiles(tmp_path / "texts", monkeypatch)
    files.agent("support", "handoffs: [support]")
    files.agent("second")
    code, report = check()
    assert code == 1
    assert "support.md: hands to itself  ->  take support out of its handoffs" in report
    assert "second.md: nobody can reach this agent  ->  name a" in report


def test_business_hours_that_cannot_be_read_are_wrong_and_good_ones_are_told() -> None:
    set_system("business_hours", {"monday": {"start": "9am", "end": "18:00"}})
    code, report = check()
    assert code == 1
    assert "business_hours.monday.start: '9am' is no time of day; write it like \"09:00\"" in report
    set_system("business_hours", {day: {"start": "00:00", "end": "24:00"} for day in WEEKDAYS})
    code, report = check()
    assert code == 0
    assert "open now; today around the clock" in report


def test_the_web_chat_is_on_and_who_may_show_it_is_told() -> None:
    assert re.search(r"^web chat +on +/chat$", check()[1], re.MULTILINE)
    set_system("web_chat_origins", ["https://shop.example.com"])
    code, report = check()
    assert code == 0
    assert "may be shown by https://shop.example.com" in report
    set_system("web_chat_origins", "shop.example.com")
    code, report = check()
    assert code == 1
    assert "web_chat_origins: 'shop.example.com' is no origin" in report


def set_system(key: str, value: object) -> None:
    async def write() -> None:
        store = store_of(load_settings(), SystemClock())
        await store.open()
        await store.upsert([SystemSetting(id=key, key=key, value=value)])
        await store.close()

    asyncio.run(write())


def test_serve_refuses_to_start_with_the_first_of_them_as_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = AgentFiles(tmp_path / "texts", monkeypatch)
    files.agent("support", "tools: [create_tiket, sned]")
    done = CliRunner().invoke(cli, ["serve", "--port", "0"])
    assert isinstance(done.exception, ResourceError)  # `main` tells it as one line
    assert str(done.exception) == "prompts/agents/support.md: there is no tool 'create_tiket'; did you mean create_ticket?"


def test_it_says_where_mail_goes_out_and_as_whom_but_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "one-time codes go out on WhatsApp only" in check()[1]
    monkeypatch.setenv("SMTP_URL", "smtp://bot:hunter2@mail.example.com?from=hello@example.com")
    code, report = check()
    assert code == 0
    assert "by mail.example.com:587, from hello@example.com" in report
    assert "hunter2" not in report


def test_live_it_signs_in_at_the_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Mailbox()
    with served(box) as url:
        monkeypatch.setenv("SMTP_URL", url)
        code, report = check("--live")
        assert code == 0
        assert "lets us in" in report
        monkeypatch.setenv("SMTP_URL", url.replace("p%40ss", "hunter2"))
        code, report = check("--live")
    assert code == 1
    assert "does not take the user and password of SMTP_URL (535 5.7.8)" in report
    assert box.mails == []


@pytest.mark.parametrize(
    ("given", "has_espeak", "lines", "code"),
    [
        ({}, True, [f"{'voice':<16} on     espeak-ng on this machine, which sounds like a robot  ->  set OPENAI_SPEECH"], 0),
        ({}, False, [f"{'voice':<16} off    simulated calls are silent  ->  set OPENAI_SPEECH_MODEL, or install espeak-ng"], 0),
        ({}, False, [f"{'recogniser':<16} off    simulated calls understand typed words only  ->  set OPENAI_TRANSC"], 0),
        (
            {"OPENAI_SPEECH_MODEL": "tts", "OPENAI_TRANSCRIPTION_MODEL": "ears"},
            True,
            ["WRONG  OPENAI_SPEECH_MODEL does nothing without OPENAI_API_KEY or OPENAI_BASE_URL",
             "WRONG  OPENAI_TRANSCRIPTION_MODEL does nothing without OPENAI_API_KEY or OPENAI_BASE_URL"],
            1,
        ),
        (
            {"TWILIO_VOICE": "stream"},
            False,
            ["carried by gather  ->  set OPENAI_TRANSCRIPTION_MODEL and OPENAI_SPEECH_MODEL (or install espeak-ng)"],
            1,
        ),
        (
            {"TWILIO_VOICE": "stream"},
            True,
            ["ears and a voice of ours: calls are carried by gather  ->  set OPENAI_TRANSCRIPTION_MODEL, or TWILIO_VOICE=relay"],
            1,
        ),
        ({"TWILIO_VOICE": "relay"}, False, [f"{'voice':<16} off"], 0),
        (
            {"TWILIO_VOICE": "stream", "OPENAI_TRANSCRIPTION_MODEL": "ears", "OPENAI_SPEECH_MODEL": "tts",
             "OPENAI_API_KEY": "canary", "OPENAI_SPEECH_VOICE": "nova, hi=shimmer"},
            False,
            [f"{'voice':<16} on     tts (nova, hi=shimmer) at OpenAI", f"{'recogniser':<16} on     ears at OpenAI"],
            0,
        ),
    ],
)  # fmt: skip
def test_it_says_which_voice_and_which_ears_are_on_and_what_is_missing(
    given: dict[str, str], has_espeak: bool, lines: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if has_espeak:
        (programs / "espeak-ng").write_text("")
        (programs / "espeak-ng").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found, report = check()
    assert (found, "canary" in report) == (code, False)
    assert all(line in report for line in lines), report


def test_live_it_lets_the_server_speak_and_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asked(server: FakeOpenAI) -> tuple[int, str]:
        async with server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            return await asyncio.to_thread(check, "--live")

    monkeypatch.setenv("OPENAI_SPEECH_MODEL", "tts")
    monkeypatch.setenv("OPENAI_TRANSCRIPTION_MODEL", "ears")
    code, report = asyncio.run(asked(FakeOpenAI(default=Said("ok"))))
    assert code == 0
    assert "voice, live      on     tts spoke for 0.1 s" in report
    assert "recogniser, live on     ears answered" in report
    deaf = FakeOpenAI(default=Said("ok"))
    deaf.audio.will_speak(AudioFault.status(401)).will_hear(AudioFault.status(404))
    code, report = asyncio.run(asked(deaf))
    assert code == 1
    assert "voice, live      WRONG  the key was refused: check OPENAI_API_KEY (401)" in report
    assert "recogniser, live WRONG  no such model or address: check OPENAI_TRANSCRIPTION_MODEL and OPENAI_BASE" in report


def test_it_says_which_secret_key_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "data/secret.key, made at the first start" in check()[1]
    Path("data").mkdir()
    Path("data/secret.key").write_text("0123456789abcdef" * 4)
    assert "data/secret.key\n" in check()[1]
    monkeypatch.setenv("BOT_SECRET_KEY", "fedcba9876543210" * 4)
    assert "BOT_SECRET_KEY\n" in check()[1]
    monkeypatch.setenv("BOT_SECRET_KEY", "hunter2")
    code, report = check()
    assert code == 1
    assert "BOT_SECRET_KEY: must be at least 32 characters long" in report
    assert "hunter2" not in report


@pytest.mark.parametrize(
    ("given", "told", "code"),
    [
        ({}, "off    one process does everything", 0),
        ({"REDIS_URL": "redis://:canary@127.0.0.1:1/0"}, "WRONG  REDIS_URL is set without MONGODB_URI", 1),
    ],
)
def test_it_says_whether_processes_may_join(given: dict[str, str], told: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found, report = check()
    assert (found, "canary" in report) == (code, False)
    assert f"{'Redis':<16} {told}" in report


def test_it_names_the_workers_and_what_is_left_alone_and_says_when_redis_is_away(
    mongo_uri: str, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("MONGODB_DATABASE", f"test_{new_id()[-12:]}")
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    asyncio.run(_fail("whatsapp:106540352242922", redis_server.url, os.environ["MONGODB_DATABASE"]))
    report = check()[1]
    assert f"{'whatsapp:106540352242922':<16} WRONG  failed too often and is left alone, tried again in" in report
    assert f"{'Redis':<16} on     joins the processes" in report
    assert "none has been heard from  ->  start `bot work`" in report
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert "REDIS_URL: no Redis answers at redis://127.0.0.1:1/0" in check()[1]


async def _fail(vendor: str, url: str, name: str) -> None:
    """Until all processes leave it alone."""
    async with shared_on(url, name, SystemClock()) as shared:
        breaker = shared.breakers.of(vendor)
        for _ in range(Tolerance().failures):
            await breaker.failed(await breaker.enter(), SendDelayed("away"))
