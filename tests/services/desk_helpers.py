"""What tests of the desk's services need: operators who are there, and people who wait for them."""

from __future__ import annotations

from typing import Any

from bot.records.conversations import Conversation
from bot.records.users import Presence, Role, User
from bot.testing.scene import Scene, ScenePerson
from tests.scenarios.helpers import set_setting

ANGRY = "This is unacceptable!"
"""What brings somebody into the queue without a model."""


async def add_user(scene: Scene, name: str, role: Role = Role.AGENT, *, is_there: bool = True, **fields: Any) -> User:
    """A user, by default one whose desk is open."""
    user = User(id=name.lower(), email=f"{name.lower()}@example.com", name=name, role=role, **fields)
    if is_there:
        user.status, user.last_seen_at = Presence.ONLINE, scene.clock.now()
    await scene.app.store.insert([user])
    return user


async def again(scene: Scene, user: User) -> User:
    found = await scene.app.store.get(User, user.id)
    assert found is not None
    return found


async def open_hours(scene: Scene) -> None:
    """It is ten in the morning where business hours are from nine to six."""
    await set_setting(scene, "timezone", "UTC")


async def nobody_is_given_anything(scene: Scene) -> None:
    await set_setting(scene, "auto_assignment_enabled", False)


async def waits(scene: Scene, number: str) -> tuple[ScenePerson, Conversation]:
    """Somebody who waits in the general queue."""
    person = scene.person(number)
    await person.says(ANGRY)
    await person.hears("passing you to a person")
    return person, await person.conversation()
