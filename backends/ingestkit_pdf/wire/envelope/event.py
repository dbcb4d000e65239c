"""An event: how far a job has come. Nothing of the document is in it, neither text nor name."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from ingestkit_pdf.models import JobProgress
from ingestkit_pdf.wire.envelope.message import (
    InvalidMessageError,
    Message,
    checked_id,
    first_error,
    quoted,
)

__all__ = ["decode_event", "encode_event"]

_EVENT_TYPE = "ingestkit.pdf.event.v1"

_MAX_EVENT = 4 * 1024


def encode_event(progress: JobProgress) -> Message:
    """One step of a job as a message that may be lost."""
    return Message(
        body=progress.model_dump_json(exclude={"job_id"}, exclude_none=True).encode(),
        type=_EVENT_TYPE,
        message_id=progress.job_id,
        correlation_id=progress.job_id,
        content_type="application/json",
        timestamp=int(progress.at),
        transient=True,
    )


def decode_event(message: Message) -> JobProgress:
    """Validate a message as one step of a job.

    Raises:
        InvalidMessageError: Anything about it is not as the wire format says.
    """
    if message.type != _EVENT_TYPE:
        raise InvalidMessageError(f"type is {quoted(message.type)}, expected {_EVENT_TYPE}")
    if len(message.body) > _MAX_EVENT:
        raise InvalidMessageError(f"the event takes {len(message.body)} bytes; {_MAX_EVENT} is the limit")
    job_id = checked_id(message)
    try:
        fields: Any = from_json(message.body, allow_inf_nan=False)
        if not isinstance(fields, dict):
            raise InvalidMessageError("event: not an object")
        return JobProgress.model_validate({**fields, "job_id": job_id})
    except ValidationError as error:
        raise InvalidMessageError(f"event: {first_error(error)}") from error
    except ValueError as error:
        raise InvalidMessageError(f"event: not JSON: {first_error(error)}") from error
