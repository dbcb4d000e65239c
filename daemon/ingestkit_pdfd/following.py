"""What is told of jobs that somebody follows; of all others, nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ingestkit_pdf.execution.failure import WorkerFailure
from ingestkit_pdf.execution.pace import PagePace
from ingestkit_pdf.execution.pool import PoolResult, Reached
from ingestkit_pdf.models import JobOutcome, JobProgress, ProgressEvent
from ingestkit_pdf.wire.envelope import Job

from .outcome import Cancelled, Completed, DeadLettered, Outcome, Requeued, Retried
from .remembered import JobAddress, Remembered, watched_jobs

__all__ = ["Following", "UnderWay"]

_LOOK_EVERY = 0.25
_ENDED = 4096
"""Jobs whose end is remembered, for whoever asks about them too late."""

_HOST = socket.gethostname()


class UnderWay(Protocol):
    """An attempt, as far as it is looked at here."""

    job: Job
    started: bool
    started_at: float

    @property
    def lane(self) -> str:
        """The lane it came from."""
        ...

    def reached(self) -> Reached | None:
        """How far the worker has come."""
        ...


@dataclass(frozen=True, slots=True)
class _End:
    address: JobAddress
    lane: str
    attempt: int
    outcome: JobOutcome
    page: int | None
    pages: int | None
    reason: str | None
    at: float


class Following:
    """Who follows which job, and what they are told. Lives on the event loop; `started` is for any thread.

    Args:
        tell: Takes an event and the reply queue of its job; must not block.
        watched: The jobs that are followed.
    """

    def __init__(
        self,
        tell: Callable[[JobProgress, str], None] = lambda _progress, _reply_to: None,
        watched: Remembered | None = None,
    ) -> None:
        self._tell = tell
        self._watched = watched_jobs() if watched is None else watched
        self._ended: OrderedDict[str, _End] = OrderedDict()
        self._paces: dict[JobAddress, PagePace] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self, job_id: str, reply_to: str, attempt: UnderWay | None) -> None:
        """Somebody follows this job, under way here as `attempt` or not: tell what is known already."""
        self._watched.add((job_id, reply_to))
        if attempt is not None:
            if attempt.started:
                self._tell_started(attempt.job, attempt.lane, attempt.started_at)
        elif (end := self._end_of(job_id, reply_to)) is not None:
            self._tell_end(end)

    def has_ended(self, job_id: str, reply_to: str) -> bool:
        """True when this job is known to have its result."""
        return self._end_of(job_id, reply_to) is not None

    def started(self, job: Job, lane: str, at: float) -> None:
        """A worker has begun the job. From any thread."""
        if self._loop is None or (job.job_id, job.reply_to) not in self._watched:
            return
        with suppress(RuntimeError):  # the loop is closed: the daemon has ended without it
            self._loop.call_soon_threadsafe(self._tell_started, job, lane, at)

    def ended(self, job: Job, lane: str, ended: PoolResult | WorkerFailure, outcome: Outcome) -> None:
        """An attempt has ended, and what became of it is with the broker."""
        address = (job.job_id, job.reply_to)
        if isinstance(outcome, Retried | Requeued):
            self._ended.pop(job.job_id, None)
            if address in self._watched:
                self._tell_retrying(job, lane, outcome)
            return
        end = _end(job, lane, ended, outcome)
        self._ended[job.job_id] = end
        if len(self._ended) > _ENDED:
            self._ended.popitem(last=False)
        if address in self._watched:
            self._tell_end(end)

    async def run(self, attempts: Callable[[], Iterable[UnderWay]]) -> None:
        """Tell of pages, until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if len(self._watched):
                self.look(attempts(), time.monotonic())

    def look(self, attempts: Iterable[UnderWay], now: float) -> None:
        """Tell of the pages that were reached since the last look."""
        paces = {}
        for attempt in attempts:
            job = attempt.job
            address = (job.job_id, job.reply_to)
            if not attempt.started or address not in self._watched:
                continue
            pace = paces[address] = self._paces.get(address) or PagePace(now)
            reached = pace.next(now, attempt.reached())
            if reached is not None:
                self._say(job, attempt.lane, ProgressEvent.PAGE, page=reached.page, pages=reached.pages)
        self._paces = paces

    def _end_of(self, job_id: str, reply_to: str) -> _End | None:
        end = self._ended.get(job_id)
        return end if end is not None and end.address == (job_id, reply_to) else None

    def _tell_started(self, job: Job, lane: str, at: float) -> None:
        self._say(job, lane, ProgressEvent.STARTED, at=at)

    def _tell_retrying(self, job: Job, lane: str, outcome: Retried | Requeued) -> None:
        reason, delay = "requeued", 0
        if isinstance(outcome, Retried):
            reason, delay = outcome.failure.reason.value, outcome.delay
        self._say(job, lane, ProgressEvent.RETRYING, reason=reason, delay=delay)

    def _say(
        self, job: Job, lane: str, event: ProgressEvent, *, at: float | None = None, **facts: Any
    ) -> None:
        progress = JobProgress(
            job_id=job.job_id,
            event=event,
            attempt=job.attempt,
            at=time.time() if at is None else at,
            lane=lane,
            host=_HOST,
            **facts,
        )
        self._tell(progress, job.reply_to)

    def _tell_end(self, end: _End) -> None:
        job_id, reply_to = end.address
        progress = JobProgress(
            job_id=job_id,
            event=ProgressEvent.FINISHED,
            attempt=end.attempt,
            page=end.page,
            pages=end.pages,
            at=end.at,
            lane=end.lane,
            host=_HOST,
            reason=end.reason,
            outcome=end.outcome,
        )
        self._tell(progress, reply_to)


def _end(
    job: Job,
    lane: str,
    ended: PoolResult | WorkerFailure,
    outcome: Completed | DeadLettered | Cancelled,
) -> _End:
    match outcome:
        case Completed():
            how, reason = JobOutcome.COMPLETED, None
        case DeadLettered(failure):
            how, reason = JobOutcome.FAILED, failure.reason.value
        case Cancelled():
            how, reason = JobOutcome.CANCELLED, None
    page = ended.page_reached if isinstance(ended, WorkerFailure) else None
    pages = ended.pages or None if isinstance(ended, PoolResult) else None
    return _End(
        address=(job.job_id, job.reply_to),
        lane=lane,
        attempt=job.attempt,
        outcome=how,
        page=page,
        pages=pages,
        reason=reason,
        at=time.time(),
    )
