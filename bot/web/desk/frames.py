"""What an open desk sends over its websocket. Whatever changes a record goes the way of the API."""

from __future__ import annotations

from typing import Annotated

import msgspec

MAX_FRAME = 4096
"""Bytes."""
Id = Annotated[str, msgspec.Meta(max_length=64)]


class Open(msgspec.Struct, frozen=True, tag="open"):
    """The conversation that is looked at; empty: none."""

    id: Id


class Types(msgspec.Struct, frozen=True, tag="typing"):
    """A reply is being written in the conversation that is looked at."""

    id: Id
    text: Annotated[str, msgspec.Meta(max_length=300)] = ""
    """How it begins, for who is about to write there as well; empty: not any more."""


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """The desk is still open."""


class Changed(msgspec.Struct, frozen=True, tag="presence"):
    """The user has changed their status."""


Frame = Open | Types | Beat | Changed

read_frame = msgspec.json.Decoder(Frame).decode
"""Raises msgspec.DecodeError, of which a ValidationError is one, and UnicodeDecodeError."""
