"""Conversations as data, which somebody who does not program can write and read:

    name: a customer opens a ticket
    turns:
      - person: My internet is down since yesterday.
      - tool: create_ticket
        with: {subject: No internet, description: Down since yesterday}
      - bot: I opened TICKET-2026-000001
      - tickets: [{ticketId: TICKET-2026-000001, status: open}]

`person` writes, `tap` taps a button, `tool` is what the model calls, beside it `gives` words of what it must be told, `bot`
what it says (and the person must hear), `system` what the program itself says, `silence: true` that nothing is said, `assignee`
who holds the conversation (`agent:support`, `queue:support`), `tickets`, `callbacks`, `memories` and `customer` what is in the
person's records, by stored names. A callback's number is another one each time: `$callback` stands for that of the newest. With
`model: off` nothing is scripted: `bot` is only what must be heard. With `knowledge: true` the shipped articles are there.
pytest runs every *.yaml in a folder named `conversations` (see `bot.testing.plugin`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from bot.conversation import kind_of, name_of
from bot.errors import ResourceError
from bot.records.base import Record
from bot.records.calls import Callback
from bot.records.knowledge import UserMemory
from bot.records.work import JournalKind
from bot.services.callbacks import number_of
from bot.testing.llm import Called, Calls, Said, ScriptedStep
from bot.testing.scene import Scene, ScenePerson, open_scene

R = TypeVar("R", bound=Record)


class Line(BaseModel):
    """One line of a conversation: exactly one of its fields, but for `with` and `gives`, which go with `tool`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    person: str | list[str] | None = None
    tap: str | None = None
    tool: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict, alias="with")
    gives: str = ""
    bot: str | None = None
    system: str | None = None
    silence: Literal[True] | None = None
    assignee: str | None = None
    tickets: list[dict[str, Any]] | None = None
    callbacks: list[dict[str, Any]] | None = None
    memories: list[dict[str, Any]] | None = None
    customer: dict[str, Any] | None = None


_BESIDE_TOOL = {"arguments", "gives"}


class Script(BaseModel):
    """A whole conversation."""

    model_config = ConfigDict(extra="forbid")

    name: str
    number: str = "12025550123"
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
    return script


async def play(script: Script, folder: Path, *, mongodb: tuple[str, str] | None = None) -> None:
    """Plays a conversation on the real engine and store, with its data in `folder` or in a database on MongoDB.

    Raises AssertionError that names the turn where it differs.
    """
    async with open_scene(folder, with_model=script.model != "off", mongodb=mongodb) as scene:
        if script.knowledge:
            await scene.app.knowledge.ensure()
        person = scene.person(script.number)
        for number, line in enumerate(script.turns, 1):
            try:
                if line.person is not None or line.tap is not None:
                    if script.model != "off":
                        numbers = await _numbers(scene, person) if number > 1 else {}
                        scene.model.will(*_model_steps(script.turns[number:], numbers))
                    await _speak(person, line)
                else:
                    await _check(scene, person, line)
            except AssertionError as error:
                raise AssertionError(f"turn {number}: {error}") from error


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


async def _numbers(scene: Scene, person: ScenePerson) -> dict[str, str]:
    """What a conversation may call by a name, as nobody knows it before it is made."""
    booked = await _records(scene, person, Callback)
    return {"$callback": number_of(booked[-1])} if booked else {}


def _model_steps(following: Sequence[Line], numbers: Mapping[str, str]) -> list[ScriptedStep]:
    """What the model does until the person speaks again: tools that follow each other are one step, words end it."""
    steps: list[ScriptedStep] = []
    calls: list[Called] = []
    for line in following:
        if line.person is not None or line.tap is not None:
            break
        if line.tool is not None:
            arguments = {name: numbers.get(str(value), value) for name, value in line.arguments.items()}
            calls.append(Called(line.tool, **arguments))
        if line.bot is not None:
            steps.extend([*_step_of(calls), Said(line.bot)])
            calls = []
    return steps + _step_of(calls)


def _step_of(calls: Sequence[Called]) -> list[ScriptedStep]:
    return [Calls(*calls)] if calls else []


async def _speak(person: ScenePerson, line: Line) -> None:
    if line.tap is not None:
        await person.taps(line.tap)
    else:
        await person.says(*([line.person] if isinstance(line.person, str) else line.person or []))


async def _check(scene: Scene, person: ScenePerson, line: Line) -> None:
    await scene.settle()
    heard = line.bot or line.system
    if heard:
        await person.hears(heard)
    elif line.gives:
        called = [row.body["result"] for row in await person.journal(JournalKind.TOOL) if row.body["tool"] == line.tool]
        assert line.gives in "".join(called[-1:]), f"{line.tool} gave {called[-1:]}"
    elif line.silence:
        await person.hears_nothing()
    elif line.assignee:
        assignee = (await person.conversation()).assignee
        holder = f"{kind_of(assignee)}:{name_of(assignee)}"
        assert holder == line.assignee, f"{holder} holds the conversation, not {line.assignee}"
    elif line.customer is not None:
        _compare([await person.customer()], [line.customer])
    elif line.tickets is not None:
        _compare(await person.tickets(), line.tickets)
    elif line.callbacks is not None:
        _compare(await _records(scene, person, Callback), line.callbacks)
    elif line.memories is not None:
        _compare(await _records(scene, person, UserMemory, "user_id"), line.memories)


async def _records(scene: Scene, person: ScenePerson, kind: type[R], field: str = "customer_id") -> list[R]:
    """The person's own, in the order in which they were made."""
    found = await scene.app.store.find(kind, {field: (await person.customer()).id})
    return sorted(found, key=lambda record: record.id)


def _compare(records: Sequence[Record], wanted: Sequence[dict[str, Any]]) -> None:
    found = [record.model_dump(mode="json", by_alias=True) for record in records]
    assert len(found) == len(wanted), f"{len(found)} instead of {len(wanted)}: {found}"
    for one, fields in zip(found, wanted, strict=True):
        kept = {name: one.get(name) for name in fields}
        assert kept == fields, f"a record has {kept}, not {fields}"
