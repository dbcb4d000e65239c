"""Sharing a document without processes: helpers are run on the spot, and what they made comes back late."""

from __future__ import annotations

from collections import deque
from typing import Any

from ingestkit_pdf.pdf import help_document, process_document
from ingestkit_pdf.pdf.share import Part
from support.results import comparable

__all__ = ["LateShare", "alone", "shared"]


class LateShare:
    """Of each four parts two are done by helpers, one by a helper that fails, and they come back later.

    Args:
        path: The document.
        config: As the pipeline gets it.
    """

    def __init__(self, path: str, config: dict[str, Any]) -> None:
        self.plan = b""
        self.helped = 0
        self.offers = 0
        self._path = path
        self._config = config
        self._late: deque[Part] = deque()
        self._next = self._stop = 0
        self._turn = 0

    def offer(self, plan: bytes, start: int, stop: int) -> None:
        """Keep the plan for the helpers."""
        self.offers += 1
        self._helper_plan, self._next, self._stop = plan, start, stop

    def take(self, most: int) -> Part | None:
        """Units one by one: for the worker itself, except for those that helpers have had."""
        while self._next < self._stop:
            unit = self._next
            self._next += 1
            self._turn += 1
            if self._turn % 4 in {0, 1}:
                self._late.append((unit, unit + 1, self._help(unit), False))
            elif self._turn % 4 == 2:
                self._late.append((unit, unit + 1, None, True))
            else:
                return unit, unit + 1, None, False
        return self._late.pop() if self._late else None

    def give(self, body: bytes) -> None:
        """Not for the worker that has the document."""
        raise AssertionError("not a helper")

    def _help(self, unit: int) -> bytes | None:
        helper = _Helper(self._helper_plan, unit)
        try:
            help_document(self._path, self._config, share=helper)
        except Exception:  # noqa: BLE001 - a helper may fail in any way
            return None
        self.helped += 1
        return helper.body


class _Helper:
    """The share of a helper that is given one unit."""

    def __init__(self, plan: bytes, unit: int) -> None:
        self.plan = plan
        self.body = b""
        self._unit: int | None = unit

    def offer(self, plan: bytes, start: int, stop: int) -> None:
        raise AssertionError("a helper offers nothing")

    def take(self, most: int) -> Part | None:
        unit, self._unit = self._unit, None
        return None if unit is None else (unit, unit + 1, None, False)

    def give(self, body: bytes) -> None:
        self.body = body


def alone(path: str, config: dict[str, Any]) -> dict[str, Any]:
    """The result of one worker, without what differs from run to run."""
    return comparable(process_document(path, {**config, "execution_share_from_seconds": 0}))


def shared(path: str, config: dict[str, Any]) -> tuple[dict[str, Any], LateShare]:
    """The same from a document that was shared as much as it can be."""
    config = {**config, "execution_share_from_seconds": 1e-9}
    share = LateShare(path, config)
    return comparable(process_document(path, config, share=share)), share
