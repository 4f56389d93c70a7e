"""Tools on the person's own record: what is shown is little, what is changed is audited, what is only said proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from bot.records.people import Identity, IdentityKind
from bot.testing.llm import Called
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA, BO
from tests.tools.helpers import audited, call, calls, journaled

pytestmark = pytest.mark.scenario


async def test_the_record_is_told_without_the_teams_notes_and_with_the_address_masked(scene: Scene) -> None:
    ana = scene.person(ANA)
    assert await call(scene, ana, "my_record") == "name: Ana Ruiz; language: not known; e-mail: not known"
    changes = {"email": "ana.ruiz@example.org", "notes": "difficult", "preferences.language": "hi", "tags": ["debtor"]}
    await scene.app.people.update((await ana.customer()).id, changes, by="user:op-1")
    assert await call(scene, ana, "my_record") == "name: Ana Ruiz; language: Hindi; e-mail: a•••@example.org"


async def test_an_imported_record_is_told_trimmed(scene: Scene) -> None:
    ana = scene.person(ANA)
    await call(scene, ana, "my_record")
    changes = {"first_name": "A\n" * 500, "last_name": None, "preferences.language": "nahuatl"}
    await scene.app.people.update((await ana.customer()).id, changes, by="user:op-1")
    told = await call(scene, ana, "my_record")
    assert "language: nahuatl" in told
    assert len(told) < 200


async def test_the_person_corrects_their_record(scene: Scene) -> None:
    ana = scene.person(ANA)
    told = await call(
        scene, ana, "change_my_record", first_name=" Anna  María ", email="Anna@Example.org ", last_name="Ruiz", language="en"
    )
    assert told == "on record now: first name: Anna María; last name: Ruiz; e-mail: a•••@example.org; language: English"
    customer = await ana.customer()
    assert (customer.first_name, customer.email, customer.own_language) == ("Anna María", "anna@example.org", "en")
    assert await audited(scene, "customer", customer.id) == [("created", "system"), ("updated", "agent:support")]
    assert await journaled(ana) == ["change_my_record", "change_my_record"], "asked about, and done"


async def test_an_address_that_is_only_said_makes_nobody_known_by_it(scene: Scene) -> None:
    ana, bo = scene.person(ANA), scene.person(BO, name="Bo Lee")
    await call(scene, bo, "my_record")
    bo_id = (await bo.customer()).id
    await scene.app.people.update(bo_id, {"email": "bo@example.org"}, by="user:op-1")
    # Whether an address is somebody else's is not told: it would be a way of finding out who our customers are.
    taken = await call(scene, ana, "change_my_record", email="bo@example.org")
    free = await call(scene, ana, "change_my_record", email="zoe@example.org")
    assert (taken, free) == ("on record now: e-mail: b•••@example.org", "on record now: e-mail: z•••@example.org")
    known = await scene.app.store.get(Identity, Identity.key(IdentityKind.EMAIL, "bo@example.org"))
    assert known is not None
    assert known.customer_id == bo_id
    assert await scene.app.store.get(Identity, Identity.key(IdentityKind.EMAIL, "zoe@example.org")) is None


async def test_who_gives_another_address_is_no_longer_known_by_the_old_one(scene: Scene) -> None:
    ana = scene.person(ANA)
    await call(scene, ana, "my_record")
    await scene.app.people.update((await ana.customer()).id, {"email": "old@example.org"}, by="user:op-1")
    await call(scene, ana, "change_my_record", email="new@example.org")
    assert (await ana.customer()).email == "new@example.org"
    assert await scene.app.store.get(Identity, Identity.key(IdentityKind.EMAIL, "old@example.org")) is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "nothing was changed: say what is to change"),
        ({"first_name": "   "}, "nothing was changed: say what is to change"),
        ({"first_name": "Ana", "last_name": "Ruiz"}, "nothing had to be changed: that is on record already"),
        ({"email": "ana at example"}, "error: Customer.email: does not have the right form; for example 'ana@example.org'"),
        ({"first_name": "A" * 61}, "error: change_my_record.first_name: at most 60 characters"),
        ({"language": "fr"}, "error: change_my_record.language: "),
        ({"phone_number": "+12025550199"}, "error: change_my_record.phone_number: there is no such field"),
        ({"is_blocked": False}, "error: change_my_record.is_blocked: there is no such field"),
        ({"segment": "vip"}, "error: change_my_record.segment: there is no such field"),
    ],
)
async def test_what_cannot_be_changed_is_told_and_changes_nothing(scene: Scene, arguments: dict[str, Any], told: str) -> None:
    ana = scene.person(ANA)
    await call(scene, ana, "my_record")
    before = await ana.customer()
    assert (await call(scene, ana, "change_my_record", **arguments)).startswith(told)
    after = await ana.customer()
    assert [getattr(after, name) for name in ("first_name", "email", "phone_number", "segment", "preferences")] == [
        getattr(before, name) for name in ("first_name", "email", "phone_number", "segment", "preferences")
    ]


async def test_one_persons_change_leaves_the_others_alone_and_runs_once(scene: Scene) -> None:
    ana, bo = scene.person(ANA), scene.person(BO, name="Bo Lee")
    await call(scene, bo, "my_record")
    before = await bo.customer()
    change = Called("change_my_record", first_name="Anna")
    assert await calls(scene, ana, change, change) == ["on record now: first name: Anna"] * 2
    assert len(await audited(scene, "customer", (await ana.customer()).id)) == 2
    assert await bo.customer() == before
