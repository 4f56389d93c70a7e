"""`/settings`: what can be changed while the program runs, by subject, with typed fields; who changed it last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.errors import Conflict, RecordError, ServiceError
from bot.records.settings import SystemSetting
from bot.records.users import User
from bot.services.audit import Audit
from bot.services.setting_changes import SettingChanges
from bot.services.setting_fields import Field, default_of, subjects, value_in
from bot.services.users import name_of
from bot.store.base import In
from bot.web.access import needs
from bot.web.forms import form_of
from bot.web.gate import asking
from bot.web.setting_forms import shown, typed
from bot.web.site import Site
from bot.web.times import shown as moment_shown

PATH = "/settings"
PERMISSION = "manage:settings"


class SettingsPage:
    """What an administrator sets."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._store = site.parts.store
        self._changes = SettingChanges(site.parts.store, site.parts.clock, Audit(site.parts.clock))

    def routes(self) -> list[web.RouteDef]:
        return needs(PERMISSION, web.get(PATH, self.page), web.post(f"{PATH}/{{subject:[a-z]{{1,20}}}}", self.save))

    async def page(self, request: web.Request) -> web.Response:
        subject = request.query.get("subject", "")
        done = "saved" if request.query.get("done") == "saved" else ""
        return await self._page(request, subject if subject in subjects() else next(iter(subjects())), done=done)

    async def save(self, request: web.Request) -> web.StreamResponse:
        """Saves one subject, or says what is wrong beside what was typed. Raises HTTPNotFound, HTTPConflict."""
        subject = request.match_info["subject"]
        fields = subjects().get(subject)
        if fields is None:
            raise web.HTTPNotFound(text="there is no such subject")
        form = await form_of(request)
        rows = await self._changes.rows(_keys(fields))
        values = typed(fields, form, {key: _value(rows, key) for key in _keys(fields)})
        try:
            await self._changes.save(asking(request).user, values)
        except (RecordError, ServiceError) as error:
            return await self._page(request, subject, values=values, problem=str(error))
        except Conflict:
            raise web.HTTPConflict(text="this was changed elsewhere at this moment; look at it again") from None
        raise web.HTTPSeeOther(f"{PATH}?subject={subject}&done=saved")

    async def _page(
        self, request: web.Request, subject: str, *, values: Mapping[str, Any] | None = None, problem: str = "", done: str = ""
    ) -> web.Response:
        fields = subjects()[subject]
        rows = await self._changes.rows(_keys(fields))
        current = values or {key: _value(rows, key) for key in _keys(fields)}
        groups: dict[str, list[dict[str, Any]]] = {}
        for field in fields:
            groups.setdefault(field.group, []).append(_field(field, current, problem))
        return self._site.page(
            request,
            "settings.html",
            texts="settings",
            status=422 if problem else 200,
            here=f"{PATH}?subject={subject}&",
            subject=subject,
            subjects=list(subjects()),
            groups=groups,
            problem=problem,
            done=done,
            changed=await self._changed(request, rows),
        )

    async def _changed(self, request: web.Request, rows: Mapping[str, SystemSetting]) -> list[dict[str, str]]:
        """Who changed what last, of those that somebody has changed."""
        by = sorted({row.updated_by for row in rows.values() if row.updated_by})
        users = {user.id: user for user in await self._store.find(User, {"id": In(by)})} if by else {}
        language, reader = self._site.language(request), asking(request).user
        return [
            {
                "key": row.key,
                "who": name_of(users[row.updated_by]) if row.updated_by in users else str(row.updated_by),
                "at": moment_shown(language, row.updated_at, reader),
            }
            for row in rows.values()
            if row.updated_by
        ]


def _keys(fields: tuple[Field, ...]) -> list[str]:
    return list(dict.fromkeys(field.key for field in fields))


def _value(rows: Mapping[str, SystemSetting], key: str) -> Any:
    return rows[key].value if key in rows else default_of(key)


def _field(field: Field, values: Mapping[str, Any], problem: str) -> dict[str, Any]:
    default = shown(field, value_in(default_of(field.key), field.path))
    return {
        "field": field,
        "name": field.name,
        "label": field.path[-1] if field.group else field.name,
        "within": field.path[1] if len(field.path) > 2 else "",
        "kind": str(field.kind),
        "value": shown(field, value_in(values[field.key], field.path)),
        "default": default if isinstance(default, str | bool) else None,
        "is_wrong": problem.startswith((f"{field.name}:", f"{field.name}.")),
    }


def routes(site: Site) -> list[web.RouteDef]:
    return SettingsPage(site).routes()
