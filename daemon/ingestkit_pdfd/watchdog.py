"""What the service manager is told while the daemon lives: that work is possible, and how much is done.

A sign of life is sent only on evidence: this code runs, so the event loop does; the broker has lately
confirmed the consumers, or is known to be away and is being dialled; no worker is stuck. A daemon of
which less is true goes silent, and systemd kills and starts it again (`WatchdogSec=`).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import structlog

from .notify import notify

__all__ = ["Watchdog", "Work", "beat_period"]

_log = structlog.stdlib.get_logger(__name__)

_LONGEST_PERIOD = 5.0
_RATE_WINDOW = 60.0
_EXTENSION = 30.0
"""Seconds that each sign of life adds to what systemd grants for starting and stopping."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the daemon has done and does: documents answered so far, running now, waiting for a worker."""

    answered: int
    running: int
    waiting: int


class _Phase(Enum):
    STARTING = "starting"
    CONSUMING = "consuming"
    WAITING = "waiting for the broker"
    DRAINING = "draining"


class Watchdog:
    """Keeps the evidence, and reports on it for as long as it runs. Lives on the event loop.

    Args:
        lanes: What is consumed, as the status names it.
        patience: Seconds that the latest word of the broker counts for.
        work: What is being done.
        stuck: Why the worker pool no longer works; None while it does.
        send: Takes the lines for the service manager.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        lanes: str,
        patience: float,
        *,
        work: Callable[[], Work],
        stuck: Callable[[], str | None],
        send: Callable[..., None] = notify,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lanes = lanes
        self._patience = patience
        self._work = work
        self._stuck = stuck
        self._send = send
        self._clock = clock
        self._phase = _Phase.STARTING
        self._ready = False
        self._deadline = clock() + patience
        self._reason = ""
        self._problem: str | None = None
        self._samples: deque[tuple[float, int]] = deque()

    def consumers_confirmed(self) -> None:
        """The broker sees a consumer on every lane, now."""
        self._enter(_Phase.CONSUMING, self._patience)
        if not self._ready:
            self._ready = True
            self._send("READY=1", f"STATUS={self._status()}")

    def broker_away(self, reason: str) -> None:
        """A connection was lost or could not be made, and another attempt follows."""
        self._reason = reason
        self._enter(_Phase.WAITING, self._patience)
        self.beat()

    def draining(self, seconds: float) -> None:
        """The daemon stops, and takes at most so many seconds for that."""
        self._enter(_Phase.DRAINING, seconds)
        self._send("STOPPING=1", _extension(), f"STATUS={self._status()}")

    def reloading(self) -> None:
        """The settings are being read again."""
        if self._ready:
            self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """They have been, or were refused."""
        if self._ready:
            self._send("READY=1", f"STATUS={self._status()}")

    def problem(self) -> str | None:
        """What keeps the daemon from working, so that it must not report to be well; None for nothing."""
        if self._phase is _Phase.DRAINING:
            return "draining takes longer than drain_timeout" if self._clock() > self._deadline else None
        if self._clock() > self._deadline:
            return f"no word of the broker for {self._patience:g} s"
        return self._stuck()

    def beat(self) -> None:
        """Report to the service manager: a sign of life, or what is wrong."""
        problem = self.problem()
        if problem != self._problem:
            self._problem = problem
            if problem is not None:
                _log.error("watchdog_withheld", reason=problem)
        if problem is not None:
            self._send(f"STATUS=not working: {problem}")
            return
        lines = ["WATCHDOG=1", f"STATUS={self._status()}"]
        if self._phase is _Phase.DRAINING or not self._ready:
            lines.append(_extension())
        self._send(*lines)

    async def run(self, period: float) -> None:
        """Report every `period` seconds, until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(period)

    def _enter(self, phase: _Phase, seconds: float) -> None:
        if self._phase is not _Phase.DRAINING:
            self._phase = phase
            self._deadline = self._clock() + seconds

    def _status(self) -> str:
        work = self._work()
        what = {
            _Phase.CONSUMING: f"consuming {self._lanes}",
            _Phase.WAITING: f"waiting for the broker ({self._reason})",
        }.get(self._phase, self._phase.value)
        return (
            f"{what}: {work.answered} documents answered, {self._rate(work.answered):.1f} a minute; "
            f"{work.running} running, {work.waiting} waiting"
        )

    def _rate(self, answered: int) -> float:
        """Documents a minute, over the last minute or as long as there has been."""
        now = self._clock()
        self._samples.append((now, answered))
        while now - self._samples[0][0] > _RATE_WINDOW:
            self._samples.popleft()
        begun, before = self._samples[0]
        return 60 * (answered - before) / (now - begun) if now > begun else 0.0


def beat_period(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds between two reports: a third of what the service manager waits (`WATCHDOG_USEC`), at most 5."""
    allowed = environ.get("WATCHDOG_USEC", "")
    return min(int(allowed) / 3e6, _LONGEST_PERIOD) if allowed.isdecimal() else _LONGEST_PERIOD


def _extension() -> str:
    return f"EXTEND_TIMEOUT_USEC={int(_EXTENSION * 1e6)}"
