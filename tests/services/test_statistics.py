"""Counters equal a recount at rest, whatever operators and people do (S2-031, S2-098, S2-099)."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from bot.errors import Conflict, ServiceError
from bot.records.conversations import Conversation
from bot.records.people import Customer
from bot.records.users import Role, User
from bot.testing.scene import Scene, ScenePerson, open_scene
from tests.services.desk_helpers import ANGRY, add_user

pytestmark = pytest.mark.scenario

STEPS = 40


class Day:
    """A random day at the desk: several operators, some of them at the same moment, and people who write in between."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene = scene
        self.luck = random.Random(seed)
        self.people: list[ScenePerson] = [scene.person(f"1202555012{number}") for number in range(3)]
        self.users: list[User] = []

    async def play(self) -> None:
        self.users = [await add_user(self.scene, name) for name in ("Nadia", "Omar")]
        self.users.append(await add_user(self.scene, "Chief", Role.SUPERVISOR, skills=["support"]))
        for number in range(STEPS):
            if self.luck.random() < 0.4:
                await self.luck.choice(self.people).says(self.luck.choice((ANGRY, "Hello?", "5", "STOP", "START")))
                await self.scene.settle()
            else:
                await asyncio.gather(self._acts(number, 0), self._acts(number, 1))
            await self.scene.passes(self.luck.choice((0.5, 7, 40)))
        await self.scene.settle()

    async def _acts(self, number: int, who: int) -> None:
        found = await self.scene.app.store.find(Conversation, {"status": self.luck.choice(("waiting", "assigned", "resolved"))})
        if not found:
            return
        user = self.luck.choice(self.users)
        user = await self.scene.app.store.get(User, user.id) or user
        id_, desk, key = self.luck.choice(found).id, self.scene.app.desk, f"{number}.{who}"
        acts = (
            lambda: desk.transfers.take_over(id_, user),
            lambda: desk.transfers.pull(id_, user),
            lambda: desk.transfers.transfer(id_, user, skill="support"),
            lambda: desk.transfers.hand_back(id_, user),
            lambda: desk.replies.say(id_, user, "Hello.", client_id=key),
            lambda: desk.replies.say(id_, user, "Hello.", client_id=key),
            lambda: desk.closing.resolve(id_, user, "solved"),
            lambda: desk.closing.close(id_, user),
            lambda: desk.presence.arrive(user.id),
        )
        try:
            await self.luck.choice(acts)()
        except (Conflict, ServiceError):
            return


async def assert_counted(scene: Scene) -> None:
    statistics = scene.app.desk.statistics
    for user in await scene.app.store.find(User, {}, limit=10):
        counted = await statistics.of_user(user.id)
        assert {name: getattr(user.statistics, name) for name in counted} == counted, user.name
    for conversation in await scene.app.store.find(Conversation, {}, limit=100):
        found = await statistics.of_conversation(conversation.id)
        assert {name: getattr(conversation, name) for name in found} == found
    for customer in await scene.app.store.find(Customer, {}, limit=10):
        counted = await statistics.of_customer(customer.id)
        assert {name: getattr(customer.statistics, name) for name in counted} == counted


@pytest.mark.parametrize("seed", range(6))
async def test_after_a_random_day_every_counter_equals_a_recount(tmp_path: Path, seed: int) -> None:
    async with open_scene(tmp_path, with_model=False) as scene:
        await Day(scene, seed).play()
        await assert_counted(scene)


async def test_counters_that_were_set_by_hand_are_set_right(scene: Scene) -> None:
    nadia = await add_user(scene, "Nadia")
    await scene.app.store.change(User, {"id": nadia.id}, set={"statistics.current_active_conversations": 7})
    await scene.app.desk.statistics.correct_user(nadia.id)
    await assert_counted(scene)
