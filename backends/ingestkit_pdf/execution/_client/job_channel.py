"""The channel that jobs are published on, and what has to be there for them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from pika.exceptions import ChannelClosedByBroker

from ingestkit_pdf.execution._client.amqp import describe
from ingestkit_pdf.execution._client.declare import Declarer, declare_for_client, open_channel
from ingestkit_pdf.execution._client.io_thread import IOThread
from ingestkit_pdf.execution._client.publisher import Publisher
from ingestkit_pdf.execution._client.script import Call, Script, Steps
from ingestkit_pdf.wire.topology import Queue, Topology

__all__ = ["JobChannel"]

_log = logging.getLogger("ingestkit_pdf.client")

_SETUP_TIMEOUT = 30.0


class JobChannel:
    """Declares what jobs need, opens a channel for them, and does both again as far as it is necessary.

    Everything here runs on the I/O thread.

    Args:
        topology: Names of exchanges and queues.
        lane: Where jobs go.
        reply_queue: Where their results come from.
        thread: Runs the I/O loop.
        before_jobs: The call, for a connection, that is to be answered before the first job is published.
        on_ready: Told of the connection on which jobs can be published.
        on_failed: Told of the connection on which that cannot be achieved, and why.
    """

    def __init__(
        self,
        topology: Topology,
        lane: str,
        reply_queue: Queue,
        *,
        thread: IOThread,
        before_jobs: Callable[[Any], Call],
        on_ready: Callable[[Any], None],
        on_failed: Callable[[Any, BaseException], None],
    ) -> None:
        self._topology = topology
        self._lane = lane
        self._reply_queue = reply_queue
        self._thread = thread
        self._before_jobs = before_jobs
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._connection: Any = None
        self._scripts: list[Script] = []
        self.is_ready = False
        self.publisher = Publisher(
            topology.jobs_exchange.name,
            lane,
            self._declare_again,
            self._renew,
            thread.call_later,
        )

    def start(self, connection: Any) -> None:
        """There is a connection: set up what jobs need, and publish those that wait."""
        self._connection = connection
        self._set_up()

    def lost(self, error: BaseException) -> None:
        """The connection is gone; what is not confirmed waits for the next one."""
        self._stop()
        self.publisher.lost(error)
        self.publisher.blocked = None

    def close(self, reason: str) -> None:
        """Nothing more is published."""
        self._stop()
        self.publisher.fail_all(reason)

    def _stop(self) -> None:
        self.is_ready = False
        self._connection = None
        for script in self._scripts:
            script.cancel()
        self._scripts.clear()

    def _set_up(self) -> None:
        self.is_ready = False
        connection = self._connection
        timer = self._thread.call_later(_SETUP_TIMEOUT, partial(self._give_up, connection))

        def done(error: BaseException | None) -> None:
            self._thread.loop.remove_timeout(timer)
            if error is not None:
                self._on_failed(connection, error)

        self._run(partial(self._setup_steps, connection), done)

    def _setup_steps(self, connection: Any, script: Script) -> Steps:
        yield from self._declare(connection, script)
        channel = yield open_channel(connection, script)
        channel.add_on_close_callback(self._on_closed)
        yield partial(self.publisher.attach, channel)
        # Under an alarm the broker stops reading from whom has published: nothing could be consumed any more.
        yield self._before_jobs(connection)
        self.is_ready = True
        self._on_ready(connection)
        self.publisher.start(channel)

    def _declare(self, connection: Any, script: Script) -> Steps:
        declarer = Declarer(connection, script)
        yield from declare_for_client(declarer, self._topology, self._lane, self._reply_queue)

    def _declare_again(self) -> None:
        """A job reached no queue although all was declared: somebody has deleted it since."""
        self.publisher.pause()
        connection = self._connection

        def done(error: BaseException | None) -> None:
            if error is None:
                self.publisher.resume()
            else:
                self._on_failed(connection, error)

        self._run(partial(self._declare, connection), done)

    def _run(self, steps: Callable[[Script], Steps], done: Callable[[BaseException | None], None]) -> None:
        def ended(error: BaseException | None) -> None:
            self._scripts.remove(script)
            done(error)

        script = Script(steps, ended)
        self._scripts.append(script)
        script.start()

    def _give_up(self, connection: Any) -> None:
        if connection is self._connection and not self.is_ready:
            error = TimeoutError(f"no answer to a declaration within {_SETUP_TIMEOUT:g} s")
            self._on_failed(connection, error)

    def _on_closed(self, _channel: Any, error: BaseException) -> None:
        if isinstance(error, ChannelClosedByBroker) and self.is_ready:
            _log.warning("the broker closed the channel for jobs: %s", describe(error))
            self.publisher.lost(error)
            self._set_up()

    def _renew(self) -> None:
        """Jobs were refused, perhaps only on this channel: publish them again on another."""
        if self.is_ready:
            _log.debug("the channel for jobs is opened anew, since jobs were refused on it")
            self.publisher.hang_up()
            self._set_up()
