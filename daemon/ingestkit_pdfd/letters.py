"""What is written of an attempt that failed: the record that the next one carries, and the dead letter."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version

from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.wire.envelope import AttemptRecord, Job, Message, dead_letter

from .amqp import TooLargeError
from .outcome import DeadLettered, Outcome, Retried

__all__ = ["HERE", "letter_of", "quarantined", "record_of", "too_large"]

HERE: Mapping[str, str] = {
    "host": socket.gethostname(),
    "version": version("ingestkit-pdf"),
    "pymupdf": version("pymupdf"),
}
"""Who parks a letter: said in each."""


def record_of(job: Job, failure: WorkerFailure, document_sha256: str | None) -> AttemptRecord:
    """What the history of a job has of an attempt that failed just now."""
    return AttemptRecord(
        attempt=job.attempt,
        reason=failure.reason,
        code=failure.code,
        message=failure.message[:1000],
        host=HERE["host"],
        at=time.time(),
        redrive=job.redrive,
        details={**failure.as_error().details, "document_sha256": document_sha256},
    )


def letter_of(
    message: Message, job: Job, lane: str, failure: WorkerFailure, record: AttemptRecord
) -> Message:
    """The dead letter of a job: its message with the reason and the history, this attempt last."""
    return dead_letter(
        message,
        lane=lane,
        reason=failure.code,
        text=failure.message,
        history=(*job.history, record),
        details={**record.details, **HERE},
    )


def too_large(outcome: Outcome, error: TooLargeError) -> WorkerFailure:
    """Of a job that we can neither retry nor park: only the broker, which has it, can move it."""
    assert isinstance(outcome, Retried | DeadLettered)
    return replace(outcome.failure, message=f"{outcome.failure.message}; not sent on, as {error}")


def quarantined(earlier: int) -> WorkerFailure:
    """A job that was delivered and never settled: it, or its document, may be what takes daemons down."""
    message = (
        f"delivered {earlier} times before and never settled: whoever had it lost its connection or died"
    )
    return WorkerFailure(reason=FailureReason.REDELIVERED, message=message)
