"""Users: one per address, with a role, and a principal while they are active."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import NotFound, RecordError, ServiceError
from bot.principal import UserRef
from bot.records.users import Role, User
from bot.services.audit import Audit, History
from bot.services.users import Users, name_of
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit


@pytest.fixture
def users(store: SqliteStore, clock: ManualClock, audit: Audit) -> Users:
    return Users(store, clock, audit)


async def test_a_user_is_added_once_however_the_address_is_spelled_and_it_is_written_down(
    users: Users, store: SqliteStore
) -> None:
    ana = await users.add(" Ana@Example.org ", " Ana  Ruiz ", "agent", by="cli")
    assert (ana.email, ana.name, ana.role, ana.password_hash) == ("ana@example.org", "Ana Ruiz", Role.AGENT, None)
    with pytest.raises(ServiceError, match=r"^User\.email: ana@example\.org is another user's already"):
        await users.add("ANA@example.org", "Another", "viewer", by="cli")
    assert (await users.by_email("ANA@EXAMPLE.ORG")).id == (await users.get(ana.id)).id == ana.id
    [entry] = await History(store).of("user", ana.id)
    assert (entry.action, entry.performed_by) == ("created", "cli")


async def test_many_at_once_with_one_address_are_one_user(users: Users) -> None:
    tried = await asyncio.gather(*(users.add("a@example.org", "A", "agent", by="cli") for _ in range(8)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in tried) == ["ServiceError"] * 7 + ["User"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("ana", "Ana", "agent"), r"^User\.email: must be an e-mail address"),
        (("a@example.org", "  ", "agent"), r"^User\.name: is required"),
        (("a@example.org", "Ana", "boss"), r"^User\.role: "),
    ],
)
async def test_what_is_wrong_is_told_by_field_and_nobody_is_added(
    users: Users, given: tuple[str, str, str], message: str
) -> None:
    with pytest.raises(RecordError, match=message):
        await users.add(*given, by="cli")
    with pytest.raises(RecordError, match="is no permission"):
        await users.add("a@example.org", "Ana", "agent", by="cli", permissions=["fly"])
    assert await users.all() == []


async def test_a_user_may_what_the_role_and_they_themselves_may(users: Users) -> None:
    ana = await users.add("a@example.org", "Ana", "user", by="cli", permissions=["tickets:read"])
    assert users.principal_of(ana) == UserRef(ana.id, "user", frozenset({("campaigns", "*"), ("tickets", "read")}))


async def test_nothing_runs_on_behalf_of_who_is_not_active(users: Users) -> None:
    ana = await users.add("a@example.org", "Ana", "admin", by="cli")
    with pytest.raises(ServiceError, match="is not active"):
        users.principal_of(ana.model_copy(update={"is_active": False}))


async def test_who_is_not_there_is_told(users: Users) -> None:
    with pytest.raises(NotFound):
        await users.get("nobody")
    with pytest.raises(NotFound, match="bot user list"):
        await users.by_email("nobody@example.org")
    with pytest.raises(RecordError):
        await users.by_email("nobody")


async def test_everybody_is_listed_by_address(users: Users, store: SqliteStore) -> None:
    await store.insert([User.new(id=f"u{n}", email=f"{n:03}@example.org", name=str(n)) for n in range(450)])
    assert [user.email for user in await users.all()] == [f"{n:03}@example.org" for n in range(450)]


def test_a_user_is_called_by_the_one_or_the_two_names_that_are_known() -> None:
    assert name_of(User.new(id="u", email="a@example.org", first_name="Ana", last_name="Ruiz")) == "Ana Ruiz"
    assert name_of(User.new(id="u", email="a@example.org", name="Ana")) == "Ana"
    assert name_of(User.new(id="u", email="a@example.org", username="ana")) == "ana"
