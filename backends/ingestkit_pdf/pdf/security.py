"""What is refused once the document is open: passwords, limits, scripts."""

from __future__ import annotations

from pydantic import SecretStr

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.pdf.mupdf import Document, ParserError, open_document
from ingestkit_pdf.pdf.objects import ObjectScan, scan_objects
from ingestkit_pdf.pdf.source import RejectedError, Source

__all__ = ["open_checked"]


def open_checked(source: Source, config: PDFProcessorConfig) -> tuple[Document, ObjectScan]:
    """Open the document and check it against the limits of the configuration. The caller closes it.

    Raises:
        RejectedError: With the code of what is wrong.
        OutOfMemoryError: MuPDF was refused memory.
    """
    try:
        document = open_document(source.handle)
    except ParserError as error:
        raise RejectedError(
            ErrorCode.E_PARSE_CORRUPT,
            "the file cannot be opened as a PDF: its structure is broken or its encryption unknown",
            "open",
        ) from error
    try:
        return document, _check(document, config)
    except ParserError as error:
        document.close()
        raise RejectedError(
            ErrorCode.E_PARSE_CORRUPT, "the document's structure is broken beyond repair", "open"
        ) from error
    except BaseException:
        document.close()
        raise


def _check(document: Document, config: PDFProcessorConfig) -> ObjectScan:
    if not document.is_pdf:
        raise RejectedError(
            ErrorCode.E_SECURITY_INVALID_PDF,
            "the file is of another kind than PDF",
            "security",
        )
    needed_password = _unlock(document, config.password)
    objects, pages = document.object_count, document.page_count
    if objects > config.max_object_count:
        raise RejectedError(
            ErrorCode.E_SECURITY_TOO_MANY_OBJECTS,
            f"the document has {objects} objects, more than max_object_count = {config.max_object_count}",
            "security",
            objects=objects,
            limit=config.max_object_count,
        )
    if pages > config.max_page_count:
        raise RejectedError(
            ErrorCode.E_SECURITY_TOO_MANY_PAGES,
            f"the document has {pages} pages, more than max_page_count = {config.max_page_count}",
            "security",
            pages=pages,
            limit=config.max_page_count,
        )
    if pages <= 0:
        raise RejectedError(ErrorCode.E_PARSE_EMPTY, "the document has no pages that can be found", "open")
    scan = scan_objects(document)
    scan.needed_password = needed_password
    if scan.javascript and config.reject_javascript:
        places = ", ".join(sorted(scan.javascript))
        raise RejectedError(
            ErrorCode.E_SECURITY_JAVASCRIPT,
            f"the document runs JavaScript ({places}); reject_javascript=False with a reason reads it",
            "security",
            places=places,
        )
    return scan


def _unlock(document: Document, password: SecretStr | None) -> bool:
    """Open an encrypted document with the password of its job; whether it needed one."""
    if not document.needs_password:
        return False
    given = password.get_secret_value() if password else ""
    if not given or not document.unlock(given):
        raise RejectedError(
            ErrorCode.E_PARSE_PASSWORD,
            "the document is encrypted, and the password of its job does not open it"
            if given
            else "the document is encrypted: give its password with the job (password)",
            "open",
        )
    return True
