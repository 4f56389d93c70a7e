"""Makes the parts that need a vendor's library: the model and the channels that the settings switch on.

`_load` is the one sanctioned late import: such a library costs memory and start-up time only where it is configured.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import structlog

from bot.breakers import Breaker, Breakers
from bot.channels.base import Channel, Checkable
from bot.channels.console import ConsoleChannel
from bot.channels.voice.channel import VoiceChannel
from bot.channels.voice.speech import Recogniser, Speech, Voice
from bot.channels.web import WebChannel
from bot.channels.whatsapp.simulator import NAME as SIMULATED
from bot.channels.whatsapp.simulator import SimulatedChannel, Simulator
from bot.clock import Clock, SystemClock
from bot.config import Settings, read_voices, share_env_file
from bot.dialogs.llm import Model, ModelRequest, finish
from bot.dialogs.resilient import Choice, ResilientModel
from bot.errors import BotError, SettingsError
from bot.message import Incoming
from bot.meter import KEEPS_NOTHING, Meter
from bot.services.phone_calls import PhoneCalls
from bot.services.status import Finding, State
from bot.services.webhook_posting import Poster, Sealing, Tools
from bot.shared import Shared, alone
from bot.store.base import LaneKinds, SharedStore, Store
from bot.store.local import LocalLanes
from bot.store.ownership import Ownership, is_database_owned, is_directory_owned, own_database, own_directory, share_database
from bot.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from aiohttp import web

    from bot.channels.email import EmailSender
    from bot.channels.voice.detector import Detector
    from bot.channels.voice.joining import Calls
    from bot.channels.voice.rest import TwilioRest
    from bot.channels.voice.simulator import SimulatedTelephone
    from bot.channels.voice.webhook import Served

Accept = Callable[[Sequence[Incoming]], Awaitable[object]]
"""Makes received items durable."""

AtEnd = Callable[[], Awaitable[None]]
"""What is to be done when a server stops."""

log = structlog.get_logger()

_NO_TRACING = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: pip install 'switchboard[tracing]', or unset it"
)


def _load(module: str) -> Any:
    return importlib.import_module(module)


def embedded_path(settings: Settings) -> Path:
    """The file of the embedded store."""
    return settings.data_dir / "bot.db"


def embedded_store(settings: Settings, clock: Clock) -> Store:
    """The store on this machine."""
    return SqliteStore(embedded_path(settings), clock)


def store_of(settings: Settings, clock: Clock) -> Store:
    """The store that the settings choose."""
    uri = settings.mongodb_uri.get_secret_value()
    if not uri:
        return embedded_store(settings, clock)
    return cast(Store, _load("bot.store.mongo").MongoStore(uri, settings.mongodb_database, clock))


def worked_on(settings: Settings, store: Store) -> AbstractAsyncContextManager[Ownership]:
    """Opens the store to work on it, with all others or alone, as the settings say. Raises DataInUse."""
    if not settings.is_shared:
        return owned(settings, store)
    return share_database(cast(SharedStore, store), settings.lease_ms / 1000)


@asynccontextmanager
async def lanes_of(settings: Settings, store: Store, clock: Clock, fence: int, *, works: bool) -> AsyncIterator[LaneKinds]:
    """The lanes that the settings choose: this process's own, under this fence, or those of all.

    Raises SettingsError, and StoreUnavailable where this process `works` and Redis does not answer.
    """
    if settings.is_shared:
        url, name, lease = settings.redis_url.get_secret_value(), settings.mongodb_database, settings.lease_ms / 1000
        async with _load("bot.store.redis").shared_lanes(url, name, lease, store, must_answer=works) as lanes:
            yield lanes
        return
    turns, receipts, sends, jobs = (LocalLanes(fence, clock) for _ in range(4))
    with closing(turns), closing(receipts), closing(sends), closing(jobs):
        yield LaneKinds(turns, receipts, sends, jobs)


@asynccontextmanager
async def shared_of(settings: Settings, clock: Clock) -> AsyncIterator[Shared]:
    """What processes share beside the Store: by Redis where there may be several, else in memory. Redis need not answer."""
    if not settings.is_shared:
        yield alone(clock)
        return
    url, name = settings.redis_url.get_secret_value(), settings.mongodb_database
    async with _load("bot.store.redis_shared").shared_on(url, name, clock) as shared:
        yield shared


def owned(settings: Settings, store: Store) -> AbstractAsyncContextManager[Ownership]:
    """Opens the store as the one process that works on it. Raises DataInUse."""
    if settings.mongodb_uri.get_secret_value():
        return own_database(cast(SharedStore, store), settings.lease_ms / 1000)
    return own_directory(settings.data_dir, store)


async def is_worked_on(settings: Settings, store: Store) -> bool:
    """Whether some process works on the store."""
    if settings.mongodb_uri.get_secret_value():
        return await is_database_owned(store)
    return is_directory_owned(settings.data_dir)


def model_of(settings: Settings, clock: Clock, breakers: Breakers | None = None) -> Model | None:
    """What answers, if a language model is configured: the models of the settings, one after another. Raises SettingsError."""
    choices = choices_of(settings)
    return ResilientModel(choices, clock, breakers=breakers) if choices else None


def choices_of(settings: Settings) -> list[Choice]:
    """The language models that are configured, in the order in which they are asked. Raises SettingsError."""
    context = settings.openai_context_tokens
    return [Choice(name, _model_named(settings, name), context) for name in settings.model_names]


def _model_named(settings: Settings, name: str) -> Model:
    if name == settings.langchain_model:
        return _langchain_model(name)
    key = settings.openai_api_key.get_secret_value()
    openai = _load("bot.dialogs.openai_model")
    return cast(Model, openai.OpenAIModel(key, settings.openai_base_url or None, name))


def _langchain_model(name: str) -> Model:
    try:
        langchain = _load("bot.dialogs.langchain_model")
    except ModuleNotFoundError as error:
        fix = "install it with: pip install 'switchboard[langchain]', and the package of the model's provider"
        raise SettingsError(f"LANGCHAIN_MODEL needs {error.name}: {fix}") from None
    share_env_file()
    return cast(Model, langchain.named(name))


def speech_of(settings: Settings, clock: Clock, breakers: Breakers | None = None) -> Speech:
    """What calls are spoken and understood with, as far as we do it ourselves. Raises SettingsError.

    Speaks: OPENAI_SPEECH_MODEL, else espeak-ng, else silence. Understands: OPENAI_TRANSCRIPTION_MODEL, else what is scripted.
    """
    breakers = breakers or Breakers(clock)
    return Speech(_voice_of(settings, breakers), _recogniser_of(settings, breakers))


def _voice_of(settings: Settings, breakers: Breakers) -> Voice:
    if not settings.can_speak:
        return cast(Voice, _load("bot.channels.voice.scripted").SilentVoice())
    voice = _openai_voice(settings, breakers) if settings.has_speech_model else _load("bot.channels.voice.espeak").EspeakVoice()
    return cast(Voice, _load("bot.channels.voice.audio_cache").CachedVoice(voice, settings.data_dir / "speech"))


def _openai_voice(settings: Settings, breakers: Breakers) -> Any:
    voices, server = read_voices(settings.openai_speech_voice), _speech_server(settings, breakers, "speech")
    return _load("bot.channels.voice.openai_speech").OpenAIVoice(server, settings.openai_speech_model, voices)


def _recogniser_of(settings: Settings, breakers: Breakers) -> Recogniser:
    if not settings.has_transcription_model:
        return cast(Recogniser, _load("bot.channels.voice.scripted").ScriptedRecogniser())
    server = _speech_server(settings, breakers, "transcription")
    openai = _load("bot.channels.voice.openai_recogniser")
    return cast(Recogniser, openai.OpenAIRecogniser(server, settings.openai_transcription_model))


def _speech_server(settings: Settings, breakers: Breakers, name: str) -> Any:
    key = settings.openai_api_key.get_secret_value()
    return _load("bot.channels.voice.speech_server").SpeechServer(key, settings.openai_base_url, breakers.of(name))


def meter_of(settings: Settings, clock: Clock) -> Meter:
    """What counts for /metrics, and makes traces where OTEL_EXPORTER_OTLP_ENDPOINT is set."""
    version = importlib.metadata.version("switchboard")
    counting = cast(Meter, _load("bot.metrics").PrometheusMeter(clock, version))
    if not settings.otlp_endpoint:
        return counting
    share_env_file()  # the exporter reads its own variables
    try:
        return cast(Meter, _load("bot.traces").exporting(clock, version, counting))
    except ModuleNotFoundError:
        log.warning(_NO_TRACING)
        return counting


def tracing(settings: Settings) -> Finding:
    """Whether traces are made (`bot check`)."""
    if not settings.otlp_endpoint:
        return Finding("traces", State.OFF, "no OTEL_EXPORTER_OTLP_ENDPOINT")
    try:
        _load("bot.traces")
    except ModuleNotFoundError:
        what, _, fix = _NO_TRACING.partition(": ")
        return Finding("traces", State.WRONG, what, fix)
    return Finding("traces", State.ON, f"to {_without_password(settings.otlp_endpoint)}")


def _without_password(url: str) -> str:
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"


def unmakeable(settings: Settings) -> list[Finding]:
    """What the settings name and cannot be made: `bot serve` would not start with it."""
    findings = []
    if settings.langchain_model:
        findings += _unmakeable("model", lambda: _langchain_model(settings.langchain_model))
    if settings.voice_detector != "webrtc":
        findings += _unmakeable("voice detector", lambda: detectors_of(settings))
    return findings


def _unmakeable(name: str, make: Callable[[], object]) -> list[Finding]:
    try:
        make()
    except SettingsError as error:
        return [Finding(name, State.WRONG, str(error))]
    return []


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The channels that are on, by name."""
    channels: dict[str, Channel] = {"console": ConsoleChannel(), "web": WebChannel(), SIMULATED: SimulatedChannel()}
    channels["voice"] = VoiceChannel()
    if settings.has_whatsapp:
        whatsapp = _load("bot.channels.whatsapp.sender")
        token = settings.whatsapp_token.get_secret_value()
        channels["whatsapp"] = whatsapp.WhatsAppChannel(
            settings.whatsapp_phone_id, token, settings.whatsapp_api_url, per_second=settings.whatsapp_messages_per_second
        )
    return channels


def mailer_of(settings: Settings, clock: Clock, breaker: Breaker | None = None) -> EmailSender | None:
    """What sends e-mail, if a server is configured."""
    server = settings.smtp
    if server is None:
        return None
    return cast("EmailSender", _load("bot.channels.email").EmailSender(server, clock, breaker=breaker))


def detectors_of(settings: Settings) -> Callable[[], Detector]:
    """What makes the voice detector of each call on a media stream. Raises SettingsError."""
    if settings.voice_detector == "webrtc":
        return cast("Callable[[], Detector]", _load("bot.channels.voice.detector").WebrtcDetector)
    try:
        silero = _load("bot.channels.voice.silero")
    except ModuleNotFoundError as error:
        fix = "install it with: pip install 'switchboard[silero]', or leave it at webrtc"
        raise SettingsError(f"BOT_VOICE_DETECTOR=silero needs {error.name}: {fix}") from None
    return cast("Callable[[], Detector]", silero.load(settings.silero_file).detector)


def telephone_of(settings: Settings, clock: Clock, breaker: Breaker | None = None) -> TwilioRest | None:
    """What places calls, if there is a telephone."""
    return _twilio(settings, clock, breaker) if settings.has_twilio else None


def twilio_account(settings: Settings, clock: Clock) -> TwilioRest:
    """The account to be set up. Raises SettingsError that names what is missing."""
    missing = settings.twilio_missing()
    if missing:
        raise SettingsError(
            f"{' and '.join(missing)}: not set; the telephone needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, "
            "TWILIO_FROM_NUMBER and BOT_PUBLIC_URL"
        )
    return _twilio(settings, clock)


def _twilio(settings: Settings, clock: Clock, breaker: Breaker | None = None) -> TwilioRest:
    rest = _load("bot.channels.voice.rest").TwilioRest(
        settings.twilio_account_sid,
        settings.twilio_auth_token.get_secret_value(),
        settings.twilio_from_number,
        settings.public_url,
        clock,
        api_url=settings.twilio_api_url,
        breaker=breaker,
    )
    return cast("TwilioRest", rest)


def posting_tools(key: bytes) -> Tools:
    """What webhooks are posted and their secrets sealed with, under this secret key; loaded when the first one is there."""
    return Tools(lambda: cast(Sealing, _load("bot.sealing").Seal(key)), lambda: cast(Poster, _load("bot.posting").Poster()))


def webhooks_of(settings: Settings, accept: Accept, clock: Clock, meter: Meter = KEEPS_NOTHING) -> Iterable[web.RouteDef]:
    """The routes of the channels that are on."""
    if not settings.has_whatsapp:
        return []
    webhook = _load("bot.channels.whatsapp.webhook")
    routes = webhook.routes(
        app_secret=settings.whatsapp_app_secret.get_secret_value(),
        verify_token=settings.whatsapp_verify_token.get_secret_value(),
        accept=accept,
        clock=clock,
        meter=meter,
    )
    return cast("Iterable[web.RouteDef]", routes)


def telephone_routes(settings: Settings, parts: Served, at_end: Callable[[AtEnd], object]) -> Iterable[web.RouteDef]:
    """The telephone's webhooks and websockets, where it is on; `parts` is the joined program.

    `at_end` is given what is to be done when the server stops. Raises SettingsError.
    """
    if not settings.has_twilio:
        return []
    token = settings.twilio_auth_token.get_secret_value()
    signatures = _load("bot.channels.voice.signature").Signatures(token, settings.public_url)
    unanswered = parts.transfer_calls.unanswered
    hooks = _load("bot.channels.voice.call_hooks").CallHooks(
        parts.phone_calls, parts.calling, parts.after_call.recordings.recorded, unanswered
    )
    lines = _lines_of(settings, parts, at_end)
    rules = _load("bot.channels.voice.rules").rules_of(settings, is_recorded=settings.call_recording)
    routes = _load("bot.channels.voice.webhook").routes(parts, signatures, hooks, lines, rules, parts.calls.live.may_begin)
    return cast("Iterable[web.RouteDef]", routes)


def _lines_of(settings: Settings, parts: Served, at_end: Callable[[AtEnd], object]) -> dict[str, Any]:
    """The handlers of the websockets that the settings want, by their names in TWILIO_VOICE."""
    way = settings.call_transport
    if way == "gather":
        return {}
    calls = parts.calls
    lines = _load("bot.channels.voice.lines").Lines(
        settings.twilio_account_sid, parts.store, parts.clock, parts.phone_calls, calls
    )
    at_end(calls.close)
    if way == "relay":
        return {way: _load("bot.channels.voice.relay").Relay(calls.live, lines.of_relay, parts.clock).handle}
    stream, speech = _load("bot.channels.voice.stream"), speech_of(settings, parts.clock, parts.shared.breakers)
    answering = stream.Answering(lines.of_stream, calls.live.open, lines.over)
    streams = stream.Streams(speech.voice, speech.recogniser, detectors_of(settings), parts.clock, answering)
    at_end(streams.close)
    at_end(speech.close)
    return {way: streams.serve}


def simulator_of(settings: Settings, accept: Callable[[Sequence[Incoming]], Awaitable[int]], clock: Clock) -> Simulator | None:
    """The simulated phone: only where nobody but this machine is listened to and no part of a real number is set (DESIGN 5)."""
    return Simulator(accept, clock) if settings.is_loopback and not settings.has_any_whatsapp else None


def phone_simulator_of(settings: Settings, clock: Clock, phone_calls: PhoneCalls, calls: Calls) -> SimulatedTelephone | None:
    """The simulated telephone, where nobody but this machine is listened to and no part of a real number is set (DESIGN 5).

    Raises SettingsError.
    """
    if not settings.is_loopback or settings.has_any_twilio:
        return None
    simulator = _load("bot.channels.voice.simulator")
    speech = speech_of(settings, clock)
    return cast(
        "SimulatedTelephone",
        simulator.SimulatedTelephone(phone_calls, clock, speech, detectors_of(settings), calls.live.open),
    )


async def ask_vendors(settings: Settings) -> list[Finding]:
    """Asks each vendor that is configured whether it knows us (`bot check --live`)."""
    findings = []
    for name in settings.model_names:
        findings.append(await _asked(f"model {name}, live", _try_model(settings, name)))
    for channel in channels_of(settings).values():
        if isinstance(channel, Checkable):
            findings.append(await _asked(f"{channel.name}, live", channel.check()))
        await channel.close()
    findings += await _ask_speech(settings)
    telephone = telephone_of(settings, SystemClock())
    if telephone is not None:
        findings.append(await _asked(f"{telephone.name}, live", telephone.check()))
        await telephone.close()
    mailer = mailer_of(settings, SystemClock())
    if mailer is not None:
        findings.append(await _asked(f"{mailer.name}, live", mailer.check()))
    return findings


async def _ask_speech(settings: Settings) -> list[Finding]:
    breakers, findings = Breakers(SystemClock()), []
    if settings.has_speech_model:
        voice = _openai_voice(settings, breakers)
        findings.append(await _asked("voice, live", voice.check()))
        await voice.close()
    if settings.has_transcription_model:
        recogniser = cast(Any, _recogniser_of(settings, breakers))
        findings.append(await _asked("recogniser, live", recogniser.check()))
        await recogniser.close()
    return findings


async def _try_model(settings: Settings, name: str) -> str:
    model = _model_named(settings, name)
    question = ModelRequest([{"role": "user", "content": "Answer with the word ok."}], max_tokens=16)
    try:
        step = await finish(model, question)
    finally:
        await model.close()
    return f"{step.model or 'it'} answered"


async def _asked(name: str, question: Awaitable[str]) -> Finding:
    try:
        return Finding(name, State.ON, await question)
    except BotError as error:
        return Finding(name, State.WRONG, str(error))
