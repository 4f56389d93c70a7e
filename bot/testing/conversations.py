"""Conversations as data, which somebody who does not program can write and read:

    name: a customer opens a ticket
    turns:
      - person: My internet is down since yesterday.
      - tool: create_ticket
        with: {subject: No internet, description: Down since yesterday}
      - bot: I opened TICKET-2026-000001
      - tickets: [{ticketId: TICKET-2026-000001, status: open}]

| at the top | |
|---|---|
| `number` | the person's, in digits |
| `channel` | where they are: `whatsapp` (default) and `console` vouch for them, `voice` and `web` do not |
| `user` | somebody of the team, who may speak too: `{email: olga@example.com, role: agent}` |
| `given` | records to begin with (`bot.testing.given`) |
| `model: off` | nothing is scripted: `bot` is only what must be heard |
| `knowledge: true` | the shipped articles are there |

| in a turn | |
|---|---|
| `person`, `user` | writes; what follows is about whoever spoke last |
| `tap` | they tap a button |
| `tool` | the model calls it, beside it `with` the arguments; `gives`: words that the model is told; `refused`: why not |
| `bot` | what the model says, and they must hear; `system`: what the program itself says; `silence: true`: nothing is said |
| `mail` | a mail goes to this address |
| `assignee` | who holds the conversation: `agent:support`, `queue:support` |
| `tickets`, `callbacks`, `memories`, `leads` | all that there are, the oldest first, by stored names |
| `customer` | what the person's record has, by stored names; `audit`: what some entry of the audit log has |

What nobody can know beforehand has a name: `$callback`, `$lead`, `$person` and `$conversation` are the numbers of the newest
ones, `$user` is the id of the user, `$code` the one-time code of the last mail.
pytest runs every *.yaml in a folder named `conversations` (see `bot.testing.plugin`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from string import Template
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from bot.conversation import kind_of, name_of
from bot.errors import NOT_DONE, BotError, ResourceError
from bot.records.audit import AuditEntry
from bot.records.base import Record
from bot.records.calls import Callback
from bot.records.conversations import Conversation, ConversationKind
from bot.records.knowledge import UserMemory
from bot.records.leads import Lead
from bot.records.people import Customer
from bot.records.tickets import Ticket
from bot.records.work import JournalKind, JournalRow
from bot.services.callbacks import number_of as callback_number
from bot.services.numbers import number_of
from bot.testing.clock import ManualClock
from bot.testing.given import Given, GivenUser, make
from bot.testing.llm import Called, Calls, Said, ScriptedStep
from bot.testing.mail import RecordingMailer
from bot.testing.scene import Scene, ScenePerson, open_scene
from bot.testing.telephone import FakeTelephone

R = TypeVar("R", bound=Record)

_HANDS_ON = "hand_to_agent"
"""The tool after which another agent is asked."""
_CODE = re.compile(r"\b\d{6}\b")


class Line(BaseModel):
    """One line of a conversation: exactly one of its fields, but for those that go with `tool`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    person: str | list[str] | None = None
    user: str | None = None
    tap: str | None = None
    tool: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict, alias="with")
    gives: str = ""
    refused: str | None = None
    bot: str | None = None
    system: str | None = None
    silence: Literal[True] | None = None
    mail: str | None = None
    assignee: str | None = None
    tickets: list[dict[str, Any]] | None = None
    callbacks: list[dict[str, Any]] | None = None
    memories: list[dict[str, Any]] | None = None
    leads: list[dict[str, Any]] | None = None
    customer: dict[str, Any] | None = None
    audit: dict[str, Any] | None = None

    @property
    def speaks(self) -> bool:
        """Whether somebody says something to us."""
        return not {"person", "user", "tap"}.isdisjoint(self.model_fields_set)


_BESIDE_TOOL = {"arguments", "gives", "refused"}


class Script(BaseModel):
    """A whole conversation."""

    model_config = ConfigDict(extra="forbid")

    name: str
    number: str = "12025550123"
    channel: Literal["whatsapp", "console", "voice", "web"] = "whatsapp"
    user: GivenUser | None = None
    given: Given = Given()
    model: Literal["scripted", "off"] = "scripted"
    knowledge: bool = False
    turns: list[Line]


def load(file: Path) -> Script:
    """Reads a conversation. Raises ResourceError: one line that names the file, the turn and what is wrong."""
    try:
        # YAML reads a bare `off` as false, and that is what people mean.
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("model") is False:
            content["model"] = "off"
        script = Script.model_validate(content)
    except yaml.YAMLError as error:
        raise ResourceError(f"{file.name}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise ResourceError(f"{file.name}: {'; '.join(_wrong(problem) for problem in error.errors())}") from None
    for number, line in enumerate(script.turns, 1):
        said = line.model_fields_set - _BESIDE_TOOL
        if len(said) != 1:
            raise ResourceError(f"{file.name}: turn {number} must have exactly one of {', '.join(_kinds())}")
        if line.user is not None and script.user is None:
            raise ResourceError(
                f"{file.name}: turn {number}: nobody is the user; write user: {{email: ..., role: ...}} at the top"
            )
    return script


async def play(script: Script, folder: Path, *, mongodb: tuple[str, str] | None = None) -> None:
    """Plays a conversation on the real engine and store, with its data in `folder` or in a database on MongoDB.

    Raises AssertionError that names the turn where it differs.
    """
    mailer, clock = RecordingMailer(), ManualClock()
    telephone = FakeTelephone(clock)
    async with open_scene(
        folder, clock=clock, with_model=script.model != "off", mongodb=mongodb, mailer=mailer, telephone=telephone
    ) as scene:
        if script.knowledge:
            await scene.app.knowledge.ensure()
        stage = await _set(script, scene, mailer)
        for number, line in enumerate(script.turns, 1):
            try:
                if line.speaks:
                    names = await _names(stage)
                    if script.model != "off":
                        scene.model.will(*_model_steps(script.turns[number:], names))
                    await _speak(stage, line, names)
                else:
                    await _check(stage, line)
            except AssertionError as error:
                raise AssertionError(f"turn {number}: {error}") from error
        await scene.settle()
        await _check_refused(script, scene)


@dataclass
class _Stage:
    """A scene with those who play in it."""

    scene: Scene
    mailer: RecordingMailer
    person: ScenePerson
    user: ScenePerson | None
    names: dict[str, str]
    """What is known from the beginning on."""
    speaker: ScenePerson
    """Whoever spoke last."""
    mails: int = 0
    """How many were looked at."""


async def _set(script: Script, scene: Scene, mailer: RecordingMailer) -> _Stage:
    known = scene.person(script.number)
    try:
        joined = await scene.app.users.add(**script.user.model_dump(), by="cli") if script.user else None
        await make(script.given, scene.app, known.address, known.sender)
    except BotError as error:
        raise AssertionError(f"given: {error}") from error
    person, user = scene.person(script.number, channel=script.channel), scene.user(joined) if joined else None
    return _Stage(scene, mailer, person, user, {"user": joined.id} if joined else {}, person)


def _wrong(problem: ErrorDetails) -> str:
    """One thing that is wrong, and where: `name is missing`, `turn 2, bott: is not known`."""
    match problem["loc"]:
        case ("turns", int(place), *path):
            where = ", ".join([f"turn {place + 1}", *map(str, path)])
        case path:
            where = ", ".join(map(str, path))
    match problem["type"]:
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden":
            return f"{where} is not known here"
        case "model_type" | "model_attributes_type":
            return f"{where or 'the whole'} must be a mapping of names to values"
    return f"{where}: {problem['msg']}"


def _kinds() -> list[str]:
    return [name for name in Line.model_fields if name not in _BESIDE_TOOL]


async def _names(stage: _Stage) -> dict[str, str]:
    """What a conversation may call by a name, as nobody knows it before it is made."""
    names = dict(stage.names)
    for kind, name in ((Lead, "lead"), (Customer, "person"), (Conversation, "conversation"), (Callback, "callback")):
        for record in await _records(stage.scene, kind):
            names[name] = callback_number(record) if isinstance(record, Callback) else number_of(record)
    for mail in stage.mailer.sent[-1:]:
        names["code"] = "".join(_CODE.findall(mail.text))
    return names


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    return Template(value).safe_substitute(names) if isinstance(value, str) else value


def _model_steps(following: Sequence[Line], names: Mapping[str, str]) -> list[ScriptedStep]:
    """What the model does until somebody speaks again: tools in a row are one step, until words or another agent."""
    steps: list[ScriptedStep] = []
    calls: list[Called] = []
    for line in takewhile(lambda line: not line.speaks, following):
        if line.tool is not None:
            calls.append(Called(line.tool, **{name: _filled(value, names) for name, value in line.arguments.items()}))
        if calls and (line.bot is not None or line.tool == _HANDS_ON):
            steps.append(Calls(*calls))
            calls = []
        if line.bot is not None:
            steps.append(Said(line.bot))
    return [*steps, Calls(*calls)] if calls else steps


async def _speak(stage: _Stage, line: Line, names: Mapping[str, str]) -> None:
    if line.tap is not None:
        await stage.speaker.taps(line.tap)
        return
    if line.user is None:
        stage.speaker, texts = stage.person, [line.person] if isinstance(line.person, str) else line.person or []
    else:
        stage.speaker, texts = stage.user or stage.person, [line.user]
    await stage.speaker.says(*(_filled(text, names) for text in texts))


async def _check(stage: _Stage, line: Line) -> None:
    await stage.scene.settle()
    heard = line.bot or line.system
    if heard:
        await stage.speaker.hears(heard)
    elif line.tool is not None:
        await _check_tool(stage.speaker, line.tool, line)
    elif line.silence:
        await stage.speaker.hears_nothing()
    elif line.mail is not None:
        to = [mail.to for mail in stage.mailer.sent[stage.mails :]][:1]
        assert to == [line.mail], f"mail went to {to}"
        stage.mails += 1
    elif line.assignee:
        assignee = (await stage.speaker.conversation()).assignee
        holder = f"{kind_of(assignee)}:{name_of(assignee)}"
        assert holder == line.assignee, f"{holder} holds the conversation, not {line.assignee}"
    else:
        await _check_records(stage, line)


async def _check_tool(speaker: ScenePerson, name: str, line: Line) -> None:
    """What the tool told the model in the last turn."""
    rows = await speaker.journal()
    results = [str(row.body["result"]) for row in _calls(rows) if row.turn_id == rows[-1].turn_id and row.body["tool"] == name]
    assert results, f"{name} was not called"
    told = results[-1]
    assert told.startswith(NOT_DONE) == (line.refused is not None), f"{name} gave {told!r}"
    for words in filter(None, (line.gives, line.refused)):
        assert words in told, f"{name} gave {told!r}"


def _calls(rows: Sequence[JournalRow]) -> list[JournalRow]:
    return [row for row in rows if row.kind is JournalKind.TOOL]


async def _check_refused(script: Script, scene: Scene) -> None:
    """No tool is refused but those of which it is said: not after the person's yes either."""
    calls = _calls(await _records(scene, JournalRow))
    refused = Counter(str(row.body["tool"]) for row in calls if row.body["result"].startswith(NOT_DONE))
    said = Counter(line.tool for line in script.turns if line.refused is not None)
    assert script.model == "off" or refused == said, f"refused in the end: {dict(refused)}, not {dict(said)}"


async def _check_records(stage: _Stage, line: Line) -> None:
    names = await _names(stage)
    if line.customer is not None:
        _compare([await stage.person.customer()], [line.customer], names)
    if line.audit is not None:
        entries = [_stored(entry, line.audit) for entry in await _records(stage.scene, AuditEntry)]
        wanted = {name: _filled(value, names) for name, value in line.audit.items()}
        assert wanted in entries, f"the audit log has {entries}, and not {wanted}"
    kinds: tuple[tuple[type[Record], list[dict[str, Any]] | None], ...] = (
        (Ticket, line.tickets),
        (Callback, line.callbacks),
        (UserMemory, line.memories),
        (Lead, line.leads),
    )
    for kind, wanted_records in kinds:
        if wanted_records is not None:
            _compare(await _records(stage.scene, kind), wanted_records, names)


async def _records(scene: Scene, kind: type[R]) -> list[R]:
    """All that there are, in the order in which they were made, but for conversations with the team's assistant."""
    found = await scene.app.store.find(kind, {}, sort=("id",))
    return [record for record in found if getattr(record, "kind", None) is not ConversationKind.ASSISTANT]


def _stored(record: Record, fields: Mapping[str, Any]) -> dict[str, Any]:
    """These fields of it, by stored names."""
    found = record.model_dump(mode="json", by_alias=True)
    return {name: found.get(name) for name in fields}


def _compare(records: Sequence[Record], wanted: Sequence[dict[str, Any]], names: Mapping[str, str]) -> None:
    assert len(records) == len(wanted), f"{len(records)} instead of {len(wanted)}: {records}"
    for one, fields in zip(records, wanted, strict=True):
        expected = {name: _filled(value, names) for name, value in fields.items()}
        kept = _stored(one, fields)
        assert kept == expected, f"a record has {kept}, not {expected}"
