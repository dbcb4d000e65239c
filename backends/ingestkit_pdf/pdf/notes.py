"""Warnings and errors collected while a document is read: one entry for each code, with its pages."""

from __future__ import annotations

from ingestkit_pdf.errors import ErrorCode, IngestError

__all__ = ["MESSAGES", "Notes"]

MESSAGES = {
    ErrorCode.W_PAGE_NEEDS_OCR: "the page is a picture; text in it needs OCR",
    ErrorCode.W_PAGE_IMAGE_TEXT_NOT_READ: "images cover much of the page; text in them was not read",
    ErrorCode.W_PAGE_LOW_OCR_CONFIDENCE: "OCR is not sure of what it read on the page, or left it out",
    ErrorCode.W_PAGE_OCR_EMPTY: "OCR found no text on the page, which is a picture",
    ErrorCode.W_PAGE_TABLES_AS_TEXT: "the page is mostly tables; they were read as lines of text",
    ErrorCode.W_PAGE_FORM_FIELDS_NOT_READ: "the page has form fields; names and values were not read",
    ErrorCode.W_PAGE_GARBLED_TEXT: "the font says too little of what its glyphs mean; the text is unreliable",
    ErrorCode.W_PAGE_HIDDEN_TEXT: "the page has text that its reader cannot see",
    ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY: "the page has drawings only; text in them needs OCR",
    ErrorCode.W_PAGE_SKIPPED_BLANK: "the page is blank",
    ErrorCode.W_PAGE_FAILED: "the page could not be read, or only in part",
    ErrorCode.W_DOCUMENT_REPAIRED: "the file's cross-reference table was broken and was rebuilt",
    ErrorCode.W_DOCUMENT_SIGNED: "the document is signed; signatures were not verified",
    ErrorCode.W_DOCUMENT_XFA: "the document is an XFA form; only its PDF pages and AcroForm fields were read",
    ErrorCode.W_EMBEDDED_FILES: "files are attached to the document; they are listed, and were not read",
    ErrorCode.W_FORM_FIELDS_LEFT_OUT: "there are more form fields than max_form_fields, or some are broken",
    ErrorCode.W_ANNOTATIONS_LEFT_OUT: "there are more annotations than max_annotations, or some are broken",
    ErrorCode.W_LINKS_LEFT_OUT: "there are more links than max_links",
    ErrorCode.W_ATTACHMENTS_LEFT_OUT: "there are more attachments than max_attachments, or some are broken",
    ErrorCode.W_ENCRYPTED_OWNER_ONLY: "the document is encrypted, and opens without a password",
    ErrorCode.W_OUTLINE_INVALID: "entries of the outline lead nowhere, or the outline could not be read",
    ErrorCode.W_PARSER_MESSAGES: "the parser reported defects in the file and stepped over them",
    ErrorCode.W_QUALITY_LOW_NATIVE: "little readable text came out of the document",
    ErrorCode.W_SECURITY_OVERRIDE: "a security limit was lifted by the configuration",
}


class Notes:
    """Collects warnings of the document and its pages, and errors of single pages."""

    def __init__(self) -> None:
        self._pages: dict[ErrorCode, list[int]] = {}
        self._facts: dict[ErrorCode, dict[str, str | int | float | None]] = {}
        self._page_errors: list[IngestError] = []

    def warn(self, code: ErrorCode, **facts: str | int | float) -> None:
        """Note a warning about the document."""
        self._pages.setdefault(code, [])
        self._facts.setdefault(code, {}).update(facts)

    def warn_page(self, code: ErrorCode, page_number: int) -> None:
        """Note a warning about a page."""
        self._pages.setdefault(code, []).append(page_number)

    def page_error(self, error: IngestError) -> None:
        """Keep the error of a page that failed."""
        self._page_errors.append(error)

    @property
    def codes(self) -> list[str]:
        """The codes of all warnings, sorted."""
        return sorted(code.value for code in self._pages)

    @property
    def details(self) -> list[IngestError]:
        """Errors of pages, then one entry for each warning."""
        return [*self._page_errors, *(self._detail(code) for code in sorted(self._pages))]

    def _detail(self, code: ErrorCode) -> IngestError:
        pages = self._pages[code]
        facts = dict(self._facts.get(code, {}))
        if pages:
            facts["pages"] = len(pages)
        return IngestError(
            code=code,
            message=MESSAGES[code],
            stage="parse",
            page_number=pages[0] if pages else None,
            details=facts,
        )
