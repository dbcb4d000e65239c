"""Following jobs through the broker: events where they come, and in any case the result as the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ingestkit_pdf.errors import ResultTimeoutError
from ingestkit_pdf.execution._client.feed import Follower, Subscribed
from ingestkit_pdf.models import JobProgress, ProgressEvent

__all__ = ["RENEW_EVERY", "Course", "follow"]

RENEW_EVERY = 5.0
"""Seconds after which the daemons are asked again; they forget who follows after a minute."""

_GRACE = 0.5
"""So long a result waits for the event that says how the job ended: it comes by another way, a bit later."""


def follow(
    follower: Follower,
    ask: Callable[[list[str]], None],
    trouble: Callable[[], str | None],
    timeout: float | None,
) -> Iterator[JobProgress]:
    """Yield what happens to the jobs of `follower` until all have ended.

    Args:
        follower: Hears of events and of results.
        ask: Asks the daemons for the events of these jobs; returns at once.
        trouble: What keeps events from coming, in words.
        timeout: Seconds for all of it.

    Raises:
        ResultTimeoutError: Some have not ended in time.
        ExecutionError: Events cannot be had.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    courses = {job_id: Course(job_id) for job_id in follower.job_ids}
    renew: float | None = None  # events cannot come before there is a queue for them
    while courses:
        times = [time_ for time_ in (deadline, renew) if time_ is not None]
        times += [course.due for course in courses.values() if course.due is not None]
        news = follower.take(min(times) - time.monotonic() if times else None)
        now = time.monotonic()
        if isinstance(news, JobProgress):
            course = courses.get(news.job_id)
            if course is not None and course.is_news(news):
                yield news
        elif isinstance(news, str):
            if news in courses:
                courses[news].due = now + _GRACE
        elif isinstance(news, Subscribed) or (renew is not None and now >= renew):
            ask(list(courses))
            renew = now + RENEW_EVERY
        for course in [course for course in courses.values() if course.is_due(now)]:
            yield course.end()
        courses = {job_id: course for job_id, course in courses.items() if not course.is_over}
        if courses and deadline is not None and now >= deadline:
            raise ResultTimeoutError(min(courses), timeout or 0.0, trouble())


class Course:
    """What was told of one job."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._attempt = 0
        self._page = 0
        self._started: float | None = None
        self.due: float | None = None
        """When it counts as ended because its result is here."""
        self.is_over = False

    def is_news(self, progress: JobProgress) -> bool:
        """Whether this was not told before: the daemons repeat themselves when they are asked again."""
        if self.is_over or progress.attempt < self._attempt:
            return False
        if progress.attempt > self._attempt:
            self._attempt, self._page = progress.attempt, 0
        match progress.event:
            case ProgressEvent.STARTED:  # another run of the same attempt began at another time
                if progress.at == self._started:
                    return False
                self._started, self._page = progress.at, 0
            case ProgressEvent.PAGE:
                if (progress.page or 0) <= self._page:
                    return False
                self._page = progress.page or 0
            case ProgressEvent.FINISHED:
                self.is_over = True
        return True

    def is_due(self, now: float) -> bool:
        """True when its result has waited long enough for the event of its end."""
        return not self.is_over and self.due is not None and now >= self.due

    def end(self) -> JobProgress:
        """Its end, where only the result tells of it."""
        self.is_over = True
        return JobProgress(
            job_id=self._job_id,
            event=ProgressEvent.FINISHED,
            attempt=self._attempt or 1,
            at=time.time(),
        )
