"""Keeping one connection to the broker up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from pika.exceptions import ConnectionClosedByClient

from ingestkit_pdf.backoff import Backoff
from ingestkit_pdf.execution._client.amqp import (
    close,
    connection_parameters,
    describe,
    hang_up,
    is_final,
    not_opened,
    redact_url,
)
from ingestkit_pdf.execution._client.declare import DeclarationError
from ingestkit_pdf.execution._client.io_thread import IOThread
from ingestkit_pdf.execution._client.tolerance import TolerantConnection
from ingestkit_pdf.execution.tls import BrokerTLS

__all__ = ["Dialler", "State"]

_log = logging.getLogger("ingestkit_pdf.client")

_BACKOFF_FIRST, _BACKOFF_MAX = 0.1, 5.0


class State(Enum):
    """What a connection is about to become."""

    IDLE = auto()
    """Nobody has asked for it."""
    CONNECTING = auto()
    UP = auto()
    WAITING = auto()
    """It was lost, or not there, and is tried again soon."""
    REFUSED = auto()
    """Waiting cannot mend it: the next call tries again."""
    CLOSED = auto()


class Dialler:
    """Connects when asked for the first time, and again whenever the connection is lost, until it is closed.

    Everything here runs on the I/O thread.

    Args:
        url: AMQP URL.
        tls: For `amqps://`.
        name: What the broker lists the connection as.
        thread: Runs the I/O loop.
        on_up: Told of each new connection.
        on_lost: Told why it is there no more.
        on_refused: Told why it is not tried again before the next call.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: BrokerTLS | None,
        name: str,
        thread: IOThread,
        on_up: Callable[[Any], None],
        on_lost: Callable[[BaseException], None],
        on_refused: Callable[[str], None],
    ) -> None:
        self._url = url
        self._tls = tls
        self._name = name
        self._thread = thread
        self._on_up = on_up
        self._on_lost = on_lost
        self._on_refused = on_refused
        self._backoff = Backoff(first=_BACKOFF_FIRST, limit=_BACKOFF_MAX)
        self._connection: Any = None
        self._problem: str | None = None
        self._reported: str | None = None
        self._good_since: float | None = None
        self.state = State.IDLE

    @property
    def address(self) -> str:
        """The URL without its password."""
        return redact_url(self._url)

    @property
    def problem(self) -> str | None:
        """Why there is no connection, in words."""
        return self._problem

    def ensure(self) -> None:
        """Somebody needs the connection."""
        if self.state in {State.IDLE, State.REFUSED}:
            self._connect()

    def good(self) -> None:
        """All that is needed has been set up on the connection."""
        if self._reported is not None:
            _log.warning("connected to the broker again")
        self._problem = self._reported = None
        self._good_since = time.monotonic()

    def failed(self, connection: Any, error: BaseException) -> None:
        """What is needed could not be set up on this connection."""
        if isinstance(error, DeclarationError):
            self._refuse(str(error))
            return
        self._problem = describe(error)
        close(connection)

    def crashed(self, error: BaseException) -> None:
        """The I/O loop broke, and the connection with it; the thread has another one."""
        self._connection = None
        self._on_lost(error)
        self._problem = f"internal error: {describe(error)}"
        if self.state is State.CLOSED:  # pika 1.4 breaks its loop where it is closed before TCP has it
            self._thread.stop()
        else:
            _log.error("the I/O loop of the client broke; starting a new one", exc_info=error)
            self._connect_later()

    def close(self, goodbye: Callable[[Any], None]) -> None:
        """Connect no more; `goodbye` is given the connection that is open, and closes it. Ends the thread."""
        self.state = State.CLOSED
        if self._connection is None:
            self._thread.stop()
        elif self._connection.is_open:
            goodbye(self._connection)
        else:
            hang_up(self._connection)

    def abort(self) -> None:
        """The broker does not answer the goodbye, as it reads nothing from whom it blocks: just hang up."""
        hang_up(self._connection)
        self._thread.stop()

    def _connect(self) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.CONNECTING
        try:
            parameters = connection_parameters(self._url, name=self._name, tls=self._tls)
        except ValueError as error:
            self._refuse(str(error))
            return
        self._connection = TolerantConnection(
            parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_not_opened,
            on_close_callback=self._on_down,
            custom_ioloop=self._thread.loop,
        )

    def _on_open(self, connection: Any) -> None:
        if self.state is State.CLOSED:
            close(connection)
            return
        self.state = State.UP
        self._on_up(connection)

    def _on_not_opened(self, connection: Any, error: BaseException) -> None:
        self._on_down(connection, not_opened(error, self._url, self._tls))

    def _on_down(self, connection: Any, error: BaseException) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._on_lost(error)
        if self.state is State.CLOSED:
            self._thread.stop()
            return
        if self.state is State.REFUSED:
            return
        if not isinstance(error, ConnectionClosedByClient):
            self._problem = describe(error)
        if is_final(error):
            self._refuse(f"the broker refuses the connection: {self._problem}")
        else:
            # Also when nothing is open: the last acknowledgements may have gone down with the connection.
            self._connect_later()

    def _connect_later(self) -> None:
        if self._good_since is not None and time.monotonic() - self._good_since > _BACKOFF_MAX:
            self._backoff.reset()
        self._good_since = None
        self.state = State.WAITING
        level = logging.DEBUG if self._problem == self._reported else logging.WARNING
        _log.log(level, "no connection to the broker (%s); trying again until there is one", self._problem)
        self._reported = self._problem
        self._thread.call_later(self._backoff.next(), self._connect)

    def _refuse(self, reason: str) -> None:
        """Waiting cannot mend it: tell everybody, and leave it until the next call."""
        self.state, self._problem = State.REFUSED, reason
        self._on_refused(reason)
        if self._connection is not None:
            self._on_lost(ConnectionClosedByClient(200, reason))
            close(self._connection)
