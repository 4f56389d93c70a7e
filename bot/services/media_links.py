"""Links to files that work without a sign-in: for one file, for some hours, and signed."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

from bot.clock import Clock

LEAST_SECONDS = 6 * 3600
"""A link works for at least so long, and for twice as long at most: links that are made within these hours are the same, so that
a page that shows a file again need not load it again."""

_PURPOSE = b"links to media, 1"
_UNTIL = re.compile(r"[0-9]{1,12}", re.ASCII)


class MediaLinks:
    """Makes links and reads them."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = hmac.digest(key, _PURPOSE, hashlib.sha256)  # of its own: a link proves nothing elsewhere
        self._clock = clock

    def path(self, id: str) -> str:
        """A path of this site that shows the file for the next hours to whoever has it."""
        until = (int(self._clock.now().timestamp()) // LEAST_SECONDS + 2) * LEAST_SECONDS
        return f"/media/{id}?until={until}&sig={self._sign(id, str(until))}"

    def is_good(self, id: str, until: str, signature: str) -> bool:
        """Whether it is a link of ours to this file, and not over yet."""
        if not _UNTIL.fullmatch(until):
            return False
        expected = self._sign(id, until).encode()
        is_ours = hmac.compare_digest(signature.encode(errors="replace"), expected)
        return is_ours and self._clock.now().timestamp() < int(until)

    def _sign(self, id: str, until: str) -> str:
        said = f"{len(id.encode(errors='replace'))}:{id}:{until}".encode(errors="replace")
        return urlsafe_b64encode(hmac.digest(self._key, said, hashlib.sha256)).decode().rstrip("=")
