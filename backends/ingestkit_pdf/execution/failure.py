"""Why a job produced no result: one value for the pool, the local backend and the daemon."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import ProcessingResult

__all__ = ["FailureReason", "SourceError", "WorkerFailure", "failure_result"]


class FailureReason(StrEnum):
    """What ended an attempt; the retry policy is keyed by it."""

    CRASHED = "crashed"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    EXCEPTION = "exception"
    CANCELLED = "cancelled"
    NOT_STARTED = "not_started"
    REDELIVERED = "redelivered"
    SOURCE_UNAVAILABLE = "source_unavailable"
    SOURCE_FORBIDDEN = "source_forbidden"
    NOT_CONFIGURED = "not_configured"


_CODES = {
    FailureReason.CRASHED: ErrorCode.E_EXECUTION_CRASHED,
    FailureReason.MEMORY: ErrorCode.E_EXECUTION_MEMORY,
    FailureReason.TIMEOUT: ErrorCode.E_EXECUTION_TIMEOUT,
    FailureReason.EXCEPTION: ErrorCode.E_EXECUTION_SUBMIT,
    FailureReason.CANCELLED: ErrorCode.E_EXECUTION_CANCELLED,
    FailureReason.NOT_STARTED: ErrorCode.E_EXECUTION_CRASHED,
    FailureReason.REDELIVERED: ErrorCode.E_EXECUTION_CRASHED,
    FailureReason.SOURCE_UNAVAILABLE: ErrorCode.E_SOURCE_UNAVAILABLE,
    FailureReason.SOURCE_FORBIDDEN: ErrorCode.E_SOURCE_FORBIDDEN,
    FailureReason.NOT_CONFIGURED: ErrorCode.E_EXECUTION_NOT_CONFIGURED,
}

_RECOVERABLE = {
    FailureReason.CRASHED,
    FailureReason.EXCEPTION,
    FailureReason.CANCELLED,
    FailureReason.NOT_STARTED,
    FailureReason.SOURCE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFailure:
    """How an attempt ended without a result.

    Attributes:
        reason: The kind of failure.
        message: What happened, without text of the document.
        signal: Name of the signal that ended the worker (`SIGKILL`), if one did.
        exit_code: Exit code of the worker, if it exited by itself.
        peak_memory_bytes: Largest resident size of the worker while it had this job.
        page_reached: The page it was on, counted from 1; None before the first.
        seconds: How long the attempt ran.
    """

    reason: FailureReason
    message: str
    signal: str | None = None
    exit_code: int | None = None
    peak_memory_bytes: int | None = None
    page_reached: int | None = None
    seconds: float = 0.0

    @property
    def code(self) -> ErrorCode:
        """The error code of this kind of failure."""
        return _CODES[self.reason]

    def as_error(self) -> IngestError:
        """The failure as the error of a result."""
        facts = {
            "reason": self.reason.value,
            "signal": self.signal,
            "exit_code": self.exit_code,
            "peak_memory_bytes": self.peak_memory_bytes,
            "page_reached": self.page_reached,
        }
        return IngestError(
            code=self.code,
            message=self.message,
            stage="execution",
            page_number=self.page_reached,
            recoverable=self.reason in _RECOVERABLE,
            details={name: value for name, value in facts.items() if value is not None},
        )


class SourceError(Exception):
    """The document cannot be given to a worker; `failure` is what becomes of its attempt."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.failure = WorkerFailure(reason=reason, message=message)


def failure_result(
    file_path: str, failure: WorkerFailure, *, tenant_id: str | None = None
) -> ProcessingResult:
    """The result of a job whose last attempt ended in `failure`."""
    return ProcessingResult.failed(
        file_path, failure.as_error(), tenant_id=tenant_id, seconds=failure.seconds
    )
