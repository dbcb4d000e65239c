"""From a delivery to the attempt it belongs to: a new one, one that runs here, or one just finished."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import structlog

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.wire.envelope import (
    InvalidMessageError,
    Job,
    dead_letter,
    decode_job,
    encode_result,
    reply_address,
)
from ingestkit_pdf.wire.topology import Topology

from .amqp import Delivery, TooLargeError
from .attempt import Attempt
from .letters import HERE
from .metrics import Handling
from .recent import AttemptKey, Finished, RecentAttempts
from .returning import give_back
from .services import Services

__all__ = ["Dispatcher"]

_log = structlog.stdlib.get_logger(__name__)

_BROKEN_PAUSE = 1.0
"""Seconds before an attempt that broke in the daemon itself is given back, so that it cannot spin."""


_REASON_LENGTH = 1000
"""Characters of a stranger's mistake that are logged and answered."""


class Dispatcher:
    """Keeps the attempts under way and remembers the latest ones. Lives on the event loop.

    Attributes:
        answered: Documents that were answered so far, be it with an error.
    """

    def __init__(
        self, services: Services, topology: Topology, *, inline_limit: int, remember_bytes: int
    ) -> None:
        self._services = services
        self._topology = topology
        self._inline_limit = inline_limit
        self._running: dict[AttemptKey, Attempt] = {}
        self._recent = RecentAttempts(remember_bytes)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._draining = False
        self.answered = 0

    @property
    def running(self) -> int:
        """Attempts that a worker has begun."""
        return sum(attempt.started for attempt in self._running.values())

    @property
    def waiting(self) -> int:
        """Attempts that wait for a worker."""
        return len(self._running) - self.running

    def in_progress(self) -> Counter[tuple[str, str]]:
        """Attempts by lane and state: `waiting` for a worker, or `running` (until they are answered)."""
        return Counter(
            (attempt.lane, "running" if attempt.started else "waiting") for attempt in self._running.values()
        )

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What is under way."""
        return tuple(self._running.values())

    def receive(self, delivery: Delivery) -> None:
        """Take a delivery. Returns at once; the work goes on in a task of its own."""
        try:
            self._receive(delivery)
        except Exception as error:  # noqa: BLE001 - a delivery is settled, whatever happens
            self._spawn(self._dead_letter(delivery, error), "dead-letter")

    def _receive(self, delivery: Delivery) -> None:
        if self._draining:
            self._count(delivery, "given_back")
            services = self._services
            self._spawn(give_back(delivery, services.outbox, services.max_deliveries), "give-back")
            return
        try:
            job = decode_job(delivery.message, self._topology, inline_limit=self._inline_limit)
        except InvalidMessageError as error:
            self._count(delivery, "rejected")
            self._spawn(self._reject(delivery, str(error)), "reject")
            return
        key = (job.job_id, job.redrive, job.attempt)
        if (attempt := self._running.get(key)) is not None:
            attempt.attach(job, delivery)
            self._count(delivery, "attached")
            _log.info("delivery_attached", job_id=job.job_id, attempt=job.attempt, lane=delivery.lane)
        elif (finished := self._recent.get(key)) is not None and _settles(finished, job, delivery):
            self._count(delivery, "answered_again")
            self._spawn(self._answer_again(job, delivery, finished), f"answer {job.job_id}")
        else:
            self._count(delivery, "new")
            attempt = self._running[key] = Attempt(job, delivery, self._services)
            self._spawn(self._run(key, attempt), f"attempt {job.job_id}")

    def change(self, services: Services, *, inline_limit: int) -> None:
        """From now on new attempts are made with these; those under way go on as they began."""
        self._services = services
        self._inline_limit = inline_limit

    def drain(self) -> None:
        """Begin nothing new: what waits for a worker is given back, and so is what still arrives."""
        self._draining = True
        for attempt in self._running.values():
            attempt.withdraw()

    async def idle(self, timeout: float) -> bool:
        """Wait until nothing is under way, at most `timeout` seconds; whether that was reached."""
        deadline = asyncio.get_running_loop().time() + timeout
        while self._tasks:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await asyncio.wait(self._tasks, timeout=left)
        return True

    def abandon(self) -> None:
        """Stop every attempt where it stands; what is not settled the broker delivers again."""
        for task in self._tasks:
            task.cancel()

    async def _run(self, key: AttemptKey, attempt: Attempt) -> None:
        try:
            finished = await attempt.run()
        except Exception as error:  # noqa: BLE001 - a delivery is settled, whatever happens
            _log.error("attempt_broke", job_id=key[0], attempt=key[2], exc_info=error)
            await asyncio.sleep(_BROKEN_PAUSE)
            await attempt.give_up()
            return
        finally:
            del self._running[key]
        # From here on the attempt is known as finished: what comes while it is settled is answered by itself.
        if finished is not None:
            self._recent.add(key, finished)
            self.answered += bool(finished.replies)
        await attempt.settle()

    async def _answer_again(self, job: Job, delivery: Delivery, finished: Finished) -> None:
        for reply_to in job.reply_tos if finished.replies else ():
            await self._services.outbox.reply(finished.replies, reply_to)
        await delivery.ack()
        _log.info("delivery_answered_again", job_id=job.job_id, attempt=job.attempt, lane=delivery.lane)

    async def _reject(self, delivery: Delivery, reason: str) -> None:
        """Park what is not a valid job, and tell the client where there is one that can be told."""
        code, reason = ErrorCode.E_EXECUTION_REJECTED, reason[:_REASON_LENGTH]
        settle = delivery.ack
        try:
            letter = dead_letter(delivery.message, lane=delivery.lane, reason=code, text=reason, details=HERE)
            try:
                await self._services.outbox.park(letter, delivery.lane)
            except TooLargeError:
                settle = delivery.reject  # the broker, which has it, can still move it
            await self._tell(delivery, reason)
        except Exception as error:  # noqa: BLE001 - a delivery is settled, whatever happens
            await self._dead_letter(delivery, error)
        else:
            await settle()
            _log.warning("delivery_rejected", lane=delivery.lane, code=code.value, reason=reason)

    async def _tell(self, delivery: Delivery, reason: str) -> None:
        """Answer whoever sent what is no valid job."""
        if (address := reply_address(delivery.message, self._topology)) is not None:
            job_id, reply_to = address
            code = ErrorCode.E_EXECUTION_REJECTED
            error = IngestError(code=code, message=f"the job was refused: {reason}", stage="execution")
            body = ProcessingResult.failed("", error).model_dump_json().encode()
            await self._services.outbox.reply(encode_result(job_id, body), reply_to)

    async def _dead_letter(self, delivery: Delivery, error: Exception) -> None:
        """Leave it to the broker to park a delivery that a defect of ours keeps us from parking."""
        _log.error("delivery_broke", lane=delivery.lane, exc_info=error)
        await delivery.reject()

    def _count(self, delivery: Delivery, handling: Handling) -> None:
        self._services.metrics.delivery(delivery.lane, handling, redelivered=delivery.redelivered)

    def _spawn(self, work: Coroutine[Any, Any, object], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task_broke", task=task.get_name(), exc_info=error)


def _settles(finished: Finished, job: Job, delivery: Delivery) -> bool:
    """Whether what is remembered is enough for this delivery.

    With no answer to give, only a message whose acknowledgement was lost can be merely acknowledged. One that
    was submitted since has to be run: for all we know, what became of the first one is gone.
    """
    return bool(finished.replies) or (delivery.redelivered and job.submitted_at == finished.submitted_at)
