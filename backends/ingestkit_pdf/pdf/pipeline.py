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
    ClassificationStageResult,
    DocumentMetadata,
    IngestionMethod,
    OutlineEntry,
    PageResult,
    PageStatus,
    ParseStageResult,
    ProcessingResult,
    WrittenArtifacts,
)
from ingestkit_pdf.pdf.bombs import find_bomb, page_is_bomb
from ingestkit_pdf.pdf.chunks import Chunker
from ingestkit_pdf.pdf.classify import METHOD, classify_document, document_quality
from ingestkit_pdf.pdf.furniture import find_furniture, sample_pages
from ingestkit_pdf.pdf.headings import mark_headings
from ingestkit_pdf.pdf.keys import ingest_key
from ingestkit_pdf.pdf.layout import reading_order
from ingestkit_pdf.pdf.lines import Fonts, is_right_to_left
from ingestkit_pdf.pdf.markdown import to_markdown
from ingestkit_pdf.pdf.metadata import read_metadata, read_outline
from ingestkit_pdf.pdf.mupdf import Document, OutOfMemoryError, ParserError, take_messages
from ingestkit_pdf.pdf.notes import Notes
from ingestkit_pdf.pdf.objects import ObjectScan
from ingestkit_pdf.pdf.pages import ReadPage, failed_page, page_result, read_page
from ingestkit_pdf.pdf.paragraphs import Paragraph, continue_across_pages, split_paragraphs
from ingestkit_pdf.pdf.security import open_checked
from ingestkit_pdf.pdf.source import RejectedError, Source, read_source

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
        paragraphs, results = self._structure(pages, outline, labels)
        return self._assemble(paragraphs, results, parsed)

    def _read_pages(self, document: Document, scan: ObjectScan) -> list[ReadPage]:
        fonts = Fonts()
        pages: list[ReadPage] = []
        for index in range(document.page_count):
            if self.on_page is not None:
                self.on_page(index + 1)
            try:
                if page_is_bomb(document, index):
                    raise _bomb(index + 1)
                has_fields = index + 1 in scan.widget_pages
                page = read_page(document, index, fonts, self.config, has_fields=has_fields)
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

    def _structure(
        self, pages: Sequence[ReadPage], outline: Sequence[OutlineEntry], labels: Sequence[str]
    ) -> tuple[list[Paragraph], list[PageResult]]:
        config = self.config
        samples = [pages[index] for index in sample_pages(len(pages), config.header_footer_sample_pages)]
        furniture = find_furniture(
            [(page.lines, page.height) for page in samples],
            zone=config.header_footer_zone_ratio,
            threshold=config.header_footer_similarity_threshold,
        )
        paragraphs: list[Paragraph] = []
        results: list[PageResult] = []
        sizes: dict[int, int] = {}
        for page in pages:
            lines = furniture.without(page.lines, page.height) if furniture else page.lines
            regions, columns = reading_order(
                lines,
                page.width,
                max_columns=config.max_columns,
                min_gap=config.column_min_gap_ratio,
                right_to_left=any(is_right_to_left(line.text) for line in lines[:3]),
            )
            following = split_paragraphs(regions, page.number)
            continue_across_pages(paragraphs, following)
            paragraphs.extend(following)
            for size, count in page.sizes.items():
                sizes[size] = sizes.get(size, 0) + count
            label = labels[page.number - 1] or None if labels else None
            results.append(page_result(page, label, is_multi_column=columns))
            self._note_page(results[-1])
            page.lines = []
        mark_headings(paragraphs, outline, sizes, config.heading_min_font_size_ratio)
        return paragraphs, results

    def _note_page(self, page: PageResult) -> None:
        for code in page.warnings:
            self.notes.warn_page(ErrorCode(code), page.page_number)
        if page.error is not None:
            self.notes.page_error(page.error)

    def _assemble(
        self, paragraphs: Sequence[Paragraph], pages: list[PageResult], parsed: float
    ) -> ProcessingResult:
        config = self.config
        chunker = Chunker(self.key, config.chunk_size_tokens, config.chunk_overlap_tokens)
        chunks = chunker.add_all(paragraphs)
        classification = classify_document(pages)
        quality = document_quality(pages)
        if quality.avg_words_per_page < config.quality_min_words_per_page:
            self.notes.warn(ErrorCode.W_QUALITY_LOW_NATIVE)
        unread = {
            page.page_number: page for page in pages if page.status in {PageStatus.SKIPPED, PageStatus.FAILED}
        }
        seconds = time.perf_counter() - self.started
        return ProcessingResult(
            file_path=self.file_path,
            ingest_key=self.key,
            ingest_run_id=self.run_id,
            tenant_id=config.tenant_id,
            parse_result=ParseStageResult(
                pages_extracted=len(pages) - len(unread),
                pages_skipped=len(unread),
                skipped_reasons={number: ", ".join(page.warnings) for number, page in unread.items()},
                extraction_method=METHOD,
                overall_quality=quality,
                parse_duration_seconds=parsed - self.started,
            ),
            classification_result=ClassificationStageResult(
                **classification.model_dump(), classification_duration_seconds=0.0
            ),
            classification=classification,
            ingestion_method=IngestionMethod.TEXT_EXTRACTION,
            chunks_created=len(chunks),
            tables_created=0,
            tables=[],
            written=WrittenArtifacts(),
            errors=[],
            warnings=self.notes.codes,
            error_details=self.notes.details,
            processing_time_seconds=seconds,
            metadata=self.metadata or DocumentMetadata(),
            pages=pages,
            chunks=chunks,
            markdown=to_markdown(paragraphs),
        )

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
