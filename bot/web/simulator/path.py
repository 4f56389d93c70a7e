"""The way that the last message took, as five steps to be read: webhook, store, turn, who holds it, delivery."""

from __future__ import annotations

from babel.numbers import format_decimal

from bot.conversation import AssigneeKind
from bot.records.conversations import MessageStatus
from bot.services.last_turn import How, LastTurn
from bot.web.site import Received
from bot.web.texts import Texts

Step = dict[str, str]
"""`tone`, `icon`, `title`, `detail`; without a tone it has not happened yet."""

_HOLDERS = {AssigneeKind.AGENT: "ai", AssigneeKind.QUEUE: "nobody", AssigneeKind.OPERATOR: "op"}
_HOW_TONES = {How.HELD: "op", How.RULE: "ok", How.FLOW: "ok"}
_TONES = {"ai": "ai", "nobody": "wait", "op": "op"}


def path_of(turn: LastTurn | None, received: Received | None, t: Texts, *, is_open: bool) -> list[Step]:
    """Empty before the first message. `is_open`: an answer is still under way."""
    if turn is None and received is None:
        return []
    done = None if is_open else turn
    return [_webhook(received, t), _store(received, t), _turn(done, t), _holder(turn, t), _delivery(done, t)]


def _webhook(received: Received | None, t: Texts) -> Step:
    detail = t("path_checked_in", ms=_ms(received.checked_ms, t)) if received else t("path_checked")
    return _step("ok", "shield", t("path_webhook"), detail)


def _store(received: Received | None, t: Texts) -> Step:
    if received is None:
        return _step("ok", "db", t("path_stored"), t("path_durable"))
    if not received.fresh:
        return _step("ok", "db", t("path_stored"), t("path_duplicate"))
    return _step("ok", "db", t("path_stored"), t("path_stored_in", ms=_ms(received.stored_ms, t)))


def _turn(turn: LastTurn | None, t: Texts) -> Step:
    if turn is None:
        return _step("", "bot", t("path_turn"), t("path_being_answered"))
    parts = [t(f"path_how_{turn.how}")]
    if turn.how in (How.MODEL, How.OFFLINE):
        parts[0] = t(f"path_how_{turn.how}", ms=_ms((turn.seconds or 0) * 1000, t))
    parts += [named for named in (turn.flow, *turn.tools) if named]
    tone = _HOW_TONES.get(turn.how, "ai")
    return _step(tone, "hand" if turn.how is How.HELD else "bot", t("path_turn"), " · ".join(parts))


def _holder(turn: LastTurn | None, t: Texts) -> Step:
    if turn is None:
        return _step("", "hand", t("path_kept"), t("path_being_answered"))
    holder = _HOLDERS[turn.holder]
    who = t(f"path_holder_{holder}", agent=turn.agent) if holder == "ai" else t(f"path_holder_{holder}")
    if turn.handed_off:
        return _step(_TONES[holder], "hand", t("path_handed"), t("path_epochs", before=turn.epoch - 1, after=turn.epoch, who=who))
    return _step(_TONES[holder], "hand", t("path_kept"), t("path_epoch", epoch=turn.epoch, who=who))


def _delivery(turn: LastTurn | None, t: Texts) -> Step:
    if turn is None:
        return _step("", "checks", t("path_delivered"), t("path_being_answered"))
    if turn.status is None:
        return _step("", "checks", t("path_delivered"), t("path_nothing_to_say"))
    if turn.status is MessageStatus.FAILED:
        return _step("bad", "warn", t("path_not_delivered"), turn.trouble)
    tone = "" if turn.status is MessageStatus.PENDING else "ok"
    said = t(f"path_status_{turn.status}")
    return _step(tone, "checks", t("path_delivered"), t("path_counts", status=said, replies=turn.replies, attempts=turn.attempts))


def _step(tone: str, icon: str, title: str, detail: str) -> Step:
    return {"tone": tone, "icon": icon, "title": title, "detail": detail}


def _ms(milliseconds: float, t: Texts) -> str:
    return format_decimal(round(milliseconds, 2 if milliseconds < 1 else 1), locale=t.language)
