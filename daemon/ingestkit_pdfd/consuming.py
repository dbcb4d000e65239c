"""Keeping a consumer open for as long as the daemon lives, and giving up on a broker that says no."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from ingestkit_pdf.backoff import Backoff
from ingestkit_pdf.wire.topology import Topology

from .amqp import BrokerAddress, BrokerRefusedError, BrokerUnavailableError, Connection, Consumer, Delivery
from .check_broker import examine
from .metrics import Metrics
from .settings import DaemonSettings
from .watchdog import Watchdog

__all__ = ["MISSED_VERIFICATIONS", "VERIFY_EVERY", "Consuming", "Refusals"]

_log = structlog.stdlib.get_logger(__name__)

_REFUSALS_TO_GIVE_UP = 3
_REFUSED_FOR = 5.0
"""So often, and for so many seconds, the broker must refuse before the daemon gives up: one that is just
starting can refuse a user or a virtual host that it is about to load."""

_STABLE_AFTER = 10.0
"""Seconds after which a connection counts as good, and the next backoff begins from its first step."""

VERIFY_EVERY = 10.0
MISSED_VERIFICATIONS = 3
"""So many rounds without a word of the broker, and the daemon no longer reports to be well."""


class Refusals:
    """Counts how often the broker says no. Lives on the event loop.

    Attributes:
        final: Done, with the reason, once waiting does not mend it.
    """

    def __init__(self, broker: Callable[[], str], metrics: Metrics) -> None:
        self.final: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._broker = broker
        self._metrics = metrics
        self._count = 0
        self._since = 0.0

    def add(self, error: BrokerRefusedError) -> None:
        """The broker refused."""
        if not self._count:
            self._since = time.monotonic()
        self._count += 1
        self._metrics.broker_refused()
        _log.error("broker_refused", broker=self._broker(), reason=str(error), times=self._count)
        lasting = time.monotonic() - self._since >= _REFUSED_FOR
        if lasting and self._count >= _REFUSALS_TO_GIVE_UP and not self.final.done():
            self.final.set_result(str(error))

    def reset(self) -> None:
        """The broker took us."""
        self._count = 0


class Consuming:
    """Opens a consumer whenever there is none.

    Attributes:
        consumer: The one that is open; None while there is none.
        settings: Looked at whenever a connection is opened.
    """

    def __init__(
        self,
        settings: DaemonSettings,
        topology: Topology,
        *,
        receive: Callable[[Delivery], None],
        watchdog: Watchdog,
        refusals: Refusals,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self.consumer: Consumer | None = None
        self._topology = topology
        self._receive = receive
        self._watchdog = watchdog
        self._refusals = refusals
        self._metrics = metrics
        self._examined: DaemonSettings | None = None

    @property
    def is_open(self) -> bool:
        """True while the broker is known to see the consumers."""
        return self.consumer is not None and not self.consumer.lost.done()

    async def run(self) -> None:
        """Keep one open, until cancelled."""
        backoff = Backoff(first=0.2, limit=5.0)
        while True:
            opened = time.monotonic()
            reason = await self._until_lost()
            if time.monotonic() - opened > _STABLE_AFTER:
                backoff.reset()
            delay = backoff.next()
            self._watchdog.broker_away(reason)
            self._metrics.broker_lost()
            broker = str(BrokerAddress.of(self.settings))
            _log.warning("broker_lost", broker=broker, reason=reason, retry_in=round(delay, 2))
            await asyncio.sleep(delay)

    async def stop(self) -> None:
        """No more deliveries; those that are here can still be settled."""
        if self.consumer is not None:
            await self.consumer.stop_consuming()

    async def close(self) -> None:
        """Close what is open."""
        if self.consumer is not None:
            await self.consumer.close()

    async def _until_lost(self) -> str:
        """Open one and wait for its end; why it is lost, or could not be opened."""
        settings = self.settings
        try:
            self.consumer = await Consumer.open(
                BrokerAddress.of(settings),
                self._topology,
                settings.lanes,
                prefetch=settings.effective_prefetch,
                on_delivery=self._receive,
                on_declared=self._examine,
            )
        except BrokerRefusedError as error:
            self._refusals.add(error)
            return str(error)
        except BrokerUnavailableError as error:
            return str(error)
        self._refusals.reset()
        self._watchdog.consumers_confirmed()
        _log.info(
            "daemon_ready",
            broker=str(BrokerAddress.of(settings)),
            lanes=settings.lanes,
            workers=settings.workers,
            prefetch=settings.effective_prefetch,
        )
        reason = await self._verified(self.consumer, settings.connect_timeout)
        await self.consumer.close()
        self.consumer = None
        return reason

    async def _examine(self, connection: Connection) -> None:
        """Rights and limits that would else show when a job needs them; once, and after each reload."""
        settings = self.settings
        if self._examined is settings:
            return
        findings = await examine(connection, settings)
        for finding in findings:
            if finding.problem is not None and not finding.fatal:
                _log.warning("limits_contradict", reason=finding.problem, remedy=finding.remedy)
        if problems := [str(finding) for finding in findings if finding.stops]:
            raise BrokerRefusedError("; ".join(problems))
        self._examined = settings

    async def _verified(self, consumer: Consumer, timeout: float) -> str:
        """Ask the broker again and again whether it sees the consumers; what was wrong in the end."""
        while True:
            done, _ = await asyncio.wait({consumer.lost}, timeout=VERIFY_EVERY)
            if done:
                return consumer.lost.result()
            await consumer.verify(timeout)
            if not consumer.lost.done():
                self._watchdog.consumers_confirmed()
