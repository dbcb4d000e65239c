"""Which pages are worth telling: the same for the local backend and for the daemon."""

from __future__ import annotations

from ingestkit_pdf.execution.task import Reached

__all__ = ["PAGE_EVERY", "PagePace"]

PAGE_EVERY = 1.0
"""Seconds between two pages that are told, and before the first: short jobs are not worth it."""


class PagePace:
    """Of one run: no page in its first second, then one a second at most, each further on than the last.

    Args:
        begun: When the run began, by the clock that `next` is asked with.
    """

    def __init__(self, begun: float) -> None:
        self._due = begun + PAGE_EVERY
        self._page = 0

    def wait(self, now: float) -> float:
        """Seconds until a page may be told again."""
        return max(0.0, self._due - now)

    def next(self, now: float, reached: Reached | None) -> Reached | None:
        """What is to be told now, or None."""
        if now < self._due:
            return None
        self._due = now + PAGE_EVERY
        if reached is None or reached.page is None or reached.page <= self._page:
            return None
        self._page = reached.page
        return reached
