"""One slot of the pool: a thread, its worker process, and one document at a time.

Slots share the queue and the fork server, nothing that a worker touches: whatever happens to a worker,
at whatever instant, happens to its own slot.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from ingestkit_pdf.execution._answer import read_answer
from ingestkit_pdf.execution._channel import ChannelError, Frame
from ingestkit_pdf.execution._document import opened
from ingestkit_pdf.execution._launcher import Launcher
from ingestkit_pdf.execution._offer import Offer
from ingestkit_pdf.execution._process import WorkerProcess, WorkerStartError
from ingestkit_pdf.execution._queue import JobQueue, PoolJob
from ingestkit_pdf.execution._sharing import Conversation, give_help
from ingestkit_pdf.execution.failure import FailureReason, SourceError, WorkerFailure
from ingestkit_pdf.execution.task import PoolLimits, PoolResult, Reached

__all__ = ["Slot"]

_log = logging.getLogger("ingestkit_pdf")

_START_DELAYS = (0.0, 0.1, 0.3, 1.0)
"""Seconds before each attempt to start a worker; when the last has failed, one job is told why, unless other
slots have workers."""

_RETRY_MILLISECONDS = 1000
"""So long it is waited for a job to tell; then a worker is tried to be started again."""

Outcome = PoolResult | WorkerFailure


class Slot:
    """Runs jobs from the queue, one after the other, until the queue is closed and empty.

    Args:
        queue: Where the jobs come from.
        launcher: Where the workers come from.
        limits: When a worker is replaced.
        finish: Called with each job and its outcome.
        alone: Whether no slot of the pool has a worker.
    """

    def __init__(
        self,
        queue: JobQueue,
        launcher: Launcher,
        limits: PoolLimits,
        finish: Callable[[PoolJob, Outcome], None],
        *,
        alone: Callable[[], bool],
        name: str,
    ) -> None:
        self._queue = queue
        self._launcher = launcher
        self._limits = limits
        self._finish = finish
        self._alone = alone
        self._worker: WorkerProcess | None = None
        self._number = 0
        self._documents = 0
        self.busy = False
        self.deadline: float | None = None
        self.pid: int | None = None
        self.failing: tuple[float, str] | None = None
        self.unconfined: tuple[str, ...] = ()
        self.restarts: Counter[str] = Counter()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def launch(self) -> WorkerProcess:
        """Start a worker and wait until it is ready.

        Raises:
            WorkerStartError: There is none, and why.
        """
        worker = self._launcher.spawn()
        try:
            worker.await_ready()
        except WorkerStartError:
            worker.end(kill=True)
            worker.discard()
            raise
        self._worker = worker
        self.failing = None
        self.unconfined = worker.unconfined
        self._documents = 0
        self.pid = worker.pid
        return worker

    def stop(self) -> None:
        """End the worker, which is idle."""
        if self._worker is not None:
            self._worker.end(kill=False)
            self._drop(self._worker)

    def _run(self) -> None:
        while not self._queue.finished:
            try:
                worker = self._worker or self._relaunch()
            except WorkerStartError as error:
                if self._alone():
                    self._refuse_one(error)
                elif self._queue.closing.is_set():
                    break  # the others do what is left
                continue
            if (work := self._await_work(worker)) is None:
                continue
            self.busy = True
            if isinstance(work, PoolJob):
                self._serve(work)
            else:
                self._help(worker, work)
            self.deadline = None
            self.busy = False
        self.stop()

    def _relaunch(self) -> WorkerProcess:
        """Start a worker, trying a few times."""
        for delay in _START_DELAYS:
            self._queue.closing.wait(delay)
            try:
                return self.launch()
            except WorkerStartError as error:
                problem = error
                if self.failing is None:
                    self.failing = (time.monotonic(), str(error))
                    _log.warning("no worker process could be started: %s", error)
        raise problem

    def _refuse_one(self, problem: WorkerStartError) -> None:
        """Without any worker in the pool, the next job fails with the reason, rather than wait unheard."""
        poll = select.poll()
        poll.register(self._queue.fd, select.POLLIN)
        if poll.poll(_RETRY_MILLISECONDS) and (job := self._queue.take()) is not None:
            self._conclude(job, _not_started(problem))

    def _conclude(self, job: PoolJob, outcome: Outcome) -> None:
        job.settle()
        self._finish(job, outcome)

    def _await_work(self, worker: WorkerProcess) -> PoolJob | Offer | None:
        """Wait for a job, or one to help with; None for neither yet, or a worker that died meanwhile."""
        poll = select.poll()
        poll.register(self._queue.fd, select.POLLIN)
        poll.register(worker.status.fileno(), select.POLLIN)
        ready = {fd for fd, _ in poll.poll()}
        if worker.status.fileno() in ready:
            worker.read_exit()
            self._drop(worker, cause="idle")
            return None
        return self._queue.take() or self._queue.take_offer()

    def _help(self, worker: WorkerProcess, offer: Offer) -> None:
        """Let the worker take part in a document that another one has."""
        self.deadline = offer.terms.deadline
        self._number += 1
        self._documents += 1
        helped = give_help(worker, offer, self._number)
        cause = helped.cause or self._limits.recycle_cause(
            documents=self._documents, resident_bytes=helped.resident_bytes
        )
        if cause is not None:
            worker.end(kill=helped.cause is not None)
            self._drop(worker, cause=cause)

    def _serve(self, job: PoolJob) -> None:
        try:
            # A worker that was dead before it took the task has left it whole: once more on another.
            outcome = self._attempt(job) or self._attempt(job)
        except Exception as error:  # noqa: BLE001 - the slot must outlive any mistake of ours
            _log.exception("the pool failed on job %s", job.task.job_id)
            outcome = _crashed(f"the pool failed: {error!r}")
            job.detach()
            if self._worker is not None:
                self._worker.end(kill=True)
                self._drop(self._worker, cause="crashed")
        self._conclude(job, outcome or _crashed("two workers in a row ended before they took the document"))

    def _attempt(self, job: PoolJob) -> Outcome | None:
        """Run the job on the present worker; None when that worker never took it."""
        try:
            worker = self._worker or self._relaunch()
        except WorkerStartError as error:
            return _not_started(error)
        started = time.monotonic()
        self.deadline = started + job.task.timeout
        try:
            with opened(job.task, confined=self._launcher.confined) as document:
                if not job.attach(worker.kill):
                    return WorkerFailure(
                        reason=FailureReason.CANCELLED, message="cancelled before it was begun"
                    )
                return self._run_on(worker, job, document, started)
        except SourceError as error:
            return error.failure

    def _run_on(
        self, worker: WorkerProcess, job: PoolJob, document: int | None, started: float
    ) -> Outcome | None:
        deadline, problem = started + job.task.timeout, None
        talk = Conversation(worker, job, self._queue, deadline=deadline, document=document)
        sent = self._hand_over(worker, job, document)
        job.started(partial(_reached, worker, self._number))
        try:
            answer = talk.await_answer() if sent else None
            if answer is not None and not job.settle():
                outcome = self._accept(worker, answer, time.monotonic() - started)
                return talk.with_helpers(outcome)
        except ChannelError as error:
            problem = f"the worker sent {error}"
        return self._bury(worker, job, started, problem, talk.page)

    def _hand_over(self, worker: WorkerProcess, job: PoolJob, document: int | None) -> bool:
        task = job.task
        self._number += 1
        meta = {
            "number": self._number,
            "file_path": task.file_path,
            "reported_path": task.reported_path,
            "memory_bytes": task.memory_bytes,
            "plan_bytes": 0,
        }
        return worker.send(meta, job.config, timeout=task.timeout, document=document)

    def _accept(self, worker: WorkerProcess, answer: Frame, seconds: float) -> Outcome:
        """Read an answer, and replace the worker where it has had enough."""
        page = worker.progress.page
        outcome, resident = read_answer(answer, number=self._number, page=page, seconds=seconds)
        self._documents += 1
        cause: str | None = "memory"
        if not (isinstance(outcome, WorkerFailure) and outcome.reason is FailureReason.MEMORY):
            cause = self._limits.recycle_cause(documents=self._documents, resident_bytes=resident)
        if cause is not None:
            worker.end(kill=False)
            self._drop(worker, cause=cause)
        return outcome

    def _bury(
        self,
        worker: WorkerProcess,
        job: PoolJob,
        started: float,
        problem: str | None,
        helpers_page: int | None,
    ) -> WorkerFailure | None:
        """End a worker that gave no answer; what became of its job, or None when it never took it."""
        timed_out = worker.exit is None and time.monotonic() >= started + job.task.timeout
        ended = worker.end(kill=True)
        begun = worker.progress.begun(self._number)
        page = worker.progress.page if begun else None
        if not (begun or timed_out or problem):
            job.detach()
            self._drop(worker, cause="idle")
            return None
        if timed_out and helpers_page:
            page = helpers_page
        where = f" on page {page}" if page else ""
        if job.settle():
            reason, text = FailureReason.CANCELLED, f"cancelled{where}"
        elif timed_out:
            limit = f"{job.task.timeout:g} s"
            reason, text = FailureReason.TIMEOUT, f"not finished within {limit}; stopped{where}"
        else:
            reason, text = FailureReason.CRASHED, f"{problem or f'the worker process {ended}'}{where}"
        self._drop(worker, cause=reason.value)
        by_itself = reason is FailureReason.CRASHED and problem is None
        return WorkerFailure(
            reason=reason,
            message=text,
            signal=ended.signal if by_itself else None,
            exit_code=ended.code if by_itself else None,
            peak_memory_bytes=ended.peak_memory_bytes,
            page_reached=page,
            seconds=time.monotonic() - started,
        )

    def _drop(self, worker: WorkerProcess, *, cause: str | None = None) -> None:
        worker.discard()
        self._worker = None
        self.pid = None
        if cause is not None:
            self.restarts[cause] += 1


def _reached(worker: WorkerProcess, number: int) -> Reached:
    progress = worker.progress
    return Reached(progress.page, progress.pages) if progress.begun(number) else Reached()


def _not_started(error: WorkerStartError) -> WorkerFailure:
    message = f"no worker process could be started: {error}"
    return WorkerFailure(reason=FailureReason.NOT_STARTED, message=message)


def _crashed(text: str) -> WorkerFailure:
    return WorkerFailure(reason=FailureReason.CRASHED, message=text)
