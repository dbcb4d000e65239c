"""Asking the daemons about jobs of this client, for its callers' threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ingestkit_pdf.errors import ErrorCode, ExecutionError, JobNotFoundError
from ingestkit_pdf.execution._client.connection import ClientConnection
from ingestkit_pdf.execution._client.errands import Request
from ingestkit_pdf.execution._client.feed import Feed, Follower
from ingestkit_pdf.execution._client.follow import follow
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.models import JobProgress
from ingestkit_pdf.wire.envelope import InvalidMessageError, RequestKind, encode_request
from ingestkit_pdf.wire.topology import Queue, Topology

__all__ = ["Asking"]


class Asking:
    """Cancels and follows jobs; thread-safe.

    Args:
        connection: The connection.
        store: Knows which results are here.
        topology: Names of exchanges and queues.
        reply_queue: This client's: with the id of a job it is what gives it the right to ask.
    """

    def __init__(
        self, connection: ClientConnection, store: ResultStore, topology: Topology, reply_queue: Queue
    ) -> None:
        self._connection = connection
        self._store = store
        self._topology = topology
        self._reply_queue = reply_queue
        self._feed = Feed(topology, topology.client_of(reply_queue.name))

    def cancel(self, job_id: str, timeout: float) -> None:
        """Have a job cancelled, and wait until a daemon has heard that.

        Raises:
            ExecutionError: None does, or the broker does not allow it or is not there.
        """
        request = self._ask(RequestKind.CANCEL, [job_id])
        if not request.wait(timeout):
            self._connection.end_errand(request)
            trouble = self._connection.trouble() or "the broker has not confirmed it"
            problem: str | None = f"not sent within {timeout:g} s: {trouble}"
        elif request.failure is None and not request.heard:
            problem = "no daemon hears requests: none is connected, or none has the rights"
        else:
            problem = request.failure
        if problem is not None:
            text = f"job {job_id!r} was not cancelled: {problem}"
            raise ExecutionError(ErrorCode.E_EXECUTION_REJECTED, text, job_id=job_id, stage="cancel")

    def follow(self, job_ids: Sequence[str], timeout: float | None) -> Iterator[JobProgress]:
        """Yield what happens to these jobs until all have ended.

        Raises:
            ResultTimeoutError: Some have not, after so many seconds.
            ExecutionError: Events cannot be had.
        """
        follower = Follower(frozenset(job_ids))
        request: Request | None = None

        def ask(names: list[str]) -> None:
            nonlocal request
            if request is not None:
                self._connection.end_errand(request)
            request = self._ask(RequestKind.WATCH, names, follower.refuse)

        self._store.enlist(follower)
        self._feed.follow(follower)
        try:
            self._connection.run_errand(self._feed)
            self._connection.ensure()
            yield from follow(follower, ask, self._connection.trouble, timeout)
        finally:
            self._store.unwatch(follower)
            self._feed.unfollow(follower)
            if request is not None:
                self._connection.end_errand(request)
            self._connection.end_errand(self._feed, unless=lambda: not self._feed.is_idle)

    def _ask(
        self, kind: RequestKind, job_ids: Sequence[str], refused: Callable[[str], None] = lambda _reason: None
    ) -> Request:
        """Have every daemon asked for something, as soon as that can be done."""
        try:
            messages = encode_request(kind, self._reply_queue.name, job_ids)
        except InvalidMessageError as error:
            raise JobNotFoundError(job_ids[0], str(error)) from error
        request = Request(self._topology, messages, refused)
        self._connection.run_errand(request)
        return request
