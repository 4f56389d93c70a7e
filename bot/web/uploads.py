"""Files that are sent to us as a part of a form, read as they come and never wholly in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import BadHttpMessage

from bot.web.forms import clean

FIELD = "file"
CHUNK_SECONDS = 30.0
"""How long to wait for the next piece of a file: whoever sends slower than this is let go."""
_CHUNK = 64 * 1024
_FORM_BYTES = 64 * 1024
"""What a form adds to its file."""
_BROKEN = (ValueError, LookupError, AssertionError, BadHttpMessage, web.RequestPayloadError, ConnectionError)
"""A boundary that is none, headers that cannot be read, a body that ends too early, somebody who went away."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way."""

    name: str
    """As its sender calls it: any text at all."""
    _part: BodyPartReader
    _form: MultipartReader

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its bytes. Raises HTTPBadRequest where it breaks off, HTTPRequestTimeout."""
        while True:
            try:
                async with asyncio.timeout(CHUNK_SECONDS):
                    chunk = await self._part.read_chunk(_CHUNK)
                    if not chunk:
                        await self._form.next()  # is broken where no boundary says that this was all
            except TimeoutError:
                raise web.HTTPRequestTimeout(text="the file came too slowly; send it again") from None
            except _BROKEN:
                raise web.HTTPBadRequest(text="the file broke off on its way; send it again") from None
            if not chunk:
                return
            yield chunk


async def upload_of(request: web.Request, most: int | None = None) -> Upload:
    """The file in a form: its first part, with the name `file`.

    `most` is how many bytes it may have, where that is to be known before any of it is read.
    Raises HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge, HTTPBadRequest.
    """
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType(text=f"send a form (multipart/form-data) with the file in the part {FIELD!r}")
    size = request.content_length or 0
    if most is not None and size > most + _FORM_BYTES:
        text = f"the file is too large: at most {most // 1024 // 1024:,} MB are taken"
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size, text=text)
    try:
        form = await request.multipart()
        part = await form.next()
    except _BROKEN:
        raise web.HTTPBadRequest(text="this is no form that can be read") from None
    if not isinstance(part, BodyPartReader) or part.name != FIELD:
        raise web.HTTPBadRequest(text=f"the first part of the form has to be the file, with the name {FIELD!r}")
    return Upload(clean(part.filename or ""), part, form)
