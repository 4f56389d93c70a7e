"""Tools on what is remembered: of this person only, once, and gone when they say so."""

from __future__ import annotations

from typing import Any

import pytest

from bot.clock import new_id
from bot.records.audit import AuditEntry
from bot.records.knowledge import UserMemory, UserMemoryType
from bot.services.memories import MOST
from bot.testing.llm import Called
from bot.testing.scene import Scene, ScenePerson
from tests.scenarios.helpers import ANA, BO
from tests.tools.helpers import call, calls, journaled

pytestmark = pytest.mark.scenario

GONE = "nothing like that is remembered; recall tells what is"


async def memories(scene: Scene, person: ScenePerson) -> list[UserMemory]:
    found = await scene.app.store.find(UserMemory, {"user_id": (await person.customer()).id}, sort=("-created_at",))
    return sorted(found, key=lambda memory: memory.id)


async def test_something_is_remembered_with_where_it_was_said(scene: Scene) -> None:
    ana = scene.person(ANA)
    assert await call(scene, ana, "remember", what=" Is  vegetarian ") == "remembered"
    (memory,) = await memories(scene, ana)
    assert (memory.content, memory.memory_type, memory.agent_name) == ("Is vegetarian", UserMemoryType.INSIGHT, "support")
    assert memory.metadata.conversation_id == (await ana.conversation()).id
    assert memory.metadata.timestamp is not None
    assert await journaled(ana) == ["remember"]


@pytest.mark.parametrize("again", ["Está de viaje.", "esta de viaje", " ¡ESTÁ   de viaje! "])
async def test_the_same_thing_is_remembered_once(scene: Scene, again: str) -> None:
    ana = scene.person(ANA)
    first = Called("remember", what="Está de viaje.")
    assert await calls(scene, ana, first, first) == ["remembered"] * 2
    assert await call(scene, ana, "remember", what=again) == "that is remembered already"
    assert len(await memories(scene, ana)) == 1


async def test_what_is_remembered_is_recalled_all_of_it_or_what_it_is_about(scene: Scene) -> None:
    ana = scene.person(ANA)
    assert await call(scene, ana, "recall") == "nothing is remembered"
    for what in ("Likes tea in the morning", "Has two dogs", "Wants invoices by e-mail"):
        await call(scene, ana, "remember", what=what)
        await scene.clock.advance(1)
    assert await call(scene, ana, "recall") == "- Wants invoices by e-mail\n- Has two dogs\n- Likes tea in the morning"
    assert await call(scene, ana, "recall", about="dog") == "- Has two dogs"
    assert await call(scene, ana, "recall", about="cats") == "nothing is remembered"


async def test_what_is_to_be_forgotten_is_gone_and_the_log_does_not_keep_it(scene: Scene) -> None:
    ana = scene.person(ANA)
    for what in ("Likes tea", "Is a teacher", "Likes green tea"):
        await call(scene, ana, "remember", what=what)
    assert await call(scene, ana, "forget", what="likes TEA.") == "forgotten:\n- Likes tea"
    assert await call(scene, ana, "forget", what="tea") == "forgotten:\n- Likes green tea"
    assert [memory.content for memory in await memories(scene, ana)] == ["Is a teacher"]
    assert await call(scene, ana, "forget", what="coffee") == GONE
    kept = await scene.app.store.find(AuditEntry, {"performed_by": "agent:support"}, sort=("-timestamp",))
    assert sorted(str(entry.action) for entry in kept if entry.entity_type == "memory") == ["created"] * 3 + ["deleted"] * 2
    assert "tea" not in str([entry.model_dump() for entry in kept])


async def test_what_is_remembered_of_others_is_neither_told_nor_forgotten(scene: Scene) -> None:
    ana, bo = scene.person(ANA), scene.person(BO, name="Bo Lee")
    await call(scene, ana, "remember", what="Is vegetarian")
    assert await call(scene, bo, "recall", about="vegetarian") == "nothing is remembered"
    assert await call(scene, bo, "forget", what="Is vegetarian") == GONE
    assert await call(scene, bo, "remember", what="Is vegetarian") == "remembered"
    assert await call(scene, bo, "forget", what="Is vegetarian") == "forgotten:\n- Is vegetarian"
    assert len(await memories(scene, ana)) == 1


async def test_a_person_is_not_remembered_without_end(scene: Scene) -> None:
    ana = scene.person(ANA)
    await call(scene, ana, "recall")
    id_ = (await ana.customer()).id
    old = [UserMemory(id=new_id(), user_id=id_, memory_type=UserMemoryType.INSIGHT, content=f"fact {n}") for n in range(MOST)]
    await scene.app.store.insert(old)
    assert "forget one that no longer matters first" in await call(scene, ana, "remember", what="One more")
    assert len((await call(scene, ana, "recall")).split("\n")) == 20
    assert len(await memories(scene, ana)) == MOST


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("remember", {}, "remember.what: is required"),
        ("remember", {"what": "a" * 301}, "remember.what: at most 300 characters"),
        ("remember", {"what": " ... "}, "UserMemory.content: is required"),
        ("remember", {"what": "Is rich", "user_id": "bo"}, "remember.user_id: there is no such field"),
        ("forget", {"what": "a"}, "forget.what: at least 3 characters"),
        ("forget", {"what": "..."}, "search: '...' has no letter or digit"),
        ("recall", {"about": 7}, "recall.about: must be text"),
    ],
)
async def test_a_wrong_argument_is_told_and_remembers_nothing(
    scene: Scene, tool: str, arguments: dict[str, Any], told: str
) -> None:
    ana = scene.person(ANA)
    assert (await call(scene, ana, tool, **arguments)).startswith(f"error: {told}")
    assert await memories(scene, ana) == []
