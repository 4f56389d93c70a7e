"""The ways in which a send can go wrong, and Meta's words for them."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import orjson

from bot.testing.whatsapp.bodies import Node

_HTTP = {
    0: 401, 1: 500, 2: 503, 3: 500, 4: 429, 10: 403, 190: 401, 368: 403, 80007: 429,
    130429: 429, 130497: 403, 131000: 500, 131005: 403, 131016: 503, 131031: 403, 131045: 500, 131048: 429, 131056: 429,
    131057: 500, 132001: 404, 132005: 404,
}  # fmt: skip
"""The HTTP status Meta answers with, by code; 400 for all others."""

_WORDS = {
    4: "Application request limit reached",
    10: "Application does not have permission for this action",
    190: "Error validating access token: Session has expired",
    80007: "Rate limit issues",
    130429: "Rate limit hit",
    130472: "User's number is part of an experiment",
    131000: "Something went wrong",
    131009: "Parameter value is not valid",
    131016: "Service unavailable",
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
}


class Fault(msgspec.Struct, frozen=True):
    """What happens to one send. Made by the functions below."""

    accepts: bool = True
    """Whether Meta takes the message (it is in `sent`), whatever it answers."""
    wait: float = 0.0
    """Seconds before the answer; infinite for none until the fake is closed."""
    drops: bool = False
    """Whether the connection is cut instead of an answer."""
    status: int = 200
    answer: bytes | None = None
    """The body of the answer; None for the usual one."""
    content_type: str = "application/json"
    headers: dict[str, str] = {}


def error(code: int, *, subcode: int | None = None, message: str = "", details: str = "", retry_after: int = 0) -> Fault:
    """Refused with one of Meta's error codes, its HTTP status and its body."""
    node: Node = {"message": f"(#{code}) {message or _WORDS.get(code, 'Error')}", "type": "OAuthException", "code": code}
    if subcode is not None:
        node["error_subcode"] = subcode
    if details:
        node["error_data"] = {"messaging_product": "whatsapp", "details": details}
    node["fbtrace_id"] = "Az8or2yhqkZfEZ-_4Qn_Bam"
    status = 403 if 200 <= code < 300 else _HTTP.get(code, 400)
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return Fault(accepts=False, status=status, answer=orjson.dumps({"error": node}), headers=headers)


def failed(code: int) -> Node:
    """The error inside a `failed` status."""
    words = _WORDS.get(code, "Error")
    return {"code": code, "title": words, "message": words, "error_data": {"details": words}}


def html(status: int, *, accepts: bool = False) -> Fault:
    """A page instead of JSON, as something between us and Meta answers; `accepts` if the message went out all the same."""
    return Fault(accepts=accepts, status=status, answer=b"<html>oops</html>", content_type="text/html")


def json_answer(document: Any, *, status: int = 200, accepts: bool = True) -> Fault:
    """Any other JSON as the answer."""
    return Fault(accepts=accepts, status=status, answer=orjson.dumps(document))


def hang(*, accepts: bool = False) -> Fault:
    """No answer, and the connection stays open."""
    return Fault(accepts=accepts, wait=math.inf)


def lost_answer() -> Fault:
    """The message goes out, but the connection breaks before the answer."""
    return Fault(drops=True)


def lost_request() -> Fault:
    """The connection breaks and the message does not go out."""
    return Fault(accepts=False, drops=True)


def delay(seconds: float) -> Fault:
    """All is well, after so many seconds."""
    return Fault(wait=seconds)


def over_the_limits(raw: Node) -> Fault | None:
    """What Meta answers to a body it does not take (limits: CHANNELS 1.6); None if it is in order."""
    kind = raw.get("type")
    part = raw.get(kind) if isinstance(kind, str) else None
    if not isinstance(part, dict):
        return error(100, message="The parameter type is required.")
    if not raw.get("to") and not raw.get("recipient"):
        return error(100, message="The parameter to is required.")
    if kind == "text":
        written = part.get("body")
        if not isinstance(written, str) or not written.strip():
            return error(100, message="The parameter text['body'] is required.")
        return error(100, message="Param text['body'] must be at most 4096 characters long.") if _long(written, 4096) else None
    return _interactive_over(part) if kind == "interactive" and part.get("type") == "button" else None


def _interactive_over(part: Node) -> Fault | None:
    buttons = [button.get("reply", {}) for button in part.get("action", {}).get("buttons", ())]
    text = part.get("body", {}).get("text", "")
    ids, titles = [button.get("id", "") for button in buttons], [button.get("title", "") for button in buttons]
    if not text.strip() or _long(text, 1024):
        return error(131009, details="Body text length invalid. Min length: 1, Max length: 1024")
    if not 1 <= len(buttons) <= 3:
        return error(131009, details="Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
    if any(not title or _long(title, 20) for title in titles):
        return error(131009, details="Button title length invalid. Min length: 1, Max length: 20")
    if any(not id or _long(id, 256) for id in ids):
        return error(131009, details="Button reply id length invalid. Min length: 1, Max length: 256")
    if len(set(ids)) < len(ids) or len(set(titles)) < len(titles):
        return error(131009, details="Duplicated reply button id or title")
    return None


def _long(text: str, limit: int) -> bool:
    return len(text.encode("utf-16-le")) // 2 > limit  # the stricter of the two ways to count an emoji
