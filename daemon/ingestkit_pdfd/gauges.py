"""What is measured when somebody looks: connections, work in progress, workers and memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestkit_pdf.execution.pool import PoolStats

from .health import Probe, Snapshot
from .metrics import NAMESPACE

__all__ = ["LiveCollector"]

_CAUSES = ("crashed", "timeout", "cancelled", "memory", "documents", "resident", "idle")
_PAGE_SIZE = os.sysconf("SC_PAGESIZE")


class LiveCollector(Collector):
    """Asks the event loop and the pool at each scrape, so that nothing has to be kept up to date.

    Where the event loop does not answer, what only it knows is left out: a gap, not an old number.

    Args:
        probe: Asks the event loop.
        pool_stats: Asks the worker pool.
        lanes: The lanes that are consumed.
    """

    def __init__(self, probe: Probe, pool_stats: Callable[[], PoolStats], lanes: Iterable[str]) -> None:
        self._probe = probe
        self._pool_stats = pool_stats
        self._lanes = tuple(lanes)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not look before there is anything to see."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The gauges of this moment."""
        snapshot, seconds = self._probe.ask()
        if snapshot is not None:
            answer = _gauge("event_loop_answer_seconds", "Time the event loop took to answer this scrape.")
            answer.add_metric((), seconds)
            yield answer
            yield from self._of(snapshot)
        stats = self._pool_stats()
        yield from _workers(stats)
        yield from _memory(stats.worker_pids)

    def _of(self, snapshot: Snapshot) -> Iterator[Metric]:
        connected = _gauge(
            "broker_connected",
            "1 while the connection is open; consumer: while every lane has its consumer.",
            "connection",
        )
        connected.add_metric(("consumer",), snapshot.consuming)
        connected.add_metric(("publisher",), snapshot.publishing)
        yield connected
        draining = _gauge("draining", "1 once the daemon has been told to stop.")
        draining.add_metric((), snapshot.draining)
        yield draining
        progress = _gauge(
            "attempts_in_progress", "Attempts that wait for a worker or run in one.", "lane", "state"
        )
        for lane in self._lanes:
            for state in ("waiting", "running"):
                progress.add_metric((lane, state), snapshot.in_progress.get((lane, state), 0))
        yield progress


def _workers(stats: PoolStats) -> Iterator[Metric]:
    workers = _gauge("workers", "Worker processes; starting: being replaced at this moment.", "state")
    idle = max(len(stats.worker_pids) - stats.busy, 0)
    workers.add_metric(("busy",), stats.busy)
    workers.add_metric(("idle",), idle)
    workers.add_metric(("starting",), max(stats.workers - stats.busy - idle, 0))
    yield workers
    restarts = CounterMetricFamily(
        f"{NAMESPACE}_worker_restarts", "Worker processes that were replaced, by cause.", labels=("cause",)
    )
    for cause in sorted({*_CAUSES, *stats.restarts}):
        restarts.add_metric((cause,), stats.restarts.get(cause, 0))
    yield restarts


def _memory(worker_pids: Iterable[int]) -> Iterator[Metric]:
    sizes = [_resident_bytes(pid) for pid in worker_pids]
    resident = _gauge("resident_memory_bytes", "Resident memory, shared pages counted in each.", "process")
    resident.add_metric(("daemon",), _resident_bytes("self"))
    resident.add_metric(("workers",), sum(sizes))
    yield resident
    largest = _gauge("largest_worker_resident_memory_bytes", "Resident memory of the largest worker.")
    largest.add_metric((), max(sizes, default=0))
    yield largest


def _resident_bytes(pid: int | str) -> int:
    """0 for a worker that has just gone."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_SIZE
    return 0


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{NAMESPACE}_{name}", text, labels=labels)
