"""What the result says of OCR as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingestkit_pdf._tessdata import lacking_ocr
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import IngestionMethod, OCRStageResult, PageResult, PDFType

__all__ = ["missing_engine", "ocr_stage", "path_taken"]

_UNREAD = (
    ErrorCode.W_PAGE_NEEDS_OCR,
    ErrorCode.W_PAGE_IMAGE_TEXT_NOT_READ,
    ErrorCode.W_PAGE_GARBLED_TEXT,
    ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY,
)


def ocr_stage(pages: Sequence[PageResult], seconds: float) -> OCRStageResult | None:
    """The pages that OCR looked at; None where there are none.

    `seconds` is what it took, that of all workers added.
    """
    read = [(page, page.ocr) for page in pages if page.ocr is not None]
    if not read:
        return None
    words = sum(ocr.word_count for _, ocr in read)
    sure = sum(ocr.confidence * ocr.word_count for _, ocr in read)
    low = ErrorCode.W_PAGE_LOW_OCR_CONFIDENCE.value
    return OCRStageResult(
        pages_ocrd=len(read),
        engine_used=read[0][1].engine,
        avg_confidence=round(sure / words, 4) if words else 0.0,
        low_confidence_pages=[page.page_number for page, _ in read if low in page.warnings],
        ocr_duration_seconds=seconds,
    )


def path_taken(kind: PDFType, stage: OCRStageResult | None) -> IngestionMethod:
    """The path that a document of some kind took."""
    is_ocr = stage is not None and kind is PDFType.SCANNED
    return IngestionMethod.OCR_PIPELINE if is_ocr else IngestionMethod.TEXT_EXTRACTION


def missing_engine(
    pages: Sequence[PageResult], config: PDFProcessorConfig
) -> Iterator[tuple[ErrorCode, str]]:
    """The warnings that an engine would have answered, each with what to install."""
    if config.ocr_engine != "auto":
        return
    unread = {code for page in pages if page.ocr is None for code in page.warnings}.intersection(_UNREAD)
    lack = lacking_ocr(config.ocr_languages) if unread else None
    if lack is not None:
        yield from ((code, lack) for code in _UNREAD if code in unread)
