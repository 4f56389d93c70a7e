"""What tests of speech share."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing


async def whole(pieces: AsyncGenerator[bytes, None]) -> bytes:
    """All that a voice says."""
    async with aclosing(pieces):
        return b"".join([piece async for piece in pieces])
