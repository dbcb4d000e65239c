"""Error codes, errors as values, and the exceptions of the execution backends.

A document that cannot be read is not an exception: it is a `ProcessingResult` whose `errors` and
`error_details` carry `ErrorCode` and `IngestError`. Exceptions are for calls that could not be made:

    ExecutionError          code, message, job_id, attempt, stage
    ├── SubmitError         E_EXECUTION_SUBMIT      the job was not accepted
    ├── JobNotFoundError    E_EXECUTION_NOT_FOUND   no such job here
    └── ResultTimeoutError  E_EXECUTION_TIMEOUT     no result within the timeout; asking again later works
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

__all__ = [
    "ErrorCode",
    "ExecutionError",
    "IngestError",
    "JobNotFoundError",
    "ResultTimeoutError",
    "SubmitError",
]


class ErrorCode(StrEnum):
    """Stable codes for metrics, alerts and programs: `E_` is an error, `W_` a warning. It only ever grows."""

    # The document was refused before it was parsed.
    E_SECURITY_INVALID_PDF = "E_SECURITY_INVALID_PDF"
    E_SECURITY_DECOMPRESSION_BOMB = "E_SECURITY_DECOMPRESSION_BOMB"
    E_SECURITY_JAVASCRIPT = "E_SECURITY_JAVASCRIPT"
    E_SECURITY_TOO_LARGE = "E_SECURITY_TOO_LARGE"
    E_SECURITY_TOO_MANY_PAGES = "E_SECURITY_TOO_MANY_PAGES"
    E_SECURITY_TOO_MANY_OBJECTS = "E_SECURITY_TOO_MANY_OBJECTS"

    # The document, or a page of it, could not be parsed.
    E_PARSE_CORRUPT = "E_PARSE_CORRUPT"
    E_PARSE_PASSWORD = "E_PARSE_PASSWORD"  # noqa: S105 - an error code
    E_PARSE_EMPTY = "E_PARSE_EMPTY"
    E_PARSE_GARBLED = "E_PARSE_GARBLED"
    E_PARSE_REPAIR_FAILED = "E_PARSE_REPAIR_FAILED"
    E_PARSE_PAGE = "E_PARSE_PAGE"

    E_OCR_ENGINE_UNAVAILABLE = "E_OCR_ENGINE_UNAVAILABLE"
    E_OCR_TIMEOUT = "E_OCR_TIMEOUT"
    E_OCR_FAILED = "E_OCR_FAILED"

    E_CLASSIFY_INCONCLUSIVE = "E_CLASSIFY_INCONCLUSIVE"

    E_PROCESS_TABLE_EXTRACT = "E_PROCESS_TABLE_EXTRACT"
    E_PROCESS_CHUNK = "E_PROCESS_CHUNK"
    E_PROCESS_HEADER_FOOTER = "E_PROCESS_HEADER_FOOTER"

    E_BACKEND_VECTOR_CONNECT = "E_BACKEND_VECTOR_CONNECT"
    E_BACKEND_EMBED_CONNECT = "E_BACKEND_EMBED_CONNECT"

    # The execution itself.
    E_EXECUTION_TIMEOUT = "E_EXECUTION_TIMEOUT"
    E_EXECUTION_SUBMIT = "E_EXECUTION_SUBMIT"
    E_EXECUTION_NOT_FOUND = "E_EXECUTION_NOT_FOUND"
    E_EXECUTION_CRASHED = "E_EXECUTION_CRASHED"
    E_EXECUTION_MEMORY = "E_EXECUTION_MEMORY"
    E_EXECUTION_CANCELLED = "E_EXECUTION_CANCELLED"
    E_EXECUTION_REJECTED = "E_EXECUTION_REJECTED"
    E_EXECUTION_NOT_CONFIGURED = "E_EXECUTION_NOT_CONFIGURED"
    E_SOURCE_UNAVAILABLE = "E_SOURCE_UNAVAILABLE"
    E_SOURCE_FORBIDDEN = "E_SOURCE_FORBIDDEN"

    # Warnings: the result is usable, and this is what it lacks.
    W_PAGE_SKIPPED_BLANK = "W_PAGE_SKIPPED_BLANK"
    W_PAGE_SKIPPED_TOC = "W_PAGE_SKIPPED_TOC"
    W_PAGE_SKIPPED_VECTOR_ONLY = "W_PAGE_SKIPPED_VECTOR_ONLY"
    W_PAGE_NEEDS_OCR = "W_PAGE_NEEDS_OCR"
    W_PAGE_IMAGE_TEXT_NOT_READ = "W_PAGE_IMAGE_TEXT_NOT_READ"
    W_PAGE_TABLES_AS_TEXT = "W_PAGE_TABLES_AS_TEXT"
    W_PAGE_FORM_FIELDS_NOT_READ = "W_PAGE_FORM_FIELDS_NOT_READ"
    W_PAGE_GARBLED_TEXT = "W_PAGE_GARBLED_TEXT"
    W_PAGE_HIDDEN_TEXT = "W_PAGE_HIDDEN_TEXT"
    W_PAGE_FAILED = "W_PAGE_FAILED"
    W_PAGE_LOW_OCR_CONFIDENCE = "W_PAGE_LOW_OCR_CONFIDENCE"
    W_PAGE_OCR_EMPTY = "W_PAGE_OCR_EMPTY"
    W_QUALITY_LOW_NATIVE = "W_QUALITY_LOW_NATIVE"
    W_DOCUMENT_REPAIRED = "W_DOCUMENT_REPAIRED"
    W_DOCUMENT_SIGNED = "W_DOCUMENT_SIGNED"
    W_DOCUMENT_XFA = "W_DOCUMENT_XFA"
    W_EMBEDDED_FILES = "W_EMBEDDED_FILES"
    W_FORM_FIELDS_LEFT_OUT = "W_FORM_FIELDS_LEFT_OUT"
    W_ANNOTATIONS_LEFT_OUT = "W_ANNOTATIONS_LEFT_OUT"
    W_LINKS_LEFT_OUT = "W_LINKS_LEFT_OUT"
    W_ATTACHMENTS_LEFT_OUT = "W_ATTACHMENTS_LEFT_OUT"
    W_ENCRYPTED_OWNER_ONLY = "W_ENCRYPTED_OWNER_ONLY"
    W_OUTLINE_INVALID = "W_OUTLINE_INVALID"
    W_PARSER_MESSAGES = "W_PARSER_MESSAGES"
    W_SECURITY_OVERRIDE = "W_SECURITY_OVERRIDE"


class IngestError(BaseModel):
    """One error or warning as a value: what, where, and whether trying again can help.

    Attributes:
        code: The stable code.
        message: What happened and what to do about it; never text of the document.
        stage: `security`, `open`, `parse`, `ocr`, `structure`, `chunk`, `sink` or `execution`.
        page_number: The page it happened on, counted from 1, where there is one.
        recoverable: True when the same document may succeed at another time.
        details: Facts for programs: `signal`, `exit_code`, `peak_memory_bytes`, `page_reached`, ...
    """

    model_config = ConfigDict(frozen=True)

    code: ErrorCode
    message: str
    stage: str
    page_number: int | None = None
    recoverable: bool = False
    details: dict[str, str | int | float | None] = {}


class ExecutionError(Exception):
    """What a call to an execution backend could not do.

    Args:
        code: Which failure it is.
        message: What happened, to which job, and what to do.
        job_id: The job it concerns, where there is one.
        attempt: The attempt, counted from 1, where there was one.
        stage: `submit`, `result`, `cancel`, `progress` or `execution`.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        job_id: str | None = None,
        attempt: int | None = None,
        stage: str = "execution",
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.job_id = job_id
        self.attempt = attempt
        self.stage = stage


class SubmitError(ExecutionError):
    """The job was not accepted: refused, returned, or not confirmed in time."""

    def __init__(self, message: str, *, job_id: str | None = None) -> None:
        super().__init__(ErrorCode.E_EXECUTION_SUBMIT, message, job_id=job_id, stage="submit")


class JobNotFoundError(ExecutionError):
    """This backend knows no job of that id."""

    def __init__(self, job_id: str, message: str | None = None) -> None:
        text = message or f"no job {job_id!r} was submitted here"
        super().__init__(ErrorCode.E_EXECUTION_NOT_FOUND, text, job_id=job_id, stage="result")


class ResultTimeoutError(ExecutionError):
    """No result arrived within the timeout; the job goes on and `get_result` can be called again.

    `trouble` says what keeps results from arriving, where that is known: the broker is away, ...
    """

    def __init__(self, job_id: str, timeout: float, trouble: str | None = None) -> None:
        known = f" ({trouble})" if trouble else ""
        message = f"no result of job {job_id!r} within {timeout:g} s{known}; the job goes on, ask again later"
        super().__init__(ErrorCode.E_EXECUTION_TIMEOUT, message, job_id=job_id, stage="result")
        self.trouble = trouble
