"""One attempt at one job: delivery → envelope → pool → outcome → reply → settle.

An attempt outlives the connection its delivery came on. When the connection drops, the broker delivers
the job again; that delivery is attached here and settled in the place of the one that was lost.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version

import structlog

from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure, failure_result
from ingestkit_pdf.execution.pool import PoolResult, PoolTask, Reached, WorkerPool
from ingestkit_pdf.wire.envelope import (
    AttemptRecord,
    Job,
    Message,
    dead_letter,
    encode_result,
    retry_message,
)
from ingestkit_pdf.wire.secrets import PasswordSeal, SecretsError

from .amqp import Delivery
from .following import Following
from .metrics import Metrics
from .outcome import Cancelled, Completed, DeadLettered, Outcome, Requeued, Retried, RetryPolicy, decide
from .recent import Finished
from .remembered import Remembered, cancelled_jobs
from .reply import Outbox
from .source import Staging
from .tracing import NoTracing, Tracing

__all__ = ["HERE", "Attempt", "Services"]

_log = structlog.stdlib.get_logger(__name__)

_ENCODE_HERE = 64 * 1024
"""Results of fewer bytes are not compressed and hashed in no time: a thread for that would cost more."""

HERE: Mapping[str, str] = {
    "host": socket.gethostname(),
    "version": version("ingestkit-pdf"),
    "pymupdf": version("pymupdf"),
}
"""Who parks a letter: said in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every attempt needs; `seal` opens passwords of jobs, `tokenizers` are files they may name."""

    pool: WorkerPool
    staging: Staging
    outbox: Outbox
    policy: RetryPolicy
    document_timeout: float
    max_deliveries: int
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=NoTracing)
    seal: PasswordSeal | None = None
    tokenizers: frozenset[str] = frozenset()
    cancelled: Remembered = field(default_factory=cancelled_jobs)
    following: Following = field(default_factory=Following)

    def check_tokenizer(self, name: str) -> None:
        """See that the daemon has it: a confined worker opens no file, and no job says what is opened.

        Raises:
            LookupError: It is a file that the daemon was not told to load.
        """
        if name.startswith("/") and name not in self.tokenizers:
            raise LookupError("the job's tokenizer is not among the tokenizer_files of this daemon")


class Attempt:
    """One attempt, from its first delivery to the settling of its last.

    Attributes:
        started: True once a worker has begun; before that, the attempt can be given back at no cost.
        started_at: When that was, in Unix time.
    """

    def __init__(self, job: Job, delivery: Delivery, services: Services) -> None:
        self.job = job
        self.started = False
        self.started_at = 0.0
        self._deliveries = [delivery]
        self._reply_tos = [job.reply_to]
        self._services = services
        self._pool_id = f"{job.job_id}/{job.redrive}/{job.attempt}"
        self._withdrawn = False
        self._cancelled = (job.job_id, job.reply_to) in services.cancelled
        self._received = time.monotonic()
        self._trace = services.tracing.begin(job, delivery.lane)
        self._begun: float | None = None

    @property
    def lane(self) -> str:
        """The lane it came from."""
        return self._deliveries[0].lane

    def attach(self, job: Job, delivery: Delivery) -> None:
        """Another delivery of the same attempt: it will be settled, and answered, with the first."""
        self._deliveries.append(delivery)
        if job.reply_to not in self._reply_tos:
            self._reply_tos.append(job.reply_to)

    def withdraw(self) -> None:
        """Give the job back unless a worker has begun it."""
        if not self.started:
            self._withdrawn = True
            self._services.pool.cancel(self._pool_id)

    def cancel(self) -> None:
        """Its client does not want it any more: end it wherever it is, unless it has its result."""
        self._cancelled = True
        self._services.pool.cancel(self._pool_id)

    def reached(self) -> Reached | None:
        """How far the worker has come; None while none has it."""
        return self._services.pool.reached(self._pool_id)

    async def run(self) -> Finished | None:
        """Make the attempt. What it was answered with, or None when it was given back."""
        ended = await self._execute()
        outcome = decide(ended, self.job.attempt, self._services.policy, cancelled=self._cancelled)
        with self._trace.publishing(outcome):
            finished = await self._publish(outcome)
        self._services.following.ended(self.job, self.lane, ended, outcome)
        settled = await self._settle(outcome)
        self._log_attempt(ended, outcome, settled)
        return finished

    async def give_back(self) -> None:
        """Requeue every delivery: another daemon, or this one later, makes the attempt."""
        for delivery in self._deliveries:
            await delivery.requeue()

    async def _execute(self) -> PoolResult | WorkerFailure:
        job = self.job
        if self._cancelled:
            return WorkerFailure(reason=FailureReason.CANCELLED, message="cancelled before it was begun")
        if (earlier := self._deliveries[0].earlier) >= self._services.max_deliveries:
            return _quarantined(earlier)
        if self._withdrawn:
            return WorkerFailure(reason=FailureReason.CANCELLED, message="withdrawn before it was begun")
        try:
            config = job.opened_config(self._services.seal)
            self._services.check_tokenizer(config.tokenizer)
        except (SecretsError, LookupError) as error:
            return WorkerFailure(reason=FailureReason.NOT_CONFIGURED, message=str(error.args[0]))
        task = PoolTask(
            job_id=self._pool_id,
            file_path=job.file_path,
            config=config.model_dump(),
            timeout=min(self._services.document_timeout, job.config.per_document_timeout_seconds),
            open_document=partial(self._services.staging.open, job),
        )
        try:
            return await _outcome_of(self._services.pool.submit(task, on_start=self._on_start))
        except Exception as error:  # noqa: BLE001 - whatever it was, this job has an outcome
            _log.error("attempt_broke", job_id=job.job_id, attempt=job.attempt, exc_info=error)
            message = f"the daemon could not run the job: {type(error).__name__}"
            return WorkerFailure(reason=FailureReason.EXCEPTION, message=message)

    def _on_start(self) -> None:
        """Called from a thread of the pool."""
        self.started_at = time.time()
        self._begun = time.monotonic()
        self.started = True
        self._services.following.started(self.job, self.lane, self.started_at)

    async def _publish(self, outcome: Outcome) -> Finished | None:
        outbox, job, delivery = self._services.outbox, self.job, self._deliveries[0]
        match outcome:
            case Completed(result):
                is_small = len(result.body) < _ENCODE_HERE
                replies = (
                    self._encode(result.body)
                    if is_small
                    else await asyncio.to_thread(self._encode, result.body)
                )
            case Retried(failure, delay):
                await outbox.retry(
                    retry_message(delivery.message, job, self._record(failure)), delivery.lane, delay
                )
                return Finished()
            case DeadLettered(failure):
                await outbox.park(self._dead_letter(failure), delivery.lane)
                replies = self._encode(self._failure_body(failure))
            case Cancelled(failure):
                replies = self._encode(self._failure_body(failure))
            case Requeued():
                return None
        for reply_to in self._reply_tos:
            await outbox.reply(replies, reply_to)
        return Finished(replies)

    async def _settle(self, outcome: Outcome) -> int:
        """Settle every delivery; how many could be (the others come again, and are known by then)."""
        settled = 0
        for delivery in self._deliveries:
            settled += await (delivery.requeue() if isinstance(outcome, Requeued) else delivery.ack())
        return settled

    def _encode(self, body: bytes) -> Sequence[Message]:
        job = self.job
        return encode_result(job.job_id, body, traceparent=self._trace.traceparent, redrive=job.redrive)

    def _failure_body(self, failure: WorkerFailure) -> bytes:
        result = failure_result(self.job.file_path, failure, tenant_id=self.job.config.tenant_id)
        return result.model_dump_json().encode()

    def _dead_letter(self, failure: WorkerFailure) -> Message:
        record = self._record(failure)
        return dead_letter(
            self._deliveries[0].message,
            lane=self._deliveries[0].lane,
            reason=failure.code,
            text=failure.message,
            history=(*self.job.history, record),
            details={**record.details, **HERE},
        )

    def _record(self, failure: WorkerFailure) -> AttemptRecord:
        return AttemptRecord(
            attempt=self.job.attempt,
            reason=failure.reason,
            code=failure.code,
            message=failure.message[:1000],
            host=HERE["host"],
            at=time.time(),
            redrive=self.job.redrive,
            details={**failure.as_error().details, "document_sha256": self.job.document_sha256},
        )

    def _log_attempt(self, ended: PoolResult | WorkerFailure, outcome: Outcome, settled: int) -> None:
        """The one canonical line of an attempt, and what is counted of it."""
        now = time.monotonic()
        job = self.job
        wait, duration = (self._begun or now) - self._received, now - self._received
        self._services.metrics.attempt(job, self.lane, ended, outcome, wait=wait, duration=duration)
        self._trace.end(ended, outcome, wait=wait, begun=self._begun is not None)
        fields: dict[str, object] = {
            "job_id": job.job_id,
            "attempt": job.attempt,
            "lane": self.lane,
            "outcome": type(outcome).__name__.lower(),
            "source": job.source.kind,
            "wait_seconds": round(wait, 4),
            "run_seconds": round(ended.seconds, 4),
            "total_seconds": round(duration, 4),
            "peak_memory_bytes": ended.peak_memory_bytes,
            "redelivered": self._deliveries[0].redelivered,
            "deliveries": len(self._deliveries),
            "settled": settled,
        }
        if isinstance(ended, PoolResult):
            fields |= {
                "document_sha256": ended.content_sha256,
                "pages": ended.pages,
                "chunks": ended.chunks,
                "errors": list(ended.errors),
                "result_bytes": len(ended.body),
            }
        else:
            fields |= {"document_sha256": job.document_sha256, "code": ended.code.value}
            fields |= ended.as_error().details
        if self._trace.trace_id is not None:
            fields["trace_id"] = self._trace.trace_id
        if isinstance(outcome, Retried):
            fields["retry_in"] = outcome.delay
        level = _log.info if isinstance(outcome, Completed | Requeued | Cancelled) else _log.warning
        level("attempt_finished", **fields)


async def _outcome_of(run: Future[PoolResult | WorkerFailure]) -> PoolResult | WorkerFailure:
    """Wait for the pool; like `asyncio.wrap_future`, for a future that neither fails nor is cancelled."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[PoolResult | WorkerFailure] = loop.create_future()

    def resolve(outcome: PoolResult | WorkerFailure) -> None:
        if not waiter.done():
            waiter.set_result(outcome)

    def ended(done: Future[PoolResult | WorkerFailure]) -> None:
        with suppress(RuntimeError):  # the loop is closed: the daemon has ended without it
            loop.call_soon_threadsafe(resolve, done.result())

    run.add_done_callback(ended)
    return await waiter


def _quarantined(earlier: int) -> WorkerFailure:
    """A job that was delivered and never settled: it, or its document, may be what takes daemons down."""
    message = (
        f"delivered {earlier} times before and never settled: whoever had it lost its connection or died"
    )
    return WorkerFailure(reason=FailureReason.REDELIVERED, message=message)
