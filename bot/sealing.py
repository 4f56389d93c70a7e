"""Seals secrets that have to be stored and read again: AES-256-GCM under a key that follows from the secret key.

https://cryptography.io/en/latest/hazmat/primitives/aead/ ; the key by HKDF (RFC 5869), so that it is good for nothing else.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import SettingsError

_MARK = "sealed:1:"
_NONCE = 12


class Seal:
    """Closes and opens. What is closed names what it is for, and opens for nothing else."""

    def __init__(self, key: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"switchboard stored secrets").derive(key)
        self._cipher = AESGCM(derived)

    def close(self, secret: str, purpose: str) -> str:
        """The secret as it is stored; each time another text."""
        nonce = os.urandom(_NONCE)
        closed = nonce + self._cipher.encrypt(nonce, secret.encode(), purpose.encode())
        return _MARK + base64.urlsafe_b64encode(closed).decode()

    def is_closed(self, stored: str) -> bool:
        return stored.startswith(_MARK)

    def open(self, stored: str, purpose: str) -> str:
        """What was closed. Raises SettingsError: under another secret key, for another purpose, or broken."""
        try:
            closed = base64.urlsafe_b64decode(stored.removeprefix(_MARK))
            return self._cipher.decrypt(closed[:_NONCE], closed[_NONCE:], purpose.encode()).decode()
        except (InvalidTag, ValueError):
            raise SettingsError(
                "BOT_SECRET_KEY: is not the one that this secret was sealed with; restore the key, or renew the secret"
            ) from None
