"""What was done, in the person's own words and language: the results of tools are for a model, and in English."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.resources import moment, say

_PLAIN = frozenset({"cancel_callback", "capture_lead", "rate_ticket", "rate_conversation"})
"""Tools whose sentence has no blanks."""


def told(language: str, tool: str, arguments: Mapping[str, Any], result: str) -> str:
    """The sentence for a call that was done; empty where there is none for this tool."""
    if tool == "create_ticket":
        return say(language, "ticket_opened", ticket_id=result.rsplit(" ", 1)[-1])
    if tool in ("book_callback", "move_callback"):
        return _with_moment(language, tool, arguments)
    if tool == "opt_out":
        return say(language, "opted_out")
    return say(language, f"did_{tool}") if tool in _PLAIN else ""


def _with_moment(language: str, tool: str, arguments: Mapping[str, Any]) -> str:
    try:
        at = datetime.fromisoformat(str(arguments["requested_time"]))
        zone = ZoneInfo(str(arguments["timezone"])) if arguments.get("timezone") else None
    except (ValueError, OSError, LookupError):  # a model wrote it in another way
        return ""
    return say(language, f"did_{tool}", when=moment(language, at, zone))
