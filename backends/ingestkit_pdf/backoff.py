"""How long to wait before trying again."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """Exponential, bounded, with jitter so that a fleet does not come back all at once.

    Args:
        first: Seconds before the second try.
        limit: Seconds that no wait exceeds.
    """

    def __init__(self, *, first: float, limit: float) -> None:
        self._first = first
        self._limit = limit
        self._tries = 0

    def next(self) -> float:
        """Seconds to wait now: between half and all of the current step."""
        step = min(self._first * 2.0 ** min(self._tries, 32), self._limit)
        self._tries += 1
        return step * random.uniform(0.5, 1.0)  # noqa: S311 - jitter

    def reset(self) -> None:
        """It worked: begin again with the first step."""
        self._tries = 0
