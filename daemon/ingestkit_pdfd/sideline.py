"""Beside the jobs: hears what clients ask for and publishes events, where the broker lets it.

Whatever happens here, jobs go on: what cannot be heard is not, and what cannot be published is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from ingestkit_pdf.backoff import Backoff
from ingestkit_pdf.models import JobProgress
from ingestkit_pdf.wire.envelope import Message, encode_event
from ingestkit_pdf.wire.topology import Topology

from .amqp import BrokerAddress, BrokerRefusedError, BrokerUnavailableError, SideConnection
from .attempt import Attempt
from .control import Control
from .metrics import Metrics
from .services import Services

__all__ = ["Sideline"]

_log = structlog.stdlib.get_logger(__name__)

_LINE = 1000
"""Events that may wait to be sent; of more, the latest are dropped."""

_SEND_TIMEOUT = 1.0
_BROKEN_PAUSE = 1.0
_LOOK_AGAIN = 300.0
"""Seconds after which rights that were missing are tried again."""


class Sideline:
    """Keeps a connection for requests and events. Lives on the event loop.

    Args:
        address: Where the broker is, asked whenever a connection is opened.
        topology: Names of the exchanges.
        metrics: Counts what goes out and what does not.
    """

    def __init__(self, address: Callable[[], BrokerAddress], topology: Topology, metrics: Metrics) -> None:
        self._address = address
        self._topology = topology
        self._metrics = metrics
        self._connection: SideConnection | None = None
        self._line: asyncio.Queue[tuple[Message, str]] = asyncio.Queue(_LINE)
        self._warned: set[str] = set()

    def tell(self, progress: JobProgress, reply_to: str) -> None:
        """Publish an event, or drop it; returns at once."""
        if self._connection is None:
            self._metrics.event("dropped")
            return
        key = self._topology.event_key(reply_to, progress.job_id, progress.event.value)
        try:
            self._line.put_nowait((encode_event(progress), key))
        except asyncio.QueueFull:
            self._metrics.event("dropped")

    async def serve(self, services: Services, attempts: Callable[[], Sequence[Attempt]]) -> None:
        """Do what clients ask for, and tell them how far jobs have come, until cancelled."""
        control = Control(services, self._topology, attempts)
        while True:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(services.following.run(attempts))
                    tasks.create_task(self.run(control.receive))
            except Exception as error:  # noqa: BLE001 - a defect here must not end the daemon
                _log.error("task_broke", task="sideline", exc_info=error)
                await asyncio.sleep(_BROKEN_PAUSE)

    async def run(self, on_request: Callable[[Message], None]) -> None:
        """Listen and publish until cancelled."""
        sending = asyncio.create_task(self._keep_sending(), name="send events")
        backoff = Backoff(first=0.2, limit=5.0)
        try:
            while True:
                if await self._until_lost(on_request):
                    backoff.reset()
                await asyncio.sleep(backoff.next())
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending

    async def _until_lost(self, on_request: Callable[[Message], None]) -> bool:
        """Open a connection and wait for its end; whether there was one."""
        try:
            connection = await SideConnection.open(self._address(), self._topology, on_request)
        except BrokerRefusedError as error:
            self._warn("requests and events", str(error))
            return False
        except BrokerUnavailableError:
            return False  # the consuming connection has said so
        self._connection = connection
        try:
            for what, reason in connection.problems.items():
                self._warn(what, reason)
            await asyncio.wait({connection.lost}, timeout=_LOOK_AGAIN if connection.problems else None)
            return True
        finally:
            self._connection = None
            await connection.close()

    async def _keep_sending(self) -> None:
        while True:
            message, key = await self._line.get()
            connection, sent = self._connection, False
            try:
                if connection is not None:
                    async with asyncio.timeout(_SEND_TIMEOUT):
                        sent = await connection.publish(message, key)
            except TimeoutError:
                self._drop_line()  # it blocks: what waits would only come late
            self._metrics.event("published" if sent else "dropped")

    def _drop_line(self) -> None:
        number = self._line.qsize()
        for _ in range(number):
            self._line.get_nowait()
        self._metrics.event("dropped", number)

    def _warn(self, what: str, reason: str) -> None:
        """Once each: who has not given the rights may have meant it."""
        if what not in self._warned:
            self._warned.add(what)
            _log.warning("sideline_refused", what=what, reason=reason)
