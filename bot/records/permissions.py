"""Permissions in both spellings of the seeds, compiled to one canonical set (C-07).

S1 writes "resource:action" (`contacts:*`, `intelligence:read`), S2 "action:resource" (`read:conversations`, `manage:tickets`).
Canonical is (resource, action) with the actions below; `*` stands for all of either.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

ANY = "*"


class AgentPermission(StrEnum):
    """The eight of S2."""

    READ_CONVERSATIONS = "read:conversations"
    WRITE_MESSAGES = "write:messages"
    ASSIGN_CONVERSATIONS = "assign:conversations"
    MANAGE_CUSTOMERS = "manage:customers"
    MANAGE_TICKETS = "manage:tickets"
    VIEW_ANALYTICS = "view:analytics"
    MANAGE_AGENTS = "manage:agents"
    SYSTEM_ADMIN = "system:admin"


_ACTIONS = {
    "read": "read",
    "view": "read",
    "list": "read",
    "write": "write",
    "create": "write",
    "update": "write",
    "delete": "delete",
    "assign": "assign",
    "export": "export",
    "manage": ANY,
    ANY: ANY,
}
"""An action as written -> the canonical one."""
_RESOURCES = {"agents": "users"}
"""A resource as written -> the canonical one (C-23: S2's agents are users)."""

Permissions = frozenset[tuple[str, str]]
"""(resource, action) pairs."""


def compile_permissions(written: Iterable[str]) -> Permissions:
    """Both spellings -> the canonical set. Raises ValueError naming what is in neither."""
    return frozenset(_compiled(permission) for permission in written)


def _compiled(permission: str) -> tuple[str, str]:
    if permission == AgentPermission.SYSTEM_ADMIN:
        return ANY, ANY
    left, _, right = permission.partition(":")
    if right in _ACTIONS and _is_name(left):
        return _RESOURCES.get(left, left), _ACTIONS[right]
    if left in _ACTIONS and _is_name(right):
        return _RESOURCES.get(right, right), _ACTIONS[left]
    raise ValueError(
        f"{permission!r} is no permission; write resource:action or action:resource, like contacts:* or read:tickets"
    )


def canonical(permission: str) -> tuple[str, str]:
    """One permission in either spelling -> its canonical (resource, action). Raises ValueError."""
    return _compiled(permission)


def _is_name(text: str) -> bool:
    return text == ANY or text.replace("_", "").isalpha()


def allows(permissions: Permissions, resource: str, action: str) -> bool:
    """Whether a canonical set covers an action on a resource, both in their canonical words."""
    wanted = {(resource, action), (resource, ANY), (ANY, action), (ANY, ANY)}
    return not wanted.isdisjoint(permissions)


def covers(permissions: Permissions, others: Permissions) -> bool:
    """Whether a canonical set allows everything that another one does."""
    return all(allows(permissions, resource, action) for resource, action in others)


def common(some: Permissions, others: Permissions) -> Permissions:
    """What both canonical sets allow."""
    return frozenset(both for one in some for other in others if (both := _both(one, other)) is not None)


def _both(one: tuple[str, str], other: tuple[str, str]) -> tuple[str, str] | None:
    pairs = list(zip(one, other, strict=True))
    if any(left != right and ANY not in (left, right) for left, right in pairs):
        return None
    resource, action = (right if left == ANY else left for left, right in pairs)
    return resource, action


def check_permission(permission: str) -> str:
    """The permission as it was written, if it can be compiled. Raises ValueError."""
    _compiled(permission)
    return permission
