"""Jobs that clients have named, in bounded memory: so many and for so long at most."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["WATCHED_FOR", "JobAddress", "Remembered", "cancelled_jobs", "watched_jobs"]

JobAddress = tuple[str, str]
"""Job id and reply queue. Who asks for something has to know both, so whoever guesses one of them neither
gets what he asks for nor puts something else in the place of what the client has asked for."""

_CANCELLED, _CANCELLED_FOR = 10_000, 24 * 3600.0
"""A job may wait for hours in a queue, or ten minutes on a rung, before it comes and can be answered."""

_WATCHED = 10_000
WATCHED_FOR = 60.0
"""Seconds for which a client follows a job; it asks again every five."""


class Remembered:
    """What was named, the oldest forgotten first.

    Args:
        limit: Most jobs.
        seconds: For so long.
        clock: Seconds that only grow.
    """

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._until: OrderedDict[JobAddress, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def __contains__(self, address: JobAddress) -> bool:
        until = self._until.get(address)
        return until is not None and until > self._clock()

    def add(self, address: JobAddress) -> None:
        """Remember it from now on."""
        now = self._clock()
        self._until[address] = now + self._seconds
        self._until.move_to_end(address)
        while len(self._until) > self._limit or next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)


def cancelled_jobs() -> Remembered:
    """For what was cancelled before it was delivered here."""
    return Remembered(_CANCELLED, _CANCELLED_FOR)


def watched_jobs() -> Remembered:
    """For what somebody follows."""
    return Remembered(_WATCHED, WATCHED_FOR)
