"""Execution backends, and the worker pool that the local one and the daemon share.

The names below are imported when they are first used, so that a producer loads only what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestkit_pdf._lazy import lazy_names

if TYPE_CHECKING:
    from ingestkit_pdf.errors import (
        ErrorCode,
        ExecutionError,
        IngestError,
        JobNotFoundError,
        ResultTimeoutError,
        SubmitError,
    )
    from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
    from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure, failure_result
    from ingestkit_pdf.execution.local import LocalExecutionBackend
    from ingestkit_pdf.execution.protocol import ExecutionBackend

__all__ = [
    "DistributedExecutionBackend",
    "ErrorCode",
    "ExecutionBackend",
    "ExecutionError",
    "FailureReason",
    "IngestError",
    "JobNotFoundError",
    "LocalExecutionBackend",
    "ResultTimeoutError",
    "SubmitError",
    "WorkerFailure",
    "failure_result",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "DistributedExecutionBackend": "ingestkit_pdf.execution.distributed",
        "ErrorCode": "ingestkit_pdf.errors",
        "ExecutionBackend": "ingestkit_pdf.execution.protocol",
        "ExecutionError": "ingestkit_pdf.errors",
        "FailureReason": "ingestkit_pdf.execution.failure",
        "IngestError": "ingestkit_pdf.errors",
        "JobNotFoundError": "ingestkit_pdf.errors",
        "LocalExecutionBackend": "ingestkit_pdf.execution.local",
        "ResultTimeoutError": "ingestkit_pdf.errors",
        "SubmitError": "ingestkit_pdf.errors",
        "WorkerFailure": "ingestkit_pdf.execution.failure",
        "failure_result": "ingestkit_pdf.execution.failure",
    },
)
