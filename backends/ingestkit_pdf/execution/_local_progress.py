"""How far the jobs of a `LocalExecutionBackend` have come."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

from ingestkit_pdf.errors import ResultTimeoutError
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pace import PAGE_EVERY, PagePace
from ingestkit_pdf.execution.task import PoolResult, Reached
from ingestkit_pdf.models import JobOutcome, JobProgress, ProgressEvent

__all__ = ["Course", "Follower", "follow"]


class Course:
    """The course of one job: whether it has begun, and when.

    Args:
        changed: Notified whenever that, or the end of a job, is news.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self.begun: tuple[float, float] | None = None
        """In Unix time, and by the clock for waiting."""

    def begin(self) -> None:
        """A worker has the job."""
        with self._changed:
            self.begun = time.time(), time.monotonic()
            self._changed.notify_all()

    def end(self, _future: Future[PoolResult | WorkerFailure]) -> None:
        """The job is done."""
        with self._changed:
            self._changed.notify_all()


class Follower:
    """Of one job: what of its course has not been told yet."""

    def __init__(
        self,
        job_id: str,
        course: Course,
        future: Future[PoolResult | WorkerFailure],
        look: Callable[[], Reached | None],
    ) -> None:
        self.job_id = job_id
        self._course = course
        self._future = future
        self._look = look
        self._pace: PagePace | None = None
        self.is_over = False

    def news(self) -> Iterator[JobProgress]:
        """What has happened since."""
        if self.is_over:
            return
        if self._pace is None and self._course.begun is not None:
            at, begun = self._course.begun
            self._pace = PagePace(begun)
            yield self._event(ProgressEvent.STARTED, at=at)
        if self._future.done():
            self.is_over = True
            yield self._finished(self._future.result())
        elif self._pace is not None:
            reached = self._pace.next(time.monotonic(), self._look())
            if reached is not None:
                yield self._event(ProgressEvent.PAGE, page=reached.page, pages=reached.pages)

    @property
    def has_news(self) -> bool:
        """True when something but a page has happened since."""
        return not self.is_over and (
            self._future.done() or (self._pace is None and self._course.begun is not None)
        )

    @property
    def patience(self) -> float:
        """Seconds until there may be a page to tell of."""
        return self._pace.wait(time.monotonic()) if self._pace is not None else PAGE_EVERY

    def _finished(self, ended: PoolResult | WorkerFailure) -> JobProgress:
        if isinstance(ended, PoolResult):
            return self._event(
                ProgressEvent.FINISHED, pages=ended.pages or None, outcome=JobOutcome.COMPLETED
            )
        if ended.reason is FailureReason.CANCELLED:
            return self._event(ProgressEvent.FINISHED, page=ended.page_reached, outcome=JobOutcome.CANCELLED)
        return self._event(
            ProgressEvent.FINISHED,
            page=ended.page_reached,
            reason=ended.reason.value,
            outcome=JobOutcome.FAILED,
        )

    def _event(
        self,
        event: ProgressEvent,
        *,
        at: float | None = None,
        page: int | None = None,
        pages: int | None = None,
        reason: str | None = None,
        outcome: JobOutcome | None = None,
    ) -> JobProgress:
        return JobProgress(
            job_id=self.job_id,
            event=event,
            page=page,
            pages=pages,
            at=time.time() if at is None else at,
            host=socket.gethostname(),
            reason=reason,
            outcome=outcome,
        )


def follow(
    followers: Sequence[Follower], changed: threading.Condition, timeout: float | None
) -> Iterator[JobProgress]:
    """Yield what happens to these jobs until all have ended.

    Raises:
        ResultTimeoutError: Some have not, `timeout` seconds after the first question.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        for follower in followers:
            yield from follower.news()
        open_ones = [follower for follower in followers if not follower.is_over]
        if not open_ones:
            return
        patience = min(follower.patience for follower in open_ones)
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ResultTimeoutError(open_ones[0].job_id, timeout or 0.0)
            patience = min(patience, left)
        with changed:
            if not any(follower.has_news for follower in open_ones):
                changed.wait(max(patience, 0.01))
