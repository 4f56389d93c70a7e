"""On whose behalf a tool runs, and how sure we are of who they are (DESIGN 3, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from bot.message import Address
from bot.records.conversations import Conversation
from bot.records.permissions import Permissions


class Strength(IntEnum):
    """How sure we are that somebody is who they seem to be."""

    CLAIMED = 1
    """They say so: a number that a call shows, a visitor on a page."""
    SIGNED = 2
    """The channel vouches for them."""
    VERIFIED = 3
    """They have shown it to us with a one-time code."""


CHANNEL_STRENGTH: Mapping[str, Strength] = {
    "whatsapp": Strength.SIGNED,
    # Whoever sits at this terminal can read the data directory: asking them for proof would guard nothing.
    "console": Strength.SIGNED,
    "web": Strength.CLAIMED,
    "voice": Strength.CLAIMED,
}
"""What a channel alone tells of who is at its other end."""


SHOWN_ONLY = frozenset({"voice"})
"""Channels on which their end of the address is itself no more than shown: anybody can make a call show a number. A page's
visitor is known by a secret of their browser."""


def strength_of(channel: str) -> Strength:
    """How sure a channel makes us of who somebody is; of a channel that is not in the table, nothing but what they claim."""
    return CHANNEL_STRENGTH.get(channel, Strength.CLAIMED)


def strength_in(conversation: Conversation, now: datetime) -> Strength:
    """How sure we are of who the person of a conversation is: by its channel, and by a one-time code while that still counts."""
    proof = conversation.verification
    return Strength.VERIFIED if proof is not None and now < proof.until else strength_of(conversation.channel)


@dataclass(frozen=True, slots=True)
class PersonRef:
    """The person on whose behalf a tool runs."""

    customer_id: str
    strength: Strength = Strength.CLAIMED


@dataclass(frozen=True, slots=True)
class UserRef:
    """The user (somebody with a login) on whose behalf a tool runs."""

    user_id: str
    role: str
    permissions: Permissions = frozenset()
    """In canonical words: what the role grants and what was granted besides."""


Principal = PersonRef | UserRef

_USERS_SPEAK_ON = frozenset({"console"})
"""Where our own program says which user speaks; what a vendor calls somebody never makes a user of them."""
_USER = "user:"


def user_address(user_id: str) -> str:
    """Their end of an address at which a user speaks."""
    return f"{_USER}{user_id}"


def user_in(address: Address) -> str:
    """The id of the user who speaks at this address; empty where a person does."""
    is_user = address.channel in _USERS_SPEAK_ON and address.theirs.startswith(_USER)
    return address.theirs.removeprefix(_USER) if is_user else ""
