"""What operators do with a conversation. Each answers with what it is then; who loses a race is told who was faster (409)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.conversation import OperatorRef
from bot.records.conversations import Category, ChannelName, Conversation, Message, Priority
from bot.records.users import User
from bot.services.media import MOST_ATTACHED
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.faults import Invalid
from bot.web.fields import ClientId, Id, Moment, NoteText, Remark, Words
from bot.web.rows import Row, Rows, called, sees_whole
from bot.web.site import Site
from bot.web.timeline import MessageEntry, NoteEntry, message_entry, note_entry

READ, WRITE, ASSIGN = "read:conversations", "write:messages", "assign:conversations"


class Noted(Model):
    note: Remark = ""
    """Why, for whoever has it next."""


class Transfer(Noted):
    """To an operator, or into a queue: one of the two."""

    user: Annotated[str, Field(max_length=200)] = ""
    """An operator's id."""
    skill: Annotated[str, Field(max_length=100)] = ""
    """A queue."""


class Assign(Noted):
    user: Id
    """An operator's id."""


class NewReply(Model):
    text: Annotated[str, Field(max_length=16_000, examples=["Hello"])]
    """May be empty where there are files."""
    client_id: ClientId
    attachments: Annotated[list[Id], Field(max_length=MOST_ATTACHED)] = []
    """Ids of files that the caller has sent to /media; only a channel that carries files takes them."""


class NewNote(Model):
    text: NoteText
    is_visible: bool = False
    """Whether the person may see it."""


class Tags(Model):
    tags: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100, examples=[["vip"]])]
    """All it has from now on."""


class NewPriority(Model):
    priority: Priority


class NewCategory(Model):
    category: Category


class Snooze(Model):
    until: Moment | None
    """null ends it."""


class Resolve(Model):
    notes: NoteText
    """In a line, how it was solved."""
    ask: bool = True
    """Whether the person is asked how it was."""


class Close(Model):
    reason: Remark = ""


class Typing(Model):
    is_typing: bool = True
    """False when it was sent or given up; a sign lasts six seconds."""


class Begin(Model):
    customer_id: Id
    text: Words
    client_id: ClientId
    channel: ChannelName = ChannelName.WHATSAPP


class Begun(Model):
    conversation: Row
    message: MessageEntry


class Connect(Noted):
    """To whose telephone."""

    user: Annotated[str, Field(max_length=200)] = ""
    """An operator's id; empty: the caller's own."""


class Conversations:
    """Writes, by the desk's services alone."""

    def __init__(self, site: Site) -> None:
        self._calls = site.parts.transfer_calls
        self._desk = site.parts.desk
        self._rows = Rows(site.parts.store)

    @endpoint("POST", "/conversations", WRITE, status=201)
    async def begin(self, call: Call, body: Begin) -> Begun:
        """Writes to a person first, where that is allowed; the conversation is then the caller's."""
        message = await self._desk.replies.begin(
            body.customer_id, call.user, body.text, client_id=body.client_id, channel=body.channel
        )
        conversation = await self._desk.transfers.get(message.conversation_id)
        return Begun(conversation=await self._row(call, conversation), message=_said(call, message))

    @endpoint("POST", "/conversations/{id}/take-over", WRITE)
    async def take_over(self, call: Call, id: str, body: Noted) -> Row:
        """Takes it from the AI or a queue: from that instant the AI is silent.

        409 with `holder` where another operator has it.
        """
        return await self._row(call, await self._desk.transfers.take_over(id, call.user, note=body.note))

    @endpoint("POST", "/conversations/{id}/hand-back", WRITE)
    async def hand_back(self, call: Call, id: str, body: Noted) -> Row:
        """Gives it back to the AI, with a note that the AI reads."""
        return await self._row(call, await self._desk.transfers.hand_back(id, call.user, note=body.note))

    @endpoint("POST", "/conversations/{id}/transfer", WRITE)
    async def transfer(self, call: Call, id: str, body: Transfer) -> Row:
        """Passes it on to an operator, or into a queue."""
        if bool(body.user) == bool(body.skill):
            raise Invalid("body.user: give a user or a skill, one of the two", field="user")
        moved = await self._desk.transfers.transfer(id, call.user, to_user=body.user, skill=body.skill, note=body.note)
        return await self._row(call, moved)

    @endpoint("POST", "/conversations/{id}/assign", ASSIGN)
    async def assign(self, call: Call, id: str, body: Assign) -> Row:
        """Gives it to somebody, whoever holds it now."""
        return await self._row(call, await self._desk.transfers.assign(id, call.user, body.user, note=body.note))

    @endpoint("POST", "/conversations/{id}/pull", ASSIGN)
    async def pull(self, call: Call, id: str, body: Noted) -> Row:
        """Takes it out of another operator's hands."""
        return await self._row(call, await self._desk.transfers.pull(id, call.user, note=body.note))

    @endpoint("POST", "/conversations/{id}/reply", WRITE, status=201)
    async def reply(self, call: Call, id: str, body: NewReply) -> MessageEntry:
        """Writes to the person. The same `client_id` again says it once, and answers with what was said."""
        if not body.text.strip() and not body.attachments:
            raise Invalid("body.text: is required; write some words", field="text")
        conversation = await self._desk.transfers.get(id)
        message = await self._desk.replies.say(id, call.user, body.text, client_id=body.client_id, attachments=body.attachments)
        if message.conversation_id != id:
            raise Invalid("body.client_id: was used in another conversation; make a new one for each reply", field="client_id")
        self._desk.typing.stops(conversation.lane, call.user.id)
        return _said(call, message)

    @endpoint("POST", "/conversations/{id}/note", WRITE, status=201)
    async def note(self, call: Call, id: str, body: NewNote) -> NoteEntry:
        """Writes a note for the team."""
        note = await self._desk.filing.note(id, call.user, body.text, is_visible=body.is_visible)
        conversation = await self._desk.transfers.get(id)
        numbered = enumerate(conversation.internal_notes)
        number = next((number for number, one in numbered if one == note), len(conversation.internal_notes))
        return note_entry(f"note-{number}", note, _only(call.user))

    @endpoint("POST", "/conversations/{id}/tags", WRITE)
    async def tags(self, call: Call, id: str, body: Tags) -> Row:
        """Sets its tags: these and no others."""
        await self._desk.filing.tag(id, call.user, *body.tags)
        return await self._row_of(call, id)

    @endpoint("POST", "/conversations/{id}/priority", WRITE)
    async def priority(self, call: Call, id: str, body: NewPriority) -> Row:
        """Sets its priority, and with it its place in a queue."""
        return await self._row(call, await self._desk.filing.set_priority(id, call.user, body.priority))

    @endpoint("POST", "/conversations/{id}/category", WRITE)
    async def category(self, call: Call, id: str, body: NewCategory) -> Row:
        """Sets what it is about."""
        return await self._row(call, await self._desk.filing.set_category(id, call.user, body.category))

    @endpoint("POST", "/conversations/{id}/snooze", WRITE)
    async def snooze(self, call: Call, id: str, body: Snooze) -> Row:
        """Puts it out of sight until a moment, or until the person writes."""
        return await self._row(call, await self._desk.filing.snooze(id, call.user, body.until))

    @endpoint("POST", "/conversations/{id}/resolve", WRITE)
    async def resolve(self, call: Call, id: str, body: Resolve) -> Row:
        """What was to be done is done."""
        return await self._row(call, await self._desk.closing.resolve(id, call.user, body.notes, ask=body.ask))

    @endpoint("POST", "/conversations/{id}/reopen", WRITE)
    async def reopen(self, call: Call, id: str) -> Row:
        """A resolved one goes on, with the caller."""
        return await self._row(call, await self._desk.closing.reopen(id, call.user))

    @endpoint("POST", "/conversations/{id}/close", WRITE)
    async def close(self, call: Call, id: str, body: Close) -> Row:
        """Ends it for good: what the person writes next begins another one."""
        await self._desk.closing.close(id, call.user, body.reason)
        return await self._row_of(call, id)

    @endpoint("POST", "/conversations/{id}/read", READ)
    async def read(self, call: Call, id: str) -> Row:
        """The caller has seen it. It counts where they hold it; for anybody else it changes nothing."""
        conversation = await self._desk.transfers.get(id)
        if conversation.assignee == OperatorRef(call.user.id) and conversation.unread_count:
            await self._desk.filing.read(id)
        return await self._row_of(call, id)

    @endpoint("POST", "/conversations/{id}/typing", WRITE)
    async def typing(self, call: Call, id: str, body: Typing) -> None:
        """The caller types; to be said again every three seconds."""
        conversation = await self._desk.transfers.get(id)
        if body.is_typing:
            self._desk.typing.types(conversation.lane, call.user.id, called(call.user))
        else:
            self._desk.typing.stops(conversation.lane, call.user.id)

    @endpoint("POST", "/conversations/{id}/connect", WRITE)
    async def connect(self, call: Call, id: str, body: Connect) -> Row:
        """Puts a telephone call through to the telephone of an operator, who holds the conversation from then on."""
        to = "" if body.user == call.user.id else body.user
        return await self._row(call, await self._calls.connect(id, call.user, to_user=to, note=body.note))

    @endpoint("POST", "/conversations/{id}/hang-up", WRITE)
    async def hang_up(self, call: Call, id: str) -> Row:
        """Ends a telephone call; 409 with `holder` where another operator has it."""
        await self._calls.hang_up(id, call.user)
        return await self._row_of(call, id)

    async def _row(self, call: Call, conversation: Conversation) -> Row:
        return await self._rows.one(conversation, whole=sees_whole(call.user))

    async def _row_of(self, call: Call, id: str) -> Row:
        return await self._row(call, await self._desk.transfers.get(id))


def _said(call: Call, message: Message) -> MessageEntry:
    return message_entry(message, _only(call.user), call.user)


def _only(user: User) -> dict[str, User]:
    return {user.id: user}


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Conversations(site))
