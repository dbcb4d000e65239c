"""What each stage of the run did."""

from __future__ import annotations

from ingestkit_pdf.models.base import Model
from ingestkit_pdf.models.enums import ClassificationTier, PageType, PDFType
from ingestkit_pdf.models.page import ExtractionQuality

__all__ = [
    "ClassificationResult",
    "ClassificationStageResult",
    "EmbedStageResult",
    "OCRStageResult",
    "ParseStageResult",
    "WrittenArtifacts",
]


class ClassificationResult(Model):
    """The class of the document, with the reasons."""

    pdf_type: PDFType
    confidence: float
    tier_used: ClassificationTier = ClassificationTier.RULE_BASED
    reasoning: str
    per_page_types: dict[int, PageType]
    signals: dict[str, float | int | str | bool] | None = None
    degraded: bool = False


class ParseStageResult(Model):
    """What the extraction stage did."""

    pages_extracted: int
    pages_skipped: int
    skipped_reasons: dict[int, str]
    extraction_method: str
    overall_quality: ExtractionQuality
    parse_duration_seconds: float


class ClassificationStageResult(ClassificationResult):
    """What the classification stage did."""

    classification_duration_seconds: float


class OCRStageResult(Model):
    """What the OCR stage did."""

    pages_ocrd: int
    engine_used: str
    avg_confidence: float
    low_confidence_pages: list[int]
    ocr_duration_seconds: float
    engine_fallback_used: bool = False


class EmbedStageResult(Model):
    """What the embedding stage did."""

    texts_embedded: int
    embedding_dimension: int
    embed_duration_seconds: float


class WrittenArtifacts(Model):
    """Ids of everything that was written to a sink, so that the caller can take it back."""

    vector_point_ids: list[str] = []
    vector_collection: str | None = None
    db_table_names: list[str] = []
