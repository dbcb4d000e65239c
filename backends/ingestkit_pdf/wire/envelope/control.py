"""What a client asks of every daemon: to cancel jobs, or to tell how far they have come."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field, ValidationError

from ingestkit_pdf.wire.envelope.message import (
    MAX_JSON,
    InvalidMessageError,
    Message,
    WireModel,
    first_error,
    is_job_id,
    quoted,
)
from ingestkit_pdf.wire.topology import Topology

__all__ = ["MAX_REQUEST_JOBS", "ControlRequest", "RequestKind", "decode_request", "encode_request"]

MAX_REQUEST_JOBS = 256
"""Jobs that one message may name."""


class RequestKind(StrEnum):
    """What is asked for."""

    CANCEL = "cancel"
    WATCH = "watch"


_TYPES = {f"ingestkit.pdf.{kind}.v1": kind for kind in RequestKind}


class _RequestFields(WireModel):
    version: Literal[1] = 1
    jobs: list[str] = Field(min_length=1, max_length=MAX_REQUEST_JOBS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """A valid request: it is heeded for those of its jobs that are answered to its reply queue."""

    kind: RequestKind
    reply_to: str
    job_ids: tuple[str, ...]


def encode_request(kind: RequestKind, reply_to: str, job_ids: Iterable[str]) -> list[Message]:
    """A request as messages, as many as it takes to name all jobs.

    Raises:
        InvalidMessageError: One of the ids is none.
    """
    names = list(job_ids)
    for name in names:
        if not is_job_id(name):
            raise InvalidMessageError(f"{quoted(name)} is not a job id")
    return [
        Message(
            body=_RequestFields(jobs=part).model_dump_json().encode(),
            type=f"ingestkit.pdf.{kind}.v1",
            reply_to=reply_to,
            content_type="application/json",
            timestamp=int(time.time()),
            transient=True,
        )
        for part in (names[at : at + MAX_REQUEST_JOBS] for at in range(0, len(names), MAX_REQUEST_JOBS))
    ]


def decode_request(message: Message, topology: Topology) -> ControlRequest:
    """Validate a message as a request.

    Raises:
        InvalidMessageError: Anything about it is not as the wire format says.
    """
    kind = _TYPES.get(message.type or "")
    if kind is None:
        raise InvalidMessageError(f"type is {quoted(message.type)}, expected one of {', '.join(_TYPES)}")
    if message.content_encoding:
        raise InvalidMessageError(f"content_encoding {quoted(message.content_encoding)} is unknown")
    if not message.reply_to or not topology.is_reply_queue(message.reply_to):
        raise InvalidMessageError(f"reply_to {quoted(message.reply_to)} is not a reply queue")
    if len(message.body) > MAX_JSON:
        raise InvalidMessageError(f"the request takes {len(message.body)} bytes; {MAX_JSON} is the limit")
    try:
        jobs = _RequestFields.model_validate_json(message.body).jobs
    except ValidationError as error:
        raise InvalidMessageError(f"request: {first_error(error)}") from error
    for name in jobs:
        if not is_job_id(name):
            raise InvalidMessageError(f"{quoted(name)} is not a job id")
    return ControlRequest(kind=kind, reply_to=message.reply_to, job_ids=tuple(jobs))
