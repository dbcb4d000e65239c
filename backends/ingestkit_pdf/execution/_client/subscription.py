"""The subscription to a reply queue: taken out again whenever the broker ends it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ingestkit_pdf.errors import ErrorCode, ExecutionError
from ingestkit_pdf.execution._client.amqp import close, describe
from ingestkit_pdf.execution._client.answer import Delivery
from ingestkit_pdf.execution._client.consumer import ReplyConsumer
from ingestkit_pdf.execution._client.declare import DeclarationError, Declarer, open_channel
from ingestkit_pdf.execution._client.io_thread import IOThread
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.execution._client.script import Call, Script, Steps
from ingestkit_pdf.wire.topology import Queue

__all__ = ["ReplySubscription"]

_log = logging.getLogger("ingestkit_pdf.client")

_AGAIN_AFTER = 2.0
_LEFTOVERS_EVERY = 3600.0
_SETTLE_AFTER = 0.005
"""Seconds in which results that were handed over are gathered, to be acknowledged together."""


class ReplySubscription:
    """Consumes a reply queue on whatever connection there is.

    `settle` is for any thread; everything else runs on the I/O thread.

    Args:
        reply_queue: The queue.
        lock: Declared to be the only one who consumes it; None for a queue that nobody else knows.
        store: Takes the results.
        window: Results that may be unclaimed at first.
        thread: Runs the I/O loop.
    """

    def __init__(
        self, reply_queue: Queue, *, lock: str | None, store: ResultStore, window: int, thread: IOThread
    ) -> None:
        self._reply_queue = reply_queue
        self._lock = lock
        self._store = store
        self._thread = thread
        self._consumer = ReplyConsumer(reply_queue.name, store, window=window)
        self._connection: Any = None
        self._script: Script | None = None
        self._settling = False  # a command or a timer of ours will acknowledge what was handed over
        self.trouble: str | None = None
        """Why results do not arrive although the connection is up."""

    def start(self, connection: Any) -> Call:
        """The call that subscribes, and goes on trying; it is answered after the first attempt."""

        def call(tried: Callable[[Any], None]) -> None:
            if connection is self._connection:
                tried(None)  # only the channel for jobs was set up anew
            else:
                self._connection = connection
                self._subscribe(connection, tried)

        return call

    def lost(self) -> None:
        """The connection is gone; what it delivered comes again on the next one."""
        self._stop()
        self._consumer.lost()

    def crashed(self) -> None:
        """The timers are gone with the I/O loop."""
        self._settling = False

    def close(self) -> None:
        """Acknowledge what was handed over, and subscribe no more."""
        self._consumer.flush()
        self._stop()

    def delete_queue(self, done: Callable[..., None]) -> bool:
        """Delete the reply queue; `done` is called either way. False: it cannot be asked."""
        return self._consumer.delete_queue(done)

    @property
    def is_full(self) -> bool:
        """True while the broker delivers nothing more until something is settled."""
        return self._consumer.is_full

    def make_room(self) -> None:
        """Somebody waits for a result: let more in if that may be what is missing."""
        self._consumer.make_room()

    def settle(self, deliveries: Iterable[Delivery], *, discard: bool = False) -> None:
        """The caller has the result: acknowledge it, soon and with others (or discard what was none)."""
        if discard:
            self._thread.post(partial(self._consumer.settle, tuple(deliveries), discard=True))
            return
        self._consumer.settle_later(deliveries)
        if not self._settling:  # after the line above: `_settle_now` clears this before it looks
            self._settling = True
            self._thread.post(self._settle_soon)

    def _settle_soon(self) -> None:
        if self._consumer.is_full:
            self._settle_now()
        else:
            self._thread.call_later(_SETTLE_AFTER, self._settle_now)

    def _settle_now(self) -> None:
        self._settling = False
        self._consumer.flush()

    def _stop(self) -> None:
        self._connection = None
        if self._script is not None:
            self._script.cancel()
            self._script = None

    def _subscribe(self, connection: Any, tried: Callable[[Any], None] = lambda _: None) -> None:
        if connection is not self._connection or not connection.is_open:
            return

        def done(error: BaseException | None) -> None:
            if error is None:
                self.trouble = None
            else:
                self._subscribe_again(connection, error)
            tried(None)

        self._script = Script(partial(self._steps, connection), done)
        self._script.start()

    def _steps(self, connection: Any, script: Script) -> Steps:
        declarer = Declarer(connection, script)
        yield from declarer.queue(self._reply_queue)
        if self._lock is not None:  # a second client of the same identity would take this one's results
            yield from declarer.lock(self._lock)
        declarer.close()
        channel = yield open_channel(connection, script)
        yield from self._consumer.start(channel, lambda _frame: close(channel))
        channel.add_on_close_callback(lambda _channel, error: self._subscribe_again(connection, error))
        self._drop_leftovers(channel)

    def _subscribe_again(self, connection: Any, error: BaseException) -> None:
        """The reply queue is gone or in use, or a result stayed unclaimed longer than the broker allows."""
        self._consumer.lost()
        if connection is not self._connection or not connection.is_open:
            return
        reason = f"results do not arrive: {describe(error)}"
        if reason != self.trouble:
            _log.warning("%s; trying again every %g s", reason, _AGAIN_AFTER)
        self.trouble = reason
        if isinstance(error, DeclarationError):
            self._store.fail(ExecutionError(ErrorCode.E_EXECUTION_REJECTED, reason, stage="result"))
        self._thread.call_later(_AGAIN_AFTER, partial(self._subscribe, connection))

    def _drop_leftovers(self, channel: Any) -> None:
        """What is left of answers that went elsewhere would take up the window for ever."""
        if channel.is_open:
            self._consumer.settle(self._store.drop_leftovers(), discard=True)
            self._consumer.make_room()
            self._thread.call_later(_LEFTOVERS_EVERY, partial(self._drop_leftovers, channel))
