"""Everything one PDF became."""

from __future__ import annotations

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models.annotations import Annotation, Link
from ingestkit_pdf.models.base import Model
from ingestkit_pdf.models.content import Chunk, Heading, TableResult
from ingestkit_pdf.models.document import Attachment, DocumentMetadata
from ingestkit_pdf.models.enums import IngestionMethod, PDFType
from ingestkit_pdf.models.forms import FormField, Signature
from ingestkit_pdf.models.page import ExtractionQuality, PageResult
from ingestkit_pdf.models.stages import (
    ClassificationResult,
    ClassificationStageResult,
    EmbedStageResult,
    OCRStageResult,
    ParseStageResult,
    WrittenArtifacts,
)

__all__ = ["ProcessingResult"]


class ProcessingResult(Model):
    """Everything one PDF became.

    A document that failed has codes in `errors` and an entry for each in `error_details`; `warnings`
    holds the codes of what the result lacks. The same file and configuration give the same result,
    `ingest_run_id` and the durations aside.
    """

    file_path: str
    ingest_key: str
    ingest_run_id: str
    tenant_id: str | None = None

    parse_result: ParseStageResult
    classification_result: ClassificationStageResult
    ocr_result: OCRStageResult | None = None
    embed_result: EmbedStageResult | None = None

    classification: ClassificationResult
    ingestion_method: IngestionMethod

    chunks_created: int
    tables_created: int
    tables: list[str]
    written: WrittenArtifacts

    errors: list[str]
    warnings: list[str]
    error_details: list[IngestError] = []

    processing_time_seconds: float

    metadata: DocumentMetadata = DocumentMetadata()
    pages: list[PageResult] = []
    headings: list[Heading] = []
    chunks: list[Chunk] = []
    table_data: list[TableResult] = []
    form_fields: list[FormField] = []
    annotations: list[Annotation] = []
    links: list[Link] = []
    attachments: list[Attachment] = []
    signatures: list[Signature] = []
    markdown: str = ""

    @classmethod
    def failed(
        cls,
        file_path: str,
        error: IngestError,
        *,
        ingest_run_id: str = "",
        ingest_key: str = "",
        tenant_id: str | None = None,
        warnings: tuple[IngestError, ...] = (),
        metadata: DocumentMetadata | None = None,
        seconds: float = 0.0,
    ) -> ProcessingResult:
        """The result of a document of which nothing could be read, with its reason."""
        classification = _not_classified(error.code)
        return cls(
            file_path=file_path,
            ingest_key=ingest_key,
            ingest_run_id=ingest_run_id,
            tenant_id=tenant_id,
            parse_result=_nothing_parsed(),
            classification_result=ClassificationStageResult(
                **classification.model_dump(), classification_duration_seconds=0.0
            ),
            classification=classification,
            ingestion_method=IngestionMethod.TEXT_EXTRACTION,
            chunks_created=0,
            tables_created=0,
            tables=[],
            written=WrittenArtifacts(),
            errors=[error.code.value],
            warnings=sorted({warning.code.value for warning in warnings}),
            error_details=[error, *warnings],
            processing_time_seconds=seconds,
            metadata=metadata or DocumentMetadata(),
        )

    @property
    def succeeded(self) -> bool:
        """True when the document was read; single bad pages are warnings, not errors."""
        return not self.errors

    def has_error(self, code: ErrorCode) -> bool:
        """True when `code` is among the errors."""
        return code.value in self.errors


def _nothing_parsed() -> ParseStageResult:
    quality = ExtractionQuality(
        printable_ratio=0.0,
        avg_words_per_page=0.0,
        pages_with_text=0,
        total_pages=0,
        extraction_method="none",
    )
    return ParseStageResult(
        pages_extracted=0,
        pages_skipped=0,
        skipped_reasons={},
        extraction_method="none",
        overall_quality=quality,
        parse_duration_seconds=0.0,
    )


def _not_classified(code: ErrorCode) -> ClassificationResult:
    return ClassificationResult(
        pdf_type=PDFType.COMPLEX,
        confidence=0.0,
        reasoning=f"not classified: {code}",
        per_page_types={},
        degraded=True,
    )
