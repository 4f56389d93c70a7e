"""Canned replies: what operators say often."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.records.canned import CannedReply
from bot.records.conversations import Category
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import Id, Query
from bot.web.paging import Page
from bot.web.site import Site

WRITE = "write:messages"


class Wanted(Model):
    beginning: Query = ""
    """Of the shortcut, with or without its slash."""
    language: Annotated[str, Field(pattern=r"^([a-z]{2})?$")] = ""


class Text(Model):
    shortcut: Annotated[str, Field(min_length=1, max_length=40, examples=["hello"])]
    title: Annotated[str, Field(min_length=1, max_length=80, examples=["Greeting"])]
    text: Annotated[str, Field(min_length=1, max_length=4000, examples=["Hello {name}, I am {operator}."])]
    """With the blanks {name}, {operator}, {number}."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$", examples=["es"])] = "es"
    category: Category | None = None
    is_shared: bool = False
    """The whole team's; that needs the permission assign:conversations."""


class Canned(Model):
    id: str
    shortcut: str
    title: str
    text: str
    language: str
    category: Category | None
    is_shared: bool
    used: int


class Fill(Model):
    conversation_id: Id


class Filled(Model):
    text: str


class CannedReplies:
    def __init__(self, site: Site) -> None:
        self._canned = site.parts.desk.canned
        self._transfers = site.parts.desk.transfers

    @endpoint("GET", "/canned", WRITE)
    async def listed(self, call: Call, query: Wanted) -> Page[Canned]:
        """The team's and one's own, by shortcut."""
        found = await self._canned.all(call.user, beginning=query.beginning, language=query.language)
        return Page(items=[_shown(one) for one in found])

    @endpoint("POST", "/canned", WRITE, status=201)
    async def add(self, call: Call, body: Text) -> Canned:
        """Keeps a new one."""
        return await self._saved(call, body, "")

    @endpoint("PUT", "/canned/{id}", WRITE)
    async def change(self, call: Call, id: str, body: Text) -> Canned:
        """Writes one anew."""
        return await self._saved(call, body, id)

    @endpoint("DELETE", "/canned/{id}", WRITE)
    async def delete(self, call: Call, id: str) -> None:
        """Takes one away."""
        await self._canned.delete(id, call.user)

    @endpoint("POST", "/canned/{id}/fill", WRITE)
    async def fill(self, call: Call, id: str, body: Fill) -> Filled:
        """Its text for the person of a conversation; what is not known of them is left out."""
        conversation = await self._transfers.get(body.conversation_id)
        return Filled(text=await self._canned.fill(await self._canned.get(id, call.user), conversation, call.user))

    async def _saved(self, call: Call, body: Text, id: str) -> Canned:
        saved = await self._canned.save(
            call.user,
            body.shortcut,
            body.title,
            body.text,
            language=body.language,
            category=body.category,
            is_shared=body.is_shared,
            id=id,
        )
        return _shown(saved)


def _shown(reply: CannedReply) -> Canned:
    return Canned(
        id=reply.id,
        shortcut=reply.shortcut,
        title=reply.title,
        text=reply.text,
        language=reply.language,
        category=reply.category,
        is_shared=reply.owner_id is None,
        used=reply.used,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(CannedReplies(site))
