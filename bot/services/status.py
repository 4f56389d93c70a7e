"""What is on, what is off and why, what waits and what went wrong: the one source for `bot check` and the front page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.backlog import WAITING
from bot.clock import Clock
from bot.config import ESPEAK, Settings, unknown_settings
from bot.errors import RecordError, SettingsError
from bot.records.settings import MONEY_BOUNDS
from bot.records.webhooks import Webhook
from bot.records.work import Delivery, DeliveryState, InboxRow, InboxState, Job, JobStatus
from bot.secret_key import KEY_FILE, load_secret_key
from bot.services.hours import Hours, opening_at
from bot.services.media import RESERVE
from bot.services.origins import KEY as ORIGINS
from bot.services.origins import origins_of
from bot.services.settings import SystemSettings
from bot.services.spending import PER_CONVERSATION, PER_DAY, dollars, micros_of, spent_on
from bot.store.base import Store
from bot.store.versions import VERSION, Process, number_of

_MEGABYTE = 1024 * 1024
_NO_SERVER = "does nothing without OPENAI_API_KEY or OPENAI_BASE_URL"
_SET_SERVER = "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of yours"
_LEAST_FREE_MB = RESERVE // _MEGABYTE


class State(StrEnum):
    ON = "on"
    OFF = "off"
    WRONG = "wrong"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: State
    detail: str
    fix: str = ""
    """What to do about it; empty when nothing is to be done."""


def configuration(settings: Settings) -> list[Finding]:
    """What the settings switch on and off."""
    findings = [_model(settings), _whatsapp(settings), _web_chat(), _public_url(settings)]
    findings += [_store(settings), _redis(settings)]
    trouble = _directory_trouble(settings.data_dir)
    if trouble:
        findings.append(Finding("data directory", State.WRONG, trouble, "set BOT_DATA_DIR to a directory we may write to"))
    findings += [_media(settings), _email(settings), _secret_key(settings)]
    findings += [_telephone(settings), *_line(settings), _voice(settings), _recogniser(settings)]
    for name, nearest in unknown_settings().items():
        if nearest:
            findings.append(Finding(name, State.WRONG, "there is no such setting", f"did you mean {nearest}?"))
        elif name.upper().startswith("BOT_"):
            findings.append(Finding(name, State.WRONG, "there is no such setting", f"unset {name}"))
        else:  # it may be another program's
            findings.append(Finding(name, State.INFO, "no setting of ours; ignored"))
    return findings


def _directory_trouble(path: Path) -> str:
    """Why `bot serve` could not use this as its data directory; empty when it can. Makes nothing."""
    place = path
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return f"{place} is no directory"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{place} cannot be written to"
    locked = [name for name in ("worker.lock", "bot.db") if (path / name).exists() and not os.access(path / name, os.W_OK)]
    return f"{path / locked[0]} cannot be written to" if locked else ""


def _media(settings: Settings) -> Finding:
    """Where attached files are, and how much room there is."""
    place = settings.media_path
    trouble = _directory_trouble(place)
    if trouble:
        return Finding("media", State.WRONG, trouble, "set BOT_MEDIA_DIR to a directory we may write to")
    existing = next(path for path in (place, *place.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(existing).free // _MEGABYTE
    if free < _LEAST_FREE_MB + settings.media_max_mb:
        return Finding("media", State.WRONG, f"{place}: {free:,} MB free, so no files are taken", "make room on its disk")
    shared = "; all machines have to share it" if settings.is_shared else ""
    bounds = f"up to {settings.media_max_mb:,} MB a file, {settings.media_total_mb:,} MB in all; {free:,} MB free"
    return Finding("media", State.ON, f"{place}; {bounds}{shared}")


def _store(settings: Settings) -> Finding:
    if settings.mongodb_uri.get_secret_value():
        many = "any number of processes" if settings.is_shared else "one process at a time"
        return Finding("store", State.ON, f"MongoDB, database {settings.mongodb_database}; {many}")
    return Finding("store", State.ON, f"embedded, in {settings.data_dir}/bot.db; one process")


def _redis(settings: Settings) -> Finding:
    if settings.is_shared:
        joins = "joins the processes: `bot serve`, `bot serve --no-worker`, `bot work`"
        return Finding("Redis", State.ON, f"{joins}; needs no persistence: MongoDB holds all that has to last")
    if settings.redis_url.get_secret_value():
        lacks = "REDIS_URL is set without MONGODB_URI, and the embedded store serves one process"
        return Finding("Redis", State.WRONG, lacks, "set MONGODB_URI too, or unset REDIS_URL")
    return Finding("Redis", State.OFF, "one process does everything", "set MONGODB_URI and REDIS_URL for several")


def _model(settings: Settings) -> Finding:
    if not settings.has_model:
        return Finding(
            "model", State.OFF, "no OPENAI_API_KEY: simple mode", "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of yours"
        )
    if not all("!" <= character <= "~" for character in settings.openai_api_key.get_secret_value()):
        wrong = "OPENAI_API_KEY has a space, a line break or a letter in it that no key has"
        return Finding("model", State.WRONG, wrong, "copy it again")
    where = settings.openai_base_url or "OpenAI"
    first = f"{settings.langchain_model} by LangChain" if settings.langchain_model else f"{settings.openai_model} at {where}"
    return Finding("model", State.ON, f"{first}; {_fallback(settings, where)}")


def _fallback(settings: Settings, where: str) -> str:
    """What is asked when the first model fails."""
    if not settings.openai_fallback_model:
        return "simple mode when it fails"
    if not settings.has_openai:
        return "OPENAI_FALLBACK_MODEL does nothing without OPENAI_API_KEY or OPENAI_BASE_URL"
    return f"{settings.openai_fallback_model} at {where} when it fails"


def _whatsapp(settings: Settings) -> Finding:
    missing = settings.whatsapp_missing()
    if not missing:
        return Finding("WhatsApp", State.ON, f"number id {settings.whatsapp_phone_id}, webhook at /webhooks/whatsapp")
    begun = len(missing) < 4
    state = State.WRONG if begun else State.OFF
    return Finding("WhatsApp", state, f"{', '.join(missing)} not set", "set all four" if begun else "")


def _web_chat() -> Finding:
    return Finding("web chat", State.ON, "/chat")


def _telephone(settings: Settings) -> Finding:
    missing = settings.twilio_missing()
    if not missing:
        carried = (
            f"{settings.twilio_from_number} by {settings.call_transport}, webhook at {settings.public_url}/webhooks/twilio/voice"
        )
        recorded = ", recorded" if settings.call_recording else ""
        nameless = "" if settings.company else "set BOT_COMPANY: whom we call has to be told who calls"
        return Finding("telephone", State.ON, f"{carried}{recorded}", nameless)
    begun = settings.has_any_twilio
    state = State.WRONG if begun else State.OFF
    return Finding("telephone", state, f"{', '.join(missing)} not set", "set all four" if begun else "")


def _line(settings: Settings) -> list[Finding]:
    """Whether calls are carried otherwise than TWILIO_VOICE says."""
    if settings.call_transport == settings.twilio_voice:
        return []
    needed = {
        "OPENAI_TRANSCRIPTION_MODEL": settings.has_transcription_model,
        "OPENAI_SPEECH_MODEL (or install espeak-ng)": settings.can_speak,
    }
    missing = " and ".join(name for name, is_there in needed.items() if not is_there)
    detail = "TWILIO_VOICE is stream, which needs ears and a voice of ours: calls are carried by gather"
    return [Finding("telephone", State.WRONG, detail, f"set {missing}, or TWILIO_VOICE=relay")]


def _voice(settings: Settings) -> Finding:
    if settings.has_speech_model:
        voice = f"{settings.openai_speech_model} ({settings.openai_speech_voice}) at {settings.openai_base_url or 'OpenAI'}"
        return Finding("voice", State.ON, f"{voice}, where we speak ourselves (TWILIO_VOICE=stream, simulated calls)")
    if settings.openai_speech_model:
        return Finding("voice", State.WRONG, f"OPENAI_SPEECH_MODEL {_NO_SERVER}", _SET_SERVER)
    if settings.can_speak:
        return Finding("voice", State.ON, f"{ESPEAK} on this machine, which sounds like a robot", "set OPENAI_SPEECH_MODEL")
    return Finding("voice", State.OFF, "simulated calls are silent", f"set OPENAI_SPEECH_MODEL, or install {ESPEAK}")


def _recogniser(settings: Settings) -> Finding:
    if settings.has_transcription_model:
        return Finding("recogniser", State.ON, f"{settings.openai_transcription_model} at {settings.openai_base_url or 'OpenAI'}")
    if settings.openai_transcription_model:
        return Finding("recogniser", State.WRONG, f"OPENAI_TRANSCRIPTION_MODEL {_NO_SERVER}", _SET_SERVER)
    return Finding("recogniser", State.OFF, "simulated calls understand typed words only", "set OPENAI_TRANSCRIPTION_MODEL")


def _email(settings: Settings) -> Finding:
    smtp = settings.smtp
    if smtp is None:
        return Finding("e-mail", State.OFF, "no SMTP_URL: one-time codes go out on WhatsApp only")
    return Finding("e-mail", State.ON, f"by {smtp.host}:{smtp.port}, from {smtp.sender}")


def _secret_key(settings: Settings) -> Finding:
    configured = settings.secret_key.get_secret_value()
    path = settings.data_dir / KEY_FILE
    if configured or path.exists():
        try:
            load_secret_key(configured, settings.data_dir)
        except SettingsError as error:
            return Finding("secret key", State.WRONG, str(error))
    if configured:
        return Finding("secret key", State.ON, "BOT_SECRET_KEY")
    if settings.is_shared:
        return Finding(
            "secret key", State.WRONG, f"{path} is this machine's own", "set the same BOT_SECRET_KEY for every process"
        )
    return Finding("secret key", State.ON, f"{path}{'' if path.exists() else ', made at the first start'}")


def _public_url(settings: Settings) -> Finding:
    if settings.public_url:
        return Finding("public URL", State.ON, settings.public_url)
    return Finding("public URL", State.OFF, "vendors cannot be told where we are", "set BOT_PUBLIC_URL when the server is public")


def workers(names: Sequence[str]) -> Finding:
    """Which processes work, where several may."""
    if not names:
        return Finding("workers", State.WRONG, "none has been heard from", "start `bot work`, or `bot serve` without --no-worker")
    return Finding("workers", State.INFO, f"{len(names)}: {'; '.join(names)}")


def processes(found: Sequence[Process]) -> list[Finding]:
    """Who works on the same database, what each has done, and whether they are of one version."""
    told = [Finding("process", State.INFO, f"{process.name}: {_doing(process)}") for process in found]
    versions = sorted({process.version for process in found} | {VERSION}, key=number_of)
    if len(versions) > 1:
        named = ", ".join(version or "one from before versions were told" for version in versions)
        side_by_side = f"{named}: an older one leaves alone what only a newer one can read"
        told.append(Finding("versions", State.INFO, side_by_side, "finish the upgrade, then run `bot migrate`"))
    return told


def _doing(process: Process) -> str:
    version = f"version {process.version or 'unknown'}"
    if not process.doing:
        return f"{version}; takes what comes in, leaves the work to others"
    return f"{version}; {process.doing.get('turns', 0)} turns done, {process.doing.get('conversations', 0)} in hand"


def redis_trouble(faults: Sequence[str]) -> list[Finding]:
    """How Redis is set up where that does harm."""
    return [Finding("Redis", State.WRONG, fault, "CONFIG SET maxmemory-policy noeviction") for fault in faults]


def left_alone(vendors: Mapping[str, float]) -> list[Finding]:
    """Vendors that failed too often, by the breakers of all processes -> seconds until one of them tries again."""
    fix = "see the log for the reason; what is to be sent waits, and a model's place is taken by the next one"
    return [
        Finding(name, State.WRONG, f"failed too often and is left alone, tried again in {seconds:.0f} s", fix)
        for name, seconds in sorted(vendors.items())
    ]


async def work(store: Store, max_waiting: int) -> list[Finding]:
    """What waits, against the most that may, and what failed for good."""
    waiting = await store.count(InboxRow, WAITING)
    sending = await store.count(Delivery, {"openness": "open"})
    found = [Finding("work", State.INFO, f"{waiting} received and not finished (at most {max_waiting}), {sending} to be sent")]
    if waiting >= max_waiting:
        refusing = f"{waiting} wait, and BOT_MAX_WAITING is {max_waiting}: new messages are refused until fewer do"
        found.append(Finding("backlog", State.WRONG, refusing, "start more workers; see whether the model answers"))
    dead = {
        "received": await store.count(InboxRow, {"state": InboxState.DEAD}),
        "deliveries": await store.count(Delivery, {"state": DeliveryState.DEAD}),
        "jobs": await store.count(Job, {"status": JobStatus.FAILED}),
    }
    if any(dead.values()):
        detail = ", ".join(f"{number} {name}" for name, number in dead.items() if number)
        fix = "`bot retry` shows them with the reasons, `bot retry --all` tries them again"
        found.append(Finding("set aside", State.WRONG, f"failed too often: {detail}", fix))
    return found


async def webhooks(store: Store) -> list[Finding]:
    """Those that were switched off because nobody took what was posted."""
    off = [hook.name for hook in await store.find(Webhook, {"active": False}) if hook.disabled_reason]
    fix = "mend their servers, then switch them on again"
    return [Finding("webhooks", State.WRONG, f"switched off: {', '.join(sorted(off))}", fix)] if off else []


async def stored(store: Store, clock: Clock, settings: Settings) -> list[Finding]:
    """All that only the store knows. Raises StoreError."""
    spent = await money(store, clock) if settings.has_model else []
    return [
        *await work(store, settings.max_waiting),
        *await hours(store, clock),
        *await embedding(store, clock),
        *await webhooks(store),
        *spent,
    ]


async def embedding(store: Store, clock: Clock) -> list[Finding]:
    """Which other sites may show the chat, if any."""
    try:
        origins = origins_of(await SystemSettings(store, clock).value(ORIGINS))
    except SettingsError as error:
        return [Finding("web chat", State.WRONG, str(error), "until then no other site may show it")]
    return [Finding("web chat", State.INFO, f"may be shown by {', '.join(origins)}")] if origins else []


async def hours(store: Store, clock: Clock) -> list[Finding]:
    """Whether people of ours are there, by the settings that are in the store."""
    try:
        opening = opening_at(await Hours(SystemSettings(store, clock), clock).hours(), clock.now())
    except RecordError as error:
        return [Finding("business hours", State.WRONG, str(error), "until then prompts say nothing of hours")]
    detail = "open now" if opening.is_open else f"closed now, next {opening.next_open}"
    return [Finding("business hours", State.INFO, f"{detail}; today {opening.today}")]


def ability(agent: str, tools: int, handoffs: Sequence[str], skills: Sequence[str]) -> Finding:
    """An agent, and what it can do."""
    told = [f"{tools} tools" if tools != 1 else "1 tool"]
    if handoffs:
        told.append(f"hands to {', '.join(handoffs)}")
    if skills:
        told.append(f"for {', '.join(skills)}")
    return Finding(f"agent {agent}", State.ON, "; ".join(told))


async def money(store: Store, clock: Clock) -> list[Finding]:
    """What models have cost today against the bounds."""
    settings = SystemSettings(store, clock)
    bounds, found = {}, []
    for key, default in MONEY_BOUNDS.items():
        try:
            bounds[key] = micros_of(key, await settings.value(key))
        except SettingsError as error:
            bounds[key] = micros_of(key, default)
            found.append(Finding("AI budget", State.WRONG, str(error), f"{default} counts until then"))
    most, each = bounds[PER_DAY], bounds[PER_CONVERSATION]
    spent = await spent_on(store, clock.now().date().isoformat())
    of = f"of {dollars(most, 2)}" if most else "(no bound)"
    conversation = f"{dollars(each, 2)} per conversation and day" if each else "no bound per conversation"
    detail = f"{dollars(spent, 2)} {of} spent today (UTC); {conversation}"
    if 0 < most <= spent:
        return [Finding("AI budget", State.WRONG, f"{detail}: used up, people take over", f"raise {PER_DAY}"), *found]
    return [Finding("AI budget", State.ON, detail), *found]


def unpriced(models: Iterable[str]) -> list[Finding]:
    """Models whose costs are unknown."""
    fix = "add it to prompts/prices.yaml (with zeros where it costs nothing)"
    return [
        Finding("AI budget", State.INFO, f"no price known for {model}: money bounds do not count it", fix) for model in models
    ]
