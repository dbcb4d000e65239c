"""What a worker offers of the document it has, so that idle ones take part: who does which part of it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ingestkit_pdf.execution._channel import Progress
from ingestkit_pdf.execution.task import PoolTask

__all__ = ["Helper", "Offer", "Part", "Terms"]

_MAX_FAILURES = 3
"""A document that has cost so many helpers gets no more: it will cost its own worker, too."""
_MAX_HELD_BYTES = 64 * 2**20
"""Of parts that wait for the worker that has the document, which is on a slow page."""


class Part(NamedTuple):
    """Units from `start` up to `stop`; `body` is what a helper has made of them, None when it has failed."""

    start: int
    stop: int
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is offered.

    Attributes:
        task: The job it belongs to; `config` is its configuration, pickled.
        plan: What a helper must know, from the worker that has the document.
        start, stop: The units.
        deadline: `time.monotonic()` at which the job has to be done.
        document: The document as an open file, where workers open none themselves.
    """

    task: PoolTask
    config: bytes
    plan: bytes
    start: int
    stop: int
    deadline: float
    document: int | None


@dataclass(eq=False, slots=True)
class Helper:
    """A worker that helps, and what it is doing."""

    kill: Callable[[], None]
    progress: Progress
    part: Part | None = None
    killed: bool = False


class Offer:
    """The parts of one document; safe to use from many threads.

    `fd` is readable when something has come back for the worker that has the document.

    Args:
        terms: What is offered.
        lock: Of the queue that it is shown in.
        show: Called with the lock held when helpers may be wanted, or are no longer.
        others_wait: True while jobs are queued; asked with the lock held.
    """

    def __init__(
        self, terms: Terms, lock: threading.Lock, show: Callable[[], None], others_wait: Callable[[], bool]
    ) -> None:
        self.terms = terms
        self.peak_memory_bytes = 0
        self._lock = lock
        self._show = show
        self._others_wait = others_wait
        self._next = terms.start
        self._helpers: set[Helper] = set()
        self._back: deque[Part] = deque()
        self._held = 0
        self._failures = 0
        self._closed = False
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    @property
    def is_wanted(self) -> bool:
        """True when a helper would get a part at this moment. Call with the lock held."""
        return (
            self._next < self.terms.stop
            and not self._closed
            and self._held < _MAX_HELD_BYTES
            and self._failures < _MAX_FAILURES
        )

    def join(self, helper: Helper) -> bool:
        """Register a helper; False when it is too late. It has to `leave`."""
        with self._lock:
            if self._closed:
                return False
            self._helpers.add(helper)
            return True

    def reopen(self) -> int | None:
        """The document once more, with a file position of its own; None where workers open it themselves.

        Raises:
            OSError: It cannot be opened, or the job has ended.
        """
        with self._lock:
            if self._closed:
                raise FileNotFoundError("the job has ended")
            if self.terms.document is None:
                return None
            return os.open(f"/proc/self/fd/{self.terms.document}", os.O_RDONLY | os.O_CLOEXEC)

    def give_helper(self, helper: Helper, most: int) -> Part | None:
        """The next part for a helper; None when it is to leave: all is given out, or a job waits."""
        with self._lock:
            if not self.is_wanted or self._others_wait():
                return None
            helper.part = self._claim(most)
            return helper.part

    def take_back(self, helper: Helper, body: bytes) -> None:
        """A helper has done its part."""
        with self._lock:
            if helper.part is not None:
                self._return(helper.part._replace(body=body))
                helper.part = None

    def leave(self, helper: Helper, *, failed: bool, peak_memory_bytes: int) -> bool:
        """A helper is done, or has failed: then its part goes back. True when it was killed."""
        with self._lock:
            self._helpers.discard(helper)
            self.peak_memory_bytes = max(self.peak_memory_bytes, peak_memory_bytes)
            self._failures += failed
            if helper.part is not None:
                self._return(helper.part)
                helper.part = None
            self._show()
            return helper.killed

    def take_returned(self) -> Part | None:
        """For the worker that has the document: what has come back from a helper."""
        with self._lock:
            if not self._back:
                return None
            part = self._back.popleft()
            self._held -= len(part.body or b"")
            self._show()
            return part

    def take_next(self, most: int) -> Part | None:
        """For the worker that has the document: what it may do itself."""
        with self._lock:
            return self._claim(most) if self._next < self.terms.stop else None

    def await_returned(self) -> bool:
        """True when a helper is at work, so that `fd` will be readable; False when all has come back."""
        with self._lock:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self.fd)
            if self._back:
                os.eventfd_write(self.fd, 1)
            return bool(self._back) or any(helper.part is not None for helper in self._helpers)

    def lowest_page(self) -> int | None:
        """The first of the pages that helpers are on."""
        with self._lock:
            pages = [helper.progress.page for helper in self._helpers if helper.part is not None]
            return min((page for page in pages if page is not None), default=None)

    def close(self) -> None:
        """The job has ended. Helpers that are at work on it are killed: it may take them long to notice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for helper in self._helpers:
                if helper.part is not None:
                    helper.killed = True
                    helper.kill()
            self._show()
            os.close(self.fd)
            self.fd = -1

    def _claim(self, most: int) -> Part:
        """At most `most` units, and fewer towards the end, so that all end at the same time."""
        left = self.terms.stop - self._next
        part = Part(self._next, self._next + max(min(most, left // 4), 1))
        self._next = part.stop
        self._show()
        return part

    def _return(self, part: Part) -> None:
        self._back.append(part)
        self._held += len(part.body or b"")
        self._show()
        if self.fd >= 0:
            os.eventfd_write(self.fd, 1)
