"""Both spellings of permissions mean one canonical set (C-07)."""

from __future__ import annotations

import pytest

from bot.records.permissions import AgentPermission, allows, compile_permissions
from bot.records.users import ROLE_PERMISSIONS, Role, User

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("written", "resource", "action"),
    [
        ("contacts:*", "contacts", "*"),
        ("intelligence:read", "intelligence", "read"),
        ("read:conversations", "conversations", "read"),
        ("write:messages", "messages", "write"),
        ("assign:conversations", "conversations", "assign"),
        ("manage:customers", "customers", "*"),
        ("manage:tickets", "tickets", "*"),
        ("view:analytics", "analytics", "read"),
        ("manage:agents", "users", "*"),
        ("system:admin", "*", "*"),
        ("*:read", "*", "read"),
    ],
)
def test_a_permission_means_a_resource_and_an_action(written: str, resource: str, action: str) -> None:
    assert compile_permissions([written]) == {(resource, action)}


def test_the_same_permission_in_both_spellings_is_one() -> None:
    assert compile_permissions(["tickets:read", "read:tickets", "view:tickets"]) == {("tickets", "read")}


@pytest.mark.parametrize("written", ["", ":", "fly", "contacts:", "contacts:fly", "*", "a b:read", "read:"])
def test_what_is_in_neither_spelling_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no permission"):
        compile_permissions([written])


def test_a_wildcard_allows_everything_of_its_resource_and_nothing_else() -> None:
    granted = compile_permissions(["contacts:*", "intelligence:read"])
    assert allows(granted, "contacts", "delete")
    assert allows(granted, "intelligence", "read")
    assert not allows(granted, "intelligence", "write")
    assert not allows(granted, "accounts", "read")


def test_the_administrator_of_the_system_may_do_everything() -> None:
    granted = compile_permissions([AgentPermission.SYSTEM_ADMIN])
    assert all(allows(granted, resource, action) for resource in ("users", "tickets", "new") for action in ("read", "delete"))


def test_a_user_keeps_what_was_written_and_knows_what_it_means() -> None:
    user = User.new(id="u", email="a@example.org", role="user", permissions=["manage:tickets", "contacts:read"])
    assert user.permissions == ["manage:tickets", "contacts:read"]
    assert user.granted == {("tickets", "*"), ("contacts", "read"), ("campaigns", "*")}


MAY: dict[Role, set[str]] = {
    Role.ADMIN: {"read", "customers", "tickets", "own leads", "conversations", "campaigns", "users"},
    Role.SUPERVISOR: {"read", "customers", "tickets", "conversations"},
    Role.AGENT: {"read", "tickets"},
    Role.SALES_HEAD: {"read", "own leads"},
    Role.SALES_REP: {"own leads"},
    Role.MANAGER: {"campaigns"},
    Role.USER: {"campaigns"},
    Role.VIEWER: {"read"},
}
ASKED = {
    "read": ("conversations", "read"),
    "customers": ("customers", "*"),
    "tickets": ("tickets", "write"),
    "own leads": ("leads", "write"),
    "conversations": ("conversations", "assign"),
    "campaigns": ("campaigns", "write"),
    "users": ("users", "write"),
}


@pytest.mark.parametrize("role", Role)
def test_a_role_allows_what_its_people_do_and_nothing_else(role: Role) -> None:
    granted = User.new(id="u", email="a@example.org", role=role).granted
    assert {what for what, asked in ASKED.items() if allows(granted, *asked)} == MAY[role]


def test_every_role_is_in_the_table_and_who_may_only_look_changes_nothing() -> None:
    assert set(ROLE_PERMISSIONS) == set(Role)
    assert {action for _, action in compile_permissions(ROLE_PERMISSIONS[Role.VIEWER])} == {"read"}
