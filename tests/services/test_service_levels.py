"""What is promised is data: checked when it is written, read as it is now, its default where somebody broke it."""

from __future__ import annotations

import pytest

from bot.errors import RecordError
from bot.records.people import Customer
from bot.records.settings import TICKET_RULES
from bot.services.service_levels import LEVELS, check_setting, read_escalation, read_levels
from bot.services.ticket_news import read_news
from bot.testing.scene import Scene
from tests.scenarios.helpers import set_setting

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], r"ticket_sla: must be a mapping of levels \(standard, priority, vip\)"),
        ({"gold": {}}, r"ticket_sla: there is no level 'gold'; there are standard, priority, vip"),
        ({"vip": 5}, r"ticket_sla\.vip: must be like .*"),
        ({"vip": {"respond": 5}}, r"ticket_sla\.vip: there is no 'respond'; there are first_response, resolution and .*"),
        ({"vip": {"resolution": "5"}}, r"ticket_sla\.vip\.resolution: must be minutes from 0 .*"),
        ({"vip": {"resolution": {"huge": 5}}}, r"ticket_sla\.vip\.resolution: there is no priority 'huge'; there are .*"),
        ({"vip": {"resolution": {"high": -1}}}, r"ticket_sla\.vip\.resolution\.high: must be minutes from 0 .*"),
        ({"vip": {"business_hours": "no"}}, r"ticket_sla\.vip\.business_hours: must be true or false"),
        ({"vip": {"first_response": 60, "resolution": 30}}, r"ticket_sla\.vip\.resolution: is shorter than first_response .*"),
    ],
)
def test_a_wrong_level_is_refused_in_one_line_that_names_it(value: object, message: str) -> None:
    with pytest.raises(RecordError, match=f"^{message}$"):
        read_levels(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, r"ticket_escalation: must be like .*"),
        ({"levels": 5}, r"ticket_escalation\.levels: must be a list of at most 10"),
        ({"levels": [{}]}, r"ticket_escalation\.levels\.0\.to: must be a role .*"),
        (
            {"levels": [{"to": "admin", "after_minutes": True}]},
            r"ticket_escalation\.levels\.0\.after_minutes: must be minutes .*",
        ),
        (
            {"levels": [{"to": "admin", "after_minutes": 9}, {"to": "admin"}]},
            r"ticket_escalation\.levels\.1\.after_minutes: is earlier than the level before; put them in order",
        ),
    ],
)
def test_a_wrong_escalation_is_refused_in_one_line_that_names_it(value: object, message: str) -> None:
    with pytest.raises(RecordError, match=f"^{message}$"):
        read_escalation(value)


def test_news_name_statuses_that_there_are() -> None:
    with pytest.raises(RecordError, match=r"^ticket_news\.statuses: there is no status 'done'; there are open, .*$"):
        read_news({"statuses": ["done"]})
    assert read_news({"enabled": False, "statuses": ["closed"]}) == frozenset()


def test_what_ships_passes_its_own_rules() -> None:
    for key, value in TICKET_RULES.items():
        check_setting(key, value)
    assert read_escalation({"enabled": False, "levels": [{"to": "admin"}]}) == ()


async def test_a_changed_level_counts_for_the_next_ticket_and_a_broken_one_falls_back(scene: Scene) -> None:
    """S2-175: targets are configuration."""
    await scene.app.store.insert([Customer(id="ana")])
    tickets = scene.app.ticketing.tickets
    targets = []
    for value in ({"standard": {"resolution": 90}}, {"standard": "nonsense"}):
        await set_setting(scene, LEVELS, value)
        ticket = await tickets.open(customer_id="ana", subject="No internet", description="Since yesterday", by="user:op")
        assert ticket.sla is not None
        assert ticket.sla.resolution is not None
        targets.append(ticket.sla.resolution.target_minutes)
    assert targets == [90.0, 2160.0]
