"""What becomes of an attempt: a pure function from how it ended to what is done with its delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult
from ingestkit_pdf.wire.topology import RETRY_DELAYS

__all__ = [
    "GIVEN_BACK",
    "Cancelled",
    "Completed",
    "DeadLettered",
    "Outcome",
    "Requeued",
    "Retried",
    "RetryPolicy",
    "decide",
]

DEFAULT_ATTEMPTS: Mapping[FailureReason, int] = MappingProxyType(
    {
        FailureReason.CRASHED: 2,
        FailureReason.MEMORY: 1,
        FailureReason.TIMEOUT: 1,
        FailureReason.EXCEPTION: 3,
        FailureReason.REDELIVERED: 1,
        FailureReason.SOURCE_UNAVAILABLE: 5,
        FailureReason.SOURCE_FORBIDDEN: 1,
        FailureReason.NOT_CONFIGURED: 1,
    }
)
"""How often a job is tried in all, by what ended its last attempt. What fails the same way again
(too large for the memory, too slow for the limit) is not worth a second attempt by default."""

GIVEN_BACK: Mapping[FailureReason, float] = MappingProxyType(
    {FailureReason.CANCELLED: 0.0, FailureReason.NOT_STARTED: 10.0}
)
"""What ended no attempt, and the seconds that the job is kept before it is given back. The broker counts each
time: a daemon that can start no worker is ended by its watchdog well before that makes `max_deliveries`."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How many attempts a job has, and how long it waits between them.

    Attributes:
        attempts: Attempts in all, by the reason that ended the last one.
        delays: Seconds before the second, third, ... attempt; the last one repeats.
    """

    attempts: Mapping[FailureReason, int] = field(default_factory=lambda: DEFAULT_ATTEMPTS)
    delays: tuple[int, ...] = RETRY_DELAYS

    def delay_after(self, attempt: int) -> int:
        """Seconds to wait after the attempt of this number, counted from 1."""
        return self.delays[min(attempt, len(self.delays)) - 1]


@dataclass(frozen=True, slots=True)
class Completed:
    """There is a result, be it of a document that could not be read: answer it."""

    result: PoolResult


@dataclass(frozen=True, slots=True)
class Retried:
    """It may succeed later: onto the rung of `delay` seconds."""

    failure: WorkerFailure
    delay: int


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """It will not succeed: park it with its reason and tell the client."""

    failure: WorkerFailure


@dataclass(frozen=True, slots=True)
class Requeued:
    """This daemon does not make the attempt, another one does; nothing is counted.

    Attributes:
        reason: Why.
        pause: Seconds to keep the job before it is given back, unless the daemon is told to stop.
    """

    reason: FailureReason = FailureReason.CANCELLED
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Its client does not want it any more: tell the client, and neither retry nor park it."""

    failure: WorkerFailure


Outcome = Completed | Retried | DeadLettered | Requeued | Cancelled


def decide(
    ended: PoolResult | WorkerFailure, attempt: int, policy: RetryPolicy, *, cancelled: bool = False
) -> Outcome:
    """What to do with a job whose attempt of this number (from 1) ended like this.

    One that its client has `cancelled` meanwhile is answered with its result all the same if it has one.
    """
    failure = _failure_of(ended)
    if failure is None:
        assert isinstance(ended, PoolResult)
        return Completed(ended)
    if cancelled:
        return Cancelled(_cancelled(failure))
    if (pause := GIVEN_BACK.get(failure.reason)) is not None:
        return Requeued(failure.reason, pause)
    if attempt < policy.attempts.get(failure.reason, 1):
        return Retried(failure, policy.delay_after(attempt))
    return DeadLettered(failure)


def _cancelled(failure: WorkerFailure) -> WorkerFailure:
    if failure.reason is FailureReason.CANCELLED:
        return failure
    message = f"cancelled by its client; before that: {failure.message}"
    return replace(failure, reason=FailureReason.CANCELLED, message=message)


def _failure_of(ended: PoolResult | WorkerFailure) -> WorkerFailure | None:
    if isinstance(ended, WorkerFailure):
        return ended
    if ErrorCode.E_SOURCE_UNAVAILABLE in ended.errors:
        return WorkerFailure(
            reason=FailureReason.SOURCE_UNAVAILABLE,
            message="the document went away before it was opened, or could not be read",
            peak_memory_bytes=ended.peak_memory_bytes,
            seconds=ended.seconds,
        )
    return None
