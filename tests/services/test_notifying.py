"""Operators with no desk open are told that somebody waits, as each has set it, and not all the time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.records.users import NotificationPreferences, UserPreferences
from bot.testing.scene import Scene, open_scene
from tests.scenarios.helpers import ANA, BO
from tests.services.desk_helpers import ANGRY, add_user, open_hours

pytestmark = pytest.mark.unit


class Mails:
    """Takes mail."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    async def send(self, to: str, subject: str, text: str, key: str) -> None:
        self.sent.append((to, subject, text))


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
async def office(tmp_path: Path, mails: Mails) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, mailer=mails) as scene:
        yield scene


def wants(*, email: bool = False, whatsapp: bool = False) -> UserPreferences:
    return UserPreferences(language="en", notifications=NotificationPreferences(email=email, whatsapp=whatsapp))


async def test_who_could_serve_is_told_once_in_a_quarter_of_an_hour_and_learns_no_names(office: Scene, mails: Mails) -> None:
    await open_hours(office)
    await add_user(office, "Nadia", is_there=False, preferences=wants(email=True))
    await add_user(office, "Omar", is_there=False, preferences=wants(email=True), skills=["billing"])
    await add_user(office, "Quiet", is_there=False, preferences=wants())
    ana = office.person(ANA)
    await ana.says(ANGRY)
    await office.passes(300)
    assert [(to, subject) for to, subject, _ in mails.sent] == [("nadia@example.com", "Somebody is waiting for the team")]
    assert "1 conversation is waiting" in mails.sent[0][2]
    assert "Ana" not in mails.sent[0][2]
    assert ANA not in mails.sent[0][2]
    await office.passes(900)
    assert len(mails.sent) == 2


async def test_nobody_is_told_while_somebody_who_could_serve_is_there_or_we_are_closed(office: Scene, mails: Mails) -> None:
    await add_user(office, "Nadia", is_there=False, preferences=wants(email=True))
    ana, bo = office.person(ANA), office.person(BO)
    await ana.says(ANGRY)  # it is four in the morning where business hours are
    await office.passes(120)
    assert mails.sent == []
    omar = await add_user(office, "Omar")
    await office.app.desk.presence.set_status(omar.id, "busy")
    await open_hours(office)
    await bo.says(ANGRY)
    await office.passes(61)
    assert mails.sent == []


async def test_on_whatsapp_they_are_told_only_within_their_own_window(office: Scene) -> None:
    await open_hours(office)
    await add_user(office, "Nadia", is_there=False, phone=f"+{BO}", preferences=wants(whatsapp=True))
    ana, nadia = office.person(ANA), office.person(BO, name="Nadia")
    await ana.says(ANGRY)
    await office.passes(61)
    await nadia.hears_nothing()
    await nadia.says("STOP")
    await nadia.hears("ALTA")
    await office.passes(1000)
    await nadia.hears_nothing()
    await nadia.says("START")
    await nadia.hears("mensajes")
    await office.passes(1000)
    await nadia.hears("1 conversation is waiting for a person of the team")
