"""The connection of a client: jobs go out on it, and results come in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ingestkit_pdf.errors import ErrorCode, ExecutionError
from ingestkit_pdf.execution._client.amqp import close
from ingestkit_pdf.execution._client.answer import Delivery
from ingestkit_pdf.execution._client.dialler import Dialler, State
from ingestkit_pdf.execution._client.errands import Errand, Errands
from ingestkit_pdf.execution._client.io_thread import IOThread
from ingestkit_pdf.execution._client.job_channel import JobChannel
from ingestkit_pdf.execution._client.publisher import Publication
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.execution._client.subscription import ReplySubscription
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.wire.topology import Queue, Topology

__all__ = ["ClientConnection"]

_log = logging.getLogger("ingestkit_pdf.client")

_ABORT_TIMEOUT = 1.0
_CLOSED = "the backend was closed"


class ClientConnection:
    """Connects with the first call and reconnects until it is closed. Thread-safe.

    A dialler keeps the connection up; on each one the channel for jobs and the subscription to the reply
    queue are set up anew, and errands are begun again. All of them live on one I/O thread, as does what
    begins with an underscore here.

    Args:
        url: AMQP URL.
        tls: For `amqps://`.
        topology: Names of exchanges and queues.
        lane: Where jobs go.
        reply_queue: Where results come from.
        store: Takes the results.
        window: Results that may be unclaimed at first.
        transient: Nobody can come back for this reply queue, so it goes when nothing is open.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: BrokerTLS | None = None,
        topology: Topology,
        lane: str,
        reply_queue: Queue,
        store: ResultStore,
        window: int,
        transient: bool,
    ) -> None:
        self._store = store
        self._transient = transient
        self._thread = IOThread(f"ingestkit-pdf {reply_queue.name}", self._on_crash)
        self._dialler = Dialler(
            url,
            tls=tls,
            name=reply_queue.name,
            thread=self._thread,
            on_up=self._on_up,
            on_lost=self._on_lost,
            on_refused=self._on_refused,
        )
        self._replies = ReplySubscription(
            reply_queue,
            lock=None if transient else topology.reply_lock(reply_queue),
            store=store,
            window=window,
            thread=self._thread,
        )
        self._jobs = JobChannel(
            topology,
            lane,
            reply_queue,
            thread=self._thread,
            before_jobs=self._replies.start,
            on_ready=self._on_ready,
            on_failed=self._dialler.failed,
        )
        self._errands = Errands(self._thread.call_later)

    @property
    def is_started(self) -> bool:
        """True once the I/O thread runs."""
        return self._thread.is_started

    def publish(self, publication: Publication) -> None:
        """Publish a job as soon as it can be; `publication` learns of the outcome."""

        def command() -> None:
            if self._dialler.state is State.CLOSED:
                publication.fail(_CLOSED)
                return
            self._jobs.publisher.add(publication)
            self._dialler.ensure()

        self._thread.post(command)

    def withdraw(self, publication: Publication) -> None:
        """Nobody waits for this job any more: do not publish it (again), and let go of it."""
        publication.abandon()
        if not publication.is_answered:
            self._thread.post(partial(self._jobs.publisher.withdraw, publication))

    def ensure(self) -> None:
        """Somebody waits for a result: connect if that is not so, and let it in if the window is full."""
        if self._dialler.state not in {State.IDLE, State.REFUSED} and not self._replies.is_full:
            return  # nothing to do; should that change, the I/O thread sees who waits

        def command() -> None:
            self._dialler.ensure()
            self._replies.make_room()

        self._thread.post(command)

    def run_errand(self, errand: Errand) -> None:
        """Have something done besides jobs and results, as soon as there is a connection."""

        def command() -> None:
            if self._dialler.state is State.CLOSED:
                errand.fail(_CLOSED)
                return
            self._errands.add(errand)
            self._dialler.ensure()

        self._thread.post(command)

    def end_errand(self, errand: Errand, unless: Callable[[], bool] = lambda: False) -> None:
        """It is not wanted any more, `unless` that has changed meanwhile."""
        self._thread.post(lambda: None if unless() else self._errands.remove(errand))

    def settle(self, deliveries: Iterable[Delivery], *, discard: bool = False) -> None:
        """The caller has the result: acknowledge it, soon and with others (or discard what was none)."""
        self._replies.settle(deliveries, discard=discard)

    def trouble(self) -> str | None:
        """What keeps jobs or results from moving now, in words; None when nothing does."""
        if self._jobs.is_ready:
            blocked = self._jobs.publisher.blocked
            return f"the broker blocks publishers ({blocked})" if blocked else self._replies.trouble
        if self._dialler.state is State.UP:
            return f"{self._dialler.address} has not answered yet"
        problem = self._dialler.problem
        return f"no connection to {self._dialler.address}" + (f": {problem}" if problem else "")

    def close(self, timeout: float) -> None:
        """End connection and thread within `timeout` seconds; what is not acknowledged stays in the queue."""
        if not self._thread.is_started:
            return
        self._thread.post(self._begin_close)
        if not self._thread.join(timeout):
            self._thread.post(self._dialler.abort)
            self._thread.join(_ABORT_TIMEOUT)

    def _on_up(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        self._jobs.start(connection)

    def _on_ready(self, connection: Any) -> None:
        self._dialler.good()
        self._errands.ready(connection)  # not before: under an alarm a request would keep results from coming

    def _on_lost(self, error: BaseException) -> None:
        self._errands.lost()
        self._jobs.lost(error)
        self._replies.lost()

    def _on_refused(self, reason: str) -> None:
        self._jobs.publisher.fail_all(reason)
        self._errands.fail(reason)
        self._store.fail(ExecutionError(ErrorCode.E_EXECUTION_REJECTED, reason, stage="result"))

    def _on_crash(self, error: BaseException) -> None:
        self._replies.crashed()
        self._dialler.crashed(error)

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self._jobs.publisher.blocked = frame.method.reason
        _log.warning("the broker blocks publishers: %s", frame.method.reason)

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self._jobs.publisher.blocked = None
        self._jobs.publisher.flush()

    def _begin_close(self) -> None:
        if self._dialler.state is State.CLOSED:
            return
        self._replies.close()
        self._jobs.close(_CLOSED)
        self._errands.fail(_CLOSED)
        self._store.fail(ExecutionError(ErrorCode.E_EXECUTION_CANCELLED, _CLOSED, stage="result"))
        self._dialler.close(self._say_goodbye)

    def _say_goodbye(self, connection: Any) -> None:
        is_over = self._transient and self._store.is_settled
        if not (is_over and self._replies.delete_queue(lambda *_: close(connection))):
            close(connection)
