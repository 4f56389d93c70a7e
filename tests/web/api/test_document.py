"""The OpenAPI document is true: whatever is sent, no answer is a fault of ours, and each is as the document says."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.clock import new_id
from bot.records.users import Presence, Role
from bot.services.api_tokens import LONGEST
from bot.store.base import Unit
from bot.testing.scene import Scene, open_scene
from bot.testing.web import added
from bot.web.server import build_site
from tests.scenarios.helpers import ANA, BO
from tests.services.desk_helpers import nobody_is_given_anything, waits
from tests.web.api.generated import Generator

pytestmark = pytest.mark.scenario

CALLS = int(os.environ.get("API_CALLS", "8"))
"""How often each operation is called; set it higher to look longer."""


class Running:
    """The API, and somebody who may do everything."""

    def __init__(
        self, scene: Scene, http: aiohttp.ClientSession, url: str, document: Mapping[str, Any], known: Mapping[str, list[str]]
    ) -> None:
        self._scene = scene
        self._http = http
        self._url = url
        self.document = document
        self.known = known
        self._count = 0

    async def call(self, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        self._count += 1
        if self._count % 50 == 0:
            await self._scene.clock.advance(61)  # nobody may ask for ever so much in a minute
        sent: dict[str, Any] = {} if body is None else {"data": json.dumps(body), "headers": {"Content-Type": "application/json"}}
        async with self._http.request(method, self._url + path, params=query, **sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None


async def begin(stack: AsyncExitStack, folder: Path, mongodb: tuple[str, str] | None) -> Running:
    scene = await stack.enter_async_context(open_scene(folder, with_model=False, mongodb=mongodb))
    app = scene.app
    await nobody_is_given_anything(scene)
    admin = await added(app, "chief@example.org", Role.ADMIN, name="Chief")
    nadia = await added(app, "nadia@example.org", Role.AGENT, name="Nadia")
    await app.desk.presence.set_status(nadia.id, Presence.ONLINE)
    ana, first = await waits(scene, ANA)
    _, second = await waits(scene, BO)
    customer = await ana.customer()
    unit = Unit()
    ticket = await app.services.tickets.create(
        unit, customer_id=customer.id, conversation_id=None, subject="No internet", description="Since noon", by="system"
    )
    await app.store.commit(unit)
    canned = await app.desk.canned.save(admin, "hello", "Greeting", "Hello {name}")
    until = scene.clock.now() + LONGEST  # a MongoDB lets go of what is over by the real time
    _, secret = await app.accounts.tokens.make(admin, "everything", ["system:admin"], expires_at=until)
    server = await stack.enter_async_context(TestServer(build_site([], app)))
    url = str(server.make_url("/")).rstrip("/")
    http = await stack.enter_async_context(aiohttp.ClientSession(headers={"Authorization": f"Bearer {secret}"}))
    async with http.get(f"{url}/api/v1/openapi.json") as answer:
        document = await answer.json()
    known = {
        "conversations": [first.id, second.id],
        "people": [customer.id],
        "tickets": [ticket.ticket_id, ticket.id],
        "canned": [canned.id],
        "users": [admin.id, nadia.id],
        "settings": ["business_hours", "csat_enabled"],
        "words": [f"user:{admin.id}", "conversation", "support", "unacceptable"],
    }
    return Running(scene, http, url, document, known)


@contextmanager
def running(folder: Path, mongodb: tuple[str, str] | None) -> Iterator[tuple[asyncio.Runner, Running]]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield runner, runner.run(begin(stack, folder, mongodb))
        finally:
            runner.run(stack.aclose())


@pytest.mark.timeout(280)
def test_whatever_is_sent_no_answer_is_a_fault_of_ours_and_each_is_as_the_document_says(tmp_path: Path) -> None:
    look(tmp_path, None)


@pytest.mark.timeout(280)
def test_it_is_the_same_on_mongo(tmp_path: Path, mongo_uri: str) -> None:
    look(tmp_path, (mongo_uri, f"switchboard_test_{new_id()[-12:]}"))


def look(folder: Path, mongodb: tuple[str, str] | None) -> None:
    with running(folder, mongodb) as (runner, there):
        generator = Generator(there.document, there.known)
        seen: set[tuple[str, int]] = set()

        @settings(max_examples=CALLS, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
        @given(st.data())
        def check(method: str, path: str, told: Mapping[str, Any], data: st.DataObject) -> None:
            for name in (one["name"] for one in told["parameters"] if one["in"] == "path"):
                path = path.replace(f"{{{name}}}", quote(data.draw(generator.path_value(told["tags"][0])), safe=""))
            status, answer = runner.run(there.call(method, path, query_of(data, generator, told), body_of(data, generator, told)))
            assert str(status) in told["responses"], (method, path, status, answer)
            assert status < 500, (method, path, status, answer)
            validate(there.document, told, status, answer)
            seen.add((told["operationId"], status))

        for method, path, told in sorted(generator.operations(), key=lambda one: one[0] == "DELETE"):
            check(method, path, told)
        well = {name for name, status in seen if status < 300}
        assert len(well) > len(generator.operations()) * 0.5, sorted(seen)  # it is no test of refusals alone


def query_of(data: st.DataObject, generator: Generator, told: Mapping[str, Any]) -> dict[str, str]:
    wanted = [one for one in told["parameters"] if one["in"] == "query"]
    fields = {one["name"]: generator.value(one["schema"]) for one in wanted}
    needed = {one["name"] for one in wanted if one["required"]}
    right = st.fixed_dictionaries(
        {name: made for name, made in fields.items() if name in needed},
        optional={name: made for name, made in fields.items() if name not in needed},
    )
    drawn = data.draw(generator.spoiled(right))
    sent = drawn if isinstance(drawn, dict) else {"after": drawn}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in sent.items()}


def body_of(data: st.DataObject, generator: Generator, told: Mapping[str, Any]) -> Any:
    if "requestBody" not in told:
        return None
    content = told["requestBody"]["content"]
    schema = content.get("application/json", {"schema": {"type": "object"}})["schema"]  # where a file is wanted: refused
    return data.draw(generator.spoiled(generator.value(schema)))


def validate(document: Mapping[str, Any], told: Mapping[str, Any], status: int, answer: Any) -> None:
    content = told["responses"][str(status)].get("content")
    if content is None:
        assert answer is None
        return
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(answer)


def test_every_operation_has_a_name_a_summary_and_its_answers(tmp_path: Path) -> None:
    with running(tmp_path, None) as (_, there):
        operations = Generator(there.document, there.known).operations()
        names = [told["operationId"] for _, _, told in operations]
        assert len(set(names)) == len(names) > 40
        for method, path, told in operations:
            assert told["summary"].endswith("."), path
            assert {"401", "403", "404", "422", "429"} <= set(told["responses"]), path
            assert ("requestBody" in told) <= (method in ("POST", "PUT", "PATCH")), path
        Draft202012Validator.check_schema({"$defs": there.document["components"]["schemas"]})
