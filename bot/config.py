"""All settings (DESIGN 10), and the only file that reads the environment."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from dotenv import dotenv_values, load_dotenv
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError

_EXAMPLES = {
    "BOT_PORT": "8080",
    "BOT_METRICS_PORT": "9100",
    "BOT_QUIET_MS": "800",
    "BOT_LEASE_MS": "5000",
    "BOT_MAX_WAITING": "100000",
    "BOT_MEDIA_MAX_MB": "16",
    "BOT_MEDIA_TOTAL_MB": "10240",
    "MONGODB_DATABASE": "switchboard",
    "BOT_DEFAULT_LANGUAGE": "es, en or hi",
    "BOT_PUBLIC_URL": "https://bot.example.com",
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
    "WHATSAPP_MESSAGES_PER_SECOND": "80",
    "WHATSAPP_API_URL": "https://graph.facebook.com",
    "TWILIO_API_URL": "https://api.twilio.com",
    "WHATSAPP_PHONE_ID": "106540352242922 (digits, from Meta's API setup page)",
    "TWILIO_VOICE": "gather, relay or stream",
    "BOT_VOICE_DETECTOR": "webrtc or silero",
    "TWILIO_ACCOUNT_SID": "AC and 32 hexadecimal digits, from Twilio's console",
    "TWILIO_FROM_NUMBER": "+12025550100",
    "BOT_CALL_RECORDING": "true or false",
    "OPENAI_SPEECH_VOICE": "alloy, or nova, hi=shimmer",
    "BOT_MAX_CALLS": "200",
    "BOT_CALL_MAX_MINUTES": "30",
    "BOT_CALL_IDLE_SECONDS": "10",
    "BOT_INTERRUPT_WORDS": "1",
    "LANGCHAIN_MODEL": "anthropic:claude-sonnet-4-5",
    "OPENAI_CONTEXT_TOKENS": "8192",
    "SMTP_URL": "smtp://user:password@mail.example.com:587?from=bot@example.com",
}
ESPEAK = "espeak-ng"
"""The program that speaks without a server."""
# Of LangChain's only this one is ours.
_PREFIXES = ("BOT_", "WHATSAPP_", "TWILIO_", "OPENAI_", "MONGODB_", "REDIS_URL", "SMTP_URL", "LANGCHAIN_MOD")


def _web_address(value: str) -> str:
    if value and not re.match(r"https?://[^/\s]", value):
        raise ValueError("must begin with http:// or https://, and name a host")
    return value.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]


def _database_name(value: str) -> str:
    if not value or len(value.encode(errors="replace")) > 63 or re.search(r'[/\\."$*<>:|?\s\0]', value):
        raise ValueError('must be a name of 1 to 63 bytes without spaces and / \\ . " $ * < > : | ?')
    return value


DatabaseName = Annotated[str, AfterValidator(_database_name)]


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where outgoing e-mail is handed over, and as whom: what SMTP_URL says."""

    host: str
    port: int
    is_tls: bool
    """`smtps`: encrypted from the first byte. Otherwise STARTTLS is used where the server offers it."""
    user: str
    password: str = field(repr=False)
    sender: str
    """The address in `From`."""


_SMTP_PORTS = {"smtp": 587, "smtps": 465}
"""RFC 8314: 587 is for mail that is handed in, 465 for the same inside TLS."""


def read_smtp_url(text: str) -> SmtpServer:
    """`smtp://user:password@host:587?from=address`. Raises ValueError that says what is wrong and repeats nothing of it."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("must be a URL with a port between 1 and 65535") from None
    if url.scheme not in _SMTP_PORTS or not url.hostname or url.path.strip("/") or port == 0:
        raise ValueError("must be smtp:// or smtps:// with a host, and at most a port and ?from= behind it")
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if bool(user) != bool(password):
        raise ValueError("must have both a user and a password, or neither; write @ : / in them as %40 %3A %2F")
    host = url.hostname
    return SmtpServer(host, port or _SMTP_PORTS[url.scheme], url.scheme == "smtps", user, password, _sender(url, user))


def _sender(url: SplitResult, user: str) -> str:
    query = parse_qs(url.query)
    sender = query.pop("from", [user])[-1].strip()
    if query:
        raise ValueError("knows only ?from= behind the host")
    if not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", sender):
        raise ValueError("must name whom mail is from, where the user is no e-mail address, as ?from=")
    return sender


def _smtp_url(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        read_smtp_url(value.get_secret_value())
    return value


def read_voices(text: str) -> dict[str, str]:
    """`nova, hi=shimmer` -> voices by language; under "" the one for all others. Raises ValueError."""
    voices: dict[str, str] = {}
    for part in text.split(","):
        language, equals, voice = (piece.strip() for piece in part.rpartition("="))
        if not voice or (language if not equals else language not in _VOICE_LANGUAGES) or language in voices:
            raise ValueError("must be a voice, and voices of languages (es, en, hi) behind it, each named once")
        voices[language] = voice
    if "" not in voices:
        raise ValueError("must begin with the voice for all languages that have none of their own")
    return voices


_VOICE_LANGUAGES = ("es", "en", "hi")


def _voices(value: str) -> str:
    read_voices(value)
    return value


def _setting(name: str, default: Any, meaning: str, **rules: Any) -> Any:
    return Field(default, validation_alias=name, description=meaning, **rules)


class Settings(BaseSettings):
    """What the environment and `.env` say. Unset means the embedded or offline default."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    host: str = _setting("BOT_HOST", "127.0.0.1", "address the web server listens on")
    port: int = _setting("BOT_PORT", 8080, "port of the web server", ge=0, le=65535)
    metrics_port: int | None = _setting("BOT_METRICS_PORT", None, "port of `bot work` for /metrics and /readyz", ge=0, le=65535)
    metrics_token: SecretStr = _setting("BOT_METRICS_TOKEN", SecretStr(""), "bearer token that /metrics asks for")
    log_format: Literal["auto", "json", "text"] = _setting("BOT_LOG_FORMAT", "auto", "JSON lines, or lines for people")
    otlp_endpoint: str = _setting("OTEL_EXPORTER_OTLP_ENDPOINT", "", "where traces go, with switchboard[tracing]")
    data_dir: Path = _setting("BOT_DATA_DIR", Path("data"), "directory of the embedded store")
    public_url: WebAddress = _setting("BOT_PUBLIC_URL", "", "how the vendors reach us")
    secret_key: SecretStr = _setting("BOT_SECRET_KEY", SecretStr(""), "signs sessions and encrypts stored secrets")
    company: str = _setting("BOT_COMPANY", "", "what we are called: said on calls, and in prompts", max_length=100)
    default_language: Literal["es", "en", "hi"] = _setting("BOT_DEFAULT_LANGUAGE", "es", "language until a person's is known")
    quiet_ms: int = _setting("BOT_QUIET_MS", 800, "how long to wait for more of a burst, in ms", ge=0, le=600_000)
    lease_ms: int = _setting("BOT_LEASE_MS", 5000, "how long a silent worker keeps a lane, in ms", ge=100)

    max_waiting: int = _setting("BOT_MAX_WAITING", 100_000, "how much of what was received may wait before more is refused", ge=1)

    media_dir: str = _setting("BOT_MEDIA_DIR", "", "directory of attached files; one for all processes")
    media_max_mb: int = _setting("BOT_MEDIA_MAX_MB", 16, "largest attached file, in MB", ge=1, le=1024)
    media_total_mb: int = _setting("BOT_MEDIA_TOTAL_MB", 10_240, "all attached files together, in MB", ge=1)

    mongodb_uri: SecretStr = _setting("MONGODB_URI", SecretStr(""), "MongoDB instead of the embedded store")
    mongodb_database: DatabaseName = _setting("MONGODB_DATABASE", "switchboard", "database on MongoDB")
    redis_url: SecretStr = _setting("REDIS_URL", SecretStr(""), "Redis beside MongoDB, for many processes")
    smtp_url: Annotated[SecretStr, AfterValidator(_smtp_url)] = _setting("SMTP_URL", SecretStr(""), "outgoing e-mail")

    openai_api_key: SecretStr = _setting("OPENAI_API_KEY", SecretStr(""), "key of the language model's server")
    openai_base_url: WebAddress = _setting("OPENAI_BASE_URL", "", "any OpenAI-compatible server")
    openai_model: str = _setting("OPENAI_MODEL", "gpt-4o-mini", "language model")
    openai_fallback_model: str = _setting("OPENAI_FALLBACK_MODEL", "", "language model that is asked when the first one fails")
    openai_context_tokens: int = _setting(
        "OPENAI_CONTEXT_TOKENS", 0, "context length of the language models, in tokens; 0: as prompts/prices.yaml says", ge=0
    )
    langchain_model: str = _setting(
        "LANGCHAIN_MODEL", "", "a chat model of LangChain in place of OPENAI_MODEL", pattern=r"^([\w-]+:\S+)?$"
    )
    openai_embedding_model: str = _setting("OPENAI_EMBEDDING_MODEL", "", "embedding model")
    openai_transcription_model: str = _setting("OPENAI_TRANSCRIPTION_MODEL", "", "speech-to-text model")
    openai_speech_model: str = _setting("OPENAI_SPEECH_MODEL", "", "text-to-speech model")
    openai_speech_voice: Annotated[str, AfterValidator(_voices)] = _setting(
        "OPENAI_SPEECH_VOICE", "alloy", "its voice; others by language behind it, as `nova, hi=shimmer`"
    )

    whatsapp_phone_id: str = _setting("WHATSAPP_PHONE_ID", "", "id of our WhatsApp number", pattern=r"^\d*$")
    whatsapp_token: SecretStr = _setting("WHATSAPP_TOKEN", SecretStr(""), "access token of the WhatsApp app")
    whatsapp_app_secret: SecretStr = _setting("WHATSAPP_APP_SECRET", SecretStr(""), "Meta signs webhooks with it")
    whatsapp_verify_token: SecretStr = _setting("WHATSAPP_VERIFY_TOKEN", SecretStr(""), "our word in Meta's webhook set-up")
    whatsapp_messages_per_second: int = _setting(
        "WHATSAPP_MESSAGES_PER_SECOND", 80, "what Meta takes from our number; 1000 where it was raised", ge=1, le=1000
    )
    whatsapp_api_url: WebAddress = _setting("WHATSAPP_API_URL", "https://graph.facebook.com", "Meta's Graph API")

    twilio_account_sid: str = _setting("TWILIO_ACCOUNT_SID", "", "Twilio account", pattern=r"^(AC[0-9a-fA-F]{32})?$")
    twilio_auth_token: SecretStr = _setting("TWILIO_AUTH_TOKEN", SecretStr(""), "Twilio's token, also signs its webhooks")
    twilio_from_number: str = _setting("TWILIO_FROM_NUMBER", "", "number we call from", pattern=r"^(\+[1-9][0-9]{6,14})?$")
    twilio_api_url: WebAddress = _setting("TWILIO_API_URL", "https://api.twilio.com", "Twilio's REST API")
    twilio_voice: Literal["gather", "relay", "stream"] = _setting("TWILIO_VOICE", "gather", "how calls are carried")
    max_calls: int = _setting("BOT_MAX_CALLS", 200, "calls that one process carries at once", ge=1)
    call_max_minutes: int = _setting("BOT_CALL_MAX_MINUTES", 30, "longest call, in minutes", ge=1, le=240)
    call_idle_seconds: int = _setting("BOT_CALL_IDLE_SECONDS", 10, "silence on a call until we ask, in s", ge=3, le=120)
    interrupt_words: int = _setting("BOT_INTERRUPT_WORDS", 1, "words that end what we say on a call", ge=1, le=10)
    voice_detector: Literal["webrtc", "silero"] = _setting("BOT_VOICE_DETECTOR", "webrtc", "what tells speech on a media stream")
    silero_file: str = _setting("BOT_SILERO_FILE", "", "silero_vad.onnx; unset: that of an installed silero-vad")

    call_recording: bool = _setting("BOT_CALL_RECORDING", False, "whether calls are recorded, after a notice")

    @field_validator("*", mode="before")
    @classmethod
    def _strip(cls, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work together: on MongoDB, with their lanes on Redis."""
        return bool(self.mongodb_uri.get_secret_value() and self.redis_url.get_secret_value())

    @property
    def media_path(self) -> Path:
        """Where attached files are: BOT_MEDIA_DIR, else `media` in the data directory."""
        return Path(self.media_dir) if self.media_dir else self.data_dir / "media"

    @property
    def has_model(self) -> bool:
        """Whether a language model is configured: a key, a server of one's own that needs none, or one of LangChain's."""
        return self.has_openai or bool(self.langchain_model)

    @property
    def has_openai(self) -> bool:
        """Whether there is a server that speaks OpenAI's language."""
        return bool(self.openai_api_key.get_secret_value() or self.openai_base_url)

    @property
    def model_names(self) -> list[str]:
        """The language models that are configured, in the order in which they are asked."""
        first = self.langchain_model or (self.openai_model if self.has_openai else "")
        return [name for name in (first, self.openai_fallback_model if self.has_openai else "") if name]

    @property
    def has_speech_model(self) -> bool:
        """Whether a server turns text into speech."""
        return self.has_openai and bool(self.openai_speech_model)

    @property
    def has_transcription_model(self) -> bool:
        """Whether a server turns speech into text."""
        return self.has_openai and bool(self.openai_transcription_model)

    @property
    def can_speak(self) -> bool:
        """Whether anything turns text into speech here: a server, or espeak-ng on this machine."""
        return self.has_speech_model or shutil.which(ESPEAK) is not None

    @property
    def call_transport(self) -> Literal["gather", "relay", "stream"]:
        """How calls are carried: as TWILIO_VOICE says, but by gather where `stream` would be deaf or mute."""
        is_whole = self.has_transcription_model and self.can_speak
        return "gather" if self.twilio_voice == "stream" and not is_whole else self.twilio_voice

    def whatsapp_missing(self) -> list[str]:
        """The settings that WhatsApp still needs; empty when it is on."""
        needed = {
            "WHATSAPP_PHONE_ID": self.whatsapp_phone_id,
            "WHATSAPP_TOKEN": self.whatsapp_token.get_secret_value(),
            "WHATSAPP_APP_SECRET": self.whatsapp_app_secret.get_secret_value(),
            "WHATSAPP_VERIFY_TOKEN": self.whatsapp_verify_token.get_secret_value(),
        }
        return [name for name, value in needed.items() if not value]

    def twilio_missing(self) -> list[str]:
        """The settings that the telephone still needs; empty when it is on."""
        needed = {
            "TWILIO_ACCOUNT_SID": self.twilio_account_sid,
            "TWILIO_AUTH_TOKEN": self.twilio_auth_token.get_secret_value(),
            "TWILIO_FROM_NUMBER": self.twilio_from_number,
            "BOT_PUBLIC_URL": self.public_url,
        }
        return [name for name, value in needed.items() if not value]

    @property
    def has_twilio(self) -> bool:
        return not self.twilio_missing()

    @property
    def has_any_twilio(self) -> bool:
        """Whether a telephone number is being set up, or was: any one of Twilio's three settings is there."""
        return bool(self.twilio_account_sid or self.twilio_auth_token.get_secret_value() or self.twilio_from_number)

    @property
    def smtp(self) -> SmtpServer | None:
        """Where e-mail goes out; None where no SMTP_URL is set."""
        url = self.smtp_url.get_secret_value()
        return read_smtp_url(url) if url else None

    @property
    def has_whatsapp(self) -> bool:
        return not self.whatsapp_missing()

    @property
    def has_any_whatsapp(self) -> bool:
        """Whether a real number is being set up, or was: any one of its four settings is there."""
        return len(self.whatsapp_missing()) < 4

    @property
    def web_url(self) -> str:
        """Where browsers reach us: the beginning of links that we send."""
        if self.public_url:
            return self.public_url
        host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)  # noqa: S104  nothing is bound here
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the web server listens to nobody but this machine."""
        return self.host in ("127.0.0.1", "::1", "localhost")


def setting_names() -> dict[str, str]:
    """Every setting -> what it means."""
    return {str(info.validation_alias): info.description or "" for info in Settings.model_fields.values()}


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. Raises SettingsError: one line that names the setting and the fix."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        example = f"; for example {_EXAMPLES[name]}" if name in _EXAMPLES else ""
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}{_shown(name, first)}{example}") from None
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(f".env: cannot be read ({error})") from None


def require_shared(settings: Settings, command: str) -> None:
    """Raises SettingsError where the settings let only one process work, and that one does everything."""
    needed = {"MONGODB_URI": settings.mongodb_uri, "REDIS_URL": settings.redis_url}
    missing = [name for name, value in needed.items() if not value.get_secret_value()]
    if missing:
        why = f"`{command}` is one of several processes, and they share a MongoDB and a Redis"
        raise SettingsError(f"{' and '.join(missing)}: not set; {why}; `bot serve` alone needs neither")


def _shown(name: str, error: Mapping[str, Any]) -> str:
    """The wrong value, unless it is a secret."""
    secrets = {info.validation_alias for info in Settings.model_fields.values() if info.annotation is SecretStr}
    return "" if name in secrets else f" (it is {str(error.get('input'))[:60]!r})"


def share_env_file() -> None:
    """Puts what `.env` says into the environment, for a library that looks for its vendor's key there and nowhere else."""
    load_dotenv(".env", override=False)


def unknown_settings(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Settings in the environment and `.env` that look like ours but are not -> the nearest real name, or nothing."""
    known = setting_names()
    names = {**dotenv_values(".env"), **os.environ} if environment is None else environment
    strange = (name for name in names if name.upper() not in known)
    mine = (name for name in strange if name.upper().startswith(_PREFIXES))
    return {name: next(iter(get_close_matches(name.upper(), known, 1, 0.8)), "") for name in mine}


def spare_threads() -> None:
    """numpy's matrices stay on one core: ours are small, and a pool of threads costs memory. Only before numpy's first import."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
