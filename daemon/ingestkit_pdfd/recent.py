"""What this daemon has just finished, so that a redelivery is answered and not run again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingestkit_pdf.wire.envelope import Message

__all__ = ["AttemptKey", "Finished", "RecentAttempts"]

AttemptKey = tuple[str, int, int]
"""Job id, redrive and attempt. The attempt is part of it because the first one may be redelivered when its
acknowledgement was lost, while the second is already on its way; the redrive, because a job that was brought
back from the dead letters is to be run again, not answered with what it was parked for."""

_ATTEMPTS = 20_000
"""Attempts that are remembered: half a kilobyte each, beside the answers."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What an attempt was answered with.

    There are no replies when it was followed by another attempt, or once they take too much room.
    `submitted_at` tells its message from one of the same job that was submitted later.
    """

    submitted_at: float
    replies: Sequence[Message] = ()

    @property
    def size(self) -> int:
        """Bytes of the answer."""
        return sum(len(reply.body) for reply in self.replies)


class RecentAttempts:
    """The latest attempts, and as many of their answers as fit into `limit` bytes; the oldest go first.

    An attempt is remembered for longer than its answer: that it was answered is enough for a redelivery.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[AttemptKey, Finished] = OrderedDict()
        self._with_answer: OrderedDict[AttemptKey, None] = OrderedDict()

    def add(self, key: AttemptKey, finished: Finished) -> None:
        """Remember how an attempt was answered."""
        self._forget(key)
        self._entries[key] = finished
        if finished.replies:
            self._with_answer[key] = None
            self._size += finished.size
        while self._size > self._limit:
            oldest = next(iter(self._with_answer))
            self._entries[oldest] = replace(self._drop_answer(oldest), replies=())
        while len(self._entries) > _ATTEMPTS:
            self._forget(next(iter(self._entries)))

    def get(self, key: AttemptKey) -> Finished | None:
        """How this attempt was answered, if it is remembered."""
        return self._entries.get(key)

    def _forget(self, key: AttemptKey) -> None:
        if key in self._entries:
            self._drop_answer(key)
            del self._entries[key]

    def _drop_answer(self, key: AttemptKey) -> Finished:
        entry = self._entries[key]
        self._with_answer.pop(key, None)
        self._size -= entry.size
        return entry
