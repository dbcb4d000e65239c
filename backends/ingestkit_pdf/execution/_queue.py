"""The queue of a pool, and the jobs in it."""

from __future__ import annotations

import logging
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from ingestkit_pdf.execution._offer import Offer, Terms
from ingestkit_pdf.execution.failure import WorkerFailure
from ingestkit_pdf.execution.task import PoolResult, PoolTask, Reached

__all__ = ["JobQueue", "PoolJob"]

_log = logging.getLogger("ingestkit_pdf")


class PoolJob:
    """A task on its way: from the queue through one slot to its outcome. Safe to use from many threads."""

    def __init__(self, task: PoolTask, on_start: Callable[[], None] | None) -> None:
        self.task = task
        self.config = pickle.dumps(task.config)
        self.future: Future[PoolResult | WorkerFailure] = Future()
        # From now on `future.cancel()` returns False: cancelling takes more, a process has to be killed.
        self.future.set_running_or_notify_cancel()
        self._on_start = on_start
        self._lock = threading.Lock()
        self._kill: Callable[[], None] | None = None
        self._look: Callable[[], Reached] | None = None
        self._cancelled = False
        self._settled = False

    def attach(self, kill: Callable[[], None]) -> bool:
        """The job is about to be run by what `kill` ends; False when it was cancelled before."""
        with self._lock:
            self._kill = kill
            return not self._cancelled

    def detach(self) -> None:
        """What was running it has ended without having begun."""
        with self._lock:
            self._kill = self._look = None

    def settle(self) -> bool:
        """From now on it cannot be cancelled; True when it was."""
        with self._lock:
            self._kill = self._look = None
            self._settled = True
            return self._cancelled

    def reached(self) -> Reached | None:
        """How far it has come; None while no worker has it."""
        with self._lock:  # the worker, and what it shares, is not let go of meanwhile
            return self._look() if self._look is not None else None

    def started(self, look: Callable[[], Reached]) -> None:
        """A worker has it, and `look` tells how far it is; tell whoever wanted to know, once."""
        with self._lock:
            self._look = look
        on_start, self._on_start = self._on_start, None
        if on_start is None:
            return
        try:
            on_start()
        except Exception:  # noqa: BLE001 - a foreign callback
            _log.exception("the on_start callback of job %s failed", self.task.job_id)

    def cancel(self) -> bool:
        """Have it end as cancelled; False when it is too late for that."""
        with self._lock:
            if self._settled:
                return False
            self._cancelled = True
            if self._kill is not None:
                self._kill()
            return True

    @property
    def cancelled(self) -> bool:
        """True once it was cancelled."""
        return self._cancelled

    def resolve(self, outcome: PoolResult | WorkerFailure) -> None:
        """Give the outcome to whoever waits."""
        self.future.set_result(outcome)


class JobQueue:
    """First in, first out. `fd` is readable while there is a job, help is wanted, or the queue is closed.

    A descriptor rather than a condition, so that an idle slot can wait for a job and for the death of
    its worker at the same time.
    """

    def __init__(self) -> None:
        self._jobs: deque[PoolJob] = deque()
        self._offers: list[Offer] = []
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: PoolJob) -> None:
        """Add a job at the end."""
        with self._lock:
            self._jobs.append(job)
            self._show()

    def take(self) -> PoolJob | None:
        """The first job; None when there is none at this moment."""
        with self._lock:
            job = self._jobs.popleft() if self._jobs else None
            self._show()
            return job

    def remove(self, job: PoolJob) -> bool:
        """Take one job out; False when it is not (or no longer) in the queue."""
        with self._lock:
            try:
                self._jobs.remove(job)
            except ValueError:
                return False
            self._show()
            return True

    def offer(self, terms: Terms) -> Offer:
        """Show idle workers that a document can be shared; until `withdraw`."""
        offer = Offer(terms, self._lock, self._show, lambda: bool(self._jobs))
        with self._lock:
            self._offers.append(offer)
            self._show()
        return offer

    def take_offer(self) -> Offer | None:
        """An offer that a helper is wanted for, while no job waits; the one that was made first."""
        with self._lock:
            return self._wanted()

    def withdraw(self, offer: Offer) -> None:
        """The job of this offer has ended."""
        with self._lock:
            self._offers.remove(offer)
        offer.close()

    def _wanted(self) -> Offer | None:
        if self._jobs:
            return None
        return next((offer for offer in self._offers if offer.is_wanted), None)

    def close(self) -> None:
        """What is in it can still be taken; then it stays readable and empty."""
        with self._lock:
            self.closing.set()
            self._show()

    def dispose(self) -> None:
        """Give the descriptor back, when nobody waits on it any more."""
        with self._lock:
            if self.fd >= 0:
                os.close(self.fd)
                self.fd = -1

    @property
    def finished(self) -> bool:
        """True when it is closed and empty: no job will come out of it any more."""
        with self._lock:
            return self.closing.is_set() and not self._jobs

    def _show(self) -> None:
        if self.fd < 0:  # closed once more after the end
            return
        if self._jobs or self.closing.is_set() or (self._offers and self._wanted() is not None):
            os.eventfd_write(self.fd, 1)
        else:
            self._hide()

    def _hide(self) -> None:
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:  # it was not readable
            return
