"""Error codes, errors as values, and the exceptions of the execution backends.

A document that cannot be read is not an exception: it is a `ProcessingResult` whose `errors` and
`error_details` carry `ErrorCode` and `IngestError`. Exceptions are for calls that could not be made:

    ExecutionError          code, message, job_id, attempt, stage
    ├── SubmitError         E_EXECUTION_SUBMIT      the job was not accepted
    ├── JobNotFoundError    E_EXECUTION_NOT_FOUND   no such job here
    └── ResultTimeoutError  E_EXECUTION_TIMEOUT     no result within the timeout; asking again later works
"""

from __future__ import annotations

import copyreg
from enum import StrEnum
from typing import Any

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
    """Stable codes for metrics, alerts and programs: `E_` an error, `W_` a warning. None is ever removed."""

    # The document is refused before it is parsed

    E_SECURITY_INVALID_PDF = "E_SECURITY_INVALID_PDF"
    """The file is not a PDF: it has no `%PDF-` in its first 1,024 bytes, or is of another kind."""
    E_SECURITY_DECOMPRESSION_BOMB = "E_SECURITY_DECOMPRESSION_BOMB"
    """Content of the document would inflate beyond 256 MiB."""
    E_SECURITY_JAVASCRIPT = "E_SECURITY_JAVASCRIPT"
    """The document contains JavaScript; `reject_javascript=False` with a reason reads it all the same."""
    E_SECURITY_TOO_LARGE = "E_SECURITY_TOO_LARGE"
    """The file is larger than `max_file_size_mb`."""
    E_SECURITY_TOO_MANY_PAGES = "E_SECURITY_TOO_MANY_PAGES"
    """The document has more pages than `max_page_count`."""
    E_SECURITY_TOO_MANY_OBJECTS = "E_SECURITY_TOO_MANY_OBJECTS"
    """The document has more objects than `max_object_count`."""

    # The document, or a page of it, cannot be parsed

    E_PARSE_CORRUPT = "E_PARSE_CORRUPT"
    """The structure of the document is broken beyond repair, or none of its pages could be read."""
    E_PARSE_PASSWORD = "E_PARSE_PASSWORD"  # noqa: S105 - an error code
    """The document is encrypted, and its job has no password or the wrong one."""
    E_PARSE_EMPTY = "E_PARSE_EMPTY"
    """The file has no bytes, or the document no pages."""
    E_PARSE_PAGE = "E_PARSE_PAGE"
    """A single page could not be read; the rest of the document was. In `error_details` only."""

    # OCR

    E_OCR_ENGINE_UNAVAILABLE = "E_OCR_ENGINE_UNAVAILABLE"
    """`ocr_engine` asks for Tesseract, and it or one of the languages is not installed; the message says what
    to install."""
    E_OCR_TIMEOUT = "E_OCR_TIMEOUT"
    """OCR of a page took longer than `ocr_page_seconds`. In `error_details` only."""
    E_OCR_FAILED = "E_OCR_FAILED"
    """OCR of a page failed, or its image does not fit into the worker's memory. In `error_details` only."""

    # Processing

    E_PROCESS_TABLE_EXTRACT = "E_PROCESS_TABLE_EXTRACT"
    """The layout model is asked for, and PyMuPDF 2 with that model is not installed."""
    E_PROCESS_CHUNK = "E_PROCESS_CHUNK"
    """The configured tokenizer cannot be used."""

    # Sinks: the result itself is complete

    E_BACKEND_VECTOR_CONNECT = "E_BACKEND_VECTOR_CONNECT"
    """The vector store failed; `written` lists what was stored before that."""
    E_BACKEND_EMBED_CONNECT = "E_BACKEND_EMBED_CONNECT"
    """The embedder failed, or returned vectors that do not match its texts."""

    # Execution

    E_EXECUTION_TIMEOUT = "E_EXECUTION_TIMEOUT"
    """As an error of a result: the document took longer than its limit. As an exception: no result arrived
    within the timeout of the call; the job goes on."""
    E_EXECUTION_SUBMIT = "E_EXECUTION_SUBMIT"
    """As an exception: the job was not accepted. As an error of a result: the code that reads documents
    raised an unexpected exception at every attempt."""
    E_EXECUTION_NOT_FOUND = "E_EXECUTION_NOT_FOUND"
    """This backend knows no job of that id."""
    E_EXECUTION_CRASHED = "E_EXECUTION_CRASHED"
    """The worker process crashed or was killed, or the daemons that had the job were lost again and again;
    `details` has the signal or exit code, the peak memory and the page."""
    E_EXECUTION_MEMORY = "E_EXECUTION_MEMORY"
    """The document needed more memory than a worker may have."""
    E_EXECUTION_CANCELLED = "E_EXECUTION_CANCELLED"
    """The job was cancelled, or the backend was closed."""
    E_EXECUTION_REJECTED = "E_EXECUTION_REJECTED"
    """The message is not a valid job, the broker refuses the connection for a reason that does not pass, or
    the result is not one that this version understands."""
    E_EXECUTION_NOT_CONFIGURED = "E_EXECUTION_NOT_CONFIGURED"
    """The daemon lacks what the job needs: the key of its password, or its tokenizer."""
    E_SOURCE_UNAVAILABLE = "E_SOURCE_UNAVAILABLE"
    """The file is not there or cannot be read; it may be at another time."""
    E_SOURCE_FORBIDDEN = "E_SOURCE_FORBIDDEN"
    """The path does not lie beneath the daemon's `allowed_roots`."""

    # Warnings about pages: the result is usable, and this is what it lacks

    W_PAGE_SKIPPED_BLANK = "W_PAGE_SKIPPED_BLANK"
    """The page is blank."""
    W_PAGE_SKIPPED_VECTOR_ONLY = "W_PAGE_SKIPPED_VECTOR_ONLY"
    """The page has nothing but drawings; text in them would need OCR."""
    W_PAGE_NEEDS_OCR = "W_PAGE_NEEDS_OCR"
    """The page is an image, and its text was not read; the details may say what to install."""
    W_PAGE_IMAGE_TEXT_NOT_READ = "W_PAGE_IMAGE_TEXT_NOT_READ"
    """Images cover much of the page, and text in them was not read."""
    W_PAGE_TABLES_AS_TEXT = "W_PAGE_TABLES_AS_TEXT"
    """The page seems to consist of tables, and was read as lines of text."""
    W_PAGE_GARBLED_TEXT = "W_PAGE_GARBLED_TEXT"
    """The text of the page is unreliable: its fonts do not say what their glyphs mean."""
    W_PAGE_HIDDEN_TEXT = "W_PAGE_HIDDEN_TEXT"
    """The page has text that a reader cannot see; it was removed unless `keep_hidden_text` is set."""
    W_PAGE_FAILED = "W_PAGE_FAILED"
    """The page could not be read, or only in part."""
    W_PAGE_LOW_OCR_CONFIDENCE = "W_PAGE_LOW_OCR_CONFIDENCE"
    """OCR is unsure of what it read on the page."""
    W_PAGE_OCR_EMPTY = "W_PAGE_OCR_EMPTY"
    """The page is an image in which OCR found no text."""

    # Warnings about the document

    W_QUALITY_LOW_NATIVE = "W_QUALITY_LOW_NATIVE"
    """The pages have fewer words on average than `quality_min_words_per_page`."""
    W_DOCUMENT_REPAIRED = "W_DOCUMENT_REPAIRED"
    """The cross-reference table was broken and has been rebuilt."""
    W_DOCUMENT_SIGNED = "W_DOCUMENT_SIGNED"
    """The document is signed; its signatures were not verified."""
    W_DOCUMENT_XFA = "W_DOCUMENT_XFA"
    """The document is an XFA form, of which only the PDF pages and AcroForm fields were read."""
    W_EMBEDDED_FILES = "W_EMBEDDED_FILES"
    """Files are attached; they are listed, not read."""
    W_FORM_FIELDS_LEFT_OUT = "W_FORM_FIELDS_LEFT_OUT"
    """There are more form fields than `max_form_fields`, or some are broken."""
    W_ANNOTATIONS_LEFT_OUT = "W_ANNOTATIONS_LEFT_OUT"
    """There are more annotations than `max_annotations`, or some are broken."""
    W_LINKS_LEFT_OUT = "W_LINKS_LEFT_OUT"
    """There are more links than `max_links`."""
    W_ATTACHMENTS_LEFT_OUT = "W_ATTACHMENTS_LEFT_OUT"
    """There are more attachments than `max_attachments`, or some are broken."""
    W_ENCRYPTED_OWNER_ONLY = "W_ENCRYPTED_OWNER_ONLY"
    """The document is encrypted, and opens without a password."""
    W_OUTLINE_INVALID = "W_OUTLINE_INVALID"
    """Entries of the outline lead nowhere, or the outline could not be read."""
    W_PARSER_MESSAGES = "W_PARSER_MESSAGES"
    """The parser reported defects of the file and carried on."""
    W_SECURITY_OVERRIDE = "W_SECURITY_OVERRIDE"
    """A security limit was lifted by the configuration; the details have the reason."""

    # Reserved: part of the interface that this package implements, and never raised by it

    E_PARSE_GARBLED = "E_PARSE_GARBLED"
    """Garbled pages carry `W_PAGE_GARBLED_TEXT`."""
    E_PARSE_REPAIR_FAILED = "E_PARSE_REPAIR_FAILED"
    """Such documents have `E_PARSE_CORRUPT`."""
    E_CLASSIFY_INCONCLUSIVE = "E_CLASSIFY_INCONCLUSIVE"
    """Every page and document has a type."""
    E_PROCESS_HEADER_FOOTER = "E_PROCESS_HEADER_FOOTER"
    """Finding headers and footers does not fail."""
    W_PAGE_SKIPPED_TOC = "W_PAGE_SKIPPED_TOC"
    """Tables of contents are read, as pages of type `toc`."""
    W_PAGE_FORM_FIELDS_NOT_READ = "W_PAGE_FORM_FIELDS_NOT_READ"
    """Form fields are read."""


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

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is copied by calling its class with its `args`, which are not those of `__init__` here.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


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
