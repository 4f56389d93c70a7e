"""Files to attach: sent here first, then named by their ids in what they are attached to."""

from __future__ import annotations

from bot.records.conversations import AttachmentType
from bot.records.media import MediaFile
from bot.services.media_types import BY_MIME_TYPE
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At
from bot.web.site import Site
from bot.web.uploads import Upload

READ, WRITE = "read:conversations", "write:messages"


class File(Model):
    id: str
    name: str
    """Made harmless, and ending as files of its type do."""
    mime_type: str
    """By what is in it."""
    kind: AttachmentType
    size: int
    """Bytes."""
    sha256: str
    url: str
    """A link that works for some hours without a sign-in."""
    is_inline: bool
    """Whether a browser shows it; the rest it saves."""
    uploaded_at: At


class MediaFiles:
    """The media store."""

    def __init__(self, site: Site) -> None:
        self._media = site.parts.media

    @endpoint("POST", "/media", WRITE, status=201)
    async def upload(self, call: Call, upload: Upload) -> File:
        """Takes in a file, for the next hour: by then it has to be attached to something.

        Images, sound, videos, PDF, Office documents and plain text, told by what is in them. 413 where it is too large, 415 where
        it is of another kind.
        """
        return self._shown(await self._media.receive(upload.chunks(), upload.name, by=call.by))

    @endpoint("GET", "/media/{id}", READ)
    async def show(self, call: Call, id: str) -> File:
        """What is known of a file, with a link to it."""
        return self._shown(await self._media.get(id))

    def _shown(self, file: MediaFile) -> File:
        type_ = BY_MIME_TYPE.get(file.mime_type)
        return File(
            id=file.id,
            name=file.name,
            mime_type=file.mime_type,
            kind=file.kind,
            size=file.size,
            sha256=file.sha256,
            url=self._media.links.path(file.id),
            is_inline=type_ is not None and type_.is_inline,
            uploaded_at=file.uploaded_at,
        )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(MediaFiles(site))
