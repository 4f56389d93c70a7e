"""The key that one-time codes are derived from: the setting BOT_SECRET_KEY, else a random one kept in the data directory."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from bot.errors import SettingsError

KEY_FILE = "secret.key"
_LEAST = 32
"""Characters of a key. A person sees codes that were made with it, so it must not be found by trying."""


def load_secret_key(configured: str, data_dir: Path) -> bytes:
    """The key: what is configured, else the one in the data directory, made at the first start.

    Of two processes that start at once, both end up with the one that was written first.
    Raises SettingsError that names the setting or the file, and the fix.
    """
    if configured:
        return _checked(configured, "BOT_SECRET_KEY", "make one with `openssl rand -hex 32`, or unset it")
    path = data_dir / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"{path}: cannot be read or made ({why}); set BOT_SECRET_KEY, or mend the file") from None
    return _checked(text, str(path), "restore it, or delete it and a new one is made")


def _checked(text: str, name: str, fix: str) -> bytes:
    if len(text) < _LEAST:
        raise SettingsError(f"{name}: must be at least {_LEAST} characters long; {fix}")
    return text.encode()


def _make(path: Path) -> None:
    """Written whole under another name first: whoever finds the file finds a whole key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{KEY_FILE}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was faster: theirs counts
            os.link(draft, path)
    finally:
        draft.unlink()
