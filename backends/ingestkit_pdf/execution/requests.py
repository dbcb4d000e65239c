"""Cancelling and following jobs of a client without being it: for whoever knows its id and the jobs'."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ingestkit_pdf.errors import ErrorCode, ExecutionError, ResultTimeoutError
from ingestkit_pdf.execution._client.control import RefusedError, send, subscribe
from ingestkit_pdf.execution._client.declare import DeclarationError
from ingestkit_pdf.execution._client.follow import RENEW_EVERY, Course
from ingestkit_pdf.execution._client.one_shot import OneShotConnection
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.models import JobProgress
from ingestkit_pdf.wire.envelope import RequestKind, encode_request
from ingestkit_pdf.wire.topology import DEFAULT_PREFIX, Topology

__all__ = ["cancel_jobs", "watch_jobs"]


def cancel_jobs(
    url: str,
    job_ids: Sequence[str],
    *,
    client_id: str,
    prefix: str = DEFAULT_PREFIX,
    timeout: float = 30.0,
    tls: BrokerTLS | None = None,
) -> None:
    """Ask the daemons to end these jobs, which are answered to this client; it gets the results.

    Raises:
        ExecutionError: No daemon hears it, or this user may not ask.
        ValueError: `url`, `prefix` or an id is none, or a file of `tls` cannot be used.
        ConnectionError: The broker is not there, refuses, or has not answered in time.
    """
    topology = Topology(prefix)
    messages = encode_request(RequestKind.CANCEL, topology.reply_queue(client_id).name, job_ids)

    def steps(connection: Any, script: Script) -> Steps:
        heard = yield from send(connection, script, topology, messages)
        if not heard:
            raise RefusedError("no daemon hears requests: none is connected, or none has the rights")

    one_shot = OneShotConnection(url, name="ingestkit-pdf cancel", timeout=timeout, tls=tls)
    try:
        one_shot.run(steps)
    except RefusedError as error:
        raise ExecutionError(ErrorCode.E_EXECUTION_REJECTED, str(error), stage="cancel") from error


def watch_jobs(
    url: str,
    job_ids: Sequence[str],
    show: Callable[[JobProgress], None],
    *,
    client_id: str,
    prefix: str = DEFAULT_PREFIX,
    within: float | None = None,
    timeout: float = 30.0,
    tls: BrokerTLS | None = None,
) -> None:
    """Call `show` with what happens to these jobs until all have ended; their results stay where they are.

    A job that ended long ago, or that nobody has, never tells anything.

    Args:
        url: AMQP URL.
        job_ids: The jobs.
        show: Given each step.
        client_id: Whose jobs they are.
        prefix: Of exchanges and queues.
        within: Seconds for all of it.
        timeout: Seconds to wait for any one answer of the broker.
        tls: For `amqps://`.

    Raises:
        ResultTimeoutError: A job has not ended `within` that time.
        ExecutionError: This user may not hear of it.
        ValueError: `url`, `prefix` or an id is none, or a file of `tls` cannot be used.
        ConnectionError: The broker is not there, refuses, or has not answered in time.
    """
    topology = Topology(prefix)
    reply_queue = topology.reply_queue(client_id).name
    encode_request(RequestKind.WATCH, reply_queue, job_ids)  # what is wrong with the ids shows before all
    watched = _Watched(job_ids, show)
    one_shot = OneShotConnection(
        url, name="ingestkit-pdf watch", timeout=max(timeout, 2 * RENEW_EVERY), tls=tls
    )
    deadline = None if within is None else time.monotonic() + within

    def steps(connection: Any, script: Script) -> Steps:
        yield from subscribe(connection, script, topology, client_id, watched.on_event)
        while watched.open_jobs:
            one_shot.progress()
            messages = encode_request(RequestKind.WATCH, reply_queue, watched.open_jobs)
            yield from send(connection, script, topology, messages)
            left = RENEW_EVERY if deadline is None else min(RENEW_EVERY, deadline - time.monotonic())
            if watched.open_jobs and left <= 0:
                raise ResultTimeoutError(watched.open_jobs[0], within or 0.0)
            if watched.open_jobs:
                pause = one_shot.pause(left)
                yield lambda done, pause=pause: watched.wait(done, pause)  # type: ignore[misc]

    try:
        one_shot.run(steps)
    except (RefusedError, DeclarationError) as error:
        raise ExecutionError(ErrorCode.E_EXECUTION_REJECTED, str(error), stage="progress") from error


class _Watched:
    """The jobs that have not ended, and what was told of them."""

    def __init__(self, job_ids: Sequence[str], show: Callable[[JobProgress], None]) -> None:
        self._courses = {job_id: Course(job_id) for job_id in job_ids}
        self._show = show
        self._wake: Callable[[Any], None] | None = None

    @property
    def open_jobs(self) -> list[str]:
        """Those that have not ended."""
        return list(self._courses)

    def wait(self, done: Callable[[Any], None], pause: Callable[[Callable[[Any], None]], Any]) -> None:
        """Call `done` after the pause, or when the last job has ended."""
        self._wake = done
        pause(done)

    def on_event(self, progress: JobProgress) -> None:
        """Show it, if it is news."""
        course = self._courses.get(progress.job_id)
        if course is None or not course.is_news(progress):
            return
        self._show(progress)
        if course.is_over:
            del self._courses[progress.job_id]
        if not self._courses and self._wake is not None:
            self._wake(None)
