"""What somebody should look at now, said on top of the supervisors' page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.services.board import Board
from bot.web.overview.people import People
from bot.web.overview.words import Words


@dataclass(frozen=True, slots=True)
class Fire:
    """One thing."""

    tone: str
    text: str
    to: str = ""
    """Where something can be done about it."""
    do: str = ""


def burning(
    board: Board, people: People, words: Words, *, limit: float, dead: Mapping[str, int], is_ai_on: bool, may_see_work: bool
) -> list[Fire]:
    """All of it, the worst first."""
    t, found = words.t, []
    if board.oldest is not None and people.minutes(board.oldest) >= limit:
        waits = words.lasting(people.minutes(board.oldest))
        who, skill = people.called(board.oldest), board.oldest.assignee_name
        text = t("burns_waits", who=who, waits=waits, skill=skill, limit=words.lasting(limit))
        found.append(Fire("bad", text, "#waits", t("look")))
    for skill in board.unserved:
        found.append(Fire("bad", t("burns_unserved", skill=skill, count=board.by_skill[skill]), "#load", t("look")))
    if board.late_tickets:
        found.append(Fire("bad", t("burns_tickets", count=board.late_tickets)))
    if sum(dead.values()):
        to, do = ("/work", t("look")) if may_see_work else ("", "")
        found.append(Fire("bad", t("burns_dead", count=sum(dead.values())), to, do))
    if not is_ai_on:
        found.append(Fire("wait", t("burns_ai_off")))
    return found
