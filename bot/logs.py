"""How the program logs: lines to stderr, values in fields, nothing personal in either."""

from __future__ import annotations

import logging
import sys
import traceback

import structlog

from bot.errors import SettingsError, StoreError


def configure_logs(level: int = logging.INFO) -> None:
    """Readable lines at a terminal, JSON lines elsewhere."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_words,
            renderer(at_terminal=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # a log line is rare; a cached logger cannot be set up again
    )


def renderer(*, at_terminal: bool) -> structlog.typing.Processor:
    """What makes a line of an event. Never with local variables: they hold what people said."""
    if at_terminal:
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer()


def without_words(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Puts an exception's type and frames in place of the exception: its message may quote a person, or hold a number."""
    given = event.pop("exc_info", None)
    if isinstance(given, BaseException):
        error: BaseException | None = given
    elif isinstance(given, tuple):
        error = given[1]
    else:
        error = sys.exc_info()[1] if given else None
    if error is not None:
        event["exception"] = "\n".join(_told(error, set()))
    return event


def _told(error: BaseException, seen: set[int]) -> list[str]:
    """The lines of a traceback, causes first, without the messages."""
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [*_told(before, seen), "which led to:"] if before is not None and id(before) not in seen else []
    if error.__traceback__ is not None:
        lines.append("Traceback (most recent call last):")
        lines.extend(line.rstrip("\n") for line in traceback.format_tb(error.__traceback__))
    lines.append(_name(error))
    if isinstance(error, BaseExceptionGroup):
        for number, part in enumerate(error.exceptions, 1):
            if id(part) not in seen:
                lines.extend([f"part {number}:", *_told(part, seen)])
    return lines


def _name(error: BaseException) -> str:
    """The type; with the message where that is about our settings or the disk, and not about a record."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}: {error}" if isinstance(error, (SettingsError, StoreError)) else name
