"""What a channel is: something that says replies to an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from bot.errors import ServiceError
from bot.message import Address, Reply
from bot.pacing import Pace


class Channel(Protocol):
    """A way out. The way in calls `inbox.accept` with what it parsed."""

    name: str
    tracks: bool
    """Whether its receipts echo our tracker, so that a send that may have gone out can be told from one that did not."""

    def shape(self, reply: Reply) -> list[Reply]:
        """The pieces this channel can carry, in order: each is sent on its own and has its own delivery.

        No word is lost: a long text is split, an option that does not fit a button is listed in the text. Buttons are on the
        last piece. A reply that fits comes back as it is, and so does each piece; empty when there is nothing to say.
        """

    async def send(self, to: Address, reply: Reply, tracker: str) -> str:
        """Says one piece that `shape` gave; returns the provider's id of the message.

        Raises SendDelayed (try again), SendRefused (never will), SendUnconfirmed (it may have gone out).
        """

    async def close(self) -> None:
        """Lets go of its connections."""


@runtime_checkable
class Paced(Protocol):
    """A channel with a vendor behind it, which takes so much at a time and may be away: it is paced, and left alone then."""

    pace: Pace


@runtime_checkable
class Checkable(Protocol):
    """A channel whose vendor can be asked whether it knows us."""

    name: str

    async def check(self) -> str:
        """One line of what the vendor said. Raises ChannelError that says what is wrong."""


@runtime_checkable
class CarriesMedia(Protocol):
    """A channel whose replies may have files of our own store with them."""

    carries_media: bool


def shape_for(channels: Mapping[str, Channel], lane: str, reply: Reply) -> list[Reply]:
    """The pieces that the channel of a lane can carry. Raises ServiceError for files where it carries none."""
    channel = channel_of(channels, lane)
    if reply.media and not isinstance(channel, CarriesMedia):
        name = lane.partition(":")[0]
        raise ServiceError(f"files cannot be sent on {name} yet; say it in words, or send the file by another way")
    return channel.shape(reply) if channel is not None else [reply]


def channel_of(channels: Mapping[str, Channel], lane: str) -> Channel | None:
    """The channel of a lane: the one for just this end of ours (`whatsapp:simulator`), else the one of its name."""
    end, _, _ = lane.rpartition(":")
    return channels.get(end) or channels.get(lane.partition(":")[0])
