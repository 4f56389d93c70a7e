"""The least that makes a file of each kind."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(32)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(32)
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
TEXT = "Número de pedido: 1042\nकुल: ₹ 300\n".encode()


def office(part: str, *more: str) -> bytes:
    """A package of Office's with this part in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        for name in ("[Content_Types].xml", part, *more):
            package.writestr(name, "<x/>")
    return file.getvalue()


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """As it comes over a network."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
