"""Units of work on one document, done here and by whoever helps, given in order.

What is done and how does not depend on where, and whatever fails elsewhere is done again here when its turn
comes: the result is that of one worker, errors included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from ingestkit_pdf.pdf.packing import pack, unpack
from ingestkit_pdf.pdf.share import Share

__all__ = ["Spread", "help_with"]

_PART_SECONDS = 0.25
"""How long a part should take. A job that comes in waits no longer for a helper; but each worker reads the
fonts of all pages that it gets, so parts of few pages cost more."""
_MOST_UNITS = 64  # pages that are handed over at once

T = TypeVar("T")


class _Pace:
    """How long a unit takes here, and so how many make a part."""

    def __init__(self) -> None:
        self._units = 0
        self._seconds = 0.0

    def timed(self, work: Callable[[int], T], start: int, stop: int) -> list[T]:
        """Do some units."""
        began = time.perf_counter()
        done = [work(unit) for unit in range(start, stop)]
        self._seconds += time.perf_counter() - began
        self._units += stop - start
        return done

    def seconds(self, units: int) -> float:
        """How long so many will take."""
        return self._seconds / self._units * units if self._units else 0.0

    @property
    def most(self) -> int:
        """Units of a part."""
        unit = self.seconds(1)
        return min(max(int(_PART_SECONDS / unit), 1), _MOST_UNITS) if unit else 1


@dataclass(slots=True)
class _Ready(Generic[T]):
    """A part that has come back: as it was packed, or done here; neither when it has failed."""

    stop: int
    body: bytes | None
    done: list[T] | None = None


class Spread(Generic[T]):
    """Does `work` on units 0 to `units - 1`.

    Args:
        share: Who may help; None when nobody may.
        plan: Makes what a helper must know, see `help_with`.
        units: How many there are.
        work: Does one.
        ahead: Does to a part of shared work what else would be left for one worker at the end.
        threshold: Nobody is asked for less than so many seconds of work; 0 for never.
        messages: Grows with what helpers were told by MuPDF.
    """

    def __init__(
        self,
        share: Share | None,
        plan: Callable[[], bytes],
        units: int,
        work: Callable[[int], T],
        *,
        ahead: Callable[[list[T]], None],
        threshold: float,
        messages: set[bytes],
    ) -> None:
        self._share = share if threshold else None
        self._plan = plan
        self._units = units
        self._work = work
        self._ahead = ahead
        self._threshold = threshold
        self._messages = messages
        self._pace = _Pace()
        self._offered = False

    @property
    def was_shared(self) -> bool:
        """True when not every unit was done in order."""
        return self._offered

    def in_order(self) -> Iterator[T]:
        """What became of each unit. Raises what `work` raised for the first unit that it raised for."""
        unit = 0
        while unit < self._units and not self._offer(unit):
            yield from self._pace.timed(self._work, unit, unit + 1)
            unit += 1
        ready: dict[int, _Ready[T]] = {}
        while unit < self._units:
            if unit not in ready:
                self._take(ready, unit)
                continue
            part = ready.pop(unit)
            if part.body is not None:
                part.done, messages = unpack(part.body)
                self._messages |= messages
            if part.done is None:
                for again in range(unit, part.stop):
                    yield self._work(again)
            else:
                yield from part.done
            unit = part.stop

    def _offer(self, unit: int) -> bool:
        """Ask for help when there is much left to do."""
        left = self._units - unit
        if self._share is None or left < 2 or self._pace.seconds(left) < self._threshold:
            return False
        self._share.offer(self._plan(), unit, self._units)
        self._offered = True
        return True

    def _take(self, ready: dict[int, _Ready[T]], unit: int) -> None:
        """Take back what others have done, or do a part here."""
        taken = self._share.take(self._pace.most) if self._share is not None else None
        if taken is None:
            raise RuntimeError("a part of the document was lost")
        start, stop, body, failed = taken
        ready[start] = part = _Ready[T](stop, body)
        if body is not None or failed:
            return
        try:
            part.done = self._pace.timed(self._work, start, stop)
            self._ahead(part.done)
        except Exception:
            if start == unit:
                raise
            # Out of turn: what comes before it may fail, too, and then that is what counts.


def help_with(
    share: Share, work: Callable[[int], T], messages: set[bytes], *, ahead: Callable[[list[T]], None]
) -> None:
    """Do parts of a document that another worker has, until there are no more; the rest as for `Spread`."""
    pace = _Pace()
    while (part := share.take(pace.most)) is not None:
        start, stop, _, _ = part
        done = pace.timed(work, start, stop)
        ahead(done)
        share.give(pack(done, messages))
        messages.clear()
