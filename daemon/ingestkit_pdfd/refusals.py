"""Giving up on a broker that says no, and goes on saying it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

import structlog

from .amqp import BrokerRefusedError
from .metrics import Metrics

__all__ = ["Refusals"]

_log = structlog.stdlib.get_logger(__name__)

_ENOUGH = 3
_FOR_SECONDS = 5.0
"""So often, and for so long, the broker must refuse before the daemon gives up: one that is just starting can
refuse a user or a virtual host that it is about to load."""

_FORGOTTEN_AFTER = 60.0


class Refusals:
    """Counts the refusals in a row, of each thing for itself. Lives on the event loop.

    A queue that is gone, and may not be declared, is refused again and again while all others take messages.

    Args:
        broker: Names the broker.
        metrics: Counts them, too.
        clock: Monotonic seconds.

    Attributes:
        final: Done, with the reason, once waiting does not mend it.
    """

    def __init__(
        self, broker: Callable[[], str], metrics: Metrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.final: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._broker = broker
        self._metrics = metrics
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def add(self, subject: str, error: BrokerRefusedError) -> None:
        """The broker refused what the subject names: the consuming connection, or messages for a queue."""
        now = self._clock()
        self._times = {name: old for name, old in self._times.items() if now - old[-1] <= _FORGOTTEN_AFTER}
        times = self._times.setdefault(subject, deque())
        times.append(now)
        while now - times[0] > _FORGOTTEN_AFTER:
            times.popleft()
        self._metrics.broker_refused()
        _log.error("broker_refused", broker=self._broker(), reason=str(error), times=len(times))
        lasting = now - times[0] >= _FOR_SECONDS
        if lasting and len(times) >= _ENOUGH and not self.final.done():
            self.final.set_result(str(error))

    def accepted(self, subject: str) -> None:
        """The broker took what it had refused."""
        self._times.pop(subject, None)
