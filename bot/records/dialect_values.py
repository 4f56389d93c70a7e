"""How values change between a seed's dialect and ours, and what a document of a seed needs to be one of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bot.conversation import AssigneeKind, ConversationStatus
from bot.errors import RecordError
from bot.records.permissions import AgentPermission

FIRST_AGENT = "support"
"""Who holds an imported conversation that no operator holds."""


class Change(NamedTuple):
    """A value of a seed -> ours, and back."""

    inward: Callable[[Any], Any]
    outward: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _words(inward: Mapping[str, str], outward: Mapping[str, str]) -> Change:
    """Words for words; one that is not known is left for the record to refuse."""
    return Change(lambda value: inward.get(value, value), lambda value: outward.get(str(value), str(value)))


def one_of(name: str, *allowed: str) -> Change:
    """Values of a seed that knows fewer of them than we do."""

    def check(value: Any) -> Any:
        if value not in allowed:
            raise RecordError(f"{name}: must be one of {', '.join(allowed)}")
        return value

    return Change(check, _same)


def _check_agent_permissions(value: Any) -> Any:
    unknown = [one for one in value if one not in frozenset(AgentPermission)] if isinstance(value, list) else []
    if unknown:
        raise RecordError(f"permissions: must be some of {', '.join(AgentPermission)}")
    return value


S2_PERMISSIONS = Change(_check_agent_permissions, _same)

S1_SPEAKER = _words({"contact": "customer"}, {"customer": "contact"})
"""C-06."""
S5_SPEAKER = _words({"agent": "ai"}, {"ai": "agent", "system": "agent", "user": "agent"})
"""The agent of a cold call is our AI."""
ROLE = _words({"assistant": "ai"}, {"ai": "assistant", "agent": "assistant", "customer": "user"})
"""C-17."""


def _number_out(value: Any) -> Any:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") else text


NUMBER = Change(str, _number_out)
"""S5 counts its rows; our ids are texts. One that began as a number is one again."""

_OURS = ("user:", "person:", "agent:")


def _user_in(value: Any) -> str:
    text = str(value)
    return text if text == "system" or text.startswith(_OURS) else f"user:{text}"


USER = Change(_user_in, lambda value: str(value).removeprefix("user:"))
USER_NUMBER = Change(_user_in, lambda value: _number_out(str(value).removeprefix("user:")))

_NOT_DIGIT = re.compile(r"\D")
DIAL_KEY = Change(lambda value: "+" + _NOT_DIGIT.sub("", str(value)), lambda value: str(value).removeprefix("+"))
"""S5's VARCHAR(15) holds the digits without the plus (C-11)."""

ANY_NOTIFICATION = Change(
    lambda value: dict.fromkeys(("email", "push", "sound"), value) if isinstance(value, bool) else value,
    lambda value: any(value.values()) if isinstance(value, Mapping) else value,
)
"""S3 knows one switch: on when any of them is (C-09)."""

_CODE_AND_TITLE = re.compile(r"(\d+): (.+)", re.DOTALL)


def _error_in(value: Any) -> Any:
    found = _CODE_AND_TITLE.fullmatch(value) if isinstance(value, str) else None
    if found:
        return {"code": found[1], "title": found[2]}
    return {"code": "", "title": value} if isinstance(value, str) else value


def _error_out(value: Any) -> Any:
    return f"{value['code']}: {value['title']}" if value.get("code") else value.get("title")


VENDOR_ERROR = Change(_error_in, _error_out)
"""S2 has one text; we keep the vendor's code apart."""


def complete_lead(lead: dict[str, Any]) -> None:
    """S5 keeps the number only as it is dialled."""
    lead.setdefault("phone", lead.get("phoneE164"))


def complete_message(message: dict[str, Any]) -> None:
    """Who speaks says which way it goes."""
    message.setdefault("direction", "inbound" if message.get("sender") in ("customer", "user") else "outbound")


def _complete_conversation(conversation: dict[str, Any], ours: str, theirs: str) -> None:
    """Where it takes place. An imported one has no lane of a channel until its person writes: the import joins them then."""
    channel = conversation.get("channel", "whatsapp")
    is_closed = conversation.get("status") == ConversationStatus.CLOSED
    conversation |= {
        "ourAddress": ours,
        "theirAddress": theirs,
        "lane": f"{channel}:{ours}:{theirs}",
        "openness": conversation.get("_id", "") if is_closed else "open",
    }


def complete_customer_conversation(conversation: dict[str, Any]) -> None:
    """Who holds it, out of the seed's five fields (DESIGN 3)."""
    operator = conversation.get("assignedAgent")
    is_waiting = conversation.get("status") == ConversationStatus.WAITING or not conversation.get("isAIEnabled", True)
    kind = AssigneeKind.OPERATOR if operator else AssigneeKind.QUEUE if is_waiting else AssigneeKind.AGENT
    conversation |= {"assigneeKind": str(kind), "assigneeName": operator or FIRST_AGENT}
    ours = (conversation.get("whatsappData") or {}).get("phoneNumberId", "")
    _complete_conversation(conversation, ours, f"imported-{conversation.get('_id', '')}")


def complete_assistant_conversation(conversation: dict[str, Any]) -> None:
    """A marketer's conversation takes place on our page."""
    conversation["assigneeName"] = "assistant"
    _complete_conversation(conversation, "assistant", conversation.get("conversationId") or conversation.get("_id", ""))


def complete_call_conversation(conversation: dict[str, Any]) -> None:
    """A call's conversation takes place in its call."""
    conversation["assigneeName"] = FIRST_AGENT
    _complete_conversation(conversation, "", conversation.get("callId", ""))
