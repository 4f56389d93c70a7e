"""How webhooks are posted to: the setting `webhook_rules`, and what an address and a subscription have to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from bot.errors import RecordError
from bot.records.settings import WEBHOOK_RULES
from bot.services.settings import SystemSettings
from bot.services.webhook_events import EVENTS

log = structlog.get_logger()

KEY = "webhook_rules"
_BOUNDS = {"timeout_seconds": (1, 30), "attempts": (1, 20), "disable_after": (1, 10_000)}
_PATTERNS = ("*", "conversation.*", "ticket.*")


@dataclass(frozen=True, slots=True)
class PostRules:
    """What counts now."""

    allow_private: bool
    """Whether also addresses of private networks, and of this machine, may be posted to."""
    timeout_seconds: float
    attempts: int
    """Of one event; then it is dead."""
    disable_after: int
    """Posts in a row that were not taken; then the webhook is switched off."""


def read_rules(value: object) -> PostRules:
    """Raises RecordError that names the field and the fix."""
    default = WEBHOOK_RULES[KEY]
    if not isinstance(value, Mapping):
        raise RecordError(f"{KEY}: must be a mapping of {', '.join(default)}")
    unknown = sorted(str(name) for name in value if name not in default)
    if unknown:
        raise RecordError(f"{KEY}: there is no {unknown[0][:40]!r}; there are {', '.join(default)}")
    rules = {**default, **value}
    if not isinstance(rules["allow_private"], bool):
        raise RecordError(f"{KEY}.allow_private: must be true or false")
    for name, (low, high) in _BOUNDS.items():
        number = rules[name]
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise RecordError(f"{KEY}.{name}: must be a whole number from {low} to {high}; for example {default[name]}")
    return PostRules(rules["allow_private"], float(rules["timeout_seconds"]), rules["attempts"], rules["disable_after"])


async def rules_now(settings: SystemSettings) -> PostRules:
    """The setting, or its default where it cannot be read: nothing private is opened by a slip."""
    try:
        return read_rules(await settings.value(KEY))
    except RecordError as error:
        log.warning("setting cannot be read, its default counts", why=str(error))
        return read_rules(WEBHOOK_RULES[KEY])


def checked_url(text: str, *, needs_https: bool) -> str:
    """An address that can be posted to. Where it leads is looked at when it is connected to. Raises RecordError."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RecordError(f"Webhook.url: {url[:80]!r} is no address; for example https://crm.example.com/hooks") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or any(not "!" <= each <= "~" for each in url):
        raise RecordError("Webhook.url: must be an address like https://crm.example.com/hooks")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise RecordError("Webhook.url: must hold no user, no password and no #; posts are signed with the secret")
    if needs_https and parts.scheme != "https":
        raise RecordError("Webhook.url: must begin with https:// on a public server")
    return url


def checked_events(events: Iterable[str]) -> list[str]:
    """Each once. Raises RecordError that names the first there is none of."""
    wanted = list(dict.fromkeys(event.strip() for event in events))
    unknown = [event for event in wanted if event not in EVENTS and event not in _PATTERNS]
    if unknown:
        raise RecordError(f"Webhook.events: there is no event {unknown[0][:40]!r}; there are {', '.join((*_PATTERNS, *EVENTS))}")
    if not wanted:
        raise RecordError("Webhook.events: name at least one; for example ticket.*")
    return wanted
