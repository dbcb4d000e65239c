"""A message as AMQP has it, and reading its properties with suspicion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

APP_ID = "ingestkit-pdf"

MAX_JSON = 64 * 1024
"""Bytes of JSON that a header, or the fields of a job, may hold."""

MAX_REDRIVES = 1_000_000
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

H_JOB = "x-ingestkit-job"
H_ATTEMPT = "x-ingestkit-attempt"
H_HISTORY = "x-ingestkit-history"
H_PART = "x-ingestkit-part"
H_PARTS = "x-ingestkit-parts"
H_SHA256 = "x-ingestkit-sha256"
H_REASON = "x-ingestkit-reason"
H_REASON_TEXT = "x-ingestkit-reason-text"
H_DETAILS = "x-ingestkit-details"
H_LANE = "x-ingestkit-lane"
H_PARKED_AT = "x-ingestkit-parked-at"
H_REDRIVE = "x-ingestkit-redrive"
H_ALSO_REPLY_TO = "x-ingestkit-also-reply-to"
H_TRACEPARENT = "traceparent"

HeaderValue = str | int

_OWN = frozenset({H_JOB, H_ATTEMPT, H_HISTORY, H_REDRIVE, H_ALSO_REPLY_TO, H_TRACEPARENT})
"""The headers of a job, which go with it wherever it is sent on."""


class InvalidMessageError(ValueError):
    """A message that is not what it says, or says nothing; `str()` tells what and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An AMQP message and its properties; persistent unless it is `transient`."""

    body: bytes
    type: str | None = None
    message_id: str | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    timestamp: int | None = None
    app_id: str | None = APP_ID
    headers: Mapping[str, Any] = field(default_factory=dict)
    transient: bool = False


class WireModel(BaseModel):
    """Frozen and strict; what a newer version adds is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


def is_job_id(text: str) -> bool:
    """Whether `text` can be the id of a job."""
    return _ID.fullmatch(text) is not None


def checked_id(message: Message) -> str:
    """The job id of a message.

    Raises:
        InvalidMessageError: It has none, or its correlation id is another.
    """
    job_id = message.message_id
    if not job_id or not is_job_id(job_id):
        raise InvalidMessageError(f"message_id {quoted(job_id)} is not a job id")
    if message.correlation_id != job_id:
        raise InvalidMessageError(f"correlation_id {quoted(message.correlation_id)} is not the message_id")
    return job_id


def text_header(message: Message, name: str, *, limit: int) -> str | None:
    """A header as text; None where it is missing.

    Raises:
        InvalidMessageError: It is something else, or longer than `limit` bytes.
    """
    value = message.headers.get(name)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None:
        return None
    if not isinstance(value, str) or byte_length(value) > limit:
        raise InvalidMessageError(f"header {name} is not a text of at most {limit} bytes")
    return value


def byte_length(text: str) -> int:
    """Bytes of a text on the wire."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def int_header(message: Message, name: str, *, default: int | None, low: int, high: int) -> int:
    """A header as a number from `low` to `high`.

    Raises:
        InvalidMessageError: It is something else, or missing without a default.
    """
    value = message.headers.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidMessageError(f"header {name} is not an integer from {low} to {high}")
    return value


def own_headers(message: Message) -> dict[str, HeaderValue]:
    """Our headers only: what a stranger sent along (ten thousand of them, say) is not carried on.

    Each is text or a number, as all of ours are, and so can be sent; bytes are text that is not UTF-8.
    """
    kept: dict[str, HeaderValue] = {}
    for name in _OWN & message.headers.keys():
        value = message.headers[name]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str | int) and not isinstance(value, bool):
            kept[name] = value
    return kept


def first_error(error: Exception) -> str:
    """The first problem of a validation, without the value that caused it."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error)[:200]


def quoted(value: object) -> str:
    """A foreign value for a message: short, and with control characters escaped."""
    return ascii(value)[:120]
