"""What the tests of tools need: a model that calls them in a real turn, and what they told it."""

from __future__ import annotations

from bot.principal import Principal
from bot.records.audit import AuditEntry
from bot.records.conversations import Conversation
from bot.records.work import JournalKind
from bot.testing.llm import Called, Calls, Said
from bot.testing.scene import Scene, ScenePerson
from bot.tools.base import Toolbox, ToolContext


async def calls(scene: Scene, person: ScenePerson, *called: Called, saying: str = "Please.") -> list[str]:
    """The person writes (in English), the model calls these tools in one step; what they told the model."""
    scene.model.will(Calls(*called), Said("Done."))
    await person.says(saying)
    if (await person.hears("")).buttons:  # it has to be confirmed
        await person.says("Yes, please.")
        await person.hears("Done.")
    return [str(message["content"]) for message in scene.model.requests[-1].messages if message["role"] == "tool"][-len(called) :]


async def call(scene: Scene, person: ScenePerson, name: str, **arguments: object) -> str:
    """The same for one tool."""
    (told,) = await calls(scene, person, Called(name, **arguments))
    return told


async def run(scene: Scene, conversation: Conversation, principal: Principal, name: str, **arguments: object) -> str:
    """Runs a tool on somebody's behalf, as the agent's loop does: checked, validated, what it wrote committed; what it told.

    Raises ToolError, ServiceError, RecordError, Conflict: the loop tells the model of them.
    """
    tool = Toolbox.discover().get(name)
    assert tool is not None, name
    tool.check(principal)
    context = ToolContext(principal, conversation, "colleague", "en", scene.app.engine._parts.services)
    result = await tool.run(context, **tool.read_arguments(arguments))
    assert tool.write or not context.unit, f"{name} writes and does not say so"
    if context.unit:
        await scene.app.store.commit(context.unit)
    return result.text


async def journaled(person: ScenePerson) -> list[str]:
    """The tools in the person's journal, in their order."""
    return [str(row.body["tool"]) for row in await person.journal(JournalKind.TOOL)]


async def audited(scene: Scene, entity_type: str, entity_id: str) -> list[tuple[str, str]]:
    """What the audit log says was done with a record, and by whom."""
    found = await scene.app.store.find(AuditEntry, {"entity_type": entity_type, "entity_id": entity_id}, sort=("-timestamp",))
    return sorted((str(entry.action), entry.performed_by or "") for entry in found)
