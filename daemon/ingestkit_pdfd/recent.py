"""What this daemon has just finished, so that a redelivery is answered and not run again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_pdf.wire.envelope import Message

__all__ = ["AttemptKey", "Finished", "RecentAttempts"]

AttemptKey = tuple[str, int, int]
"""Job id, redrive and attempt. The attempt is part of it because the first one may be redelivered when its
acknowledgement was lost, while the second is already on its way; the redrive, because a job that was brought
back from the dead letters is to be run again, not answered with what it was parked for."""

_ENTRY_BYTES = 512


@dataclass(frozen=True, slots=True)
class Finished:
    """What an attempt was answered with; no replies when the job went on to another attempt.

    `submitted_at` tells its message from one of the same job that was submitted later.
    """

    submitted_at: float
    replies: Sequence[Message] = ()

    @property
    def size(self) -> int:
        """Bytes this entry takes, roughly."""
        return _ENTRY_BYTES + sum(len(reply.body) for reply in self.replies)


class RecentAttempts:
    """The latest attempts, as many as fit into `limit` bytes; the oldest go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[AttemptKey, Finished] = OrderedDict()

    def add(self, key: AttemptKey, finished: Finished) -> None:
        """Remember how an attempt was answered."""
        self._forget(key)
        self._entries[key] = finished
        self._size += finished.size
        while self._size > self._limit and self._entries:
            self._forget(next(iter(self._entries)))

    def get(self, key: AttemptKey) -> Finished | None:
        """How this attempt was answered, if it is remembered."""
        return self._entries.get(key)

    def _forget(self, key: AttemptKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= entry.size
