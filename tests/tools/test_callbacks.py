"""Tools on callbacks: only the person's own, times read back where the person is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.records.calls import Callback, CallbackStatus
from bot.services.callbacks import number_of
from bot.testing.scene import Scene, ScenePerson
from tests.scenarios.helpers import ANA, BO, set_setting
from tests.tools.helpers import audited, call, journaled

pytestmark = pytest.mark.scenario

FIVE = "2026-01-16T17:00:00-06:00"


async def callbacks(scene: Scene, person: ScenePerson) -> list[Callback]:
    where = {"customer_id": (await person.customer()).id}
    return await scene.app.store.find(Callback, where, sort=("-requested_time",))


async def booked(scene: Scene, person: ScenePerson, at: str = FIVE) -> Callback:
    await call(scene, person, "book_callback", requested_time=at, timezone="America/Mexico_City", notes="the invoice")
    return (await callbacks(scene, person))[0]


async def test_a_callback_is_booked_and_its_time_read_back(scene: Scene) -> None:
    ana = scene.person(ANA)
    told = await call(scene, ana, "book_callback", requested_time="2026-01-16T23:00:00Z", timezone="America/Mexico_City")
    (callback,) = await callbacks(scene, ana)
    when = "Friday 16 January 2026, 17:00 (UTC-06:00, America/Mexico_City)"
    assert told == f"booked callback {number_of(callback)} for {when}"
    assert (callback.requested_time, callback.timezone) == (datetime(2026, 1, 16, 23, tzinfo=UTC), "America/Mexico_City")
    assert callback.conversation_id == (await ana.conversation()).id
    assert await audited(scene, "callback", callback.id) == [("created", "agent:support")]
    assert await journaled(ana) == ["book_callback", "book_callback"], "asked about, and done"


async def test_without_a_zones_name_it_is_read_back_as_it_was_said(scene: Scene) -> None:
    told = await call(scene, scene.person(ANA), "book_callback", requested_time=FIVE)
    assert told.endswith(" for Friday 16 January 2026, 17:00 (UTC-06:00)")


async def test_callbacks_are_listed_moved_and_cancelled(scene: Scene) -> None:
    ana = scene.person(ANA)
    assert await call(scene, ana, "list_my_callbacks") == "the person has no callbacks"
    number = number_of(await booked(scene, ana))
    told = await call(scene, ana, "list_my_callbacks")
    assert told == f"{number}, Friday 16 January 2026, 17:00 (UTC-06:00, America/Mexico_City) (scheduled): the invoice"
    told = await call(scene, ana, "move_callback", number=number.lower(), requested_time="2026-01-19T16:30:00Z")
    assert told == f"moved callback {number} to Monday 19 January 2026, 10:30 (UTC-06:00, America/Mexico_City)"
    (moved,) = await callbacks(scene, ana)
    assert (moved.requested_time, moved.status) == (datetime(2026, 1, 19, 16, 30, tzinfo=UTC), CallbackStatus.SCHEDULED)
    assert await call(scene, ana, "cancel_callback", number=number) == f"cancelled callback {number}"
    assert await call(scene, ana, "cancel_callback", number=number) == f"callback {number} was cancelled already"
    told = await call(scene, ana, "move_callback", number=number, requested_time="2026-01-19T16:30:00Z")
    assert "is cancelled; it cannot become scheduled" in told
    assert [callback.status for callback in await callbacks(scene, ana)] == [CallbackStatus.CANCELLED]


async def test_an_imported_callback_with_an_unknown_zone_is_listed_in_utc(scene: Scene) -> None:
    ana = scene.person(ANA)
    callback = await booked(scene, ana)
    await scene.app.store.change(Callback, {"id": callback.id}, set={"timezone": "Mars/Olympus"})
    assert "Friday 16 January 2026, 23:00 (UTC+00:00)" in await call(scene, ana, "list_my_callbacks")


@pytest.mark.parametrize(
    ("tool", "arguments"), [("move_callback", {"requested_time": "2026-01-20T10:00:00Z"}), ("cancel_callback", {})]
)
async def test_another_persons_callback_is_told_like_one_that_does_not_exist_and_is_left_alone(
    scene: Scene, tool: str, arguments: dict[str, Any]
) -> None:
    before = await booked(scene, ana := scene.person(ANA))
    bo = scene.person(BO, name="Bo Lee")
    await set_setting(scene, "handoff_rules", {"unanswered_turns": 0})  # what fails again and again brings a person
    named = (number_of(before), before.id, "00000000", "")
    told = [await call(scene, bo, tool, number=number or " ", **arguments) for number in named]
    assert {text.replace(number or " ", "X") for text, number in zip(told, named, strict=True) if number} == {
        "error: there is no callback X; list the callbacks for their numbers; nothing was changed"
    }
    assert told[-1].startswith("error: there is no callback")
    assert await call(scene, bo, "list_my_callbacks") == "the person has no callbacks"
    assert await callbacks(scene, ana) == [before]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "book_callback.requested_time: is required"),
        ({"requested_time": "tomorrow at five"}, "book_callback.requested_time: must be a date and time"),
        ({"requested_time": "2026-01-16T17:00:00"}, "Callback.requestedTime: needs its zone; for example 2026-01-16T10:00:00Z"),
        ({"requested_time": "2026-01-14T17:00:00Z"}, "Callback.requestedTime: must be in the future"),
        ({"requested_time": FIVE, "timezone": "Mexico"}, ""),
        ({"requested_time": FIVE, "timezone": "Mars/Olympus"}, "timezone: there is no zone 'Mars/Olympus'"),
        ({"requested_time": FIVE, "timezone": "../../etc/passwd"}, "timezone: there is no zone"),
        ({"requested_time": FIVE, "timezone": "America"}, ""),
        ({"requested_time": FIVE, "phone": "+12025550199"}, "book_callback.phone: there is no such field"),
    ],
)
async def test_a_wrong_argument_is_told_and_books_nothing(scene: Scene, arguments: dict[str, Any], told: str) -> None:
    if not told:
        told = f"timezone: there is no zone '{arguments['timezone']}'"
    ana = scene.person(ANA)
    assert (await call(scene, ana, "book_callback", **arguments)).startswith(f"error: {told}")
    assert await callbacks(scene, ana) == []


async def test_the_same_time_is_booked_once_and_not_asked_about_again(scene: Scene) -> None:
    ana = scene.person(ANA)
    await call(scene, ana, "book_callback", requested_time=FIVE)
    (callback,) = await callbacks(scene, ana)
    told = await call(scene, ana, "book_callback", requested_time="2026-01-16T23:00:00Z")
    assert told == f"callback {number_of(callback)} is booked for that time already"
    assert len(await callbacks(scene, ana)) == 1
    await call(scene, ana, "cancel_callback", number=number_of(callback))
    assert (await call(scene, ana, "book_callback", requested_time=FIVE)).startswith("booked callback")


async def test_nobody_is_promised_a_call_whose_number_we_do_not_have(scene: Scene) -> None:
    ana = scene.person(ANA)
    await call(scene, ana, "list_my_callbacks")
    await scene.app.people.update((await ana.customer()).id, {"phone_number": None}, by="user:op-1")
    assert "no phone number" in await call(scene, ana, "book_callback", requested_time=FIVE)
    assert await callbacks(scene, ana) == []
