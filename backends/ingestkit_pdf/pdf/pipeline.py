"""`process_document`: one PDF in, one `ProcessingResult` out.

read_source -> open_checked -> read_page (each page, once) -> find_furniture -> reading_order
-> split_paragraphs -> mark_headings -> to_markdown, Chunker -> ProcessingResult
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import (
    DocumentMetadata,
    PageResult,
    PageStatus,
    ProcessingResult,
)
from ingestkit_pdf.pdf.bombs import find_bomb, page_is_bomb
from ingestkit_pdf.pdf.keys import ingest_key
from ingestkit_pdf.pdf.lines import Fonts
from ingestkit_pdf.pdf.metadata import clean_text, read_metadata, read_outline
from ingestkit_pdf.pdf.mupdf import Document, OutOfMemoryError, ParserError, take_messages
from ingestkit_pdf.pdf.notes import Notes
from ingestkit_pdf.pdf.objects import ObjectScan
from ingestkit_pdf.pdf.pages import ReadPage, failed_page, page_result, read_page
from ingestkit_pdf.pdf.result import RunFacts, assemble
from ingestkit_pdf.pdf.security import open_checked
from ingestkit_pdf.pdf.source import RejectedError, Source, read_source
from ingestkit_pdf.pdf.structure import Structure, build_structure
from ingestkit_pdf.pdf.tables import make_engine

__all__ = ["process_document"]

OnPage = Callable[[int], None]


def process_document(
    file_path: str, config: dict[str, Any], *, on_page: OnPage | None = None
) -> ProcessingResult:
    """Turn one PDF into one result. A bad document is a result with an error code, never an exception.

    Args:
        file_path: Where the document is.
        config: `PDFProcessorConfig.model_dump()`.
        on_page: Called with the number of each page (from 1) as it is begun.

    Raises:
        pydantic.ValidationError: The configuration is wrong.
        MemoryError: This process may have no more memory, and the document is no bomb.
    """
    settings = PDFProcessorConfig(**config)
    return _Run(file_path, settings, on_page).result()


class _Run:
    """The state of one document on its way through the pipeline."""

    def __init__(self, file_path: str, config: PDFProcessorConfig, on_page: OnPage | None) -> None:
        self.file_path = file_path
        self.config = config
        self.on_page = on_page
        self.run_id = uuid.uuid4().hex
        self.started = time.perf_counter()
        self.notes = Notes()
        self.key = ""
        self.source: Source | None = None
        self.metadata: DocumentMetadata | None = None

    def result(self) -> ProcessingResult:
        """Run the document; errors become results here and nowhere else."""
        take_messages()
        try:
            return self._read()
        except RejectedError as rejected:
            return self._failed(rejected.error)

    def _read(self) -> ProcessingResult:
        self.source = read_source(self.file_path, self.config)
        self.key = ingest_key(self.source.sha256, self.config)
        try:
            document, scan = open_checked(self.source, self.config)
        except (OutOfMemoryError, MemoryError) as error:
            raise MemoryError("the parser ran out of memory while it opened the document") from error
        with document:
            return self._read_document(document, scan, self.source)

    def _read_document(self, document: Document, scan: ObjectScan, source: Source) -> ProcessingResult:
        outline, broken = read_outline(document)
        if broken:
            self.notes.warn(ErrorCode.W_OUTLINE_INVALID, entries=broken)
        pages = self._read_pages(document, scan)
        labels = _labels(document)
        self.metadata = read_metadata(
            document, scan, outline, size=source.size, sha256=source.sha256, linearized=source.linearized
        )
        self._note_document(self.metadata)
        parsed = time.perf_counter()
        structure = build_structure(pages, outline, self.config)
        results = self._page_results(pages, labels, structure)
        run = RunFacts(self.file_path, self.key, self.run_id, self.started, parsed)
        return assemble(
            run,
            config=self.config,
            metadata=self.metadata,
            pages=results,
            paragraphs=structure.paragraphs,
            tables=structure.tables,
            notes=self.notes,
        )

    def _read_pages(self, document: Document, scan: ObjectScan) -> list[ReadPage]:
        fonts = Fonts()
        engine = make_engine(self.config)
        pages: list[ReadPage] = []
        for index in range(document.page_count):
            if self.on_page is not None:
                self.on_page(index + 1)
            try:
                if page_is_bomb(document, index):
                    raise _bomb(index + 1)
                has_fields = index + 1 in scan.widget_pages
                page = read_page(document, index, fonts, self.config, has_fields=has_fields, engine=engine)
            except ParserError:
                page = failed_page(index + 1)
            except (OutOfMemoryError, MemoryError) as error:
                self._explain_memory(document, index + 1, error)
            pages.append(page)
        if all(page.profile.status is PageStatus.FAILED for page in pages):
            raise RejectedError(
                ErrorCode.E_PARSE_CORRUPT,
                "none of the document's pages could be read",
                "parse",
                pages=len(pages),
            )
        return pages

    def _explain_memory(self, document: Document, page: int, error: Exception) -> None:
        """Out of memory is the document's fault when a stream of it inflates beyond measure."""
        if find_bomb(document) is not None:
            raise _bomb(page) from error
        raise MemoryError(f"the parser ran out of memory on page {page}") from error

    def _note_document(self, metadata: DocumentMetadata) -> None:
        flags = [
            (ErrorCode.W_DOCUMENT_REPAIRED, metadata.is_repaired),
            (ErrorCode.W_DOCUMENT_SIGNED, metadata.is_signed),
            (ErrorCode.W_DOCUMENT_XFA, metadata.has_xfa),
            (ErrorCode.W_EMBEDDED_FILES, metadata.attachment_count > 0),
            (ErrorCode.W_ENCRYPTED_OWNER_ONLY, metadata.is_encrypted),
        ]
        for code, applies in flags:
            if applies:
                self.notes.warn(code)
        for limit, reason in _overrides(self.config, metadata):
            self.notes.warn(ErrorCode.W_SECURITY_OVERRIDE, **{limit: reason})
        messages = take_messages()
        if messages:
            self.notes.warn(ErrorCode.W_PARSER_MESSAGES, messages=messages)

    def _page_results(
        self, pages: Sequence[ReadPage], labels: Sequence[str], structure: Structure
    ) -> list[PageResult]:
        results = []
        for page in pages:
            label = clean_text(labels[page.number - 1]) if labels else None
            columns = page.number in structure.multi_column
            results.append(page_result(page, label, is_multi_column=columns))
            self._note_page(results[-1])
        return results

    def _note_page(self, page: PageResult) -> None:
        for code in page.warnings:
            self.notes.warn_page(ErrorCode(code), page.page_number)
        if page.error is not None:
            self.notes.page_error(page.error)

    def _failed(self, error: IngestError) -> ProcessingResult:
        metadata = self.metadata
        if metadata is None and self.source is not None:
            metadata = DocumentMetadata(
                file_size_bytes=self.source.size,
                content_sha256=self.source.sha256,
                is_linearized=self.source.linearized,
                needs_password=error.code is ErrorCode.E_PARSE_PASSWORD,
                is_encrypted=error.code is ErrorCode.E_PARSE_PASSWORD,
                has_javascript=error.code is ErrorCode.E_SECURITY_JAVASCRIPT,
            )
        messages = take_messages()
        if messages:
            self.notes.warn(ErrorCode.W_PARSER_MESSAGES, messages=messages)
        return ProcessingResult.failed(
            self.file_path,
            error,
            ingest_run_id=self.run_id,
            ingest_key=self.key,
            tenant_id=self.config.tenant_id,
            warnings=tuple(self.notes.details),
            metadata=metadata,
            seconds=time.perf_counter() - self.started,
        )


def _bomb(page: int) -> RejectedError:
    return RejectedError(
        ErrorCode.E_SECURITY_DECOMPRESSION_BOMB,
        f"a stream that page {page} needs inflates beyond any use",
        "security",
        page_reached=page,
    )


def _overrides(config: PDFProcessorConfig, metadata: DocumentMetadata) -> list[tuple[str, str]]:
    """Limits that would have stopped this document had they not been lifted, with the reasons given."""
    defaults = PDFProcessorConfig()
    applied = [
        ("reject_javascript", config.reject_javascript_override_reason, metadata.has_javascript),
        (
            "max_file_size_mb",
            config.max_file_size_override_reason,
            metadata.file_size_bytes > defaults.max_file_size_mb * 2**20,
        ),
        (
            "max_page_count",
            config.max_page_count_override_reason,
            metadata.page_count > defaults.max_page_count,
        ),
    ]
    return [(limit, reason or "") for limit, reason, applies in applied if applies]


def _labels(document: Document) -> list[str]:
    try:
        return document.page_labels()
    except ParserError:
        return []
