"""The one codec: what a job, a result and a dead letter look like in AMQP, and how they are validated.

`Message` is free of any client library; the client and the daemon translate it at their edges.
Nothing acts on a message before `decode_job` or `decode_result_part` has accepted it.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.wire.topology import Topology

__all__ = [
    "DEFAULT_INLINE_LIMIT",
    "JOB_TYPE",
    "RESULT_TYPE",
    "AttemptRecord",
    "InlineSource",
    "InvalidMessageError",
    "Job",
    "Message",
    "PathSource",
    "ResultAssembler",
    "ResultPart",
    "dead_letter",
    "decode_job",
    "decode_result_part",
    "encode_job",
    "encode_result",
    "in_smaller_parts",
    "parse_history",
    "redriven_message",
    "reply_address",
    "retry_message",
]

JOB_TYPE = "ingestkit.pdf.job.v1"
RESULT_TYPE = "ingestkit.pdf.result.v1"
APP_ID = "ingestkit-pdf"

DEFAULT_INLINE_LIMIT = 8 * 1024 * 1024
"""Documents up to so many bytes travel inside the job (a broker of version 4 takes 16 MiB in all)."""

PART_SIZE = 8 * 1024 * 1024
"""A result longer than this many bytes on the wire travels in parts of this size."""

_COMPRESS_FROM = 64 * 1024
_MAX_JOB_JSON = 64 * 1024
_MAX_PARTS = 65_536
_MAX_RESULT_BYTES = 4 * 1024**3
_MAX_HISTORY = 32
_MAX_REDRIVES = 1_000_000
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
H_TRACEPARENT = "traceparent"

HeaderValue = str | int


class InvalidMessageError(ValueError):
    """A message that is not what it says, or says nothing; `str()` tells what and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An AMQP message and its properties; always persistent."""

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


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class InlineSource(_Wire):
    """The document is the body of the message."""

    kind: Literal["inline"] = "inline"
    name: str = Field(max_length=4096, description="the path as the producer knows it")
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class PathSource(_Wire):
    """The document is a file that the daemons can read."""

    kind: Literal["path"] = "path"
    path: str = Field(min_length=1, max_length=4096)


class AttemptRecord(_Wire):
    """How one earlier attempt of a job ended. Attempts count from 1 again after a redrive."""

    attempt: int
    reason: str
    code: str
    message: str = Field(max_length=1000)
    host: str = ""
    at: float = 0.0
    redrive: int = 0
    details: dict[str, str | int | float | None] = {}


class _JobFields(_Wire):
    version: Literal[1] = 1
    source: Annotated[InlineSource | PathSource, Field(discriminator="kind")]
    config: dict[str, Any] = {}
    submitted_at: float = 0.0


class _History(_Wire):
    records: list[AttemptRecord] = Field(default=[], max_length=_MAX_HISTORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A valid job. `attempt` counts from 1 and is the one to be made now.

    `redrive` is how often the job was brought back from the dead letters: 0 for most. Whoever brings the
    same letter back twice gives both copies the same number.
    """

    job_id: str
    reply_to: str
    source: InlineSource | PathSource
    config: PDFProcessorConfig
    document: bytes | None = None
    attempt: int = 1
    redrive: int = 0
    history: tuple[AttemptRecord, ...] = ()
    submitted_at: float = 0.0
    traceparent: str | None = None

    @property
    def file_path(self) -> str:
        """The path the result is reported under: the producer's own."""
        return self.source.name if isinstance(self.source, InlineSource) else self.source.path

    @property
    def document_sha256(self) -> str | None:
        """The digest of an inline document; that of a file is known only once it has been read."""
        return self.source.sha256 if isinstance(self.source, InlineSource) else None


def encode_job(
    job_id: str,
    *,
    reply_to: str,
    config: PDFProcessorConfig,
    path: str,
    document: bytes | None = None,
    traceparent: str | None = None,
) -> Message:
    """A job as a message: inline when `document` is given, else by path.

    Raises:
        InvalidMessageError: The id, the path or the configuration does not fit into a job.
    """
    if not _ID.fullmatch(job_id):
        raise InvalidMessageError(
            f"{_quoted(job_id)} is not a job id: 1 to 128 letters, digits, '.', '_', ':' or '-'"
        )
    now = time.time()
    headers: dict[str, HeaderValue] = {H_ATTEMPT: 1}
    if traceparent:
        headers[H_TRACEPARENT] = traceparent
    text = _encode_fields(path, document, config, now)
    if len(text) > _MAX_JOB_JSON:
        raise InvalidMessageError(f"the job's fields take {len(text)} bytes; {_MAX_JOB_JSON} is the limit")
    if document is not None:
        headers[H_JOB] = text
    return Message(
        body=text.encode() if document is None else document,
        type=JOB_TYPE,
        message_id=job_id,
        correlation_id=job_id,
        reply_to=reply_to,
        content_type="application/json" if document is None else "application/pdf",
        timestamp=int(now),
        headers=headers,
    )


def _encode_fields(path: str, document: bytes | None, config: PDFProcessorConfig, now: float) -> str:
    try:
        source = (
            PathSource(path=path)
            if document is None
            else InlineSource(name=path, size=len(document), sha256=hashlib.sha256(document).hexdigest())
        )
        return _JobFields(source=source, config=config.wire_fields(), submitted_at=now).model_dump_json()
    except ValidationError as error:
        raise InvalidMessageError(f"path {_quoted(path)}: {_first_error(error)}") from error


def decode_job(message: Message, topology: Topology, *, inline_limit: int = DEFAULT_INLINE_LIMIT) -> Job:
    """Validate a message as a job.

    Raises:
        InvalidMessageError: Anything about it is not as the wire format says.
    """
    if message.type != JOB_TYPE:
        raise InvalidMessageError(f"type is {_quoted(message.type)}, expected {JOB_TYPE}")
    job_id = _checked_id(message)
    if message.reply_to is None or not topology.is_reply_queue(message.reply_to):
        raise InvalidMessageError(f"reply_to {_quoted(message.reply_to)} is not a reply queue of this system")
    if message.content_encoding:
        raise InvalidMessageError(f"content_encoding {_quoted(message.content_encoding)} is not one of a job")
    fields, document = _job_fields(message, inline_limit)
    try:
        config = PDFProcessorConfig(**fields.config)
    except (ValidationError, TypeError) as error:
        raise InvalidMessageError(f"config: {_first_error(error)}") from error
    return Job(
        job_id=job_id,
        reply_to=message.reply_to,
        source=fields.source,
        config=config,
        document=document,
        attempt=_int_header(message, H_ATTEMPT, default=1, low=1, high=1000),
        redrive=_int_header(message, H_REDRIVE, default=0, low=0, high=_MAX_REDRIVES),
        history=_history(message),
        submitted_at=fields.submitted_at,
        traceparent=_text_header(message, H_TRACEPARENT, limit=128),
    )


def reply_address(message: Message, topology: Topology) -> tuple[str, str] | None:
    """Job id and reply queue of a message that is no valid job, where both can be trusted to be one."""
    if message.reply_to is None or not topology.is_reply_queue(message.reply_to):
        return None
    try:
        return _checked_id(message), message.reply_to
    except InvalidMessageError:
        return None


def _job_fields(message: Message, inline_limit: int) -> tuple[_JobFields, bytes | None]:
    inline = message.content_type == "application/pdf"
    if not inline and message.content_type != "application/json":
        raise InvalidMessageError(
            f"content_type is {_quoted(message.content_type)}, expected application/pdf or application/json"
        )
    text = _text_header(message, H_JOB, limit=_MAX_JOB_JSON) if inline else message.body
    if text is None:
        raise InvalidMessageError(f"header {H_JOB} is missing")
    if len(text) > _MAX_JOB_JSON:
        raise InvalidMessageError(f"the job's fields take {len(text)} bytes; {_MAX_JOB_JSON} is the limit")
    try:
        fields = _JobFields.model_validate_json(text)
    except ValidationError as error:
        raise InvalidMessageError(f"job: {_first_error(error)}") from error
    if inline != isinstance(fields.source, InlineSource):
        raise InvalidMessageError(f"source {fields.source.kind!r} does not fit {message.content_type}")
    if not isinstance(fields.source, InlineSource):
        return fields, None
    if len(message.body) > inline_limit:
        raise InvalidMessageError(
            f"inline document of {len(message.body)} bytes; {inline_limit} is the limit"
        )
    if len(message.body) != fields.source.size:
        raise InvalidMessageError(f"document has {len(message.body)} bytes, declared {fields.source.size}")
    if hashlib.sha256(message.body).hexdigest() != fields.source.sha256:
        raise InvalidMessageError("document does not have the declared SHA-256")
    return fields, message.body


def retry_message(message: Message, job: Job, record: AttemptRecord) -> Message:
    """The same job for its next attempt, with what ended this one."""
    history = _history_text((*job.history, record))
    headers = {**_own_headers(message), H_ATTEMPT: job.attempt + 1, H_HISTORY: history}
    return replace(message, headers=headers)


def redriven_message(message: Message) -> Message:
    """A dead letter as the job it was: first attempt again, without its reason, the history kept.

    Pure, so that the same letter brought back twice gives the same job twice, which daemons and clients
    recognise by its id and its redrive number.
    """
    redrive = message.headers.get(H_REDRIVE, 0)
    count = redrive if isinstance(redrive, int) and 0 <= redrive < _MAX_REDRIVES else 0
    return replace(message, headers={**_own_headers(message), H_ATTEMPT: 1, H_REDRIVE: count + 1})


def dead_letter(
    message: Message,
    *,
    lane: str,
    reason: str,
    text: str,
    history: tuple[AttemptRecord, ...] = (),
    details: Mapping[str, str | int | float | None] | None = None,
) -> Message:
    """The message as it is parked: body and properties unchanged, the reason in its headers."""
    headers: dict[str, Any] = {
        **_own_headers(message),
        H_REASON: reason,
        H_REASON_TEXT: text[:1000],
        H_LANE: lane,
        H_PARKED_AT: int(time.time()),
        H_DETAILS: json.dumps(dict(details or {}), sort_keys=True)[:_MAX_JOB_JSON],
    }
    if history:
        headers[H_HISTORY] = _history_text(history)
    return replace(message, headers=headers)


def _history_text(history: tuple[AttemptRecord, ...]) -> str:
    """The latest attempts, as many as a header may hold: a longer one would make the next message invalid."""
    records = list(history)[-_MAX_HISTORY:]
    while len(text := _History(records=records).model_dump_json()) > _MAX_JOB_JSON:
        del records[0]
    return text


def _own_headers(message: Message) -> dict[str, Any]:
    """Our headers only: what a stranger sent along (ten thousand of them, say) is not carried on."""
    kept = {H_JOB, H_ATTEMPT, H_HISTORY, H_REDRIVE, H_TRACEPARENT}
    return {name: value for name, value in message.headers.items() if name in kept}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPart:
    """One message of a result: part `part` of `parts`, counted from 1.

    The first answer of a job counts; one of a later `redrive` takes the place of an earlier one's.
    """

    job_id: str
    part: int
    parts: int
    sha256: str
    content_encoding: str | None
    body: bytes
    redrive: int = 0
    traceparent: str | None = None


def encode_result(
    job_id: str,
    body: bytes,
    *,
    part_size: int = PART_SIZE,
    traceparent: str | None = None,
    redrive: int = 0,
) -> list[Message]:
    """A result (JSON in UTF-8) as one message, or as numbered parts where it is long."""
    encoding = None
    if len(body) >= _COMPRESS_FROM:
        body, encoding = zlib.compress(body, level=1), "deflate"
    digest = hashlib.sha256(body).hexdigest()
    more: dict[str, HeaderValue] = {H_TRACEPARENT: traceparent} if traceparent else {}
    if redrive:
        more[H_REDRIVE] = redrive
    whole = Message(
        body=body,
        type=RESULT_TYPE,
        message_id=job_id,
        correlation_id=job_id,
        content_type="application/json",
        content_encoding=encoding,
        timestamp=int(time.time()),
        headers={H_SHA256: digest, **more},
    )
    return _in_parts(whole, part_size)


def in_smaller_parts(parts: Sequence[Message], part_size: int) -> list[Message]:
    """The same result, for a broker that takes no more than `part_size` bytes in a message."""
    return _in_parts(replace(parts[0], body=b"".join(part.body for part in parts)), part_size)


def _in_parts(whole: Message, size: int) -> list[Message]:
    pieces = [whole.body[start : start + size] for start in range(0, len(whole.body), size)] or [b""]
    return [
        replace(whole, body=piece, headers={**whole.headers, H_PART: number, H_PARTS: len(pieces)})
        for number, piece in enumerate(pieces, start=1)
    ]


def decode_result_part(message: Message) -> ResultPart:
    """Validate a message as (a part of) a result.

    Raises:
        InvalidMessageError: Anything about it is not as the wire format says.
    """
    if message.type != RESULT_TYPE:
        raise InvalidMessageError(f"type is {_quoted(message.type)}, expected {RESULT_TYPE}")
    if message.content_encoding not in {None, "", "deflate"}:
        raise InvalidMessageError(f"content_encoding {_quoted(message.content_encoding)} is unknown")
    parts = _int_header(message, H_PARTS, default=None, low=1, high=_MAX_PARTS)
    return ResultPart(
        job_id=_checked_id(message),
        part=_int_header(message, H_PART, default=None, low=1, high=parts),
        parts=parts,
        sha256=_text_header(message, H_SHA256, limit=64) or "",
        content_encoding=message.content_encoding or None,
        body=message.body,
        redrive=_int_header(message, H_REDRIVE, default=0, low=0, high=_MAX_REDRIVES),
        traceparent=_text_header(message, H_TRACEPARENT, limit=128),
    )


class ResultAssembler:
    """Puts the parts of one result together, in any order, duplicates included.

    A job that was answered twice (the daemon died between reply and acknowledgement) may have parts of
    two runs in the queue; parts are kept by the digest of the whole, so the two never mix.
    """

    def __init__(self) -> None:
        self._parts: dict[str, dict[int, bytes]] = {}

    def add(self, part: ResultPart) -> bytes | None:
        """Take one part; the whole result (JSON in UTF-8) once it is complete, else None.

        Raises:
            InvalidMessageError: The whole does not have the declared digest or does not decompress.
        """
        pieces = self._parts.setdefault(part.sha256, {})
        pieces[part.part] = part.body
        if len(pieces) < part.parts:
            return None
        body = b"".join(pieces[number] for number in sorted(pieces))
        if hashlib.sha256(body).hexdigest() != part.sha256:
            raise InvalidMessageError("result does not have the declared SHA-256")
        return _inflate(body) if part.content_encoding == "deflate" else body


def _inflate(body: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        whole = inflater.decompress(body, _MAX_RESULT_BYTES)
    except zlib.error as error:
        raise InvalidMessageError(f"result does not decompress: {error}") from error
    if not inflater.eof:
        raise InvalidMessageError("result does not decompress within its limit")
    return whole


def _checked_id(message: Message) -> str:
    job_id = message.message_id
    if not job_id or not _ID.fullmatch(job_id):
        raise InvalidMessageError(f"message_id {_quoted(job_id)} is not a job id")
    if message.correlation_id != job_id:
        raise InvalidMessageError(f"correlation_id {_quoted(message.correlation_id)} is not the message_id")
    return job_id


def _history(message: Message) -> tuple[AttemptRecord, ...]:
    text = _text_header(message, H_HISTORY, limit=_MAX_JOB_JSON)
    if text is None:
        return ()
    try:
        return tuple(_History.model_validate_json(text).records)
    except ValidationError as error:
        raise InvalidMessageError(f"header {H_HISTORY}: {_first_error(error)}") from error


def parse_history(text: object) -> tuple[AttemptRecord, ...] | None:
    """The attempts that a history header tells of; None where it does not make sense."""
    if not isinstance(text, str) or len(text) > _MAX_JOB_JSON:
        return None
    try:
        return tuple(_History.model_validate_json(text).records)
    except ValidationError:
        return None


def _text_header(message: Message, name: str, *, limit: int) -> str | None:
    value = message.headers.get(name)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > limit:
        raise InvalidMessageError(f"header {name} is not a text of at most {limit} characters")
    return value


def _int_header(message: Message, name: str, *, default: int | None, low: int, high: int) -> int:
    value = message.headers.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidMessageError(f"header {name} is not an integer from {low} to {high}")
    return value


def _first_error(error: Exception) -> str:
    """The first problem of a validation, without the value that caused it."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error)[:200]


def _quoted(value: object) -> str:
    """A foreign value for a message: short, and with control characters escaped."""
    return ascii(value)[:120]
