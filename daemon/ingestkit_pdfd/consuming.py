"""Keeping a consumer open for as long as the daemon lives."""

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
from .refusals import Refusals
from .settings import DaemonSettings
from .watchdog import Watchdog

__all__ = ["Consuming", "patience"]

_log = structlog.stdlib.get_logger(__name__)

_STABLE_AFTER = 10.0
"""Seconds after which a connection counts as good, and the next backoff begins from its first step."""

_VERIFY_EVERY = 10.0
_MISSED_VERIFICATIONS = 3


def patience(settings: DaemonSettings) -> float:
    """Seconds without a word of the broker after which the daemon no longer reports to be well.

    A round asks about every lane, and each answer may take `connect_timeout`; so does each declaration before
    the first round, of which there are some for every lane.
    """
    return _MISSED_VERIFICATIONS * (_VERIFY_EVERY + len(settings.lanes) * settings.connect_timeout)


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
            self._refusals.add("consumer", error)
            return str(error)
        except BrokerUnavailableError as error:
            return str(error)
        self._refusals.accepted("consumer")
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
            done, _ = await asyncio.wait({consumer.lost}, timeout=_VERIFY_EVERY)
            if done:
                return consumer.lost.result()
            await consumer.verify(timeout)
            if not consumer.lost.done():
                self._watchdog.consumers_confirmed()
