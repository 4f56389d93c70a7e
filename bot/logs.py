"""How the program logs: lines to stderr, values in fields, nothing personal in either."""

from __future__ import annotations

import logging
import sys
import traceback
from types import FrameType

import structlog

from bot.errors import SettingsError, StoreError

log = structlog.get_logger()


class Foreign(logging.Handler):
    """Takes what libraries log the same way as our own lines.

    Of their words only those are shown that stand in their code: what is filled in, or put together beforehand, may be somebody's
    name, number or message (the model's client logs whole requests, the database's whole documents). What is not shown is told
    by its place.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = max(logging.DEBUG, min(record.levelno // 10 * 10, logging.CRITICAL))
            place = f"{record.module}:{record.lineno}"
            words = _of_the_code(record)
            log.log(level, words or "a library says something", logger=record.name, place=place, exc_info=record.exc_info)
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """The usual one would print what was to be logged."""


def configure_logs(level: int = logging.INFO, form: str = "auto") -> None:
    """JSON lines, or readable ones (`text`); `auto` is readable at a terminal only. Libraries are heard from warnings on, and
    at `DEBUG` altogether."""
    at_terminal = form == "text" or (form == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_words,
            renderer(at_terminal=at_terminal),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # a log line is rare; a cached logger cannot be set up again
    )
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, Foreign)] + [Foreign()]
    root.setLevel(level if level < logging.INFO else max(level, logging.WARNING))
    logging.captureWarnings(True)


def _of_the_code(record: logging.LogRecord) -> str:
    """The record's message where it is a constant of the function that logs it, without what is filled in; empty where not."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        code = frame.f_code
        if code.co_filename == record.pathname and code.co_name == record.funcName:
            return str(record.msg) if isinstance(record.msg, str) and record.msg in code.co_consts else ""
        frame = frame.f_back
    return ""


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
