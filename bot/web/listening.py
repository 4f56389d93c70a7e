"""Why a port cannot be listened on, in terms of settings."""

from __future__ import annotations

import errno

from bot.errors import SettingsError


def cannot_listen(host: str, port: int, error: OSError | UnicodeError, setting: str = "BOT_PORT") -> SettingsError:
    """Names the setting that is to blame: the host's, or this one for the port."""
    number = error.errno if isinstance(error, OSError) else None
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if number == errno.EADDRINUSE or (number == errno.EACCES and port < 1024):
        return SettingsError(f"{setting}: cannot listen on {host}:{port} ({why}); choose another port")
    return SettingsError(f"BOT_HOST: cannot listen on {host}:{port} ({why}); give an address of this machine, or 0.0.0.0 for all")
