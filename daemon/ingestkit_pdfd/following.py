"""What is told of jobs that somebody follows; of all others, nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ingestkit_pdf.execution.failure import WorkerFailure
from ingestkit_pdf.execution.pace import PagePace
from ingestkit_pdf.execution.pool import PoolResult, Reached
from ingestkit_pdf.models import JobOutcome, JobProgress, ProgressEvent
from ingestkit_pdf.wire.envelope import Job

from .outcome import Cancelled, Completed, DeadLettered, Outcome, Requeued, Retried
from .remembered import Remembered, watched_jobs

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

    @property
    def reply_tos(self) -> Sequence[str]:
        """The reply queues of all who have submitted the job."""
        ...

    def reached(self) -> Reached | None:
        """How far the worker has come."""
        ...


@dataclass(frozen=True, slots=True)
class _End:
    job_id: str
    reply_tos: tuple[str, ...]
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
        self._paces: dict[str, PagePace] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self, job_id: str, reply_to: str, attempts: Sequence[UnderWay]) -> None:
        """Somebody follows this job, whose attempts under way here are these: tell what is known already."""
        self._watched.add((job_id, reply_to))
        for attempt in attempts:
            if attempt.started:
                self._say(attempt, [reply_to], ProgressEvent.STARTED, at=attempt.started_at)
        if not attempts and (end := self._end_of(job_id, reply_to)) is not None:
            self._tell_end(end, [reply_to])

    def has_ended(self, job_id: str, reply_to: str) -> bool:
        """True when this job is known to have its result."""
        return self._end_of(job_id, reply_to) is not None

    def started(self, attempt: UnderWay) -> None:
        """A worker has begun the job. From any thread."""
        if self._loop is None or not self._followers(attempt):
            return
        with suppress(RuntimeError):  # the loop is closed: the daemon has ended without it
            self._loop.call_soon_threadsafe(self._tell_started, attempt)

    def ended(self, attempt: UnderWay, ended: PoolResult | WorkerFailure, outcome: Outcome) -> None:
        """An attempt has ended, and what became of it is with the broker."""
        job, followers = attempt.job, self._followers(attempt)
        if isinstance(outcome, Retried | Requeued):
            self._ended.pop(job.job_id, None)
            self._tell_retrying(attempt, followers, outcome)
            return
        end = self._ended[job.job_id] = _end(attempt, ended, outcome)
        if len(self._ended) > _ENDED:
            self._ended.popitem(last=False)
        self._tell_end(end, followers)

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
            followers = self._followers(attempt) if attempt.started else []
            if not followers:
                continue
            job_id = attempt.job.job_id
            pace = paces[job_id] = self._paces.get(job_id) or PagePace(now)
            reached = pace.next(now, attempt.reached())
            if reached is not None:
                self._say(attempt, followers, ProgressEvent.PAGE, page=reached.page, pages=reached.pages)
        self._paces = paces

    def _followers(self, attempt: UnderWay) -> list[str]:
        """The reply queues under which somebody follows the job."""
        job_id = attempt.job.job_id
        return [reply_to for reply_to in attempt.reply_tos if (job_id, reply_to) in self._watched]

    def _end_of(self, job_id: str, reply_to: str) -> _End | None:
        end = self._ended.get(job_id)
        return end if end is not None and reply_to in end.reply_tos else None

    def _tell_started(self, attempt: UnderWay) -> None:
        self._say(attempt, self._followers(attempt), ProgressEvent.STARTED, at=attempt.started_at)

    def _tell_retrying(
        self, attempt: UnderWay, followers: Iterable[str], outcome: Retried | Requeued
    ) -> None:
        reason, delay = "requeued", 0
        if isinstance(outcome, Retried):
            reason, delay = outcome.failure.reason.value, outcome.delay
        self._say(attempt, followers, ProgressEvent.RETRYING, reason=reason, delay=delay)

    def _say(
        self,
        attempt: UnderWay,
        followers: Iterable[str],
        event: ProgressEvent,
        *,
        at: float | None = None,
        **facts: Any,
    ) -> None:
        progress = JobProgress(
            job_id=attempt.job.job_id,
            event=event,
            attempt=attempt.job.attempt,
            at=time.time() if at is None else at,
            lane=attempt.lane,
            host=_HOST,
            **facts,
        )
        for reply_to in followers:
            self._tell(progress, reply_to)

    def _tell_end(self, end: _End, followers: Iterable[str]) -> None:
        progress = JobProgress(
            job_id=end.job_id,
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
        for reply_to in followers:
            self._tell(progress, reply_to)


def _end(
    attempt: UnderWay, ended: PoolResult | WorkerFailure, outcome: Completed | DeadLettered | Cancelled
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
        job_id=attempt.job.job_id,
        reply_tos=tuple(attempt.reply_tos),
        lane=attempt.lane,
        attempt=attempt.job.attempt,
        outcome=how,
        page=page,
        pages=pages,
        reason=reason,
        at=time.time(),
    )
