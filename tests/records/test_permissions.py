"""Both spellings of permissions mean one canonical set (C-07)."""

from __future__ import annotations

import pytest

from bot.records.permissions import AgentPermission, allows, compile_permissions
from bot.records.users import User

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
    user = User.new(id="u", email="a@example.org", permissions=["manage:tickets", "contacts:read"])
    assert user.permissions == ["manage:tickets", "contacts:read"]
    assert user.granted == {("tickets", "*"), ("contacts", "read")}
