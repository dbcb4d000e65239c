"""Structured logs: one JSON object a line, or readable lines on a terminal.

Event names and fields are listed in docs/reference/logs.md. No document text and no document names
are logged: a job is known by its id, a document by its SHA-256.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from typing import Literal, NoReturn, TextIO

import structlog
from structlog.typing import EventDict, Processor

__all__ = ["SUBSYSTEMS", "Level", "Subsystem", "configure_logging", "set_levels"]

Level = Literal["debug", "info", "warning", "error"]
Subsystem = Literal["service", "broker", "jobs", "pool", "libraries"]

SUBSYSTEMS: Mapping[Subsystem, tuple[str, ...]] = {
    "service": ("ingestkit_pdfd",),
    "broker": (
        "ingestkit_pdfd.consuming",
        "ingestkit_pdfd.refusals",
        "ingestkit_pdfd.reply",
        "ingestkit_pdfd.sideline",
    ),
    "jobs": ("ingestkit_pdfd.attempt", "ingestkit_pdfd.control", "ingestkit_pdfd.dispatcher"),
    "pool": ("ingestkit_pdf",),
    "libraries": ("aio_pika", "aiormq", "asyncio", "opentelemetry", "waitress"),
}
"""The loggers whose level can be set apart; what is below `ingestkit_pdfd` and not named is the service's."""

_NOISY = {
    "aio_pika": "error",
    "aiormq": "critical",
    "asyncio": "warning",
    "opentelemetry": "warning",
    "waitress": "error",
}
"""What the libraries say of a lost connection we say ourselves, once; that probes queue up is no event."""

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""As sd-daemon(3) has them: `<4>` before a line makes it a warning in the journal."""

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Without the values of local variables, among which are documents and passwords."""


def configure_logging(
    log_format: Literal["auto", "json", "console"],
    level: Level,
    levels: Mapping[Subsystem, Level] | None = None,
) -> None:
    """Send every log, ours and the libraries', to standard error in one format.

    Args:
        log_format: auto: readable on a terminal, else JSON.
        level: The lowest that is logged.
        levels: The same for subsystems, where it is another.
    """
    readable = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    in_journal = _goes_to_journal()
    handler = logging.StreamHandler(sys.stderr)
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
    if not readable:
        last = [_TRACEBACKS, _JSONWriter(handler, in_journal=in_journal)]
    structlog.configure(
        # First of all, so that what is not logged costs nothing.
        processors=[structlog.stdlib.filter_by_level, *shared, *last],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if readable:
        final.append(
            structlog.dev.ConsoleRenderer(
                colors=_colours(), exception_formatter=structlog.dev.plain_traceback
            )
        )
    else:
        final += [_TRACEBACKS, structlog.processors.JSONRenderer()]
    formatter = _JournalFormatter if in_journal else structlog.stdlib.ProcessorFormatter
    handler.setFormatter(formatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_levels(level, levels)


def set_levels(level: Level, levels: Mapping[Subsystem, Level] | None = None) -> None:
    """Change the lowest level that is logged, in all and for subsystems."""
    logging.getLogger().setLevel(level.upper())
    for subsystem, names in SUBSYSTEMS.items():
        chosen = (levels or {}).get(subsystem)
        for name in names:
            logging.getLogger(name).setLevel((chosen or _NOISY.get(name) or level).upper())


def _colours() -> bool:
    """On a terminal, unless its user wants none: https://no-color.org."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _goes_to_journal() -> bool:
    """Whether standard error is the journal's, as systemd.exec(5) has it found out."""
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class _JournalFormatter(structlog.stdlib.ProcessorFormatter):
    """Has every line begin with its priority."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITIES.get(record.levelname.lower(), 6)}>"
        return prefix + super().format(record).replace("\n", f"\n{prefix}")


class _JSONWriter:
    """The last processor of our own events: writes the line to the stream of `handler`.

    The standard library would make a record of it and find out who called, which takes longer than all the
    rest of a line; there is one line for each job.
    """

    def __init__(self, handler: logging.StreamHandler[TextIO], *, in_journal: bool) -> None:
        self._handler = handler
        self._in_journal = in_journal
        self._encode = json.JSONEncoder(default=repr).encode

    def __call__(self, _logger: object, _name: str, event: EventDict) -> NoReturn:
        line = self._encode(event) + "\n"
        if self._in_journal:
            line = f"<{_PRIORITIES[event['level']]}>{line}"
        # Where nobody reads the log any more (OSError, or the stream is closed), the work goes on.
        with self._handler.lock or nullcontext(), suppress(OSError, ValueError):
            self._handler.stream.write(line)
            self._handler.stream.flush()
        raise structlog.DropEvent
