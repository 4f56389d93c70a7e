"""How the program logs: lines to stderr, values in fields, nothing personal in either."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(level: int = logging.INFO) -> None:
    """Readable lines at a terminal, JSON lines elsewhere."""
    at_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if not at_terminal else _as_is,
            structlog.dev.ConsoleRenderer() if at_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _as_is(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return event
