"""Driving one side: a burst, one job at a time, and a few in flight; and where the processor's time went."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from _roundtrip.sides import Side

__all__ = ["Figures", "burst", "one_by_one", "some_in_flight"]

PARTS = ("broker", "client", "service", "workers")


@dataclass(slots=True)
class Figures:
    """What was measured of one side over all rounds; seconds."""

    burst_rates: list[float] = field(default_factory=list)
    single: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)
    loaded_rates: list[float] = field(default_factory=list)
    processor: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    burst_jobs: int = 0

    def summary(self) -> dict[str, float]:
        """The medians and percentiles, in jobs a second and milliseconds."""
        per_job = {
            f"{part}_cpu_ms": 1000 * seconds / self.burst_jobs for part, seconds in self.processor.items()
        }
        return {
            "jobs_per_second": statistics.median(self.burst_rates),
            "single_p50_ms": 1000 * percentile(self.single, 50),
            "single_p99_ms": 1000 * percentile(self.single, 99),
            "loaded_jobs_per_second": statistics.median(self.loaded_rates),
            "loaded_p50_ms": 1000 * percentile(self.loaded, 50),
            "loaded_p99_ms": 1000 * percentile(self.loaded, 99),
            **per_job,
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def burst(side: Side, path: str, jobs: int, broker: psutil.Process, figures: Figures) -> None:
    """Submit them all, then collect them all."""
    with _processor_time(side, broker, figures):
        begun = time.perf_counter()
        pending = [side.submit(path) for _ in range(jobs)]
        for job in pending:
            _check(side.result(job))
        figures.burst_rates.append(jobs / (time.perf_counter() - begun))
        figures.burst_jobs += jobs


def one_by_one(side: Side, path: str, jobs: int, figures: Figures) -> None:
    """Submit one, collect it, and so on."""
    for _ in range(jobs):
        begun = time.perf_counter()
        _check(side.result(side.submit(path)))
        figures.single.append(time.perf_counter() - begun)


def some_in_flight(side: Side, path: str, jobs: int, in_flight: int, figures: Figures) -> None:
    """Keep so many under way: whenever the oldest has been collected, another one is submitted."""
    pending: deque[tuple[float, object]] = deque()

    def collect() -> None:
        begun, job = pending.popleft()
        _check(side.result(job))
        figures.loaded.append(time.perf_counter() - begun)

    started = time.perf_counter()
    for _ in range(jobs):
        if len(pending) == in_flight:
            collect()
        begun = time.perf_counter()
        pending.append((begun, side.submit(path)))
    while pending:
        collect()
    figures.loaded_rates.append(jobs / (time.perf_counter() - started))


def _check(result: object) -> None:
    pages = getattr(result, "pages", ())
    if len(pages) != 1:
        raise RuntimeError(f"a result is not what it should be: {result!r:.500}")


@contextmanager
def _processor_time(side: Side, broker: psutil.Process, figures: Figures) -> Iterator[None]:
    before = _seconds(side, broker)
    yield
    for part, seconds in _seconds(side, broker).items():
        figures.processor[part] += seconds - before[part]


def _seconds(side: Side, broker: psutil.Process) -> dict[str, float]:
    """User and system time so far; of workers that have ended, as their parents count it."""
    service = side.service
    workers = 0.0
    for child in service.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            workers += _used(child, ended_children=True)
    return {
        "broker": _used(broker) + sum(_used(process) for process in side.extra),
        "client": _used(psutil.Process()),
        "service": _used(service),
        "workers": workers,
    }


def _used(process: psutil.Process, *, ended_children: bool = False) -> float:
    times = process.cpu_times()
    own = times.user + times.system
    return own + (times.children_user + times.children_system if ended_children else 0.0)
