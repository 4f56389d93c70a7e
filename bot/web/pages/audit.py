"""`/audit`: who changed what and when, the newest first; a page at a time."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.errors import Conflict
from bot.records.audit import AuditAction, AuditEntry
from bot.records.users import User
from bot.services.audit import History
from bot.services.setting_fields import subjects
from bot.services.users import name_of
from bot.store.base import In
from bot.web.access import needs
from bot.web.forms import clean
from bot.web.gate import asking
from bot.web.site import Site
from bot.web.times import day_of, shown

PATH = "/audit"
_PAGE = 50
_LENGTH = 100
_FILTERS = ("by", "action", "kind", "id", "from", "to")


class AuditPage:
    """What an administrator looks up."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._store = site.parts.store
        self._users = site.parts.accounts.users
        self._history = History(site.parts.store)

    def routes(self) -> list[web.RouteDef]:
        return needs("system:admin", web.get(PATH, self.page))

    async def page(self, request: web.Request) -> web.Response:
        """Raises HTTPBadRequest for an `after` that there is not."""
        asked = {name: clean(request.query.get(name, "")).strip()[:_LENGTH] for name in _FILTERS}
        reader = asking(request).user
        begins, ends = day_of(asked["from"], reader, 0), day_of(asked["to"], reader, 1)
        try:
            found = await self._history.page(
                by=asked["by"],
                action=asked["action"],
                entity_type=asked["kind"],
                entity_id=asked["id"],
                begins=begins,
                ends=ends,
                limit=_PAGE + 1,
                after=clean(request.query.get("after", ""))[:_LENGTH] or None,
            )
        except Conflict:
            raise web.HTTPBadRequest(text="after: there is no such entry; begin with the first page") from None
        filters = {name: value for name, value in asked.items() if value}
        more = urlencode({**filters, "after": found[_PAGE - 1].id}) if len(found) > _PAGE else ""
        names, people = await self._names(found[:_PAGE]), await self._team()
        language = self._site.language(request)
        return self._site.page(
            request,
            "audit.html",
            texts="settings",
            here=f"{PATH}?{urlencode(filters)}&" if filters else f"{PATH}?",
            asked=asked,
            is_wrong=[name for name, at in (("from", begins), ("to", ends)) if asked[name] and at is None],
            entries=[_entry(one, names, shown(language, one.timestamp, reader)) for one in found[:_PAGE]],
            more=more,
            people=people,
            actions=[str(action) for action in AuditAction],
            subjects=list(subjects()),
        )

    async def _names(self, entries: list[AuditEntry]) -> dict[str, str]:
        """`user:<id>` -> what they are called."""
        acted = {one.performed_by for one in entries if one.performed_by}
        ids = {by.removeprefix("user:") for by in acted if by.startswith("user:")}
        found = await self._store.find(User, {"id": In(sorted(ids))}) if ids else []
        return {f"user:{user.id}": name_of(user) or user.email for user in found}

    async def _team(self) -> list[tuple[str, str]]:
        users, _ = await self._users.page("", 200)
        return [(f"user:{user.id}", name_of(user) or user.email) for user in users]


def _entry(one: AuditEntry, names: dict[str, str], at: str) -> dict[str, Any]:
    before, after = one.details.get("before") or {}, one.details.get("after") or {}
    changes = [name for name in one.details.get("changes") or [] if isinstance(name, str)]
    return {
        "at": at,
        "by": one.performed_by or "",
        "who": names.get(one.performed_by or "", one.performed_by or ""),
        "action": str(one.action),
        "kind": one.entity_type or "",
        "id": one.entity_id or "",
        "reason": str(one.details.get("reason") or ""),
        "network": one.ip_address or "",
        "changes": [(name, _short(before, name), _short(after, name)) for name in changes[:20]],
    }


def _short(values: Any, name: str) -> str:
    value = values.get(name) if isinstance(values, dict) else None
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"


def routes(site: Site) -> list[web.RouteDef]:
    return AuditPage(site).routes()
