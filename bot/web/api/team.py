"""Who asks, who else is on the team, whether they are there, and what waits for them."""

from __future__ import annotations

from bot.errors import ServiceError
from bot.records.permissions import ANY
from bot.records.users import Presence, Role, User
from bot.services.presence import is_operator, may_write
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At
from bot.web.paging import Cursor, Limit, Page
from bot.web.rows import called
from bot.web.site import Site

READ = "read:conversations"


class Me(Model):
    """Who asks."""

    id: str
    name: str
    email: str
    role: Role
    permissions: list[str]
    """What they may do here and now, as `resource:action`; by a token what its scopes leave of it."""
    status: Presence
    skills: list[str]
    language: str
    timezone: str
    is_operator: bool
    open: int
    """Conversations that they hold."""
    token: str | None
    """The token's name; null in a browser."""


class Member(Model):
    """Somebody of the team."""

    id: str
    name: str
    role: Role
    status: Presence
    department: str | None
    skills: list[str]
    is_operator: bool
    """Whether conversations are given to them."""
    open: int
    """Conversations that they hold."""


class Members(Model):
    limit: Limit = 50
    after: Cursor = ""
    operators: bool = False
    """Only those to whom conversations are given, all of them."""


class NewStatus(Model):
    status: Presence


class QueueNow(Model):
    skill: str
    count: int
    oldest_since: At | None


class Team:
    """Reads; and what users say of themselves."""

    def __init__(self, site: Site) -> None:
        self._parts = site.parts
        self._desk = site.parts.desk

    @endpoint("GET", "/me")
    async def me(self, call: Call) -> Me:
        """Who asks, and what they may do."""
        user, token = call.user, call.who.token
        return Me(
            id=user.id,
            name=called(user),
            email=user.email,
            role=user.role,
            permissions=sorted(f"{resource}:{'*' if action == ANY else action}" for resource, action in user.granted),
            status=user.status,
            skills=user.skills,
            language=user.preferences.language,
            timezone=user.preferences.timezone,
            is_operator=is_operator(user),
            open=user.statistics.current_active_conversations,
            token=token.name if token is not None else None,
        )

    @endpoint("PUT", "/me/status")
    async def set_status(self, call: Call, body: NewStatus) -> Member:
        """Says whether one is there: only who is online is given conversations. A token needs the scope write:messages for it."""
        if call.who.token is not None and not may_write(call.user):
            raise ServiceError("this token may only look; setting a status needs the scope write:messages")
        await self._desk.presence.set_status(call.user.id, body.status)
        return _member(await self._parts.accounts.users.get(call.user.id))

    @endpoint("GET", "/users", READ)
    async def users(self, call: Call, query: Members) -> Page[Member]:
        """The team, by e-mail address; or all operators by name."""
        if query.operators:
            operators = await self._desk.presence.operators()
            return Page(items=sorted(map(_member, operators), key=lambda one: (one.name.casefold(), one.id)))
        found, following = await self._parts.accounts.users.page(query.after, query.limit)
        return Page(items=[_member(user) for user in found if user.is_active], next=following or None)

    @endpoint("GET", "/queues", READ)
    async def queues(self, call: Call) -> Page[QueueNow]:
        """Every queue, with how many wait in it; the fullest first."""
        waiting = await self._desk.reports.queues()
        found = [QueueNow(skill=one.skill, count=one.count, oldest_since=one.oldest_since) for one in waiting]
        there = {one.skill for one in found}
        empty = [skill for skill in self._parts.router.skills() if skill not in there]
        return Page(items=[*found, *(QueueNow(skill=skill, count=0, oldest_since=None) for skill in empty)])


def _member(user: User) -> Member:
    return Member(
        id=user.id,
        name=called(user),
        role=user.role,
        status=user.status,
        department=user.department,
        skills=user.skills,
        is_operator=is_operator(user),
        open=user.statistics.current_active_conversations,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Team(site))
