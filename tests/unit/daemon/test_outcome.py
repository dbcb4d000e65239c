"""The policy of what becomes of an attempt."""

from __future__ import annotations

import pytest

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult
from ingestkit_pdfd.outcome import Completed, DeadLettered, Requeued, Retried, RetryPolicy, decide
from ingestkit_pdfd.settings import DaemonSettings

POLICY = RetryPolicy()


def failure(reason: FailureReason) -> WorkerFailure:
    return WorkerFailure(reason=reason, message="it broke")


def result(*errors: str) -> PoolResult:
    return PoolResult(
        body=b"{}", errors=errors, pages=1, chunks=1, content_sha256="", seconds=0.1, peak_memory_bytes=1
    )


def test_a_result_is_answered_even_when_the_document_was_bad() -> None:
    """A corrupt or encrypted document would be retried or parked, though it can never become better."""
    for ended in (result(), result(ErrorCode.E_PARSE_CORRUPT), result(ErrorCode.E_PARSE_PASSWORD)):
        assert decide(ended, 1, POLICY) == Completed(ended)


@pytest.mark.parametrize(
    ("reason", "attempts"),
    [
        (FailureReason.CRASHED, 2),
        (FailureReason.MEMORY, 1),
        (FailureReason.TIMEOUT, 1),
        (FailureReason.EXCEPTION, 3),
        (FailureReason.SOURCE_UNAVAILABLE, 5),
        (FailureReason.SOURCE_FORBIDDEN, 1),
        (FailureReason.REDELIVERED, 1),
    ],
)
def test_each_reason_has_its_number_of_attempts(reason: FailureReason, attempts: int) -> None:
    """A job would be tried more or less often than the documentation promises."""
    ended = failure(reason)
    outcomes = [decide(ended, attempt, POLICY) for attempt in range(1, attempts + 1)]
    assert all(isinstance(outcome, Retried) for outcome in outcomes[:-1])
    assert outcomes[-1] == DeadLettered(ended)


def test_the_wait_grows_rung_by_rung_and_stays_on_the_last() -> None:
    """Retries would come too fast for a cause that takes minutes to pass."""
    assert [POLICY.delay_after(attempt) for attempt in (1, 2, 3, 4, 5, 99)] == [5, 30, 120, 600, 600, 600]


def test_a_document_that_vanished_before_it_was_opened_is_retried() -> None:
    """A file server that is away for a moment would turn into a final answer."""
    ended = result(ErrorCode.E_SOURCE_UNAVAILABLE)
    first, last = decide(ended, 1, POLICY), decide(ended, 5, POLICY)
    assert isinstance(first, Retried)
    assert first.delay == 5
    assert isinstance(last, DeadLettered)
    assert last.failure.code is ErrorCode.E_SOURCE_UNAVAILABLE


def test_a_job_that_was_cancelled_by_the_drain_is_given_back() -> None:
    """Stopping a daemon would cost its jobs an attempt, or park them."""
    assert decide(failure(FailureReason.CANCELLED), 99, POLICY) == Requeued()


def test_a_job_that_no_worker_could_be_started_for_is_given_back_in_time() -> None:
    """A host out of memory or processes would park the jobs of all others, before its daemon is restarted."""
    outcome = decide(failure(FailureReason.NOT_STARTED), 99, POLICY)
    assert isinstance(outcome, Requeued)
    pool_grace, watchdog = 30.0, 60.0
    assert outcome.pause * DaemonSettings().max_deliveries > pool_grace + watchdog


def test_every_reason_is_decided() -> None:
    """A new reason would fall through to an arbitrary number of attempts unnoticed."""
    counted = set(POLICY.attempts) | {FailureReason.CANCELLED, FailureReason.NOT_STARTED}
    assert counted == set(FailureReason)


def test_attempts_can_be_configured_by_reason() -> None:
    """An operator's own number of attempts would be ignored."""
    policy = RetryPolicy(attempts={**POLICY.attempts, FailureReason.MEMORY: 2})
    assert isinstance(decide(failure(FailureReason.MEMORY), 1, policy), Retried)
