"""Canned replies: found by their shortcut, filled in for a person, the team's and each operator's own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.clock import new_id
from bot.errors import Duplicate, NotFound, RecordError, ServiceError
from bot.records.audit import AuditAction
from bot.records.canned import CannedReply
from bot.records.conversations import Category, Conversation
from bot.records.people import Customer
from bot.records.permissions import allows
from bot.records.users import User
from bot.services.audit import Audit, stored
from bot.services.numbers import number_of
from bot.services.users import name_of
from bot.store.base import Change, Delete, Store, Unit

BLANKS = ("name", "operator", "number")
_BLANK = re.compile(r"\{([^{}]*)\}")
_MOST = 1000


class CannedReplies:
    """The only writer of canned replies."""

    def __init__(self, store: Store, audit: Audit) -> None:
        self._store = store
        self._audit = audit

    async def all(self, user: User, *, beginning: str = "", language: str = "") -> list[CannedReply]:
        """Those the user may use, by shortcut: the team's and their own, their own first where both have one of a name."""
        found = [
            *await self._store.find(CannedReply, {"owner_id": user.id}, limit=_MOST),
            *await self._store.find(CannedReply, {"owner_id": None}, limit=_MOST),
        ]
        wanted = beginning.casefold().lstrip("/")
        by_name: dict[tuple[str, str], CannedReply] = {}
        for reply in found:
            if reply.shortcut.startswith(wanted) and language in ("", reply.language):
                by_name.setdefault((reply.shortcut, reply.language), reply)
        return sorted(by_name.values(), key=lambda reply: (reply.shortcut, reply.language))

    async def save(
        self,
        user: User,
        shortcut: str,
        title: str,
        text: str,
        *,
        language: str = "es",
        category: Category | None = None,
        is_shared: bool = False,
        id: str = "",
    ) -> CannedReply:
        """A new one, or the one with this id changed. One for the team needs the permission to assign.

        Raises RecordError (naming field and fix), ServiceError (the shortcut is taken; not allowed), NotFound.
        """
        owner = None if is_shared else user.id
        self._require_right(user, owner)
        if unknown := sorted(set(_BLANK.findall(text)) - set(BLANKS)):
            raise RecordError(f"CannedReply.text: there is no blank {{{unknown[0][:40]}}}; there are {', '.join(BLANKS)}")
        old = await self._own(id, user) if id else None
        shortcut = shortcut.strip().casefold().lstrip("/")
        reply = CannedReply.new(
            id=old.id if old else new_id(),
            version=old.version if old else 0,
            key=f"{owner or ''}:{shortcut}:{language}",
            shortcut=shortcut,
            title=title.strip(),
            text=text.strip(),
            language=language,
            owner_id=owner,
            category=category,
            used=old.used if old else 0,
        )
        unit, by = Unit(), f"user:{user.id}"
        if old is None:
            unit.insert(reply, self._audit.entry(AuditAction.CREATED, "canned_reply", reply.id, by, after=stored(reply)))
        else:
            unit.put(reply)
            unit.insert(self._audit.change(AuditAction.UPDATED, "canned_reply", old, reply, by))
        try:
            await self._store.commit(unit)
        except Duplicate:
            raise ServiceError(f"CannedReply.shortcut: /{shortcut} is taken in {language} already; choose another") from None
        return reply

    async def get(self, id: str, user: User) -> CannedReply:
        """One that the user may use. Raises NotFound."""
        found = await self._store.get(CannedReply, id)
        if found is None or found.owner_id not in (None, user.id):
            raise NotFound(f"there is no canned reply {id}")
        return found

    async def delete(self, id: str, user: User) -> None:
        """Raises NotFound, ServiceError."""
        old = await self._own(id, user)
        unit = Unit(Delete(CannedReply, {"id": id}))
        unit.insert(self._audit.entry(AuditAction.DELETED, "canned_reply", id, f"user:{user.id}", before=stored(old)))
        await self._store.commit(unit)

    async def fill(self, reply: CannedReply, conversation: Conversation, user: User) -> str:
        """Its text for a person; a blank of which nothing is known disappears."""
        customer = await self._store.get(Customer, conversation.customer_id or "")
        values: Mapping[str, str] = {
            "name": (customer.first_name or "") if customer else "",
            "operator": name_of(user),
            "number": number_of(conversation),
        }
        await self._store.commit(Unit(Change(CannedReply, {"id": reply.id}, inc={"used": 1})))
        return filled(reply.text, values)

    async def _own(self, id: str, user: User) -> CannedReply:
        found = await self.get(id, user)
        self._require_right(user, found.owner_id)
        return found

    @staticmethod
    def _require_right(user: User, owner: str | None) -> None:
        if owner is None and not allows(user.granted, "conversations", "assign"):
            raise ServiceError("a canned reply for the whole team needs the permission assign:conversations; save it as your own")


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its blanks filled in; no gap stays where nothing is known."""
    said = _BLANK.sub(lambda blank: values.get(blank.group(1), blank.group(0)), text)
    return re.sub(r" +([,.!?;:])", r"\1", re.sub(r" {2,}", " ", said)).strip()
