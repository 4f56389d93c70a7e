"""Every setting of DESIGN 10, its default, and what is said about a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.config import Settings, SmtpServer, load_settings, read_voices, setting_names, share_env_file, unknown_settings
from bot.errors import SettingsError

pytestmark = pytest.mark.unit

DEFAULTS: dict[str, object] = {
    "BOT_METRICS_PORT": None,
    "BOT_METRICS_TOKEN": "",
    "BOT_LOG_FORMAT": "auto",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "",
    "BOT_HOST": "127.0.0.1",
    "BOT_PORT": 8080,
    "BOT_DATA_DIR": Path("data"),
    "BOT_PUBLIC_URL": "",
    "BOT_SECRET_KEY": "",
    "BOT_COMPANY": "",
    "BOT_DEFAULT_LANGUAGE": "es",
    "BOT_QUIET_MS": 800,
    "BOT_LEASE_MS": 5000,
    "BOT_MAX_WAITING": 100_000,
    "BOT_MEDIA_DIR": "",
    "BOT_MEDIA_MAX_MB": 16,
    "BOT_MEDIA_TOTAL_MB": 10_240,
    "MONGODB_URI": "",
    "MONGODB_DATABASE": "switchboard",
    "REDIS_URL": "",
    "SMTP_URL": "",
    "OPENAI_API_KEY": "",
    "OPENAI_BASE_URL": "",
    "OPENAI_MODEL": "gpt-4o-mini",
    "OPENAI_FALLBACK_MODEL": "",
    "OPENAI_CONTEXT_TOKENS": 0,
    "LANGCHAIN_MODEL": "",
    "OPENAI_EMBEDDING_MODEL": "",
    "OPENAI_TRANSCRIPTION_MODEL": "",
    "OPENAI_SPEECH_MODEL": "",
    "OPENAI_SPEECH_VOICE": "alloy",
    "WHATSAPP_PHONE_ID": "",
    "WHATSAPP_TOKEN": "",
    "WHATSAPP_APP_SECRET": "",
    "WHATSAPP_VERIFY_TOKEN": "",
    "WHATSAPP_MESSAGES_PER_SECOND": 80,
    "WHATSAPP_API_URL": "https://graph.facebook.com",
    "BOT_VOICE_DETECTOR": "webrtc",
    "BOT_SILERO_FILE": "",
    "TWILIO_ACCOUNT_SID": "",
    "TWILIO_AUTH_TOKEN": "",
    "TWILIO_FROM_NUMBER": "",
    "TWILIO_API_URL": "https://api.twilio.com",
    "TWILIO_VOICE": "gather",
    "BOT_CALL_RECORDING": False,
    "BOT_MAX_CALLS": 200,
    "BOT_CALL_MAX_MINUTES": 30,
    "BOT_CALL_IDLE_SECONDS": 10,
    "BOT_INTERRUPT_WORDS": 1,
}
SECRETS = {name for name in DEFAULTS if name.endswith(("TOKEN", "SECRET", "KEY", "URI"))} | {
    "REDIS_URL",
    "SMTP_URL",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing set, and no .env in the working directory."""
    for name in os.environ:
        if name.upper() in DEFAULTS or name.startswith("BOT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def value(settings: Settings, name: str) -> object:
    field = next(field for field, info in Settings.model_fields.items() if info.validation_alias == name)
    found = getattr(settings, field)
    return found.get_secret_value() if hasattr(found, "get_secret_value") else found


def test_the_settings_are_those_of_the_contract_each_with_its_meaning() -> None:
    assert set(setting_names()) == set(DEFAULTS)
    assert all(meaning for meaning in setting_names().values())


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_unset_setting_has_its_default(name: str) -> None:
    assert value(load_settings(), name) == DEFAULTS[name]


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_empty_setting_counts_as_unset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "")
    assert value(load_settings(), name) == DEFAULTS[name]


def test_a_voice_is_for_all_languages_and_others_for_those_that_are_named() -> None:
    assert read_voices("nova") == {"": "nova"}
    assert read_voices("nova, hi = shimmer,en=ash") == {"": "nova", "hi": "shimmer", "en": "ash"}


@pytest.mark.parametrize(
    ("given", "has_espeak", "carried"),
    [
        ({}, False, "gather"),
        ({"TWILIO_VOICE": "relay"}, False, "relay"),
        ({"TWILIO_VOICE": "stream"}, True, "gather"),
        ({"TWILIO_VOICE": "stream", "OPENAI_TRANSCRIPTION_MODEL": "ears"}, True, "gather"),
        ({"TWILIO_VOICE": "stream", "OPENAI_TRANSCRIPTION_MODEL": "ears", "OPENAI_API_KEY": "k"}, False, "gather"),
        ({"TWILIO_VOICE": "stream", "OPENAI_TRANSCRIPTION_MODEL": "ears", "OPENAI_API_KEY": "k"}, True, "stream"),
        (
            {
                "TWILIO_VOICE": "stream",
                "OPENAI_TRANSCRIPTION_MODEL": "e",
                "OPENAI_SPEECH_MODEL": "t",
                "OPENAI_BASE_URL": "http://a",
            },
            False,
            "stream",
        ),
    ],
)
def test_calls_are_carried_by_gather_where_a_stream_would_be_deaf_or_mute(
    given: dict[str, str], has_espeak: bool, carried: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_espeak:
        (tmp_path / "espeak-ng").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert load_settings(**given).call_transport == carried


def test_the_environment_wins_over_the_file_and_spaces_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("BOT_PORT=9001\nBOT_HOST= 0.0.0.0 \nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("BOT_PORT", " 9002 ")
    settings = load_settings()
    assert (settings.port, settings.host) == (9002, "0.0.0.0")


@pytest.mark.parametrize(
    ("name", "wrong", "told"),
    [
        ("BOT_PORT", "http", "unable to parse string as an integer (it is 'http'); for example 8080"),
        ("BOT_PORT", "70000", "BOT_PORT: Input should be less than or equal to 65535 (it is '70000'); for example 8080"),
        ("BOT_PORT", "-1", "BOT_PORT: Input should be greater than or equal to 0 (it is '-1'); for example 8080"),
        ("BOT_QUIET_MS", "soon", "BOT_QUIET_MS: Input should be a valid integer"),
        ("BOT_QUIET_MS", "-5", "BOT_QUIET_MS: Input should be greater than or equal to 0"),
        ("BOT_QUIET_MS", "600001", "BOT_QUIET_MS: Input should be less than or equal to 600000 (it is '600001')"),
        ("MONGODB_DATABASE", "a.b", "MONGODB_DATABASE: must be a name of 1 to 63 bytes without spaces and / "),
        ("BOT_LEASE_MS", "1", "BOT_LEASE_MS: Input should be greater than or equal to 100 (it is '1'); for example 5000"),
        ("BOT_DEFAULT_LANGUAGE", "fr", "Input should be 'es', 'en' or 'hi' (it is 'fr'); for example es, en or hi"),
        ("BOT_PUBLIC_URL", "bot.example.com", "BOT_PUBLIC_URL: must begin with http:// or https://, and name a host"),
        ("BOT_PUBLIC_URL", "https://", "BOT_PUBLIC_URL: must begin with http:// or https://, and name a host"),
        ("OPENAI_BASE_URL", "localhost:9000", "; for example https://api.openai.com/v1"),
        ("OPENAI_CONTEXT_TOKENS", "8k", "unable to parse string as an integer (it is '8k'); for example 8192"),
        ("LANGCHAIN_MODEL", "claude", " (it is 'claude'); for example anthropic:claude-sonnet-4-5"),
        ("WHATSAPP_API_URL", "graph", "; for example https://graph.facebook.com"),
        ("TWILIO_API_URL", "ftp://twilio", "; for example https://api.twilio.com"),
        ("WHATSAPP_PHONE_ID", "+1 202", "; for example 106540352242922 (digits, from Meta's API setup page)"),
        ("OPENAI_SPEECH_VOICE", "hi=shimmer", "must begin with the voice for all languages that have none of their own"),
        ("OPENAI_SPEECH_VOICE", "nova, fr=coral", "OPENAI_SPEECH_VOICE: must be a voice, and voices of languages (es, en, hi)"),
        ("OPENAI_SPEECH_VOICE", "nova, alloy", " (it is 'nova, alloy'); for example alloy, or nova, hi=shimmer"),
        ("OPENAI_SPEECH_VOICE", "nova,", "must be a voice"),
        ("TWILIO_ACCOUNT_SID", "SK1", "(it is 'SK1'); for example AC and 32 hexadecimal digits, from Twilio's console"),
        ("TWILIO_FROM_NUMBER", "202 555", "(it is '202 555'); for example +12025550100"),
        ("BOT_CALL_RECORDING", "perhaps", "(it is 'perhaps'); for example true or false"),
        ("TWILIO_VOICE", "sing", "TWILIO_VOICE: Input should be 'gather', 'relay' or 'stream' (it is 'sing')"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_with_the_name_the_value_and_an_example(
    name: str, wrong: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, wrong)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert told in message
    assert "; for example " in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["", " ", "a b", "a\tb", "a\0b", "é" * 32, "x" * 64, *(f"a{sign}b" for sign in '/\\."$*<>:|?')])
def test_a_name_that_no_database_can_have_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^MONGODB_DATABASE: must be a name of 1 to 63 bytes"):
        load_settings(MONGODB_DATABASE=name)


@pytest.mark.parametrize("name", ["switchboard", "x" * 63, "desk-1_é"])
def test_a_name_that_a_database_can_have_is_taken(name: str) -> None:
    assert load_settings(MONGODB_DATABASE=name).mongodb_database == name


def test_a_long_wrong_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_PORT", "9" * 10_000)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value)) < 300


def test_a_file_that_is_no_text_is_one_line() -> None:
    Path(".env").write_bytes(b"BOT_HOST=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"^\.env: cannot be read"):
        load_settings()


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_is_shown_nowhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "smtp://bot:hunter2@mail.example.com?from=bot@example.com" if name == "SMTP_URL" else "hunter2-and-more"
    monkeypatch.setenv(name, secret)
    settings = load_settings()
    assert value(settings, name) == secret
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.model_dump())
    assert "hunter2" not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp://bot%40example.com:p%40ss%3A1@mail.example.com",
            SmtpServer("mail.example.com", 587, False, "bot@example.com", "p@ss:1", "bot@example.com"),
        ),
        (
            "smtps://bot:pass@mail.example.com/?from=hello@example.com",
            SmtpServer("mail.example.com", 465, True, "bot", "pass", "hello@example.com"),
        ),
        (
            "smtp://localhost:25?from=bot%40example.com",
            SmtpServer("localhost", 25, False, "", "", "bot@example.com"),
        ),
        ("smtp://[::1]:2525?from=bot@example.com", SmtpServer("::1", 2525, False, "", "", "bot@example.com")),
    ],
)
def test_a_mail_server_is_read_from_its_url(url: str, server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    assert load_settings().smtp == server
    assert "p@ss" not in repr(server)


def test_without_a_url_there_is_no_mail_server() -> None:
    assert load_settings().smtp is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mail.example.com", "must be smtp:// or smtps:// with a host, and at most a port and ?from= behind it"),
        ("http://mail.example.com", "must be smtp:// or smtps:// with a host, and at most a port and ?from= behind it"),
        ("smtp://", "must be smtp:// or smtps:// with a host, and at most a port and ?from= behind it"),
        ("smtp://h/path?from=a@b.c", "must be smtp:// or smtps:// with a host, and at most a port and ?from= behind it"),
        ("smtp://h:0?from=a@b.c", "must be smtp:// or smtps:// with a host, and at most a port and ?from= behind it"),
        ("smtp://h:99999?from=a@b.c", "must be a URL with a port between 1 and 65535"),
        ("smtp://u:hunter2/x@h", "must be a URL with a port between 1 and 65535"),
        ("smtp://user@h", "must have both a user and a password, or neither; write @ : / in them as %40 %3A %2F"),
        ("smtp://bot:hunter2@h", "must name whom mail is from, where the user is no e-mail address, as ?from="),
        ("smtp://h?from=a@b.c%0d%0aBcc:x@y.z", "must name whom mail is from, where the user is no e-mail address, as ?from="),
        ("smtp://h?from=a@b.c&tls=no", "knows only ?from= behind the host"),
    ],
)
def test_a_wrong_mail_server_is_one_line_without_the_password(url: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    example = "smtp://user:password@mail.example.com:587?from=bot@example.com"
    assert str(caught.value) == f"SMTP_URL: {told}; for example {example}"


def test_another_wrong_setting_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("BOT_PORT", "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_addresses_lose_their_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:9000/v1/")
    assert load_settings().openai_base_url == "http://localhost:9000/v1"


def test_whatsapp_is_on_when_all_four_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    four = ["WHATSAPP_PHONE_ID", "WHATSAPP_TOKEN", "WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"]
    assert load_settings().whatsapp_missing() == four
    for number, name in enumerate(four, 1):
        monkeypatch.setenv(name, "123")
        settings = load_settings()
        assert (settings.whatsapp_missing(), settings.has_whatsapp) == (four[number:], number == 4)


@pytest.mark.parametrize(("name", "expected"), [("OPENAI_API_KEY", True), ("OPENAI_BASE_URL", True), ("OPENAI_MODEL", False)])
def test_a_model_is_there_with_a_key_or_a_server_of_ones_own(name: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().has_model is False
    monkeypatch.setenv(name, "http://localhost:9000/v1")
    assert load_settings().has_model is expected


@pytest.mark.parametrize(
    ("set_to", "names"),
    [
        ({}, []),
        ({"OPENAI_FALLBACK_MODEL": "small"}, []),
        ({"OPENAI_API_KEY": "k"}, ["gpt-4o-mini"]),
        ({"OPENAI_API_KEY": "k", "OPENAI_MODEL": "big", "OPENAI_FALLBACK_MODEL": "small"}, ["big", "small"]),
        ({"LANGCHAIN_MODEL": "ollama:qwen3:8b", "OPENAI_FALLBACK_MODEL": "small"}, ["ollama:qwen3:8b"]),
        ({"LANGCHAIN_MODEL": "xai:grok", "OPENAI_API_KEY": "k", "OPENAI_FALLBACK_MODEL": "small"}, ["xai:grok", "small"]),
        ({"LANGCHAIN_MODEL": "xai:grok", "OPENAI_API_KEY": "k"}, ["xai:grok"]),
    ],
)
def test_the_models_are_asked_in_this_order(set_to: dict[str, str], names: list[str]) -> None:
    settings = load_settings(**set_to)
    assert settings.model_names == names
    assert settings.has_model is bool(names)


def test_what_is_in_the_env_file_can_be_shared_with_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"SOME_VENDORS_REGION": "north"})  # what is put there is gone after the test
    Path(".env").write_text("SOME_VENDORS_KEY=abc\nSOME_VENDORS_REGION=south\n")
    share_env_file()
    assert (os.environ["SOME_VENDORS_KEY"], os.environ["SOME_VENDORS_REGION"]) == ("abc", "north")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("BOT_QUIET", "BOT_QUIET_MS"),
        ("BOT_PROT", "BOT_PORT"),
        ("bot_prot", "BOT_PORT"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("WHATSAPP_TOKKEN", "WHATSAPP_TOKEN"),
        ("TWILIO_AUTHTOKEN", "TWILIO_AUTH_TOKEN"),
        ("MONGODB_URL", "MONGODB_URI"),
        ("REDIS_URLS", "REDIS_URL"),
        ("LANGCHAIN_MODELS", "LANGCHAIN_MODEL"),
        ("BOT_SOMETHING_ELSE", ""),
    ],
)
def test_a_name_that_is_not_ours_is_told_with_the_nearest_that_is(name: str, nearest: str) -> None:
    assert unknown_settings({name: "1", "PATH": "/bin", "BOT_PORT": "1"}) == {name: nearest}


def test_misspelled_names_are_found_in_the_environment_and_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("BOT_PROT=9000\nOTHER=1\nBOT_HOST=x\n")
    monkeypatch.setenv("BOT_QUIETMS", "1")
    found = unknown_settings()
    assert (found["BOT_PROT"], found["BOT_QUIETMS"]) == ("BOT_PORT", "BOT_QUIET_MS")
    assert "OTHER" not in found
    assert "BOT_HOST" not in found
