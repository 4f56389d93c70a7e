"""`/supervisor`: what burns, six numbers, plots over time, who waits and who holds what; with what can be done about it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from aiohttp import web

from bot.errors import Conflict, NotFound, RecordError, ServiceError
from bot.records.conversations import Priority
from bot.records.permissions import allows
from bot.services.board import Boards
from bot.services.overview import Overviews
from bot.services.set_aside import counted
from bot.services.settings import SystemSettings
from bot.services.transfers import may_assign
from bot.web.access import needs
from bot.web.forms import form_of
from bot.web.gate import asking
from bot.web.overview.burning import burning
from bot.web.overview.charts import Charts
from bot.web.overview.numbers import numbers
from bot.web.overview.people import People
from bot.web.overview.words import Words
from bot.web.site import Site
from bot.web.texts import texts_of
from bot.web.times import zone_of

PATH = "/supervisor"
_ONE = f"{PATH}/{{conversation:[0-9A-Za-z_.-]{{1,64}}}}"
_PERIODS = {"1": 1, "7": 7, "30": 30}
_DONE = frozenset({"assigned", "pulled", "priority"})
_LIMIT_MINUTES = 10.0


class SupervisorPage:
    """What supervisors look at and do."""

    def __init__(self, site: Site) -> None:
        parts = site.parts
        self._site = site
        self._clock = parts.clock
        self._store = parts.store
        self._desk = parts.desk
        self._settings = SystemSettings(parts.store, parts.clock)
        self._overviews = Overviews(parts.store, parts.clock)
        self._boards = Boards(parts.store, parts.desk.queueing, parts.desk.presence, self._settings)

    def routes(self) -> list[web.RouteDef]:
        return [
            *needs("view:analytics", web.get(PATH, self.page)),
            *needs(
                "assign:conversations",
                web.post(f"{_ONE}/assign", self.assign),
                web.post(f"{_ONE}/pull", self.pull),
                web.post(f"{_ONE}/priority", self.set_priority),
            ),
        ]

    async def page(self, request: web.Request) -> web.Response:
        done = request.query.get("done", "")
        return await self._page(request, done=done if done in _DONE else "")

    async def assign(self, request: web.Request) -> web.StreamResponse:
        """Gives a conversation to an operator."""
        form = await form_of(request)
        to = form.get("to", "")
        if not to:
            return await self._page(request, problem=texts_of("supervisor", self._site.language(request))("problem_nobody"))
        user = asking(request).user
        return await self._do(request, form, "assigned", self._desk.transfers.assign(_id(request), user, to))

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """Takes a conversation, whoever holds it."""
        form = await form_of(request)
        return await self._do(request, form, "pulled", self._desk.transfers.pull(_id(request), asking(request).user))

    async def set_priority(self, request: web.Request) -> web.StreamResponse:
        """Lets it come sooner or later in its queue."""
        form = await form_of(request)
        change = self._desk.filing.set_priority(_id(request), asking(request).user, form.get("priority", ""))
        return await self._do(request, form, "priority", change)

    async def _do(
        self, request: web.Request, form: Mapping[str, str], done: str, change: Awaitable[object]
    ) -> web.StreamResponse:
        """Does it and shows the page again, or why not. Raises HTTPNotFound."""
        try:
            await change
        except NotFound:
            raise web.HTTPNotFound(text="there is no such conversation") from None
        except (ServiceError, RecordError) as error:
            return await self._page(request, problem=str(error))
        except Conflict as error:
            return await self._page(request, problem=str(error), status=409)
        days = form.get("days", "")
        raise web.HTTPSeeOther(f"{PATH}?days={days if days in _PERIODS else '1'}&done={done}")

    async def _page(self, request: web.Request, *, done: str = "", problem: str = "", status: int = 422) -> web.Response:
        reader, language = asking(request).user, self._site.language(request)
        days = _PERIODS.get(request.query.get("days", ""), 1)
        words = Words(texts_of("supervisor", language), zone_of(reader))
        overview = await self._overviews.lately(days, words.zone)
        now = self._clock.now()
        board, limit = await self._boards.now(now), await self._limit()
        people = People(board, reader, words, limit)
        may_see = allows(reader.granted, "conversations", "read")
        fires = burning(
            board,
            people,
            words,
            limit=limit,
            dead=await counted(self._store),
            is_ai_on=await self._settings.value("ai_response_enabled") is not False,
            may_see_work=may_assign(reader),
        )
        values: dict[str, Any] = {
            "days": days,
            "periods": list(_PERIODS.values()),
            "today": words.day(now),
            "at": f"{now.astimezone(words.zone):%H:%M:%S}",
            "fires": fires if may_see else [],
            "numbers": numbers(overview, words),
            "charts": Charts(overview, words, by_hour=days == 1).all(),
            "waiting": people.waiting() if may_see else [],
            "waiting_count": board.waiting,
            "oldest": words.lasting(people.minutes(board.oldest)) if board.oldest else "",
            "by_skill": ", ".join(f"{skill} {count}" for skill, count in board.by_skill.items()),
            "places": people.places() if may_see else [],
            "held": board.held,
            "capacity": board.capacity,
            "priorities": [str(priority) for priority in Priority],
            "may_see": may_see,
            "may_assign": may_assign(reader),
        }
        where = f"{PATH}?days={days}&"
        shown = status if problem else 200
        return self._site.page(
            request, "supervisor.html", texts="supervisor", status=shown, here=where, done=done, problem=problem, **values
        )

    async def _limit(self) -> float:
        """Minutes after which somebody has waited too long: when anybody who is free may take them."""
        rules = await self._settings.value("assignment_rules")
        minutes = rules.get("anybody_after_minutes") if isinstance(rules, Mapping) else None
        return float(minutes) if isinstance(minutes, int | float) and minutes > 0 else _LIMIT_MINUTES


def _id(request: web.Request) -> str:
    return request.match_info["conversation"]


def routes(site: Site) -> list[web.RouteDef]:
    return SupervisorPage(site).routes()
