"""The connection of a client: kept up by one I/O thread, it publishes jobs and receives results."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pika.adapters.select_connection import SelectConnection
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByClient

from ingestkit_pdf.errors import ErrorCode, ExecutionError
from ingestkit_pdf.execution._client.amqp import (
    connection_parameters,
    describe,
    hang_up,
    is_final,
    not_opened,
    redact_url,
)
from ingestkit_pdf.execution._client.answer import Delivery
from ingestkit_pdf.execution._client.consumer import ReplyConsumer
from ingestkit_pdf.execution._client.declare import (
    DeclarationError,
    Declarer,
    declare_for_client,
    open_channel,
)
from ingestkit_pdf.execution._client.errands import Errand, Errands
from ingestkit_pdf.execution._client.io_thread import IOThread
from ingestkit_pdf.execution._client.publisher import Publication, Publisher
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.wire.topology import Queue, Topology

__all__ = ["Link"]

_log = logging.getLogger("ingestkit_pdf.client")

_BACKOFF_FIRST, _BACKOFF_MAX = 0.1, 5.0
_SETUP_TIMEOUT = 30.0
_CONSUME_AGAIN = 2.0
_ABORT_TIMEOUT = 1.0
_SETTLE_AFTER = 0.005
"""Seconds in which results that were handed over are gathered, to be acknowledged together."""


class Link:
    """Connects with the first call and reconnects until it is closed.

    Its states: idle → connecting → declaring → ready, and from each of these waiting (to connect again),
    refused (waiting cannot mend it; the next call tries again) or closed. `publish`, `settle`, `ensure`,
    `trouble` and `close` are for any thread; what begins with an underscore runs on the I/O thread.

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
        self._url = url
        self._tls = tls
        self._topology = topology
        self._lane = lane
        self._reply_queue = reply_queue
        self._store = store
        self._transient = transient
        self._thread = IOThread(f"ingestkit-pdf {reply_queue.name}", self._on_crash)
        self._publisher = Publisher(
            topology.jobs_exchange.name,
            lane,
            self._declare_again,
            self._renew_channel,
            self._call_later,
        )
        self._consumer = ReplyConsumer(reply_queue.name, store, window=window)
        self._errands = Errands(self._call_later)
        self._state = "idle"
        self._problem: str | None = None
        self._deaf: str | None = None  # why results do not arrive although the connection is up
        self._connection: Any = None
        self._scripts: dict[str, Script] = {}
        self._reported: str | None = None
        self._failures = 0
        self._ready_since = 0.0
        self._settling = False  # a command or a timer of ours will acknowledge what was handed over

    @property
    def is_started(self) -> bool:
        """True once the I/O thread runs."""
        return self._thread.is_started

    def publish(self, publication: Publication) -> None:
        """Publish a job as soon as it can be; `publication` learns of the outcome."""

        def command() -> None:
            if self._state == "closed":
                publication.fail("the backend was closed")
                return
            self._publisher.add(publication)
            self._ensure()

        self._thread.post(command)

    def ensure(self) -> None:
        """Somebody waits for a result: connect if that is not so, and let it in if the window is full."""

        def command() -> None:
            self._ensure()
            self._consumer.widen()

        self._thread.post(command)

    def run_errand(self, errand: Errand) -> None:
        """Have something done besides jobs and results, as soon as there is a connection."""

        def command() -> None:
            if self._state == "closed":
                errand.fail("the backend was closed")
                return
            self._errands.add(errand)
            self._ensure()

        self._thread.post(command)

    def end_errand(self, errand: Errand, unless: Callable[[], bool] = lambda: False) -> None:
        """It is not wanted any more, `unless` that has changed meanwhile."""
        self._thread.post(lambda: None if unless() else self._errands.remove(errand))

    def settle(self, deliveries: Iterable[Delivery], *, discard: bool = False) -> None:
        """The caller has the result: acknowledge it, soon and with others (or discard what was none)."""
        if discard:
            self._thread.post(partial(self._consumer.settle, tuple(deliveries), discard=True))
            return
        self._consumer.settle_later(deliveries)
        if not self._settling:  # after the line above: `_settle_now` clears this before it looks
            self._settling = True
            self._thread.post(self._settle_soon)

    def trouble(self) -> str | None:
        """What keeps jobs or results from moving now, in words; None when nothing does."""
        state, blocked = self._state, self._publisher.blocked
        if state == "ready":
            return f"the broker blocks publishers ({blocked})" if blocked else self._deaf
        where = redact_url(self._url)
        if state == "declaring":
            return f"{where} has not answered yet"
        return f"no connection to {where}" + (f": {self._problem}" if self._problem else "")

    def close(self, timeout: float) -> None:
        """End connection and thread within `timeout` seconds; what is not acknowledged stays in the queue."""
        if not self._thread.is_started:
            return
        self._thread.post(self._begin_close)
        if not self._thread.join(timeout):
            self._thread.post(self._abort)
            self._thread.join(_ABORT_TIMEOUT)

    def _settle_soon(self) -> None:
        if self._consumer.is_full:
            self._settle_now()
        else:
            self._thread.loop.call_later(_SETTLE_AFTER, self._settle_now)

    def _settle_now(self) -> None:
        self._settling = False
        self._consumer.flush()

    def _call_later(self, seconds: float, function: Callable[[], None]) -> None:
        self._thread.loop.call_later(seconds, function)  # of the loop that runs now: a broken one is replaced

    # Connecting

    def _ensure(self) -> None:
        if self._state in {"idle", "refused"}:
            self._connect()

    def _connect(self) -> None:
        if self._state == "closed":
            return
        self._state = "connecting"
        try:
            parameters = connection_parameters(self._url, name=self._reply_queue.name, tls=self._tls)
        except ValueError as error:
            self._refuse(str(error))
            return
        self._connection = SelectConnection(
            parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_not_opened,
            on_close_callback=self._on_down,
            custom_ioloop=self._thread.loop,
        )

    def _on_open(self, connection: Any) -> None:
        if self._state == "closed":
            _close(connection)
            return
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        self._set_up()

    def _on_not_opened(self, connection: Any, error: BaseException) -> None:
        self._on_down(connection, not_opened(error, self._url, self._tls))

    def _on_down(self, connection: Any, error: BaseException) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._drop(error)
        if self._state == "closed":
            self._thread.stop()
            return
        if self._state == "refused":
            return
        if not isinstance(error, ConnectionClosedByClient):
            self._problem = describe(error)
        if is_final(error):
            self._refuse(f"the broker refuses the connection: {self._problem}")
        else:
            # Also when nothing is open: the last acknowledgements may have gone down with the connection.
            self._connect_later()

    def _connect_later(self) -> None:
        if time.monotonic() - self._ready_since > _BACKOFF_MAX and self._ready_since:
            self._failures = 0
        self._ready_since = 0.0
        delay = min(_BACKOFF_MAX, _BACKOFF_FIRST * 2 ** min(self._failures, 16)) * random.uniform(0.5, 1.0)  # noqa: S311
        self._failures += 1
        self._state = "waiting"
        level = logging.DEBUG if self._problem == self._reported else logging.WARNING
        _log.log(level, "no connection to the broker (%s); trying again until there is one", self._problem)
        self._reported = self._problem
        self._thread.loop.call_later(delay, self._connect)

    def _refuse(self, reason: str) -> None:
        """Waiting cannot mend it: tell everybody, and leave it until the next call."""
        self._state, self._problem = "refused", reason
        self._publisher.fail_all(reason)
        self._errands.fail(reason)
        self._store.fail(ExecutionError(ErrorCode.E_EXECUTION_REJECTED, reason, stage="result"))
        if self._connection is not None:
            self._drop(ConnectionClosedByClient(200, reason))
            _close(self._connection)

    def _drop(self, error: BaseException) -> None:
        for script in self._scripts.values():
            script.cancel()
        self._scripts.clear()
        self._errands.lost()
        self._publisher.lost(error)
        self._publisher.blocked = None
        self._consumer.lost()

    def _on_crash(self, error: BaseException) -> None:
        self._connection = None
        self._settling = False
        self._drop(error)
        self._problem = f"internal error: {describe(error)}"
        if self._state == "closed":  # pika 1.4 breaks its loop where a connection is closed before TCP has it
            self._thread.stop()
        else:
            _log.error("the I/O loop of the client broke; starting a new one", exc_info=error)
            self._connect_later()

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self._publisher.blocked = frame.method.reason
        _log.warning("the broker blocks publishers: %s", frame.method.reason)

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self._publisher.blocked = None
        self._publisher.flush()

    # Declaring and publishing

    def _run_script(self, name: str, steps: Callable[[Script], Steps], done: Callable[[Any], None]) -> None:
        script = self._scripts[name] = Script(steps, done)
        script.start()

    def _set_up(self) -> None:
        self._state = "declaring"
        connection = self._connection
        timer = self._thread.loop.call_later(_SETUP_TIMEOUT, partial(self._give_up, connection))

        def done(error: BaseException | None) -> None:
            self._thread.loop.remove_timeout(timer)
            if isinstance(error, DeclarationError):
                self._refuse(str(error))
            elif error is not None:
                self._problem = describe(error)
                _close(connection)

        self._run_script("setup", partial(self._setup_steps, connection), done)

    def _declare_again(self) -> None:
        """A job reached no queue although all was declared: somebody has deleted it since."""
        self._publisher.pause()

        def done(error: BaseException | None) -> None:
            if isinstance(error, DeclarationError):
                self._refuse(str(error))
            elif error is not None:
                self._problem = describe(error)
                _close(connection)
            else:
                self._publisher.resume()

        def steps(script: Script) -> Steps:
            declarer = Declarer(connection, script)
            yield from declare_for_client(declarer, self._topology, self._lane, self._reply_queue)

        connection = self._connection
        self._run_script("redeclare", steps, done)

    def _setup_steps(self, connection: Any, script: Script) -> Steps:
        declarer = Declarer(connection, script)
        yield from declare_for_client(declarer, self._topology, self._lane, self._reply_queue)
        channel = yield open_channel(connection, script)
        channel.add_on_close_callback(self._on_publish_channel_closed)
        yield partial(self._publisher.attach, channel)
        if "consume" not in self._scripts:
            # Before the first job: under an alarm the broker stops reading from whom has published.
            yield partial(self._consume, connection)
        if self._reported is not None:
            _log.warning("connected to the broker again")
        self._state, self._problem, self._reported = "ready", None, None
        self._ready_since = time.monotonic()
        self._publisher.start(channel)
        self._errands.ready(connection)

    def _give_up(self, connection: Any) -> None:
        if connection is self._connection and self._state == "declaring":
            self._problem = f"no answer to a declaration within {_SETUP_TIMEOUT:g} s"
            _close(connection)

    def _on_publish_channel_closed(self, _channel: Any, error: BaseException) -> None:
        if isinstance(error, ChannelClosedByBroker) and self._state == "ready":
            _log.warning("the broker closed the channel for jobs: %s", describe(error))
            self._publisher.lost(error)
            self._set_up()

    def _renew_channel(self) -> None:
        """Jobs were refused, perhaps only on this channel: publish them again on another."""
        if self._state == "ready":
            _log.debug("the channel for jobs is opened anew, since jobs were refused on it")
            self._publisher.hang_up()
            self._set_up()

    # Consuming

    def _consume(self, connection: Any, tried: Callable[[], Any] = lambda: None) -> None:
        if connection is not self._connection or not connection.is_open or self._state == "closed":
            return

        def done(error: BaseException | None) -> None:
            if error is None:
                self._deaf = None
            else:
                self._consume_again(connection, error)
            tried()

        self._run_script("consume", partial(self._consume_steps, connection), done)

    def _consume_steps(self, connection: Any, script: Script) -> Steps:
        declarer = Declarer(connection, script)
        yield from declarer.queue(self._reply_queue)
        if not self._transient:  # a second client of the same identity would take this one's results
            yield from declarer.lock(self._topology.reply_lock(self._reply_queue))
        declarer.close()
        channel = yield open_channel(connection, script)

        yield from self._consumer.start(channel, lambda _frame: _close(channel))
        channel.add_on_close_callback(lambda _channel, error: self._consume_again(connection, error))

    def _consume_again(self, connection: Any, error: BaseException) -> None:
        """The reply queue is gone or in use, or a result stayed unclaimed longer than the broker allows."""
        self._consumer.lost()
        if connection is not self._connection or not connection.is_open or self._state == "closed":
            return
        reason = f"results do not arrive: {describe(error)}"
        if reason != self._deaf:
            _log.warning("%s; trying again every %g s", reason, _CONSUME_AGAIN)
        self._deaf = reason
        if isinstance(error, DeclarationError):
            self._store.fail(ExecutionError(ErrorCode.E_EXECUTION_REJECTED, reason, stage="result"))
        self._thread.loop.call_later(_CONSUME_AGAIN, partial(self._consume, connection))

    # Closing

    def _begin_close(self) -> None:
        if self._state == "closed":
            return
        self._state = "closed"
        self._consumer.flush()
        for script in self._scripts.values():
            script.cancel()
        self._publisher.fail_all("the backend was closed")
        self._errands.fail("the backend was closed")
        closed = ExecutionError(ErrorCode.E_EXECUTION_CANCELLED, "the backend was closed", stage="result")
        self._store.fail(closed)
        connection = self._connection
        if connection is None:
            self._thread.stop()
            return
        if not connection.is_open:
            hang_up(connection)
            return
        is_over = self._transient and self._store.is_settled
        if not (is_over and self._consumer.delete_queue(lambda *_: _close(connection))):
            _close(connection)

    def _abort(self) -> None:
        """The broker did not answer the goodbye (it reads nothing from whom it has blocked): just hang up."""
        hang_up(self._connection)
        self._thread.stop()


def _close(closable: Any) -> None:
    """Close a connection or a channel, unless that is under way."""
    if not closable.is_closed and not closable.is_closing:
        closable.close()
