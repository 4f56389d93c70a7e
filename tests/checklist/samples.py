"""A whole document of each collection in its seed's words: the records' own examples, and the seed's own values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any

from bot.records.base import RECORDS
from bot.records.dialects import DIALECTS, EMBEDDED, dialect_of, to_seed
from bot.testing.contracts import example

Document = dict[str, Any]

_S5_TIME = {"start_time": 3, "end_time": 9}
_OWN: Mapping[tuple[str, str], Document] = {
    ("S1", "calls"): {"transcript.segments.speaker": "contact", "status": "completed"},
    ("S1", "users"): {"role": "sales_head", "permissions": ["contacts:*", "intelligence:read"]},
    ("S2", "agents"): {"role": "agent", "permissions": ["read:conversations"], "status": "online"},
    ("S2", "conversations"): {"channel": "web", "lastMessage.from": "customer", "lastMessage.type": "text"},
    ("S2", "messages"): {"sender": "customer", "whatsappError": "131047: Re-engagement message"},
    ("S2", "activitylogs"): {
        "entityType": "ticket",
        "action": "resolved",
        "performedBy": "65f1a2b3c4d5e6f708192a3b",
        "details": {"before": {"status": "open"}, "after": {"status": "resolved"}, "changes": ["status"], "reason": "solved"},
    },
    ("S2", "customers"): {"customFields": {"plan": "gold", "Número de cliente": "7"}},
    ("S3", "users"): {"role": "user", "preferences.notifications": True},
    ("S3", "conversations"): {
        "context.campaign_brief": {"target_audience": "students"},
        "messages": [
            {"role": "user", "content": "Plan a launch", "timestamp": "2026-01-15T10:00:00.000Z", "metadata": {"a_b": 1}},
            {"role": "assistant", "content": "Gladly", "timestamp": "2026-01-15T10:00:01.000Z", "metadata": {"c": [1]}},
            {"role": "system", "content": "Planned", "timestamp": "2026-01-15T10:00:02.000Z", "metadata": {"d": None}},
        ],
    },
    ("S3", "audit_log"): {"user_id": "u1", "action": "campaign_created"},
    ("S4", "lines"): {"isActive": False},
    ("S4", "leads"): {"source": "csv", "customFields": {"Score": 7, "VIP": True, "Rate": 0.5, "Notes": "x"}},
    ("S5", "users"): {"role": "manager"},
    ("S5", "leads"): {"phone_number": "919876543210"},
    ("S5", "conversation_segments"): {"speaker": "customer", **_S5_TIME},
    ("S5", "audit_logs"): {"user_id": 7, "entity_id": 12, "action": "login"},
}
"""(seed, collection) -> its own value for some of the fields."""
_NUMBERS = ("id", "lead_id", "campaign_id", "call_id", "conversation_id", "campaign_lead_id", "created_by")
"""S5's keys count."""


def sample(seed: str, collection: str) -> Document:
    """A fresh document with every field of the dialect."""
    return deepcopy(_sample(seed, collection))


@lru_cache
def _sample(seed: str, collection: str) -> Document:
    dialect = dialect_of(seed, collection)
    whole = example(RECORDS[dialect.collection]).model_dump(by_alias=True)
    document = to_seed(seed, collection, whole)
    if seed == "S5":
        document |= {name: number for number, name in enumerate(_NUMBERS, 41) if name in document}
    for path, value in _OWN.get((seed, collection), {}).items():
        put(document, path, value)
    return document


def put(document: Document, path: str, value: Any) -> None:
    """Sets a field; of a list of parts, in every part. A list of plain values gets the value as its only one."""
    for holder, name in holders(document, path):
        is_plain_list = isinstance(holder.get(name), list) and not isinstance(value, list)
        holder[name] = [value] if is_plain_list else value


def drop(document: Document, path: str) -> None:
    """Takes a field out, wherever it is."""
    for holder, name in holders(document, path):
        holder.pop(name, None)


def look(document: Document, path: str) -> list[Any]:
    """What a field holds: once, or once for each part; a list of plain values counts as its values."""
    found: list[Any] = []
    for holder, name in holders(document, path):
        value = holder.get(name)
        found += value if isinstance(value, list) else [value]
    return found


def holders(document: Document, path: str) -> Iterator[tuple[Document, str]]:
    """The mappings that hold the field, and its name in them."""
    name, _, rest = path.partition(".")
    if not rest:
        yield document, name
        return
    inner = document.setdefault(name, {})
    for part in inner if isinstance(inner, list) else [inner]:
        yield from holders(part, rest)


def paths(document: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every dotted path of a document, parts in lists included."""
    for name, value in document.items():
        yield prefix + name
        parts: Sequence[Any] = value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, dict):
                yield from paths(part, f"{prefix}{name}.")


def declared(seed: str, collection: str) -> set[str]:
    """Every dotted path that the dialect knows."""
    found = set(_declared(dialect_of(seed, collection).nodes))
    inner = EMBEDDED.get((seed, collection))
    if inner:
        found |= {inner, *(f"{inner}.{path}" for path in declared(seed, f"{collection}.{inner}"))}
    return found


def _declared(nodes: Any, prefix: str = "") -> Iterator[str]:
    for node in nodes:
        yield prefix + node.name
        yield from _declared(node.inside, f"{prefix}{node.name}.")


BUILT = frozenset((seed, name) for seed, name in DIALECTS if "." not in name)
"""The collections that there are: (seed, its name)."""
