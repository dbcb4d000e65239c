"""The result of a document that was read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import (
    ClassificationStageResult,
    DocumentMetadata,
    ExtractionQuality,
    Heading,
    PageResult,
    PageStatus,
    ParseStageResult,
    ProcessingResult,
    TableResult,
    WrittenArtifacts,
)
from ingestkit_pdf.pdf.chunks import make_chunks
from ingestkit_pdf.pdf.classify import classify_document, document_quality
from ingestkit_pdf.pdf.extras import Extras
from ingestkit_pdf.pdf.language import document_language
from ingestkit_pdf.pdf.markdown import to_markdown
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.notes import Notes
from ingestkit_pdf.pdf.ocr import ocr_stage, path_taken
from ingestkit_pdf.pdf.overlay import add_overlay
from ingestkit_pdf.pdf.passages import Passage
from ingestkit_pdf.pdf.tables import table_name
from ingestkit_pdf.pdf.tokens import load_tokenizer

__all__ = ["RunFacts", "assemble"]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What belongs to this run: names, and `time.perf_counter()` at its start and after the last page.

    `ocr_seconds` is what OCR took, those of all workers added.
    """

    file_path: str
    ingest_key: str
    ingest_run_id: str
    started: float
    parsed: float
    ocr_seconds: float = 0.0


def assemble(
    run: RunFacts,
    *,
    config: PDFProcessorConfig,
    metadata: DocumentMetadata,
    pages: list[PageResult],
    passages: list[Passage],
    tables: list[TableResult],
    extras: Extras,
    notes: Notes,
) -> ProcessingResult:
    """Write Markdown and chunks, classify the document, and put the result together; uses up `passages`."""
    headings = _headings(passages)
    add_overlay(passages, extras)
    markdown = to_markdown(passages)
    chunks = make_chunks(
        passages,
        ingest_key=run.ingest_key,
        limit=config.chunk_size_tokens,
        overlap=config.chunk_overlap_tokens,
        count=load_tokenizer(config.tokenizer),
    )
    before = time.perf_counter()
    classification = classify_document(pages)
    quality = document_quality(pages)
    ocr = ocr_stage(pages, run.ocr_seconds)
    classification_seconds = time.perf_counter() - before
    if quality.avg_words_per_page < config.quality_min_words_per_page:
        notes.warn(ErrorCode.W_QUALITY_LOW_NATIVE)
    return ProcessingResult(
        file_path=run.file_path,
        ingest_key=run.ingest_key,
        ingest_run_id=run.ingest_run_id,
        tenant_id=config.tenant_id,
        parse_result=_parse_stage(run, pages, quality),
        classification_result=ClassificationStageResult(
            **classification.model_dump(), classification_duration_seconds=classification_seconds
        ),
        ocr_result=ocr,
        classification=classification,
        ingestion_method=path_taken(classification.pdf_type, ocr),
        chunks_created=len(chunks),
        tables_created=len(tables),
        tables=[table_name(table.page_number, table.table_index) for table in tables],
        written=WrittenArtifacts(),
        errors=[],
        warnings=notes.codes,
        error_details=notes.details,
        processing_time_seconds=time.perf_counter() - run.started,
        metadata=metadata.model_copy(update={"detected_language": document_language(pages)}),
        pages=pages,
        headings=headings,
        chunks=chunks,
        table_data=tables,
        form_fields=extras.form.fields,
        annotations=extras.annotations.found,
        links=extras.links,
        attachments=extras.attachments.found,
        signatures=extras.form.signatures,
        markdown=markdown,
    )


def _headings(passages: Sequence[Passage]) -> list[Heading]:
    headings: list[Heading] = []
    for passage in passages:
        if passage.level:
            boxes = [box for _, page, box in passage.pieces if page == passage.page]
            x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
            x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
            headings.append(
                Heading(
                    level=passage.level,
                    text=" ".join(passage.text.split()),
                    page_number=passage.page,
                    box=(x0 / SCALE, y0 / SCALE, x1 / SCALE, y1 / SCALE),
                )
            )
    return headings


def _parse_stage(run: RunFacts, pages: Sequence[PageResult], quality: ExtractionQuality) -> ParseStageResult:
    unread = [page for page in pages if page.status in {PageStatus.SKIPPED, PageStatus.FAILED}]
    return ParseStageResult(
        pages_extracted=len(pages) - len(unread),
        pages_skipped=len(unread),
        skipped_reasons={page.page_number: ", ".join(page.warnings) for page in unread},
        extraction_method=quality.extraction_method,
        overall_quality=quality,
        parse_duration_seconds=run.parsed - run.started,
    )
