"""Who may do what over the API: a row for every endpoint, a column for every role; with a session and with a token."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.records.permissions import AgentPermission
from bot.records.users import Role
from bot.testing.scene import Scene
from bot.testing.web import UserBrowser
from bot.web.access import access_of
from bot.web.gate import CALLS
from bot.web.site import Site, api_routes
from tests.scenarios.helpers import ANA
from tests.services.desk_helpers import waits
from tests.web.api.conftest import Team

pytestmark = pytest.mark.scenario

EVERYBODY = frozenset(Role)
ADMIN = frozenset({Role.ADMIN})
SUPERVISORS = ADMIN | {Role.SUPERVISOR}
OPERATORS = SUPERVISORS | {Role.AGENT}
READERS = OPERATORS | {Role.SALES_HEAD, Role.VIEWER}
KNOW_PEOPLE = READERS | {Role.SALES_REP}
SEE_TICKETS = OPERATORS | {Role.VIEWER}
CALL_PEOPLE = OPERATORS | {Role.SALES_HEAD, Role.SALES_REP}
SEE_FIGURES = SUPERVISORS | {Role.MANAGER, Role.VIEWER}

ROUTES: dict[str, frozenset[Role]] = {
    "GET /conversations": READERS,
    "POST /conversations": OPERATORS,
    "GET /conversations/{id}": READERS,
    "GET /conversations/{id}/messages": READERS,
    "POST /conversations/{id}/take-over": OPERATORS,
    "POST /conversations/{id}/hand-back": OPERATORS,
    "POST /conversations/{id}/connect": OPERATORS,
    "POST /conversations/{id}/hang-up": OPERATORS,
    "POST /conversations/{id}/transfer": OPERATORS,
    "POST /conversations/{id}/assign": SUPERVISORS,
    "POST /conversations/{id}/pull": SUPERVISORS,
    "POST /conversations/{id}/reply": OPERATORS,
    "POST /conversations/{id}/note": OPERATORS,
    "POST /conversations/{id}/tags": OPERATORS,
    "POST /conversations/{id}/priority": OPERATORS,
    "POST /conversations/{id}/category": OPERATORS,
    "POST /conversations/{id}/snooze": OPERATORS,
    "POST /conversations/{id}/resolve": OPERATORS,
    "POST /conversations/{id}/reopen": OPERATORS,
    "POST /conversations/{id}/close": OPERATORS,
    "POST /conversations/{id}/read": READERS,
    "POST /conversations/{id}/typing": OPERATORS,
    "POST /media": OPERATORS,
    "GET /media/{id}": READERS,
    "GET /people": KNOW_PEOPLE,
    "GET /people/{id}": KNOW_PEOPLE,
    "PATCH /people/{id}": SUPERVISORS,
    "POST /people/{id}/block": SUPERVISORS,
    "POST /people/{id}/unblock": SUPERVISORS,
    "GET /search": READERS,
    "GET /tickets": SEE_TICKETS,
    "POST /tickets": OPERATORS,
    "GET /tickets/{number}": SEE_TICKETS,
    "PATCH /tickets/{number}": OPERATORS,
    "POST /tickets/{number}/notes": OPERATORS,
    "POST /tickets/{number}/status": OPERATORS,
    "POST /tickets/{number}/resolve": OPERATORS,
    "POST /tickets/{number}/escalate": OPERATORS,
    "POST /tickets/{number}/assign": OPERATORS,
    "POST /tickets/{number}/relate": OPERATORS,
    "POST /tickets/{number}/parent": OPERATORS,
    "POST /tickets/{number}/unrelate": OPERATORS,
    "POST /tickets/{number}/duplicate": OPERATORS,
    "POST /tickets/{number}/feedback": OPERATORS,
    "POST /tickets/{number}/files": OPERATORS,
    "DELETE /tickets/{number}/files/{media}": OPERATORS,
    "GET /calls": CALL_PEOPLE,
    "POST /calls": CALL_PEOPLE,
    "GET /calls/{id}": CALL_PEOPLE,
    "POST /calls/{id}/hang-up": CALL_PEOPLE,
    "GET /calls/{id}/results": CALL_PEOPLE,
    "POST /calls/{id}/action-items/{item}/accept": CALL_PEOPLE,
    "POST /calls/{id}/action-items/{item}/decline": CALL_PEOPLE,
    "DELETE /calls/{id}/recording": SUPERVISORS,
    "GET /do-not-call": CALL_PEOPLE,
    "POST /do-not-call": CALL_PEOPLE,
    "DELETE /do-not-call/{id}": ADMIN,
    "GET /consents": KNOW_PEOPLE,
    "POST /consents": SUPERVISORS,
    "GET /canned": OPERATORS,
    "POST /canned": OPERATORS,
    "PUT /canned/{id}": OPERATORS,
    "DELETE /canned/{id}": OPERATORS,
    "POST /canned/{id}/fill": OPERATORS,
    "GET /me": EVERYBODY,
    "PUT /me/status": EVERYBODY,
    "GET /users": READERS,
    "GET /queues": READERS,
    "GET /tokens": EVERYBODY,
    "POST /tokens": EVERYBODY,
    "DELETE /tokens/{id}": EVERYBODY,
    "GET /reports/now": SEE_FIGURES,
    "GET /reports/days": SEE_FIGURES,
    "GET /reports/period": SEE_FIGURES,
    "GET /audit": ADMIN,
    "GET /work/dead": ADMIN,
    "POST /work/dead/{id}/retry": ADMIN,
    "GET /webhooks": ADMIN,
    "POST /webhooks": ADMIN,
    "GET /webhooks/{id}": ADMIN,
    "PATCH /webhooks/{id}": ADMIN,
    "DELETE /webhooks/{id}": ADMIN,
    "POST /webhooks/{id}/secret": ADMIN,
    "POST /webhooks/{id}/test": ADMIN,
    "GET /webhooks/{id}/deliveries": ADMIN,
    "POST /webhooks/{id}/deliveries/{delivery}/retry": ADMIN,
    "GET /settings": ADMIN,
    "GET /settings/{key}": ADMIN,
    "PUT /settings/{key}": ADMIN,
}
"""Every endpoint -> who may use it. A new one has to be added here."""


def paths(scene: Scene) -> set[str]:
    routes = api_routes(Site(scene.app))
    guarded = [route for route in routes if not getattr(access_of(route.handler), "is_open", False)]
    return {f"{route.method} {route.path.removeprefix('/api/v1')}" for route in guarded}


async def test_every_endpoint_has_a_row_and_every_row_an_endpoint(scene: Scene) -> None:
    assert paths(scene) == set(ROUTES)


async def answers(who: UserBrowser, **options: Any) -> dict[str, int]:
    """What each endpoint answers to a body that says nothing."""
    found = {}
    for route in ROUTES:
        method, _, path = route.partition(" ")
        body: dict[str, Any] | None = None if method in ("GET", "DELETE") else {}
        found[route] = (await who.api(method, re.sub(r"{\w+}", "nothing", path), body, **options))[0]
    return found


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_may_do_what_its_row_says_and_nothing_else_by_session_and_by_token(
    scene: Scene, team: Team, role: Role
) -> None:
    ana = await team.member("Ana", role)
    expected = {route: role in allowed for route, allowed in ROUTES.items()}
    by_session = await answers(ana)
    assert {route: status != 403 for route, status in by_session.items()} == expected
    assert set(by_session.values()) <= {200, 204, 403, 404, 415, 422}
    scopes = [f"{resource}:{action}" for resource, action in team.users["Ana"].granted if resource != "*"] or ["system:admin"]
    _, secret = await scene.app.accounts.tokens.make(team.users["Ana"], "all of mine", scopes)
    program = await team.stranger()
    by_token = await answers(program, headers={"Authorization": f"Bearer {secret}"})
    assert {route: status != 403 for route, status in by_token.items()} == expected


async def test_nobody_is_told_anything_without_signing_in(team: Team) -> None:
    stranger = await team.stranger()
    assert set((await answers(stranger)).values()) == {401}
    bad = await answers(stranger, headers={"Authorization": "Basic YWRtaW46YWRtaW4="})
    assert set(bad.values()) <= {401, 429}  # who tries many wrong ones is told to wait
    status, answer = await stranger.api("GET", "/me")
    assert (status, answer["error"]["code"], answer["error"]["message"]) == (401, "sign_in_first", "sign in first")
    assert (await stranger.api("GET", "/openapi.json"))[0] == 200


async def test_a_session_that_has_expired_is_told_so_in_json(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    for session in await scene.app.accounts.sessions.of(team.users["Nadia"].id):
        await scene.app.store.change(type(session), {"id": session.id}, set={"expires_at": scene.clock.now()})
    assert (await nadia.api("POST", "/conversations/x/take-over"))[1]["error"]["code"] == "sign_in_first"


@pytest.mark.parametrize(
    "headers", [{"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"Origin": "https://evil.example"}, {"Origin": ""}]
)
async def test_a_write_that_no_page_of_ours_sent_changes_nothing(scene: Scene, team: Team, headers: dict[str, str]) -> None:
    nadia = await team.member("Nadia")
    _, conversation = await waits(scene, ANA)
    status, answer = await nadia.api("POST", f"/conversations/{conversation.id}/take-over", headers=headers)
    assert (status, answer["error"]["code"]) == (403, "forbidden")
    assert (await scene.app.desk.transfers.get(conversation.id)).epoch == conversation.epoch


async def test_a_tokens_scopes_bound_what_it_does_and_are_checked_at_each_use(scene: Scene, team: Team) -> None:
    await team.member("Chief", Role.SUPERVISOR)
    nadia = await team.member("Nadia")
    chief = team.users["Chief"]
    _, conversation = await waits(scene, ANA)
    await nadia.api("POST", f"/conversations/{conversation.id}/take-over")
    scopes = [AgentPermission.READ_CONVERSATIONS, AgentPermission.WRITE_MESSAGES]
    _, secret = await scene.app.accounts.tokens.make(chief, "writes", scopes)
    program, mine = await team.stranger(), {"Authorization": f"Bearer {secret}"}
    path = f"/conversations/{conversation.id}"
    assert (await program.api("POST", f"{path}/pull", headers=mine))[0] == 403
    status, lost = await program.api("POST", f"{path}/transfer", {"skill": "support"}, headers=mine)
    assert (status, lost["error"]["holder"]["name"]) == (409, "Nadia")  # the chief might, the token may not
    _, row = await program.api("GET", path, headers=mine)
    assert row["person"]["phone"] == "+1202•••0123"
    _, me = await program.api("GET", "/me", headers=mine)
    assert (me["name"], me["token"], me["permissions"]) == ("Chief", "writes", ["conversations:read", "messages:write"])
    await scene.app.store.change(type(chief), {"id": chief.id}, set={"role": Role.SALES_REP})
    assert (await program.api("GET", path, headers=mine))[0] == 403  # who may less, may less by token too


async def test_tokens_are_made_shown_once_and_ended(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    omar = await team.member("Omar")
    wanted = {"name": " nightly  report ", "scopes": ["read:conversations"]}
    status, made = await nadia.api("POST", "/tokens", wanted)
    assert (status, made["token"]["name"], made["token"]["last_used_at"]) == (201, "nightly report", None)
    assert made["secret"].startswith("sb_")
    program, by_it = await team.stranger(), {"Authorization": f"Bearer {made['secret']}"}
    assert (await program.api("GET", "/conversations", headers=by_it))[0] == 200
    _, listed = await nadia.api("GET", "/tokens")
    assert made["secret"] not in str(listed)
    assert [one["last_used_at"] for one in listed["items"]] == [made["token"]["created_at"]]
    id = made["token"]["id"]
    assert (await omar.api("DELETE", f"/tokens/{id}"))[0] == 404
    assert (await nadia.api("DELETE", f"/tokens/{id}"))[0] == 204
    assert (await program.api("GET", "/conversations", headers=by_it))[1]["error"]["code"] == "sign_in_first"
    assert (await nadia.api("GET", "/tokens"))[1]["items"] == []


async def test_nobody_makes_a_token_that_may_more_than_they(team: Team) -> None:
    nadia = await team.member("Nadia")
    for scopes, told in ((["manage:customers"], "you may not do manage:customers yourself"), (["fly"], "is no permission")):
        status, refused = await nadia.api("POST", "/tokens", {"name": "more", "scopes": scopes})
        assert (status, refused["error"]["field"]) == (422, "scopes" if scopes != ["fly"] else "scopes.0"), refused
        assert told in refused["error"]["message"]
    late = {"name": "late", "scopes": ["read:conversations"], "expires_at": "2028-01-01T00:00:00Z"}
    assert (await nadia.api("POST", "/tokens", late))[1]["error"]["field"] == "expires_at"


async def test_a_token_is_over_when_its_time_has_come_or_its_user_is_let_go(scene: Scene, team: Team) -> None:
    await team.member("Nadia")
    nadia = team.users["Nadia"]
    tokens = scene.app.accounts.tokens
    made, secret = await tokens.make(nadia, "a", ["read:conversations"])
    assert await tokens.find(secret)
    await scene.app.store.change(type(made), {"id": made.id}, set={"expires_at": scene.clock.now()})
    assert await tokens.find(secret) is None
    _, other = await tokens.make(nadia, "b", ["read:conversations"])
    await scene.app.store.change(type(nadia), {"id": nadia.id}, set={"is_active": False})
    assert await tokens.find(other) is None


async def test_a_token_that_asks_too_often_is_told_for_how_long_to_wait(
    scene: Scene, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    await team.member("Nadia")
    monkeypatch.setattr("bot.web.gate.CALLS", type(CALLS)("token", 3))
    _, secret = await scene.app.accounts.tokens.make(team.users["Nadia"], "eager", ["read:conversations"])
    program = await team.stranger()
    headers = {"Authorization": f"Bearer {secret}"}
    assert [(await program.api("GET", "/me", headers=headers))[0] for _ in range(4)] == [200, 200, 200, 429]
    async with program.http.get(f"{program.url}/api/v1/me", headers=headers) as answer:
        assert (answer.headers["Retry-After"], (await answer.json())["error"]["code"]) == ("60", "too_many_requests")


async def test_a_token_makes_no_other_token_and_ends_none_but_itself(scene: Scene, team: Team) -> None:
    await team.member("Nadia")
    tokens = scene.app.accounts.tokens
    other, _ = await tokens.make(team.users["Nadia"], "another", ["read:conversations"])
    own, secret = await tokens.make(
        team.users["Nadia"], "an hour", ["read:conversations"], expires_at=scene.clock.now() + timedelta(hours=1)
    )
    program, by_it = await team.stranger(), {"Authorization": f"Bearer {secret}"}
    wanted = {"name": "a year", "scopes": ["read:conversations"]}
    status, refused = await program.api("POST", "/tokens", wanted, headers=by_it)
    assert (status, refused["error"]["code"]) == (422, "refused")
    assert (await program.api("DELETE", f"/tokens/{other.id}", headers=by_it))[0] == 404
    assert len(await tokens.of(team.users["Nadia"].id)) == 2
    assert (await program.api("DELETE", f"/tokens/{own.id}", headers=by_it))[0] == 204
    assert [token.name for token in await tokens.of(team.users["Nadia"].id)] == ["another"]


async def test_a_token_that_may_only_look_does_not_say_that_its_user_is_there(scene: Scene, team: Team) -> None:
    await team.member("Nadia")
    program = await team.stranger()

    async def says(scope: str) -> int:
        _, secret = await scene.app.accounts.tokens.make(team.users["Nadia"], scope, [scope])
        status, _ = await program.api("PUT", "/me/status", {"status": "away"}, headers={"Authorization": f"Bearer {secret}"})
        return int(status)

    assert await says("read:conversations") == 422
    assert (await scene.app.accounts.users.get(team.users["Nadia"].id)).status == "online"
    assert await says("write:messages") == 200
