"""Structured logs: one JSON object a line, or readable lines on a terminal.

Event names and fields are listed in docs/reference/logs.md. No document text and no document names
are logged: a job is known by its id, a document by its SHA-256.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor

__all__ = ["configure_logging"]

_NOISY = {"aio_pika": logging.ERROR, "aiormq": logging.CRITICAL, "asyncio": logging.WARNING}
"""What the libraries say of a lost connection we say ourselves, once."""


def configure_logging(log_format: Literal["auto", "json", "console"], level: str) -> None:
    """Send every log, ours and the libraries', to standard error in one format."""
    readable = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if readable:
        final.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    else:
        final += [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, threshold in _NOISY.items():
        logging.getLogger(name).setLevel(threshold)
