"""The worker pool: one document per process at a time, each within its limits, none in another's way."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from ingestkit_pdf.errors import ErrorCode, ExecutionError
from ingestkit_pdf.execution._forkserver import Setup
from ingestkit_pdf.execution._launcher import Launcher
from ingestkit_pdf.execution._process import WorkerStartError
from ingestkit_pdf.execution._queue import JobQueue, PoolJob
from ingestkit_pdf.execution._reference import FunctionReference, refer_to
from ingestkit_pdf.execution._slot import Slot
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.sandbox import Sandbox
from ingestkit_pdf.execution.task import PoolLimits, PoolResult, PoolStats, PoolTask, ProcessFn, Reached

__all__ = [
    "PIPELINE",
    "WARM_UP",
    "PoolLimits",
    "PoolResult",
    "PoolStats",
    "PoolTask",
    "ProcessFn",
    "Reached",
    "WorkerPool",
]

PIPELINE = "ingestkit_pdf.pdf:process_document"
"""The pipeline as a pool takes it: by name, so that the pool's own process need not load the parser."""

_PIPELINE_HELP = "ingestkit_pdf.pdf:help_document"


WARM_UP = "ingestkit_pdf.pdf:warm_up"
"""Loads the parser and its models; `WARM_UP:FILE` a tokenizer besides."""


class WorkerPool:
    """Runs a function on documents in worker processes; safe to use from many threads.

    A worker that crashes, hangs, is killed or outgrows its limits fails the document it has and is
    replaced; nothing else is touched. Workers are forked from a fork server that has the parser
    loaded, and die with this process, however it ends.

        with WorkerPool(PIPELINE, workers=2, limits=PoolLimits(memory_bytes=2 * 1024**3)) as pool:
            outcome = pool.submit(PoolTask(job_id="1", file_path="a.pdf", config={}, timeout=300)).result()

    Args:
        process_fn: A module-level function, or its name as `"package.module:function"`.
        workers: How many worker processes.
        limits: What a worker may use.
        preload: What the fork server does before it forks, so that the workers share what it loads: import
            a module, or call a function of it (`module:function`, `module:function:argument`).
        sandbox: Whether the workers are confined. Then `process_fn` gets its document as
            `/proc/self/fd/…`, which only a descriptor of its own opens, and can do little else.
        help_fn: What idle workers run to take part in a document that another one has offered through the
            keyword `share` of `process_fn`; the pipeline's own for the pipeline.

    Raises:
        ExecutionError: The workers cannot be started (`E_EXECUTION_CRASHED`), and why.
        TypeError: Workers cannot import `process_fn`.
        ValueError: `workers` is less than one.
    """

    def __init__(
        self,
        process_fn: ProcessFn | str,
        *,
        workers: int,
        limits: PoolLimits,
        preload: tuple[str, ...] = (WARM_UP,),
        sandbox: Sandbox = Sandbox.OFF,
        help_fn: ProcessFn | str | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers is {workers}; a pool needs at least one")
        if sys.platform != "linux":
            raise _start_error(f"the worker pool needs Linux, this is {sys.platform}")
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._jobs: dict[str, PoolJob] = {}
        function = refer_to(process_fn)
        setup = Setup(
            parent_pid=self._owner,
            preload=preload,
            function=function,
            memory_bytes=limits.memory_bytes,
            sandbox=sandbox,
            helper=_helper_of(process_fn, help_fn),
        )
        self._launcher = Launcher(setup)
        self._queue = JobQueue()
        self._slots = [
            Slot(
                self._queue,
                self._launcher,
                limits,
                self._finish,
                alone=self._has_no_worker,
                name=f"ingestkit-pool-{number}",
            )
            for number in range(1, workers + 1)
        ]
        self._start()
        atexit.register(self._close_at_exit)

    def _start(self) -> None:
        try:
            for slot in self._slots:
                slot.launch()
        except WorkerStartError as error:
            for slot in self._slots:
                slot.stop()
            self._launcher.close()
            self._queue.dispose()
            raise _start_error(str(error)) from error
        for slot in self._slots:
            slot.thread.start()

    def submit(
        self, task: PoolTask, *, on_start: Callable[[], None] | None = None
    ) -> Future[PoolResult | WorkerFailure]:
        """Queue a task; it runs when a worker is free, first come, first served.

        Args:
            task: What to do.
            on_start: Called, in a thread of the pool, when the task is handed to a worker.

        Returns:
            A future that resolves with a `PoolResult` or a `WorkerFailure`, never with an exception;
            cancel with `WorkerPool.cancel`, its own `cancel()` does nothing.

        Raises:
            ValueError: A task of that id is queued or running.
            RuntimeError: The pool is closed, or belongs to the process this one was forked from.
        """
        job = PoolJob(task, on_start)
        with self._lock:
            if self._closed:
                raise RuntimeError("the worker pool is closed")
            if os.getpid() != self._owner:
                raise RuntimeError("the worker pool belongs to another process; create one after forking")
            if task.job_id in self._jobs:
                raise ValueError(f"job {task.job_id!r} is already queued or running")
            self._jobs[task.job_id] = job
            self._queue.put(job)
        return job.future

    def cancel(self, job_id: str) -> bool:
        """End a job: a queued one is never begun, a running one's worker is killed.

        Returns:
            True when its future resolves (or has just resolved) as cancelled, False for a job that is
            neither queued nor running.
        """
        with self._lock:
            job = self._jobs.get(job_id)
        return job is not None and self._cancel(job)

    def reached(self, job_id: str) -> Reached | None:
        """How far a job has come; None for one that no worker has.

        Of a document that several workers read, the page that the one that has it is on.
        """
        with self._lock:
            job = self._jobs.get(job_id)
        return job.reached() if job is not None else None

    def _cancel(self, job: PoolJob) -> bool:
        if not job.cancel():
            return False
        if self._queue.remove(job):
            text = "cancelled before it was begun"
            self._finish(job, WorkerFailure(reason=FailureReason.CANCELLED, message=text))
        return True

    def _finish(self, job: PoolJob, outcome: PoolResult | WorkerFailure) -> None:
        with self._lock:
            self._jobs.pop(job.task.job_id, None)
        job.resolve(outcome)

    def stats(self) -> PoolStats:
        """What the pool is doing at this moment."""
        restarts: Counter[str] = Counter()
        for slot in self._slots:
            restarts.update(dict(slot.restarts))  # a copy made at once: its thread goes on counting
        return PoolStats(
            workers=len(self._slots),
            busy=sum(slot.busy for slot in self._slots),
            queued=len(self._queue),
            restarts=dict(restarts),
            worker_pids=tuple(slot.pid for slot in self._slots if slot.pid is not None),
        )

    def _has_no_worker(self) -> bool:
        return all(slot.pid is None for slot in self._slots)

    @property
    def unconfined(self) -> tuple[str, ...]:
        """What of the sandbox this host cannot do, a line for each; empty without one."""
        return self._slots[0].unconfined

    def problem(self, grace: float = 30.0) -> str | None:
        """Why the pool no longer works as it should; None while it does.

        Args:
            grace: Seconds that it may take to end a worker whose document has had its time, and that all
                slots may be without a worker because none can be started.
        """
        if self._closed:
            return None
        if ended := sum(not slot.thread.is_alive() for slot in self._slots):
            return f"{ended} of {len(self._slots)} threads of the worker pool have ended"
        late = time.monotonic() - grace
        failing = [failed for slot in self._slots if (failed := slot.failing) is not None]
        if len(failing) == len(self._slots) and all(since < late for since, _ in failing):
            return f"no worker process could be started for {grace:g} s: {failing[0][1]}"
        deadlines = [slot.deadline for slot in self._slots]
        if stuck := sum(deadline is not None and deadline < late for deadline in deadlines):
            return f"{stuck} of {len(deadlines)} workers are stuck past the time limit of their document"
        return None

    def close(self, *, kill: bool = False) -> None:
        """Take no more tasks and end the workers; may be called again, and from another thread meanwhile.

        Args:
            kill: False waits for what is queued and running; True cancels it.
        """
        if os.getpid() != self._owner:  # a forked copy: the workers are not its to end
            return
        with self._lock:
            self._closed = True
            jobs = list(self._jobs.values())
        self._queue.close()
        if kill:
            for job in jobs:
                self._cancel(job)
        for slot in self._slots:
            slot.thread.join()
        self._launcher.close()
        self._queue.dispose()
        atexit.unregister(self._close_at_exit)

    def _close_at_exit(self) -> None:
        self.close(kill=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(kill=kind is not None)


def _helper_of(process_fn: ProcessFn | str, help_fn: ProcessFn | str | None) -> FunctionReference | None:
    if help_fn is None and process_fn == PIPELINE:
        help_fn = _PIPELINE_HELP
    return refer_to(help_fn) if help_fn is not None else None


def _start_error(problem: str) -> ExecutionError:
    return ExecutionError(
        ErrorCode.E_EXECUTION_CRASHED, f"no worker process could be started: {problem}", stage="start"
    )
