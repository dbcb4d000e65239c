"""A result as it came from a queue, read as a `ProcessingResult`."""

from __future__ import annotations

from pydantic import ValidationError

from ingestkit_pdf.errors import ErrorCode, ExecutionError
from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.wire.envelope import ResultTooLargeError

__all__ = ["read_result", "too_large"]


def read_result(job_id: str, body: bytes) -> ProcessingResult:
    """The result of a job from its JSON.

    Raises:
        ExecutionError: It is not one that this version understands; the message names what is wrong first,
            and nothing of the document.
    """
    try:
        return ProcessingResult.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ExecutionError(
            ErrorCode.E_EXECUTION_REJECTED,
            f"the result of job {job_id!r} is not one this version understands "
            f"({where}: {first['msg']}); it stays in its queue",
            job_id=job_id,
            stage="result",
        ) from error


def too_large(job_id: str, error: ResultTooLargeError) -> ExecutionError:
    """What to raise for a result that takes more memory than one may."""
    reason = f"the result of job {job_id!r} is too large: {error}; it stays in its queue"
    return ExecutionError(ErrorCode.E_EXECUTION_REJECTED, reason, job_id=job_id, stage="result")
