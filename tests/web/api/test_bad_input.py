"""What is wrong is said in one sentence with its field, and nothing of it reaches anybody."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA
from tests.services.desk_helpers import waits
from tests.web.api.conftest import Team

pytestmark = pytest.mark.scenario


async def test_a_paste_of_a_megabyte_is_refused_in_a_sentence_and_the_next_request_is_served(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    ana, conversation = await waits(scene, ANA)
    path = f"/conversations/{conversation.id}"
    await nadia.api("POST", f"{path}/take-over")
    paste = io.BytesIO(json.dumps({"text": "x" * 1024 * 1024, "client_id": "1"}).encode())
    headers = {"Origin": nadia.url, "X-CSRF-Token": nadia.csrf, "Content-Type": "application/json"}
    async with nadia.http.post(f"{nadia.url}/api/v1{path}/reply", data=paste, headers=headers) as refused:
        error = (await refused.json())["error"]
        assert (refused.status, error["code"]) == (413, "too_large")
    assert error["message"] == "this is too large: at most 256 KB are taken; send it in parts"
    status, answer = await nadia.api("POST", f"{path}/reply", {"text": "x" * 20_000, "client_id": "1"})
    assert (status, answer["error"]["field"]) == (422, "text")
    assert "at most 16000 characters (it has 20000)" in answer["error"]["message"]
    assert (await nadia.api("POST", f"{path}/reply", {"text": "short", "client_id": "1"}))[0] == 201
    await ana.hears("short")


@pytest.mark.parametrize(
    ("body", "field", "told"),
    [
        ({"txt": "a", "client_id": "1"}, "text", "body.text: is required"),
        ({"text": "a", "client_id": "1", "txet": 1}, "txet", "body.txet: there is no such field; did you mean text?"),
        ({"text": "  ", "client_id": "1"}, "text", "body.text: is required; write some words"),
        ({"text": 5, "client_id": "1"}, "text", "body.text: must be text; for example 'Hello'"),
        ({"text": "a", "client_id": "a b"}, "client_id", "body.client_id: does not have the right form"),
        ([], "body", "body: must be a mapping of names to values"),
        ("text", "body", "body: must be a mapping of names to values"),
    ],
)
async def test_a_wrong_field_is_named_with_the_fix(scene: Scene, team: Team, body: Any, field: str, told: str) -> None:
    nadia = await team.member("Nadia")
    _, conversation = await waits(scene, ANA)
    status, answer = await nadia.api("POST", f"/conversations/{conversation.id}/reply", body)
    assert (status, answer["error"]["field"]) == (422, field)
    assert answer["error"]["message"].startswith(told)


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_request"),
        (b'{"note": "\xff"}', "application/json", 400, "bad_request"),
        (b"[" * 5000, "application/json", 400, "bad_request"),
        (b"note=x", "application/x-www-form-urlencoded", 415, "not_json"),
        (b"<note/>", "text/xml", 415, "not_json"),
        (b"", "application/json", 404, "not_found"),
    ],
)
async def test_what_is_no_json_is_refused(team: Team, data: bytes, kind: str, status: int, code: str) -> None:
    nadia = await team.member("Nadia")
    headers = {"Origin": nadia.url, "X-CSRF-Token": nadia.csrf, "Content-Type": kind}
    url = f"{nadia.url}/api/v1/conversations/nothing/take-over"
    async with nadia.http.post(url, data=data, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)


async def test_scripts_in_words_and_names_come_back_as_the_text_they_are(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    script = "<script>alert(1)</script>"
    ana = scene.person(ANA, name=script)
    await ana.says("This is unacceptable!")
    await ana.hears("passing you to a person")
    id = (await ana.conversation()).id
    await nadia.api("POST", f"/conversations/{id}/note", {"text": script})
    async with nadia.http.get(f"{nadia.url}/api/v1/conversations/{id}/messages", headers={"Accept": "text/html"}) as answer:
        assert answer.content_type == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert script in [entry.get("text") for entry in (await answer.json())["items"]]


async def test_an_address_that_is_not_there_and_a_method_that_is_not_for_it_are_told_in_json(team: Team) -> None:
    nadia = await team.member("Nadia")
    assert (await nadia.api("GET", "/nothing"))[1]["error"]["code"] == "not_found"
    status, answer = await nadia.api("DELETE", "/conversations")
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")
    async with nadia.http.get(f"{nadia.url}/api/v1/nothing", headers={"Accept": "text/html"}) as page:
        assert (page.status, page.content_type) == (404, "application/json")


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("veiw=mine", "veiw"), ("view=me", "view")],
)
async def test_a_wrong_question_is_told_by_its_field(team: Team, query: str, field: str) -> None:
    nadia = await team.member("Nadia")
    status, answer = await nadia.api("GET", f"/conversations?{query}")
    assert (status, answer["error"]["field"]) == (422, field)
