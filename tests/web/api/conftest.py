"""The API over real HTTP, with the real engine behind it, and people who write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio
from aiohttp.test_utils import TestServer

from bot.records.users import Presence, Role, User
from bot.testing.scene import Scene
from bot.testing.web import UserBrowser, added, browser, cookie_of
from bot.web.server import build_site
from tests.services.desk_helpers import nobody_is_given_anything


class Team:
    """Users who are signed in."""

    def __init__(self, scene: Scene, url: str, stack: AsyncExitStack) -> None:
        self.scene = scene
        self.url = url
        self._stack = stack
        self.users: dict[str, User] = {}

    async def member(self, name: str, role: Role = Role.AGENT) -> UserBrowser:
        """A browser of a new user, whose desk is open."""
        user = await added(self.scene.app, f"{name.lower()}@example.org", role, name=name)
        await self.scene.app.desk.presence.set_status(user.id, Presence.ONLINE)
        self.users[name] = user
        opened = await self.stranger()
        opened.http.cookie_jar.update_cookies(await cookie_of(self.scene.app, user))
        await opened.read_csrf()
        return opened

    async def stranger(self) -> UserBrowser:
        return await self._stack.enter_async_context(browser(self.url))


@pytest_asyncio.fixture
async def team(scene: Scene) -> AsyncIterator[Team]:
    await nobody_is_given_anything(scene)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(build_site([], scene.app)))
        yield Team(scene, str(server.make_url("/")), stack)
