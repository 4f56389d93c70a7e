"""Meta's signature on a webhook: HMAC-SHA256 of the body with the app secret (CHANNELS 1.4).

It is over the bytes as received: Meta writes accents and emoji as `\\uXXXX`, so JSON written anew has another signature.
"""

from __future__ import annotations

import hmac
import re

HEADER = "X-Hub-Signature-256"
_SHAPE = re.compile(r"sha256=[0-9a-f]{64}")


def sign(secret: str, raw: bytes) -> str:
    """The header Meta sends with this body: `sha256=` and 64 hex digits."""
    return "sha256=" + hmac.digest(secret.encode(), raw, "sha256").hex()


def well_formed(header: str | None) -> bool:
    """Whether a header looks like a signature at all (a missing or malformed one is answered differently from a wrong one)."""
    return header is not None and _SHAPE.fullmatch(header) is not None


def verify(secret: str, raw: bytes, header: str | None) -> bool:
    """Whether the body was signed with this secret. Total: any header gives an answer, never an error.

    An empty secret verifies nothing: everybody could sign with it.
    """
    # compare_digest raises on non-ASCII text, which the vendor never sends but a stranger may (CHANNELS 1.3, trap 7).
    if not secret or header is None or len(header) != 71 or not header.isascii():
        return False
    return hmac.compare_digest(sign(secret, raw), header)
