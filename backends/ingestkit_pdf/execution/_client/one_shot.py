"""A connection for one script, on the calling thread: come, do it, go."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pika.adapters.select_connection import IOLoop
from pika.exceptions import AMQPError

from ingestkit_pdf.execution._client.amqp import (
    connection_parameters,
    describe,
    hang_up,
    not_opened,
    redact_url,
)
from ingestkit_pdf.execution._client.declare import Declarer, QueueInUseError
from ingestkit_pdf.execution._client.script import Call, Script, Steps
from ingestkit_pdf.execution._client.tolerance import TolerantConnection
from ingestkit_pdf.execution.tls import BrokerTLS

__all__ = ["OneShotConnection"]

_GOODBYE_TIMEOUT = 5.0
_HANG_UP_TIMEOUT = 1.0
_LOCK_PAUSE = 0.2


class OneShotConnection:
    """Connects, runs one script, and hangs up. Not thread-safe; for one use.

    Args:
        url: AMQP URL.
        name: What the broker lists the connection as.
        timeout: Seconds without `progress` after which the connection is given up.
        tls: For `amqps://`.
    """

    def __init__(self, url: str, *, name: str, timeout: float, tls: BrokerTLS | None = None) -> None:
        self._url = url
        self._tls = tls
        self._name = name
        self._timeout = timeout
        self._deadline = 0.0
        self._loop = IOLoop()
        self._connection: Any = None
        self._blocked: str | None = None
        self._is_over = False
        self._trouble: str | None = None
        self._error: BaseException | None = None

    def run(self, steps: Callable[[Any, Script], Steps]) -> None:
        """Run `steps`, which is given the connection and its script. What it raises itself is raised here.

        Raises:
            ValueError: The URL is not an AMQP URL, or a file of `tls` cannot be used.
            ConnectionError: The broker is not there, refuses, or has not answered in time.
        """
        self.progress()
        self._watch()
        try:
            self._connection = TolerantConnection(
                connection_parameters(self._url, name=self._name, tls=self._tls),
                on_open_callback=partial(self._on_open, steps),
                on_open_error_callback=self._on_not_opened,
                on_close_callback=self._on_down,
                custom_ioloop=self._loop,
            )
            self._loop.start()
        finally:
            self._hang_up()
        if self._error is not None:
            raise self._error
        if self._trouble is not None:
            raise ConnectionError(f"{redact_url(self._url)}: {self._trouble}")

    def progress(self) -> None:
        """Something was achieved: the time for the next thing begins."""
        self._deadline = time.monotonic() + self._timeout

    def pause(self, seconds: float) -> Call:
        """The call that is answered after so many seconds."""
        return lambda done: self._loop.call_later(seconds, partial(done, None))

    def lock(self, connection: Any, script: Script, name: str, timeout: float) -> Steps:
        """Be the only one with the lock `name`: an exclusive queue, which goes with the connection.

        Raises:
            QueueInUseError: Somebody else has had it for `timeout` seconds.
        """
        declarer = Declarer(connection, script)
        waited = 0.0
        while True:
            try:
                yield from declarer.lock(name)
            except QueueInUseError:
                if waited >= timeout:
                    raise
            else:
                return
            self.progress()
            waited += _LOCK_PAUSE
            yield self.pause(_LOCK_PAUSE)

    def _watch(self) -> None:
        left = self._deadline - time.monotonic()
        if left > 0:
            self._loop.call_later(left, self._watch)
        elif self._blocked:
            self._end(f"the broker blocks publishers ({self._blocked})")
        else:
            self._end(f"no answer within {self._timeout:g} s")

    def _on_open(self, steps: Callable[[Any, Script], Steps], connection: Any) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        Script(partial(steps, connection), self._on_done).start()

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self._blocked = frame.method.reason

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self._blocked = None

    def _on_done(self, error: BaseException | None) -> None:
        if isinstance(error, AMQPError):
            self._trouble = self._trouble or describe(error)
        elif error is not None:
            self._error = error
        self._is_over = True
        self._timeout = min(self._timeout, _GOODBYE_TIMEOUT)
        self.progress()
        if self._connection.is_open:
            self._connection.close()

    def _on_not_opened(self, connection: Any, error: BaseException) -> None:
        self._on_down(connection, not_opened(error, self._url, self._tls))

    def _on_down(self, _connection: Any, error: BaseException) -> None:
        self._end(None if self._is_over else describe(error))

    def _end(self, trouble: str | None) -> None:
        if not self._is_over:  # what was done is done, however the goodbye went
            self._trouble = self._trouble or trouble
        self._loop.stop()

    def _hang_up(self) -> None:
        """Leave nothing open, also when an exception (an interrupt) has broken the loop."""
        self._is_over = True
        if self._connection is not None and not self._connection.is_closed:
            hang_up(self._connection)
            self._loop.call_later(_HANG_UP_TIMEOUT, self._loop.stop)
            # pika closes the socket on the loop. Where TCP was not there yet it trips over its own report
            # of that (1.4.4 passes the class of the exception), with everything closed.
            with contextlib.suppress(AssertionError):
                self._loop.start()
        self._loop.close()
