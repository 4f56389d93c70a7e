"""The static files: read once, served from memory under a path that changes with their contents."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "static"

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
"""Named here because the machine's own table may say otherwise, and a browser runs no module of another type."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is sent."""

    body: bytes
    content_type: str


class Assets:
    """All static files under one hash: a module that names another by `./name.js` stays within the same version of all."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = _read(folder)
        self.version = _hash(self._files)

    def url(self, name: str) -> str:
        """The path of a file, to be kept by browsers for ever. Raises KeyError: a template names a file that is not there."""
        if name not in self._files:
            raise KeyError(f"bot/web/static has no file {name!r}")
        return f"/static/{self.version}/{name}"

    def names(self) -> list[str]:
        """All of them, in order."""
        return sorted(self._files)

    def file(self, name: str) -> Asset:
        """Raises KeyError."""
        return self._files[name]

    async def serve(self, request: web.Request) -> web.Response:
        """A file. One of another version, asked for while a new one is being rolled out, gets today's, to be kept by nobody."""
        asset = self._files.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        is_current = request.match_info["version"] == self.version
        headers = {
            "Cache-Control": _FOR_EVER if is_current else _ASK_AGAIN,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        return web.Response(body=asset.body, headers={**headers, "Content-Type": asset.content_type})

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/static/{version}/{name:[a-z0-9_./-]+}", self.serve)]


def _read(folder: Path) -> Mapping[str, Asset]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): Asset(path.read_bytes(), _type(path)) for path in files}


def _type(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _hash(files: Mapping[str, Asset]) -> str:
    digest = hashlib.sha256()
    for name, asset in files.items():
        digest.update(f"{name}:{len(asset.body)}:".encode())
        digest.update(asset.body)
    return digest.hexdigest()[:16]
