"""`LocalExecutionBackend`: jobs in worker processes of this machine, no broker needed."""

from __future__ import annotations

import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, as_completed
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ExecutionError, JobNotFoundError, ResultTimeoutError, SubmitError
from ingestkit_pdf.execution._local_progress import Course, Follower, follow
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure, failure_result
from ingestkit_pdf.execution.pool import (
    PIPELINE,
    WARM_UP,
    PoolLimits,
    PoolResult,
    PoolTask,
    ProcessFn,
    Reached,
    WorkerPool,
)
from ingestkit_pdf.models import JobProgress, ProcessingResult

__all__ = ["LocalExecutionBackend"]

_MIB = 1024 * 1024


@dataclass(slots=True)
class _Job:
    """What is kept of a submitted job; `overdue` says so when `execute_all` cancelled it."""

    file_path: str
    tenant_id: str | None
    future: Future[PoolResult | WorkerFailure]
    course: Course
    overdue: str | None = None

    def result(self) -> ProcessingResult:
        """The result of a job that is done, made anew each time: the pool keeps it as JSON."""
        outcome = self.future.result()
        if isinstance(outcome, PoolResult):
            try:
                return ProcessingResult.model_validate_json(outcome.body)
            except ValidationError as error:
                text = f"the worker's answer is not a result: {error.error_count()} problems"
                outcome = WorkerFailure(reason=FailureReason.CRASHED, message=text, seconds=outcome.seconds)
        if self.overdue is not None and outcome.reason is FailureReason.CANCELLED:
            outcome = replace(outcome, reason=FailureReason.TIMEOUT, message=self.overdue)
        return failure_result(self.file_path, outcome, tenant_id=self.tenant_id)


class LocalExecutionBackend:
    """Runs jobs in a pool of worker processes; safe to use from many threads.

    `submit` starts the work at once; the pool is made at the first one. The limits of a job are those
    of its configuration: `per_document_timeout_seconds` of wall clock from the start of its run,
    `execution_worker_memory_mb` of address space. A result that nobody has claimed is
    kept as long as the backend is; of those that were claimed, the latest `keep_claimed` are.

        with LocalExecutionBackend(max_workers=2) as backend:
            job_id = backend.submit("report.pdf", PDFProcessorConfig())
            print(backend.get_result(job_id).markdown)

    Args:
        process_fn: A module-level function `(file_path: str, config: dict) -> ProcessingResult`, which
            receives `config.model_dump()`; None for the pipeline.
        max_workers: Maximum number of worker processes.
        max_documents: Number of documents after which a worker is replaced.
        max_resident_mb: Resident memory in MiB above which a worker is replaced after a document.
        keep_claimed: Number of claimed results that can be claimed again.

    Raises:
        ValueError: `max_workers` is less than one.
    """

    def __init__(
        self,
        process_fn: ProcessFn | None = None,
        max_workers: int = 4,
        *,
        max_documents: int = 200,
        max_resident_mb: int = 1024,
        keep_claimed: int = 256,
    ) -> None:
        if max_workers < 1:
            raise ValueError(f"max_workers is {max_workers}; at least one worker is needed")
        self._process_fn: ProcessFn | str = PIPELINE if process_fn is None else process_fn
        self._max_workers = max_workers
        self._limits = PoolLimits(max_documents=max_documents, max_resident_bytes=max_resident_mb * _MIB)
        self._keep_claimed = keep_claimed
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._pool: WorkerPool | None = None
        self._closed = False
        self._jobs: dict[str, _Job] = {}
        self._claimed: OrderedDict[str, None] = OrderedDict()

    def submit(self, file_path: str | os.PathLike[str], config: PDFProcessorConfig) -> str:
        """Start a job and return its id; with more jobs than workers, first come, first served.

        Raises:
            ExecutionError: The backend is closed or no worker can be started (`E_EXECUTION_SUBMIT`).
            ImportError: What the pipeline needs is not installed.
            TypeError: `process_fn` is not a module-level function.
        """
        name = os.fspath(file_path)
        job_id = str(uuid.uuid4())
        task = PoolTask(
            job_id=job_id,
            # The workers' working directory is that of the moment the pool was made.
            file_path=str(Path(name).absolute()),
            reported_path=name,
            config=config.model_dump(),
            timeout=config.per_document_timeout_seconds,
            memory_bytes=config.execution_worker_memory_mb * _MIB,
        )
        course = Course(self._changed)
        with self._lock:
            try:
                future = self._open_pool().submit(task, on_start=course.begin)
            except (ExecutionError, RuntimeError) as error:
                raise SubmitError(f"{name} was not submitted: {error}") from error
            self._jobs[job_id] = _Job(name, config.tenant_id, future, course)
        future.add_done_callback(course.end)
        return job_id

    def _open_pool(self) -> WorkerPool:
        if self._closed:
            raise RuntimeError("the backend is closed")
        if self._pool is None:
            preload: tuple[str, ...] = ()
            if self._process_fn == PIPELINE:
                _require_parser()
                preload = (WARM_UP,)
            self._pool = WorkerPool(
                self._process_fn, workers=self._max_workers, limits=self._limits, preload=preload
            )
        return self._pool

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        """Wait for the result of a job, at most `timeout` seconds (None: as long as it takes).

        A job that failed is a result with the reason in `errors`; asking again gives the same.

        Raises:
            ExecutionError: The job is not known here (`E_EXECUTION_NOT_FOUND`), or has no result yet
                (`E_EXECUTION_TIMEOUT`; it goes on, ask again later).
        """
        job = self._job(job_id)
        try:
            job.future.result(timeout)
        except FutureTimeoutError:
            raise ResultTimeoutError(job_id, timeout or 0.0) from None
        self._note_claim(job_id)
        return job.result()

    def as_completed(
        self, job_ids: Iterable[str], timeout: float | None = None
    ) -> Iterator[tuple[str, ProcessingResult]]:
        """Yield `(job id, result)` of these jobs as they finish, all within `timeout` seconds.

        Raises:
            ExecutionError: As `get_result` does, when the iteration comes to it.
        """
        jobs = {job_id: self._job(job_id) for job_id in job_ids}
        missing = {job.future: job_id for job_id, job in jobs.items()}
        try:
            for future in as_completed(missing, timeout):
                job_id = missing.pop(future)
                self._note_claim(job_id)
                yield job_id, jobs.pop(job_id).result()
        except FutureTimeoutError:
            raise ResultTimeoutError(min(missing.values()), timeout or 0.0) from None

    def _job(self, job_id: str) -> _Job:
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise JobNotFoundError(
                job_id,
                f"job {job_id!r} is not known here: it was not submitted to this backend, or its result was "
                f"claimed before {self._keep_claimed} others",
            )
        return job

    def _note_claim(self, job_id: str) -> None:
        with self._lock:
            self._claimed[job_id] = None
            self._claimed.move_to_end(job_id)
            while len(self._claimed) > self._keep_claimed:
                oldest, _ = self._claimed.popitem(last=False)
                self._jobs.pop(oldest, None)

    def execute_all(self, timeout: float | None = None) -> None:
        """Wait until nothing is pending that was submitted before; returns at once when nothing is.

        Args:
            timeout: Seconds for all of it; a job that is not finished by then is cancelled, and its
                result is an error (`E_EXECUTION_TIMEOUT`). None waits as long as it takes.
        """
        with self._lock:
            pool = self._pool
            pending = {job.future: name for name, job in self._jobs.items() if not job.future.done()}
        if pool is None or not pending:
            return
        late = wait_for(pending, timeout).not_done
        for future in late:
            job_id = pending[future]
            self._job(job_id).overdue = f"not finished within the {timeout:g} s that execute_all was given"
            pool.cancel(job_id)
        wait_for(late)

    def cancel(self, job_id: str) -> bool:
        """End a job: its result is an error (`E_EXECUTION_CANCELLED`). False when it has its result.

        Raises:
            ExecutionError: The job is not known here (`E_EXECUTION_NOT_FOUND`).
        """
        self._job(job_id)
        pool = self._pool
        return pool is not None and pool.cancel(job_id)

    def progress(self, job_ids: str | Iterable[str], timeout: float | None = None) -> Iterator[JobProgress]:
        """Yield what happens to a job, or to several, until all have ended, at most `timeout` seconds.

        When it begins, the page reached (not in the first second, then once a second at most), and how it
        ended. Its result is still to be had from `get_result`.

        Raises:
            ExecutionError: A job is not known here (`E_EXECUTION_NOT_FOUND`), or has not ended in time
                (`E_EXECUTION_TIMEOUT`).
        """
        names = [job_ids] if isinstance(job_ids, str) else list(dict.fromkeys(job_ids))
        jobs = {job_id: self._job(job_id) for job_id in names}
        followers = [
            Follower(job_id, job.course, job.future, partial(self._reached, job_id))
            for job_id, job in jobs.items()
        ]
        return follow(followers, self._changed, timeout)

    def _reached(self, job_id: str) -> Reached | None:
        pool = self._pool
        return pool.reached(job_id) if pool is not None else None

    def close(self) -> None:
        """End the workers; idempotent. Results can still be claimed; what has none yet is cancelled."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(kill=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _require_parser() -> None:
    """Say what is missing here, in the program, and not as the failure of every worker."""
    if find_spec("pymupdf") is None:
        raise ImportError(
            "processing PDFs on this machine needs PyMuPDF: pip install 'ingestkit-pdf[pdf]' "
            "(or execution_backend='distributed', which leaves it to the daemons)"
        )
