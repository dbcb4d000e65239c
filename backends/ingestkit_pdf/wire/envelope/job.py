"""A job: what it carries, and how it is written and checked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from ingestkit_pdf._deployment import DEFAULT_INLINE_LIMIT
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.wire.envelope.attempts import AttemptRecord, read_history
from ingestkit_pdf.wire.envelope.message import (
    H_ALSO_REPLY_TO,
    H_ATTEMPT,
    H_JOB,
    H_REDRIVE,
    H_TRACEPARENT,
    MAX_JSON,
    MAX_REDRIVES,
    HeaderValue,
    InvalidMessageError,
    Message,
    WireModel,
    byte_length,
    checked_id,
    first_error,
    int_header,
    is_job_id,
    quoted,
    text_header,
)
from ingestkit_pdf.wire.secrets import PasswordSeal, SecretsError
from ingestkit_pdf.wire.topology import Topology

__all__ = [
    "JOB_TYPE",
    "MAX_REPLY_TOS",
    "InlineSource",
    "Job",
    "PathSource",
    "addressed",
    "decode_job",
    "encode_job",
    "reply_address",
]

JOB_TYPE = "ingestkit.pdf.job.v1"


MAX_REPLY_TOS = 16
"""Reply queues that one message of a job may name."""


class InlineSource(WireModel):
    """The document is the body of the message."""

    kind: Literal["inline"] = "inline"
    name: str = Field(max_length=4096, description="the path as the producer knows it")
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class PathSource(WireModel):
    """The document is a file that the daemons can read."""

    kind: Literal["path"] = "path"
    path: str = Field(min_length=1, max_length=4096)


class _JobFields(WireModel):
    version: Literal[1] = 1
    source: Annotated[InlineSource | PathSource, Field(discriminator="kind")]
    config: dict[str, Any] = Field(default={})
    sealed_password: str | None = Field(default=None, max_length=8192)
    submitted_at: float = Field(default=0.0, allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A valid job. `attempt` counts from 1 and is the one to be made now.

    `redrive` is how often the job was brought back from the dead letters: 0 for most. Whoever brings the
    same letter back twice gives both copies the same number. `also_reply_to` is whoever else
    submitted the job while it was under way.
    """

    job_id: str
    reply_to: str
    source: InlineSource | PathSource
    config: PDFProcessorConfig
    also_reply_to: tuple[str, ...] = ()
    document: bytes | None = None
    sealed_password: str | None = None
    attempt: int = 1
    redrive: int = 0
    history: tuple[AttemptRecord, ...] = ()
    submitted_at: float = 0.0
    traceparent: str | None = None

    def opened_config(self, seal: PasswordSeal | None) -> PDFProcessorConfig:
        """The configuration with the password of the document, where the job carries one.

        Raises:
            SecretsError: It cannot be opened; the message says what to do.
        """
        if self.sealed_password is None:
            return self.config
        if seal is None:
            raise SecretsError(
                "the job carries a sealed password, and this daemon has no secrets_key to open it"
            )
        password = seal.open(self.sealed_password, self.job_id)
        return self.config.model_copy(update={"password": password})

    @property
    def reply_tos(self) -> tuple[str, ...]:
        """Every queue that the job is to be answered to."""
        return (self.reply_to, *self.also_reply_to)

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
    seal: PasswordSeal | None = None,
) -> Message:
    """A job as a message: inline when `document` is given, else by path.

    The password of the configuration, where it has one, is sealed with `seal`.

    Raises:
        InvalidMessageError: The id, the path or the configuration does not fit into a job.
        SecretsError: There is a password, and no seal for it.
    """
    if not is_job_id(job_id):
        raise InvalidMessageError(
            f"{quoted(job_id)} is not a job id: 1 to 128 letters, digits, '.', '_', ':' or '-'"
        )
    now = time.time()
    headers: dict[str, HeaderValue] = {H_ATTEMPT: 1}
    if traceparent:
        headers[H_TRACEPARENT] = traceparent
    sealed = _sealed(config, job_id, seal)
    text = _encode_fields(path, document, config, now, sealed)
    if (size := byte_length(text)) > MAX_JSON:
        raise InvalidMessageError(f"the job's fields take {size} bytes; {MAX_JSON} is the limit")
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


def _sealed(config: PDFProcessorConfig, job_id: str, seal: PasswordSeal | None) -> str | None:
    if not config.password:
        return None
    if seal is None:
        raise SecretsError(
            "the job carries a password, which travels sealed only, and there is no key to seal it with: "
            "set secrets_key (execution_secrets_key, INGESTKIT_PDF_SECRETS_KEY) to that of the daemons"
        )
    return seal.seal(config.password, job_id)


def _encode_fields(
    path: str, document: bytes | None, config: PDFProcessorConfig, now: float, sealed_password: str | None
) -> str:
    try:
        source = (
            PathSource(path=path)
            if document is None
            else InlineSource(name=path, size=len(document), sha256=hashlib.sha256(document).hexdigest())
        )
        fields = _JobFields(
            source=source,
            config=config.wire_fields(),
            submitted_at=now,
            sealed_password=sealed_password,
        )
        return fields.model_dump_json(exclude=None if sealed_password else {"sealed_password"})
    except ValidationError as error:
        raise InvalidMessageError(f"path {quoted(path)}: {first_error(error)}") from error


def decode_job(message: Message, topology: Topology, *, inline_limit: int = DEFAULT_INLINE_LIMIT) -> Job:
    """Validate a message as a job.

    Raises:
        InvalidMessageError: Anything about it is not as the wire format says.
    """
    if message.type != JOB_TYPE:
        raise InvalidMessageError(f"type is {quoted(message.type)}, expected {JOB_TYPE}")
    job_id = checked_id(message)
    if message.reply_to is None or not topology.is_reply_queue(message.reply_to):
        raise InvalidMessageError(f"reply_to {quoted(message.reply_to)} is not a reply queue of this system")
    if message.content_encoding:
        raise InvalidMessageError(f"content_encoding {quoted(message.content_encoding)} is not one of a job")
    fields, document = _job_fields(message, inline_limit)
    if "password" in fields.config:
        raise InvalidMessageError("config: a password travels sealed only, as sealed_password")
    try:
        config = PDFProcessorConfig(**fields.config)
    except (ValidationError, TypeError) as error:
        raise InvalidMessageError(f"config: {first_error(error)}") from error
    return Job(
        job_id=job_id,
        reply_to=message.reply_to,
        also_reply_to=_also_reply_to(message, topology),
        source=fields.source,
        config=config,
        document=document,
        sealed_password=fields.sealed_password,
        attempt=int_header(message, H_ATTEMPT, default=1, low=1, high=1000),
        redrive=int_header(message, H_REDRIVE, default=0, low=0, high=MAX_REDRIVES),
        history=read_history(message),
        submitted_at=fields.submitted_at,
        traceparent=text_header(message, H_TRACEPARENT, limit=128),
    )


def addressed(message: Message, reply_tos: Sequence[str]) -> Message:
    """The job of this message, to be answered to each of these queues, at most `MAX_REPLY_TOS`."""
    reply_to, *others = reply_tos
    headers = {name: value for name, value in message.headers.items() if name != H_ALSO_REPLY_TO}
    if others:
        headers[H_ALSO_REPLY_TO] = " ".join(others)
    return replace(message, reply_to=reply_to, headers=headers)


def _also_reply_to(message: Message, topology: Topology) -> tuple[str, ...]:
    text = text_header(message, H_ALSO_REPLY_TO, limit=256 * MAX_REPLY_TOS)
    names = tuple(text.split()) if text else ()
    if len(names) >= MAX_REPLY_TOS or not all(map(topology.is_reply_queue, names)):
        raise InvalidMessageError(
            f"header {H_ALSO_REPLY_TO} does not name fewer than {MAX_REPLY_TOS} reply queues of this system"
        )
    return names


def reply_address(message: Message, topology: Topology) -> tuple[str, str] | None:
    """Job id and reply queue of a message that is no valid job, where both can be trusted to be one."""
    if message.reply_to is None or not topology.is_reply_queue(message.reply_to):
        return None
    try:
        return checked_id(message), message.reply_to
    except InvalidMessageError:
        return None


def _job_fields(message: Message, inline_limit: int) -> tuple[_JobFields, bytes | None]:
    inline = message.content_type == "application/pdf"
    if not inline and message.content_type != "application/json":
        raise InvalidMessageError(
            f"content_type is {quoted(message.content_type)}, expected application/pdf or application/json"
        )
    text = text_header(message, H_JOB, limit=MAX_JSON) if inline else message.body
    if text is None:
        raise InvalidMessageError(f"header {H_JOB} is missing")
    if len(text) > MAX_JSON:  # of the body, that is; a header has been measured
        raise InvalidMessageError(f"the job's fields take {len(text)} bytes; {MAX_JSON} is the limit")
    try:
        fields = _JobFields.model_validate_json(text)
    except ValidationError as error:
        raise InvalidMessageError(f"job: {first_error(error)}") from error
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
