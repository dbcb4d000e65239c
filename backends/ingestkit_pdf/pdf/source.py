"""The file itself: is it there, how large is it, is it a PDF, what is its hash."""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, IngestError

__all__ = ["RejectedError", "Source", "read_source"]

_MAGIC = b"%PDF-"
_MAGIC_WINDOW = 1024
"""Readers accept the header anywhere in the first 1024 bytes (ISO 32000, implementation note 13)."""
_IN_MEMORY = 32 * 2**20  # bytes: a larger file is read from disk page by page
_DESCRIPTOR = re.compile(r"/proc/self/fd/(\d+)")


class RejectedError(Exception):
    """The document goes no further; carries the error of its result."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        stage: str,
        *,
        recoverable: bool = False,
        **facts: str | int | float | None,
    ) -> None:
        super().__init__(message)
        self.error = IngestError(
            code=code, message=message, stage=stage, recoverable=recoverable, details=facts
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A file that looks like a PDF.

    Attributes:
        handle: Its bytes when it is small, so that hash and content are of the same moment; else its path,
            or its content mapped into memory.
        size: In bytes.
        sha256: Of its content, hex.
        linearized: True when it says so at its beginning.
    """

    handle: bytes | memoryview | str
    size: int
    sha256: str
    linearized: bool


def read_source(file_path: str, config: PDFProcessorConfig) -> Source:
    """Read and check the file before any parser sees it.

    Raises:
        RejectedError: `E_SOURCE_UNAVAILABLE`, `E_PARSE_EMPTY`, `E_SECURITY_TOO_LARGE` or
            `E_SECURITY_INVALID_PDF`.
    """
    try:
        with _open(file_path) as file:
            size = file.seek(0, 2)
            _check_size(size, config)
            file.seek(0)
            if size <= _IN_MEMORY:
                data = file.read()
                head = data[:_MAGIC_WINDOW]
                sha256 = hashlib.sha256(data).hexdigest()
                handle: bytes | memoryview | str = data
            else:
                head = file.read(_MAGIC_WINDOW)
                file.seek(0)
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                handle = _reopenable(file, file_path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise RejectedError(
            ErrorCode.E_SOURCE_UNAVAILABLE,
            f"the file cannot be read: {reason}; check that it exists and may be read here",
            "open",
            recoverable=True,
        ) from error
    if _MAGIC not in head:
        raise RejectedError(
            ErrorCode.E_SECURITY_INVALID_PDF, "the file does not begin as a PDF: no %PDF- header", "security"
        )
    return Source(handle=handle, size=size, sha256=sha256, linearized=b"/Linearized" in head)


def _open(file_path: str) -> io.BufferedReader:
    """Open the file; one that was handed over open is not opened again, which a sandbox refuses."""
    if (own := _DESCRIPTOR.fullmatch(file_path)) is not None:
        return os.fdopen(os.dup(int(own[1])), "rb")
    return Path(file_path).open("rb")


def _reopenable(file: io.BufferedReader, file_path: str) -> memoryview | str:
    """What the parser opens: the path, or where that cannot be opened, the content mapped into memory."""
    if _DESCRIPTOR.fullmatch(file_path) is None:
        return file_path
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _check_size(size: int, config: PDFProcessorConfig) -> None:
    if size == 0:
        raise RejectedError(ErrorCode.E_PARSE_EMPTY, "the file is empty", "security")
    limit = config.max_file_size_mb * 2**20
    if size > limit:
        raise RejectedError(
            ErrorCode.E_SECURITY_TOO_LARGE,
            f"the file has {size} bytes, more than max_file_size_mb = {config.max_file_size_mb} allows",
            "security",
            size_bytes=size,
            limit_bytes=limit,
        )
