"""The daemon's life: start, consume, reconnect, drain.

    start ──► consuming ◄──► waiting for the broker
                  │                 │
                  └── SIGTERM ──────┴──► draining ──► stopped

A broker that is away is waited for, for ever. A broker that says no (credentials, rights, a queue
declared otherwise) ends the daemon after a few tries, because waiting does not mend that.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from ingestkit_pdf.execution.pool import PIPELINE, PoolLimits, WorkerPool
from ingestkit_pdf.wire.topology import Topology

from .amqp import BrokerAddress, BrokerRefusedError, BrokerUnavailableError, Consumer, Publisher
from .attempt import Services
from .backoff import Backoff
from .dispatcher import Dispatcher
from .health import Snapshot
from .metrics import Metrics
from .notify import notify
from .reply import Outbox
from .settings import DaemonSettings
from .signals import StopSignals
from .source import Staging
from .status import status_served
from .tracing import make_tracing
from .watchdog import Watchdog, Work, beat_period

__all__ = ["Supervisor"]

_log = structlog.stdlib.get_logger(__name__)

_REFUSALS_TO_GIVE_UP = 3
_REFUSED_FOR = 5.0
"""So often, and for so many seconds, the broker must refuse before the daemon gives up: one that is just
starting can refuse a user or a virtual host that it is about to load."""

_STABLE_AFTER = 10.0
"""Seconds after which a connection counts as good, and the next backoff begins from its first step."""

_VERIFY_EVERY = 10.0
_MISSED_VERIFICATIONS = 3
"""So many rounds without a word of the broker, and the daemon no longer reports to be well."""

_SETTLE_TIME = 5.0


class Supervisor:
    """One daemon, from start to exit."""

    def __init__(self, settings: DaemonSettings) -> None:
        self._settings = settings
        self._topology = Topology(settings.prefix)
        self._address = BrokerAddress(settings.amqp_url, settings.heartbeat, settings.connect_timeout)
        self._metrics = Metrics(settings.lanes)
        self._consumer: Consumer | None = None
        self._refusals = 0
        self._refused_since = 0.0
        self._refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def run(self, signals: StopSignals) -> None:
        """Work until told to stop.

        Raises:
            BrokerRefusedError: The broker says no, and goes on saying it.
            OSError: The staging folder or the worker processes could not be made, or the status cannot
                be served on its port.
        """
        settings = self._settings
        staging = Staging(settings.staging_dir, settings.allowed_roots)
        try:
            limits = PoolLimits(
                memory_bytes=settings.worker_memory,
                max_documents=settings.worker_max_documents,
                max_resident_bytes=settings.worker_max_resident,
            )
            pool = WorkerPool(PIPELINE, workers=settings.workers, limits=limits, sandbox=settings.sandbox)
            if pool.unconfined:
                _log.warning("sandbox_incomplete", sandbox=settings.sandbox.value, missing=pool.unconfined)
            try:
                await self._work(signals, staging, pool)
            finally:
                await asyncio.to_thread(pool.close, kill=True)
        finally:
            staging.close()

    async def _work(self, signals: StopSignals, staging: Staging, pool: WorkerPool) -> None:
        settings = self._settings
        publisher = Publisher(self._address, self._topology, settings.lanes, timeout=settings.publish_timeout)
        tracing = make_tracing(settings.trace_endpoint)
        services = Services(
            pool=pool,
            staging=staging,
            outbox=Outbox(publisher, self._topology, self._on_refused, self._metrics),
            policy=settings.retry_policy,
            document_timeout=settings.document_timeout,
            max_deliveries=settings.max_deliveries,
            metrics=self._metrics,
            tracing=tracing,
        )
        dispatcher = Dispatcher(
            services,
            self._topology,
            inline_limit=settings.inline_limit,
            remember_bytes=settings.remember_results,
        )
        look = partial(self._look, signals, dispatcher, publisher)
        try:
            async with status_served(settings, self._metrics, pool.stats, look):
                await self._consume(signals, dispatcher, publisher, pool)
        finally:
            await asyncio.to_thread(tracing.close)

    async def _consume(
        self, signals: StopSignals, dispatcher: Dispatcher, publisher: Publisher, pool: WorkerPool
    ) -> None:
        """Consume until told to stop, or refused; then leave nothing open."""
        watchdog = self._watchdog(dispatcher, pool)
        beating = asyncio.create_task(watchdog.run(beat_period()), name="watchdog")
        consuming = asyncio.create_task(self._keep_consuming(dispatcher, watchdog), name="consume")
        stopped = asyncio.create_task(signals.first.wait(), name="stop")
        ends: set[asyncio.Future[Any]] = {consuming, stopped, self._refused}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        try:
            if signals.first.is_set():
                watchdog.draining(self._settings.drain_timeout + _SETTLE_TIME)
                await self._drain(consuming, dispatcher, pool, signals)
        finally:
            dispatcher.abandon()
            await _cancelled(consuming)
            if self._consumer is not None:
                await self._consumer.close()
            await publisher.close()
            await _cancelled(beating)
        if self._refused.done() and not signals.first.is_set():
            notify(f"STATUS=the broker refuses the daemon: {self._refused.result()}")
            raise BrokerRefusedError(self._refused.result())

    def _watchdog(self, dispatcher: Dispatcher, pool: WorkerPool) -> Watchdog:
        settings = self._settings
        return Watchdog(
            ", ".join(settings.lanes),
            _MISSED_VERIFICATIONS * (_VERIFY_EVERY + settings.connect_timeout),
            work=lambda: Work(dispatcher.answered, dispatcher.running, dispatcher.waiting),
            stuck=pool.problem,
        )

    async def _keep_consuming(self, dispatcher: Dispatcher, watchdog: Watchdog) -> None:
        """Open a consumer whenever there is none, as long as the daemon lives."""
        settings = self._settings
        backoff = Backoff(first=0.2, limit=5.0)
        while True:
            opened = time.monotonic()
            try:
                self._consumer = await Consumer.open(
                    self._address,
                    self._topology,
                    settings.lanes,
                    prefetch=settings.effective_prefetch,
                    on_delivery=dispatcher.receive,
                )
            except BrokerRefusedError as error:
                self._on_refused(error)
                reason = str(error)
            except BrokerUnavailableError as error:
                reason = str(error)
            else:
                self._refusals = 0
                watchdog.consumers_confirmed()
                self._announce()
                reason = await self._until_lost(self._consumer, watchdog)
                await self._consumer.close()
                self._consumer = None
            if time.monotonic() - opened > _STABLE_AFTER:
                backoff.reset()
            delay = backoff.next()
            watchdog.broker_away(reason)
            self._metrics.broker_lost()
            _log.warning("broker_lost", broker=str(self._address), reason=reason, retry_in=round(delay, 2))
            await asyncio.sleep(delay)

    async def _until_lost(self, consumer: Consumer, watchdog: Watchdog) -> str:
        while True:
            done, _ = await asyncio.wait({consumer.lost}, timeout=_VERIFY_EVERY)
            if done:
                return consumer.lost.result()
            await consumer.verify(self._settings.connect_timeout)
            if not consumer.lost.done():
                watchdog.consumers_confirmed()

    def _announce(self) -> None:
        lanes = self._settings.lanes
        _log.info(
            "daemon_ready",
            broker=str(self._address),
            lanes=lanes,
            workers=self._settings.workers,
            prefetch=self._settings.effective_prefetch,
        )

    async def _drain(
        self,
        consuming: asyncio.Task[None],
        dispatcher: Dispatcher,
        pool: WorkerPool,
        signals: StopSignals,
    ) -> None:
        """Take nothing new, let what runs finish, kill what does not, give back what is left."""
        budget = self._settings.drain_timeout
        settle = min(_SETTLE_TIME, budget / 5)
        _log.info("daemon_draining", running=dispatcher.running, waiting=dispatcher.waiting, seconds=budget)
        await _cancelled(consuming)  # a connection that is lost from here on is not opened again
        if self._consumer is not None:
            await self._consumer.stop_consuming()
        dispatcher.drain()
        finished = asyncio.create_task(dispatcher.idle(budget - settle))
        hurried = asyncio.create_task(signals.second.wait())
        await asyncio.wait({finished, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not (finished.done() and finished.result()):
            finished.cancel()
            _log.warning("drain_killing", running=dispatcher.running, hurried=signals.second.is_set())
            await asyncio.to_thread(pool.close, kill=True)
            await dispatcher.idle(settle)
        _log.info("daemon_drained", left=dispatcher.running + dispatcher.waiting)

    def _look(self, signals: StopSignals, dispatcher: Dispatcher, publisher: Publisher) -> Snapshot:
        consumer = self._consumer
        return Snapshot(
            consuming=consumer is not None and not consumer.lost.done(),
            publishing=publisher.is_open,
            draining=signals.first.is_set(),
            in_progress=dispatcher.in_progress(),
        )

    def _on_refused(self, error: BrokerRefusedError) -> None:
        if not self._refusals:
            self._refused_since = time.monotonic()
        self._refusals += 1
        self._metrics.broker_refused()
        _log.error("broker_refused", broker=str(self._address), reason=str(error), times=self._refusals)
        lasting = time.monotonic() - self._refused_since >= _REFUSED_FOR
        if lasting and self._refusals >= _REFUSALS_TO_GIVE_UP and not self._refused.done():
            self._refused.set_result(str(error))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
