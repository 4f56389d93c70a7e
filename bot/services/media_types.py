"""Which files are taken, told by how they begin and never by their names.

The list is the rule: whatever is not on it is refused. HTML, SVG and XML are not, nor are archives and programs.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from bot.records.conversations import AttachmentType

HEAD = 4096
TAIL = 64 * 1024
"""Bytes of the beginning and of the end that are looked at."""

MOST_NAME = 120
"""Characters of a file's name."""
_NAMELESS = "file"


@dataclass(frozen=True, slots=True)
class MediaType:
    """One kind of file that is taken."""

    mime_type: str
    kind: AttachmentType
    extensions: tuple[str, ...]
    """The first is added to a name that has none of them."""
    is_inline: bool = False
    """Whether a browser may show it in a page of ours; the rest it saves."""


_IMAGE, _AUDIO, _VIDEO, _DOCUMENT = AttachmentType.IMAGE, AttachmentType.AUDIO, AttachmentType.VIDEO, AttachmentType.DOCUMENT
_OFFICE = "application/vnd.openxmlformats-officedocument."

JPEG = MediaType("image/jpeg", _IMAGE, ("jpg", "jpeg"), is_inline=True)
PNG = MediaType("image/png", _IMAGE, ("png",), is_inline=True)
GIF = MediaType("image/gif", _IMAGE, ("gif",), is_inline=True)
WEBP = MediaType("image/webp", _IMAGE, ("webp",), is_inline=True)
MP3 = MediaType("audio/mpeg", _AUDIO, ("mp3",), is_inline=True)
OGG = MediaType("audio/ogg", _AUDIO, ("ogg", "oga", "opus"), is_inline=True)
M4A = MediaType("audio/mp4", _AUDIO, ("m4a", "mp4"), is_inline=True)
AAC = MediaType("audio/aac", _AUDIO, ("aac",), is_inline=True)
AMR = MediaType("audio/amr", _AUDIO, ("amr",), is_inline=True)
WAV = MediaType("audio/wav", _AUDIO, ("wav",), is_inline=True)
MP4 = MediaType("video/mp4", _VIDEO, ("mp4", "m4v"), is_inline=True)
THREE_GP = MediaType("video/3gpp", _VIDEO, ("3gp",), is_inline=True)
WEBM = MediaType("video/webm", _VIDEO, ("webm",), is_inline=True)
PDF = MediaType("application/pdf", _DOCUMENT, ("pdf",))
DOCX = MediaType(f"{_OFFICE}wordprocessingml.document", _DOCUMENT, ("docx",))
XLSX = MediaType(f"{_OFFICE}spreadsheetml.sheet", _DOCUMENT, ("xlsx",))
PPTX = MediaType(f"{_OFFICE}presentationml.presentation", _DOCUMENT, ("pptx",))
TEXT = MediaType("text/plain", _DOCUMENT, ("txt", "csv", "log", "md", "tsv"))

ALLOWED = frozenset((JPEG, PNG, GIF, WEBP, MP3, OGG, M4A, AAC, AMR, WAV, MP4, THREE_GP, WEBM, PDF, DOCX, XLSX, PPTX, TEXT))
"""What a user may attach."""
OF_VISITORS = frozenset((JPEG, PNG, GIF, WEBP, PDF))
"""What somebody whom nobody knows may attach."""

_BEGINNINGS: tuple[tuple[bytes, MediaType], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"%PDF-", PDF),
    (b"ID3", MP3),
    (b"\xff\xfb", MP3),
    (b"\xff\xf3", MP3),
    (b"\xff\xf2", MP3),
    (b"\xff\xf1", AAC),
    (b"\xff\xf9", AAC),
    (b"#!AMR", AMR),
)
_VIDEO_BRANDS = (b"isom", b"iso", b"mp4", b"avc1", b"M4V", b"dash", b"MSNV")
"""ISO 14496-12, `ftyp`: what an MP4 says it is; HEIC and QuickTime say something else and are not taken."""
_OFFICE_PARTS = ((b"word/document.xml", DOCX), (b"xl/workbook.xml", XLSX), (b"ppt/presentation.xml", PPTX))
"""ECMA-376: in the directory of the package, which stands at its end."""


def sniff(head: bytes, tail: bytes) -> MediaType | None:
    """What a file is, by its first `HEAD` and last `TAIL` bytes; None for what is not taken."""
    for beginning, type_ in _BEGINNINGS:
        if head.startswith(beginning):
            return type_
    found = (look(head, tail) for look in (_riff, _iso, _ogg, _webm, _office, _text))
    return next((type_ for type_ in found if type_ is not None), None)


def _riff(head: bytes, _: bytes) -> MediaType | None:
    return {b"WEBP": WEBP, b"WAVE": WAV}.get(head[8:12]) if head.startswith(b"RIFF") else None


def _iso(head: bytes, _: bytes) -> MediaType | None:
    if head[4:8] != b"ftyp":
        return None
    brand = head[8:12]
    if brand.startswith((b"M4A", b"M4B")):
        return M4A
    if brand.startswith(b"3g"):
        return THREE_GP
    return MP4 if brand.startswith(_VIDEO_BRANDS) else None


def _ogg(head: bytes, _: bytes) -> MediaType | None:
    is_sound = b"OpusHead" in head[:64] or b"\x01vorbis" in head[:64]
    return OGG if head.startswith(b"OggS") and is_sound else None


def _webm(head: bytes, _: bytes) -> MediaType | None:
    return WEBM if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:64] else None


def _office(head: bytes, tail: bytes) -> MediaType | None:
    """A package without macros: those that have some carry the name of their project."""
    if not head.startswith(b"PK\x03\x04") or b"vbaProject" in tail:
        return None
    return next((type_ for part, type_ in _OFFICE_PARTS if part in tail), None)


def _text(head: bytes, tail: bytes) -> MediaType | None:
    """Plain text in UTF-8, that does not begin as markup does."""
    text = _decoded(head)
    is_markup = text is None or text.lstrip("\ufeff\t\n\r ").startswith("<")
    return TEXT if text and not is_markup and _decoded(tail, is_end=True) is not None else None


def _decoded(part: bytes, *, is_end: bool = False) -> str | None:
    """The text in a part; None where it is none. Between the first part and the last a character may be cut."""
    part = re.sub(rb"\A[\x80-\xbf]{1,3}", b"", part) if is_end else part
    try:
        text = _Utf8().decode(part, final=is_end)
    except UnicodeDecodeError:
        return None
    return None if any(c < " " and c not in "\t\n\r\f" for c in text) else text


_Utf8 = codecs.getincrementaldecoder("utf-8")


def harmless(name: str, type_: MediaType) -> str:
    """A file's name as it can be shown and saved anywhere: no path, no controls, no marks that turn letters round; and it ends as
    files of its type do, so that nothing is opened as what it is not.
    """
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(c for c in last if unicodedata.category(c) not in _UNSEEN and c not in _FORBIDDEN)
    plain = " ".join(visible.split()).strip(". ") or _NAMELESS
    stem, dot, extension = plain.rpartition(".")
    if not dot or not stem.strip(". ") or extension.lower() not in type_.extensions:
        stem, extension = plain, type_.extensions[0]
    return f"{_short(stem, MOST_NAME - len(extension) - 1)}.{extension}"


def _short(stem: str, most: int) -> str:
    return stem[:most].strip(". ") or _NAMELESS


_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_FORBIDDEN = frozenset('<>:"|?*')
"""What Windows takes in no file's name, and HTML does not like."""

BY_MIME_TYPE = {type_.mime_type: type_ for type_ in ALLOWED}
