"""One attempt at one job: delivery → envelope → pool → outcome → reply → settle.

An attempt outlives the connection its delivery came on. When the connection drops, the broker delivers
the job again; that delivery is attached here and settled in the place of the one that was lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

import structlog

from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure, failure_result
from ingestkit_pdf.execution.pool import PoolResult, PoolTask, Reached
from ingestkit_pdf.wire.envelope import (
    MAX_REPLY_TOS,
    Job,
    Message,
    addressed,
    encode_result,
    retry_message,
)
from ingestkit_pdf.wire.secrets import SecretsError

from .amqp import Delivery, TooLargeError
from .letters import letter_of, quarantined, record_of, too_large
from .outcome import Cancelled, Completed, DeadLettered, Outcome, Requeued, Retried, decide
from .recent import Finished
from .returning import give_back
from .services import Services

__all__ = ["Attempt"]

_log = structlog.stdlib.get_logger(__name__)

_ENCODE_HERE = 64 * 1024
"""Results of fewer bytes are not compressed and hashed in no time: a thread for that would cost more."""

_DIGEST_SECONDS = 10.0
"""For reading a document once more when its job is parked: some gigabytes from a disk."""


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
        self._reply_tos = list(dict.fromkeys(job.reply_tos))
        self._services = services
        self._pool_id = f"{job.job_id}/{job.redrive}/{job.attempt}"
        self._withdrawn = asyncio.Event()
        self._cancelled = False
        self._parked_by_broker = False
        self._received = time.monotonic()
        self._trace = services.tracing.begin(job, delivery.lane)
        self._document_sha256 = job.document_sha256
        self._begun: float | None = None
        self._ended: tuple[PoolResult | WorkerFailure, Outcome] | None = None
        self._heed_earlier_cancel()

    @property
    def reply_tos(self) -> Sequence[str]:
        """The reply queues of all who have submitted the job."""
        return self._reply_tos

    @property
    def lane(self) -> str:
        """The lane it came from."""
        return self._deliveries[0].lane

    def attach(self, job: Job, delivery: Delivery) -> None:
        """Another delivery of the same attempt: it will be settled, and answered, with the first."""
        self._deliveries.append(delivery)
        self._reply_tos += [name for name in job.reply_tos if name not in self._reply_tos]
        self._heed_earlier_cancel()

    def withdraw(self) -> None:
        """Give the job back unless a worker has begun it."""
        if not self.started:
            self._withdrawn.set()
            self._services.pool.cancel(self._pool_id)

    def cancel(self) -> None:
        """A client does not want it any more: end it wherever it is, unless it has its result."""
        self._cancelled = True
        self._withdrawn.set()  # what is kept before it is given back goes now, to be ended when it comes
        self._services.pool.cancel(self._pool_id)

    def reached(self) -> Reached | None:
        """How far the worker has come; None while none has it."""
        return self._services.pool.reached(self._pool_id)

    def _heed_earlier_cancel(self) -> None:
        cancelled = self._services.cancelled
        if any((self.job.job_id, reply_to) in cancelled for reply_to in self._reply_tos):
            self.cancel()

    async def run(self) -> Finished | None:
        """Make the attempt, to be settled then.

        What it was answered with, or None when it is to be given back.
        """
        ended = await self._execute()
        outcome = decide(ended, self.job.attempt, self._services.policy, cancelled=self._cancelled)
        with self._trace.publishing(outcome):
            try:
                finished = await self._publish(outcome)
            except TooLargeError as error:
                self._parked_by_broker = True
                outcome = DeadLettered(too_large(outcome, error))
                finished = await self._publish(outcome)
        self._services.following.ended(self, ended, outcome)
        self._ended = ended, outcome
        return finished

    async def settle(self) -> None:
        """Settle every delivery of an attempt that was made; what cannot be comes again, and is known."""
        assert self._ended is not None
        ended, outcome = self._ended
        self._log_attempt(ended, outcome, await self._settle(outcome))

    async def give_up(self) -> None:
        """A defect kept it from being settled: another daemon, or this one later, makes the attempt.

        What has come too often for that, the broker puts among the dead letters.
        """
        for delivery in self._deliveries:
            too_often = delivery.earlier >= self._services.max_deliveries
            await (delivery.reject() if too_often else delivery.fail())

    async def _execute(self) -> PoolResult | WorkerFailure:
        job = self.job
        if self._cancelled:
            return WorkerFailure(reason=FailureReason.CANCELLED, message="cancelled before it was begun")
        if (earlier := self._deliveries[0].earlier) >= self._services.max_deliveries:
            return quarantined(earlier)
        if self._withdrawn.is_set():
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
        self._services.following.started(self)

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
                message = retry_message(delivery.message, job, record_of(job, failure, self._document_sha256))
                for reply_tos in self._groups_of_reply_tos():
                    await outbox.retry(addressed(message, reply_tos), delivery.lane, delay)
                return Finished(job.submitted_at)
            case DeadLettered(failure):
                await self._identify()
                if not self._parked_by_broker:
                    await outbox.park(self._letter(failure), delivery.lane)
                replies = self._encode(self._failure_body(failure))
            case Cancelled(failure):
                replies = self._encode(self._failure_body(failure))
            case Requeued(pause=pause):
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._withdrawn.wait()
                return None
        for reply_to in self._reply_tos:
            await outbox.reply(replies, reply_to)
        return Finished(job.submitted_at, replies)

    async def _identify(self) -> None:
        """Read a document by path once more: among the dead letters it is found by its digest."""
        if self._document_sha256 is None:
            digest = partial(self._services.staging.digest, self.job, seconds=_DIGEST_SECONDS)
            self._document_sha256 = await asyncio.to_thread(digest)

    def _groups_of_reply_tos(self) -> Iterator[Sequence[str]]:
        """As many as one message may name, and at last those of deliveries that were attached meanwhile."""
        named = 0
        while group := self._reply_tos[named : named + MAX_REPLY_TOS]:
            yield group
            named += len(group)

    async def _settle(self, outcome: Outcome) -> int:
        settled = 0
        for delivery in self._deliveries:
            if isinstance(outcome, Requeued):
                services = self._services
                settled += await give_back(delivery, services.outbox, services.max_deliveries)
            elif self._parked_by_broker and not settled:
                settled += await delivery.reject()
            else:
                settled += await delivery.ack()
        return settled

    def _encode(self, body: bytes) -> Sequence[Message]:
        job = self.job
        return encode_result(job.job_id, body, traceparent=self._trace.traceparent, redrive=job.redrive)

    def _failure_body(self, failure: WorkerFailure) -> bytes:
        result = failure_result(self.job.file_path, failure, tenant_id=self.job.config.tenant_id)
        return result.model_dump_json().encode()

    def _letter(self, failure: WorkerFailure) -> Message:
        record = record_of(self.job, failure, self._document_sha256)
        message = addressed(self._deliveries[0].message, self._reply_tos[:MAX_REPLY_TOS])
        return letter_of(message, self.job, self.lane, failure, record)

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
            fields |= {"document_sha256": self._document_sha256, "code": ended.code.value}
            fields |= ended.as_error().details
        if self._trace.trace_id is not None:
            fields["trace_id"] = self._trace.trace_id
        if isinstance(outcome, Retried):
            fields["retry_in"] = outcome.delay
        orderly = isinstance(outcome, Completed | Cancelled) or outcome == Requeued()
        level = _log.info if orderly else _log.warning
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
