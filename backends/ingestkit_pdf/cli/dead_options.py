"""Options of the `dead` commands: which letters, which broker."""

from __future__ import annotations

import functools
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

import click

from ingestkit_pdf.cli import options
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.dead_letters import LetterFilter
from ingestkit_pdf.execution.tls import BrokerTLS

__all__ = ["Broker", "broker_options", "filter_options", "stoppable"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGE = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})?[smhdw])+")
_SHA256_BEGINNING = re.compile(r"[0-9a-fA-F]{4,64}")


class _Age(click.ParamType[float]):
    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        if not _AGE.fullmatch(value):
            self.fail(f"{value!r} is not an age like 90s, 15m, 2h, 3d or 1d12h", param, ctx)
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhdw])", value))


def _document(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _SHA256_BEGINNING.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not 4 to 64 hexadecimal digits", context, parameter)
    return value


_FILTERS = (
    click.argument("job_ids", nargs=-1, metavar="[JOB_ID]..."),
    click.option(
        "--reason",
        "reasons",
        multiple=True,
        metavar="REASON",
        help="A word such as timeout, crashed, invalid or delivery_limit, or an error code; may be repeated.",
    ),
    click.option(
        "--lane", "lanes", multiple=True, callback=options.lane_name, help="From this lane; may be repeated."
    ),
    click.option(
        "--document",
        callback=_document,
        metavar="SHA256",
        help="With a document of this SHA-256, or one that begins like this.",
    ),
    click.option("--older-than", type=_Age(), metavar="AGE", help="Parked before: 90s, 15m, 2h, 3d, 1d12h."),
    click.option("--newer-than", type=_Age(), metavar="AGE", help="Parked since."),
)

_BROKER = (
    options.amqp_url,
    options.prefix,
    options.timeout,
    options.config,
    options.tls,
)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the letters are, and how long to wait for any one answer."""

    url: str
    prefix: str
    timeout: float
    tls: BrokerTLS

    @property
    def access(self) -> dict[str, Any]:
        """What each call on the letters takes beside the URL."""
        return {"prefix": self.prefix, "timeout": self.timeout, "tls": self.tls}


def filter_options(command: Decorated) -> Decorated:
    """Which letters: given to the command as `wanted`, a `LetterFilter`."""

    @functools.wraps(command)
    def with_filter(
        *,
        job_ids: tuple[str, ...],
        reasons: tuple[str, ...],
        lanes: tuple[str, ...],
        document: str | None,
        older_than: float | None,
        newer_than: float | None,
        **others: Any,
    ) -> Any:
        now = time.time()
        wanted = LetterFilter(
            job_ids=frozenset(job_ids),
            reasons=frozenset(reasons),
            lanes=frozenset(lanes),
            document=document,
            parked_before=None if older_than is None else now - older_than,
            parked_after=None if newer_than is None else now - newer_than,
        )
        return command(wanted=wanted, **others)

    decorated: Decorated = _decorated(with_filter, _FILTERS)
    return decorated


def broker_options(command: Decorated) -> Decorated:
    """`--amqp-url`, `--prefix`, `--timeout` and `--config`: given to the command as `broker`."""

    @functools.wraps(command)
    def with_broker(
        *,
        amqp_url: str | None,
        prefix: str,
        timeout: float,
        config: PDFProcessorConfig,
        tls: BrokerTLS,
        **others: Any,
    ) -> Any:
        broker = Broker(options.queue_url(amqp_url, config), prefix, timeout, tls)
        return command(broker=broker, **others)

    decorated: Decorated = _decorated(with_broker, _BROKER)
    return decorated


def _decorated(command: Any, decorators: Sequence[Callable[[Any], Any]]) -> Any:
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C only makes the function true, so that no letter is in doubt; the second breaks off."""
    stopped = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: stopped
    finally:
        signal.signal(signal.SIGINT, before)
