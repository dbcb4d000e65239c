"""The daemon's life: start, consume, reconnect, drain.

    start ──► consuming ◄──► waiting for the broker
                  │                 │
                  └── SIGTERM ──────┴──► draining ──► stopped

A broker that is away is waited for, for ever. A broker that says no (credentials, rights, a queue
declared otherwise) ends the daemon after a few tries, because waiting does not mend that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from ingestkit_pdf.execution.pool import PIPELINE, WARM_UP, PoolLimits, WorkerPool
from ingestkit_pdf.wire.topology import Topology

from .amqp import BrokerAddress, BrokerRefusedError, Publisher
from .consuming import Consuming, patience
from .dispatcher import Dispatcher
from .following import Following
from .health import Snapshot
from .load_settings import SettingsError
from .log import set_levels
from .metrics import Metrics
from .notify import notify
from .refusals import Refusals
from .reload import change
from .reply import Outbox
from .services import Services
from .settings import DaemonSettings
from .sideline import Sideline
from .signals import Signals
from .source import Staging
from .status import status_served
from .tracing import make_tracing
from .watchdog import Watchdog, Work, beat_period

__all__ = ["Supervisor"]

_log = structlog.stdlib.get_logger(__name__)

_SETTLE_TIME = 5.0


@dataclass(frozen=True, slots=True)
class _Parts:
    """What works together while the daemon consumes."""

    pool: WorkerPool
    publisher: Publisher
    services: Services
    dispatcher: Dispatcher
    watchdog: Watchdog
    consuming: Consuming
    sideline: Sideline


class Supervisor:
    """One daemon, from start to exit.

    Args:
        settings: How it starts.
        load: Reads the settings again, on SIGHUP; raises `SettingsError`.
    """

    def __init__(self, settings: DaemonSettings, load: Callable[[], DaemonSettings]) -> None:
        self._settings = settings
        self._load = load
        self._topology = Topology(settings.prefix)
        self._metrics = Metrics(settings.lanes)
        self._refusals = Refusals(lambda: str(BrokerAddress.of(self._settings)), self._metrics)

    async def run(self, signals: Signals) -> None:
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
            pool = WorkerPool(
                PIPELINE,
                workers=settings.workers,
                limits=limits,
                preload=(WARM_UP, *(f"{WARM_UP}:{file}" for file in settings.tokenizer_files)),
                sandbox=settings.sandbox,
            )
            if pool.unconfined:
                _log.warning("sandbox_incomplete", sandbox=settings.sandbox.value, missing=pool.unconfined)
            try:
                await self._work(signals, staging, pool)
            finally:
                await asyncio.to_thread(pool.close, kill=True)
        finally:
            staging.close()

    async def _work(self, signals: Signals, staging: Staging, pool: WorkerPool) -> None:
        settings = self._settings
        tracing = make_tracing(settings.trace_endpoint)
        publisher = Publisher(
            BrokerAddress.of(settings), self._topology, settings.lanes, timeout=settings.publish_timeout
        )
        sideline = Sideline(lambda: BrokerAddress.of(self._settings), self._topology, self._metrics)
        services = Services(
            pool=pool,
            staging=staging,
            outbox=Outbox(publisher, self._topology, self._refusals, self._metrics),
            policy=settings.retry_policy,
            document_timeout=settings.document_timeout,
            max_deliveries=settings.max_deliveries,
            metrics=self._metrics,
            tracing=tracing,
            seal=settings.seal,
            tokenizers=frozenset(map(str, settings.tokenizer_files)),
            following=Following(sideline.tell),
        )
        dispatcher = Dispatcher(
            services,
            self._topology,
            inline_limit=settings.inline_limit,
            remember_bytes=settings.remember_results,
        )
        watchdog = self._watchdog(dispatcher, pool)
        consuming = Consuming(
            settings,
            self._topology,
            receive=dispatcher.receive,
            watchdog=watchdog,
            refusals=self._refusals,
            metrics=self._metrics,
        )
        parts = _Parts(pool, publisher, services, dispatcher, watchdog, consuming, sideline)
        look = partial(_look, signals, parts)
        try:
            async with status_served(settings, self._metrics, pool.stats, look):
                await self._consume(signals, parts)
        finally:
            await asyncio.to_thread(tracing.close)

    async def _consume(self, signals: Signals, parts: _Parts) -> None:
        """Consume until told to stop, or refused; then leave nothing open."""
        beating = asyncio.create_task(parts.watchdog.run(beat_period()), name="watchdog")
        consuming = asyncio.create_task(parts.consuming.run(), name="consume")
        dispatcher = parts.dispatcher
        beside = asyncio.create_task(
            parts.sideline.serve(parts.services, lambda: dispatcher.attempts), name="sideline"
        )
        reloading = asyncio.create_task(self._keep_reloading(signals, parts), name="reload")
        stopped = asyncio.create_task(signals.first.wait(), name="stop")
        ends: set[asyncio.Future[Any]] = {consuming, stopped, self._refusals.final}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await _cancelled(reloading)
        try:
            if signals.first.is_set():
                parts.watchdog.draining(self._settings.drain_timeout + _SETTLE_TIME)
                await self._drain(consuming, parts, signals)
        finally:
            dispatcher.abandon()
            beside.cancel()  # it closes its connection while the others are closed
            await _cancelled(consuming)
            await parts.consuming.close()
            await parts.publisher.close()
            await _cancelled(beside)
            await _cancelled(beating)
        final = self._refusals.final
        if final.done() and not signals.first.is_set():
            notify(f"STATUS=the broker refuses the daemon: {final.result()}")
            raise BrokerRefusedError(final.result())

    def _watchdog(self, dispatcher: Dispatcher, pool: WorkerPool) -> Watchdog:
        settings = self._settings
        return Watchdog(
            ", ".join(settings.lanes),
            patience(settings),
            work=lambda: Work(dispatcher.answered, dispatcher.running, dispatcher.waiting),
            stuck=pool.problem,
        )

    async def _keep_reloading(self, signals: Signals, parts: _Parts) -> None:
        """Read the settings again whenever that is asked for; what is wrong with them changes nothing."""
        while True:
            await signals.reload.wait()
            signals.reload.clear()
            parts.watchdog.reloading()
            try:
                new = change(self._settings, await asyncio.to_thread(self._load))
            except SettingsError as error:
                self._metrics.reloaded(successful=False)
                _log.error("reload_refused", problems=error.problems)
            else:
                self._apply(new.settings, parts)
                self._metrics.reloaded(successful=True)
                _log.info(
                    "settings_reloaded",
                    applied=new.applied,
                    at_next_connection=new.at_next_connection,
                    need_restart=new.need_restart,
                )
            parts.watchdog.reloaded()

    def _apply(self, settings: DaemonSettings, parts: _Parts) -> None:
        self._settings = settings
        set_levels(settings.log_level, settings.log_levels)
        parts.services.staging.allow(settings.allowed_roots)
        parts.consuming.settings = settings
        parts.publisher.change(BrokerAddress.of(settings), timeout=settings.publish_timeout)
        services = replace(
            parts.services,
            policy=settings.retry_policy,
            document_timeout=settings.document_timeout,
            max_deliveries=settings.max_deliveries,
            seal=settings.seal,
        )
        parts.dispatcher.change(services, inline_limit=settings.inline_limit)

    async def _drain(self, consuming: asyncio.Task[None], parts: _Parts, signals: Signals) -> None:
        """Take nothing new, let what runs finish, kill what does not, give back what is left."""
        dispatcher = parts.dispatcher
        budget = self._settings.drain_timeout
        settle = min(_SETTLE_TIME, budget / 5)
        _log.info("daemon_draining", running=dispatcher.running, waiting=dispatcher.waiting, seconds=budget)
        await _cancelled(consuming)  # a connection that is lost from here on is not opened again
        await parts.consuming.stop()
        dispatcher.drain()
        finished = asyncio.create_task(dispatcher.idle(budget - settle))
        hurried = asyncio.create_task(signals.second.wait())
        await asyncio.wait({finished, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not (finished.done() and finished.result()):
            finished.cancel()
            _log.warning("drain_killing", running=dispatcher.running, hurried=signals.second.is_set())
            await asyncio.to_thread(parts.pool.close, kill=True)
            await dispatcher.idle(settle)
        _log.info("daemon_drained", left=dispatcher.running + dispatcher.waiting)


def _look(signals: Signals, parts: _Parts) -> Snapshot:
    return Snapshot(
        consuming=parts.consuming.is_open,
        publishing=parts.publisher.is_open,
        draining=signals.first.is_set(),
        in_progress=parts.dispatcher.in_progress(),
        problem=parts.watchdog.problem(),
    )


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
