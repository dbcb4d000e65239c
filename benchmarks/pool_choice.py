"""The worker pool against pebble's and the standard library's: speed, and what one death costs the others.

    python benchmarks/pool_choice.py            all three, as a Markdown table (some minutes)
    python benchmarks/pool_choice.py --peer own --quick

Every pool does the same work, making a `ProcessingResult` and handing it over as JSON, on two workers
that are forked from a fork server with the result's model loaded. Each runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any, Protocol

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import ProcessingResult

PEERS = ("own", "pebble", "concurrent.futures")
LARGE = 50_000_000
PATIENCE = 5.0
"""Seconds after which an answer counts as never coming."""


_present: object = None
"""The task that a worker has at the moment, in that worker."""


def work(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    """The task: `file_path` says what happens, `config` how large the result is."""
    global _present  # noqa: PLW0603 - one task at a time
    _present = present = object()
    if file_path == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if file_path == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if file_path == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    if file_path == "pause":
        time.sleep(config["seconds"])
    if "die_after" in config:
        # Meanwhile the worker serialises its result and sends it.
        threading.Timer(config["die_after"], _die_unless_busy_with_another, (present,)).start()
    error = IngestError(code=ErrorCode.E_PARSE_EMPTY, message="nothing", stage="open")
    result = ProcessingResult.failed(file_path, error)
    return result.model_copy(update={"markdown": "x" * config.get("size", 0)})


def _die_unless_busy_with_another(task: object) -> None:
    if task is _present:
        os.kill(os.getpid(), signal.SIGKILL)


def work_as_json(file_path: str, config: dict[str, Any]) -> bytes:
    """The same for pools that hand over what a function returns."""
    return work(file_path, config).model_dump_json().encode()


class Peer(Protocol):
    """One pool."""

    def submit(self, name: str, timeout: float, /, **config: float) -> Future[Any]:
        """Have `work(name, config)` done."""
        ...

    def failed(self, outcome: Any, /) -> bool:
        """True for an outcome that reports a failure."""
        ...


class Own:
    """`ingestkit_pdf.execution.pool`."""

    def __init__(self, workers: int) -> None:
        from ingestkit_pdf.execution.pool import PoolLimits, WorkerPool

        limits = PoolLimits(max_documents=1_000_000)
        self._pool = WorkerPool(work, workers=workers, limits=limits, preload=())
        self._ids = count()

    def submit(self, name: str, timeout: float, **config: float) -> Future[Any]:
        from ingestkit_pdf.execution.pool import PoolTask

        job_id = str(next(self._ids))
        return self._pool.submit(PoolTask(job_id=job_id, file_path=name, config=config, timeout=timeout))

    def failed(self, outcome: Any) -> bool:
        return hasattr(outcome, "reason")


class Pebble:
    """`pebble.ProcessPool`."""

    def __init__(self, workers: int) -> None:
        import pebble

        self._pool = pebble.ProcessPool(max_workers=workers, context=_context())

    def submit(self, name: str, timeout: float, **config: float) -> Future[Any]:
        return self._pool.schedule(work_as_json, args=(name, config), timeout=timeout)

    def failed(self, _outcome: Any) -> bool:
        return False


class Standard:
    """`concurrent.futures.ProcessPoolExecutor`, which knows no timeout."""

    def __init__(self, workers: int) -> None:
        from concurrent.futures import ProcessPoolExecutor

        self._pool = ProcessPoolExecutor(workers, mp_context=_context())

    def submit(self, name: str, _timeout: float, **config: float) -> Future[Any]:
        return self._pool.submit(work_as_json, name, config)

    def failed(self, _outcome: Any) -> bool:
        return False


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ingestkit_pdf.models"])
    return context


MAKERS: dict[str, Callable[[int], Any]] = {"own": Own, "pebble": Pebble, "concurrent.futures": Standard}


def ending(peer: Peer, future: Future[Any]) -> str:
    """`answered`, `failed` or `hung`."""
    try:
        return "failed" if peer.failed(future.result(PATIENCE)) else "answered"
    except TimeoutError as error:
        # Both the wait's own and a pool's report of a task that ran out of time.
        return "failed" if future.done() and error is future.exception() else "hung"
    except Exception:  # noqa: BLE001 - each pool has its own way to report a death
        return "failed"


def timed(peer: Peer, name: str, timeout: float = 60.0, **config: float) -> float | None:
    """Seconds until a task has ended; None when it hung or the pool took no task."""
    started = time.perf_counter()
    try:
        if ending(peer, peer.submit(name, timeout, **config)) == "hung":
            return None
    except Exception:  # noqa: BLE001 - a broken pool refuses tasks
        return None
    return time.perf_counter() - started


def throughput(peer: Peer, tasks: int, size: int) -> float:
    """Tasks a second, all submitted at once."""
    for future in [peer.submit("warm up", 60) for _ in range(20)]:
        future.result(60)
    started = time.perf_counter()
    for future in [peer.submit("task", 60, size=size) for _ in range(tasks)]:
        future.result(120)
    return tasks / (time.perf_counter() - started)


def deaths(make: Callable[[int], Peer], name: str, rounds: int) -> tuple[float | None, float | None]:
    """Median milliseconds until a death is reported, and from there until another task is answered."""
    reports, returns = [], []
    peer = make(1)
    timed(peer, "warm up")
    for _ in range(rounds):
        report = timed(peer, name)
        back = timed(peer, "task") if report is not None else None
        if report is None or back is None or ending(peer, peer.submit("task", 60)) != "answered":
            return (report * 1000 if report else None), None
        reports.append(report * 1000)
        returns.append(back * 1000)
    return statistics.median(reports), statistics.median(returns)


def kills_in_transfer(make: Callable[[int], Peer], rounds: int) -> dict[str, int]:
    """Kill one worker while it hands over 50 MB, at another instant each round, beside a busy neighbour.

    Rounds in which the kill came after the answer are not counted.
    """
    kinds = ("rounds", "victim never reported", "neighbours failed", "neighbours never answered", "pool lost")
    totals = dict.fromkeys(kinds, 0)
    peer = make(2)
    whole = statistics.median(timed(peer, "task", size=LARGE) or PATIENCE for _ in range(5))
    attempt = 0
    while totals["rounds"] < rounds and attempt < 2 * rounds:
        # Making the result takes the first half of the time, about; handing it over the second.
        die_after = whole * (0.3 + 0.8 * (attempt % rounds) / rounds)
        attempt += 1
        try:
            victim = peer.submit("victim", 60, size=LARGE, die_after=die_after)
            neighbours = [peer.submit("pause", 60, seconds=0.2), *(peer.submit("task", 60) for _ in range(5))]
        except Exception:  # noqa: BLE001 - broken by the kill of an earlier round that came late
            peer = make(2)
            continue
        fate = ending(peer, victim)
        endings = set()
        for neighbour in neighbours:
            endings.add(ending(peer, neighbour))
            if "hung" in endings:
                break
        if fate != "answered":
            totals["rounds"] += 1
            totals["victim never reported"] += fate == "hung"
            totals["neighbours failed"] += "failed" in endings
            totals["neighbours never answered"] += "hung" in endings
        if "hung" in {fate, *endings} or _unusable(peer):
            totals["pool lost"] += fate != "answered"
            peer = make(2)
            ending(peer, peer.submit("warm up", 60))
    return totals


def _unusable(peer: Peer) -> bool:
    try:
        return ending(peer, peer.submit("task", 60)) != "answered"
    except Exception:  # noqa: BLE001 - a broken pool refuses tasks
        return True


def measure(name: str, *, quick: bool) -> dict[str, Any]:
    """Every figure of one pool."""
    make = MAKERS[name]
    rounds = 5 if quick else 20
    figures: dict[str, Any] = {}
    figures["small tasks/s, 2 workers"] = throughput(make(2), 1000 if quick else 10_000, 0)
    figures["5 MB results/s, 2 workers"] = throughput(make(2), 20 if quick else 100, 5_000_000)
    figures["segfault reported, ms"], _ = deaths(make, "segfault", rounds)
    figures["kill reported, ms"], figures["next task answered after a kill, ms"] = deaths(
        make, "kill", rounds
    )
    if name == "concurrent.futures":
        figures["0.3 s limit on a task that ignores SIGTERM, s"] = None
    else:
        figures["0.3 s limit on a task that ignores SIGTERM, s"] = timed(make(1), "hang", 0.3)
    for key, value in kills_in_transfer(make, 5 if quick else 30).items():
        figures[f"killed in transfer: {key}"] = value
    return figures


def run_one(name: str, *, quick: bool) -> None:
    """Measure in this process, and leave it without waiting for a pool that may be broken."""
    print(json.dumps(measure(name, quick=quick)), flush=True)
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(0)


def main() -> None:
    """Measure the chosen pools and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", choices=PEERS, action="append", help="only this one (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--child", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_one(options.child, quick=options.quick)
    peers = options.peer or list(PEERS)
    table: dict[str, dict[str, Any]] = {}
    for peer in peers:
        command = [sys.executable, __file__, "--child", peer, *(["--quick"] if options.quick else [])]
        ended = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        table[peer] = json.loads(ended.stdout)
    print("| | " + " | ".join(peers) + " |\n|---" * 1 + "|---" * len(peers) + "|")
    for row in table[peers[0]]:
        print(f"| {row} | " + " | ".join(_cell(table[peer][row]) for peer in peers) + " |")


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 or isinstance(value, int) else f"{value:.2g}"


if __name__ == "__main__":
    main()
