"""The events of this client's jobs, and who follows which."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from typing import Any

from ingestkit_pdf.errors import ErrorCode, ExecutionError
from ingestkit_pdf.execution._client.control import subscribe
from ingestkit_pdf.execution._client.errands import refusal_of
from ingestkit_pdf.execution._client.results import Waiter
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.models import JobProgress
from ingestkit_pdf.wire.topology import Topology

__all__ = ["Feed", "Follower", "Subscribed"]


class Subscribed:
    """The news that events come from now on: time to ask the daemons for them."""


class Follower(Waiter):
    """A waiter that hears of the course of its jobs, too."""

    def __init__(self, job_ids: frozenset[str]) -> None:
        super().__init__(job_ids)
        self.is_new = True

    def tell_course(self, news: JobProgress | Subscribed) -> None:
        """From any thread."""
        self._news.put(news)

    def refuse(self, reason: str) -> None:
        """No events will come; from any thread."""
        text = f"no progress: {reason}"
        self.tell(ExecutionError(ErrorCode.E_EXECUTION_REJECTED, text, stage="progress"))

    def take(self, timeout: float | None) -> JobProgress | Subscribed | str | None:
        """The next news, a job id for a job whose result is here; None when `timeout` seconds have passed.

        Raises:
            ExecutionError: No news will come.
        """
        try:
            news = self._news.get(timeout=None if timeout is None else max(0.0, timeout))
        except queue.Empty:
            return None
        if isinstance(news, ExecutionError):
            raise news
        found: JobProgress | Subscribed | str = news
        return found


class Feed:
    """An errand for as long as somebody follows a job: a queue of this connection, bound to the events.

    `follow` and `unfollow` are for any thread; the rest is called on the I/O thread.
    """

    def __init__(self, topology: Topology, client_id: str) -> None:
        self._topology = topology
        self._client_id = client_id
        self._lock = threading.Lock()
        self._followers: set[Follower] = set()
        self._subscribed = False

    def follow(self, follower: Follower) -> None:
        """Tell this one from now on."""
        with self._lock:
            self._followers.add(follower)

    def unfollow(self, follower: Follower) -> None:
        """Tell this one nothing more."""
        with self._lock:
            self._followers.discard(follower)

    @property
    def is_idle(self) -> bool:
        """True when nobody follows anything."""
        with self._lock:
            return not self._followers

    def steps(self, connection: Any, script: Script) -> Steps:
        """Subscribe, and stay so until the channel is closed or nobody follows any more."""
        channel = yield from subscribe(connection, script, self._topology, self._client_id, self._on_event)
        channel.add_on_cancel_callback(lambda _frame: script.fail(ConnectionError("its queue was deleted")))
        self._subscribed = True
        self._tell(self._now_following(), Subscribed())
        try:
            yield lambda _done: None
        finally:
            self._subscribed = False
            if channel.is_open:
                channel.close()

    def ended(self, error: BaseException | None) -> bool:
        """It is subscribed no more: for ever where that was refused."""
        if (refusal := refusal_of(error)) is not None:
            self.fail(refusal)
            return True
        return False

    def joined(self) -> None:
        """One more follows."""
        if self._subscribed:
            self._tell([each for each in self._now_following() if each.is_new], Subscribed())

    def fail(self, reason: str) -> None:
        """No events will come."""
        for follower in self._now_following():
            follower.refuse(reason)

    def _now_following(self) -> list[Follower]:
        with self._lock:
            return list(self._followers)

    def _tell(self, followers: Iterable[Follower], news: Subscribed) -> None:
        for follower in followers:
            follower.is_new = False
            follower.tell_course(news)

    def _on_event(self, progress: JobProgress) -> None:
        for follower in self._now_following():
            if progress.job_id in follower.job_ids:
                follower.tell_course(progress)
