"""The result of one document and its parts: frozen pydantic models, the same in Python and in JSON.

Units: boxes and page sizes are PDF points (1/72 inch) with the origin at the top left of the page as
it is displayed; page numbers count from 1; durations are seconds; ratios lie between 0 and 1.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, computed_field

from ingestkit_pdf.errors import ErrorCode, IngestError

__all__ = [
    "Box",
    "Chunk",
    "ClassificationResult",
    "ClassificationStageResult",
    "ClassificationTier",
    "ContentType",
    "DocumentMetadata",
    "EmbedStageResult",
    "ExtractionQuality",
    "ExtractionQualityGrade",
    "IngestionMethod",
    "OCRStageResult",
    "OutlineEntry",
    "PDFType",
    "PageBox",
    "PageResult",
    "PageStatus",
    "PageType",
    "ParseStageResult",
    "ProcessingResult",
    "TableResult",
    "TableSpan",
    "WrittenArtifacts",
]

Box = Annotated[tuple[float, float, float, float], Field(description="x0, y0, x1, y1 in points")]


class PDFType(StrEnum):
    """What kind of document it is, and so which path reads it."""

    TEXT_NATIVE = "text_native"
    SCANNED = "scanned"
    COMPLEX = "complex"


class PageType(StrEnum):
    """What kind of page it is."""

    TEXT = "text"
    SCANNED = "scanned"
    TABLE_HEAVY = "table_heavy"
    FORM = "form"
    MIXED = "mixed"
    BLANK = "blank"
    VECTOR_ONLY = "vector_only"
    TOC = "toc"


class PageStatus(StrEnum):
    """What became of a page: read, read in part (see its warnings), left out on purpose, or failed."""

    OK = "ok"
    PARTIAL = "partial"
    SKIPPED = "skipped"
    FAILED = "failed"


class ClassificationTier(StrEnum):
    """Which tier decided the class of the document; this package decides by rules."""

    RULE_BASED = "rule_based"
    LLM_BASIC = "llm_basic"
    LLM_REASONING = "llm_reasoning"


class IngestionMethod(StrEnum):
    """The path the document took."""

    TEXT_EXTRACTION = "text_extraction"
    OCR_PIPELINE = "ocr_pipeline"
    COMPLEX_PROCESSING = "complex_processing"


class ExtractionQualityGrade(StrEnum):
    """Grade of an extraction: HIGH from a score of 0.9, MEDIUM from 0.6, else LOW."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class ContentType(StrEnum):
    """What a chunk holds."""

    NARRATIVE = "narrative"
    TABLE = "table"
    LIST = "list"
    HEADING = "heading"
    FORM_FIELD = "form_field"
    IMAGE_DESCRIPTION = "image_description"
    FOOTER = "footer"
    HEADER = "header"


class _Model(BaseModel):
    """Frozen; unknown keys of a newer version are ignored, so old clients read new results."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_enum_values=False)


class ExtractionQuality(_Model):
    """How much of a document (or page) came out as readable text."""

    printable_ratio: float
    avg_words_per_page: float
    pages_with_text: int
    total_pages: int
    extraction_method: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def score(self) -> float:
        """0.4 · pages with text / pages + 0.4 · printable ratio + 0.2 · min(words per page / 100, 1)."""
        coverage = self.pages_with_text / max(self.total_pages, 1)
        density = min(self.avg_words_per_page / 100, 1.0)
        return round(0.4 * coverage + 0.4 * min(self.printable_ratio, 1.0) + 0.2 * density, 6)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def grade(self) -> ExtractionQualityGrade:
        """The score as a grade."""
        if self.score >= 0.9:
            return ExtractionQualityGrade.HIGH
        return ExtractionQualityGrade.MEDIUM if self.score >= 0.6 else ExtractionQualityGrade.LOW


class OutlineEntry(_Model):
    """One entry of the document's outline (bookmarks); level counts from 1."""

    level: int
    title: str
    page_number: int | None = None


class DocumentMetadata(_Model):
    """What the file says of itself. Dates are ISO 8601 where the file's own date could be read."""

    title: str | None = None
    author: str | None = None
    subject: str | None = None
    keywords: str | None = None
    creator: str | None = None
    producer: str | None = None
    creation_date: str | None = None
    modification_date: str | None = None
    pdf_version: str | None = None
    page_count: int = 0
    file_size_bytes: int = 0
    content_sha256: str = ""
    language: str | None = None
    encryption: str | None = None
    needs_password: bool = False
    is_encrypted: bool = False
    is_signed: bool = False
    is_tagged: bool = False
    is_linearized: bool = False
    is_repaired: bool = False
    has_form_fields: bool = False
    has_xfa: bool = False
    has_javascript: bool = False
    signature_count: int = 0
    attachment_count: int = 0
    outline: list[OutlineEntry] = []


class PageResult(_Model):
    """What became of one page."""

    page_number: int
    label: str | None = None
    status: PageStatus
    page_type: PageType
    quality: ExtractionQuality
    width: float = 0.0
    height: float = 0.0
    rotation: int = 0
    char_count: int = 0
    word_count: int = 0
    image_count: int = 0
    image_coverage_ratio: float = 0.0
    font_count: int = 0
    has_form_fields: bool = False
    is_multi_column: bool = False
    warnings: list[str] = []
    error: IngestError | None = None


class PageBox(_Model):
    """A rectangle on a page."""

    page_number: int
    box: Box


class Chunk(_Model):
    """A piece of the document for search: text that belongs together, and where it stands.

    Attributes:
        id: Stable for the same document and configuration: derived from the ingest key and the index.
        index: Position in the document, from 0.
        text: The text, at most `chunk_size_tokens` long unless one unbreakable unit is longer.
        page_numbers: The pages the text stands on, ascending, carried from the spans.
        heading_path: Titles of the enclosing headings, outermost first.
        content_type: What it holds.
        boxes: One box a page, around the chunk's text on that page.
        token_count: Length in tokens as the chunker counts them.
        sha256: SHA-256 of the text in UTF-8, hex.
    """

    id: str
    index: int
    text: str
    page_numbers: list[int]
    heading_path: list[str] = []
    content_type: ContentType = ContentType.NARRATIVE
    boxes: list[PageBox] = []
    token_count: int = 0
    sha256: str = ""


class TableSpan(_Model):
    """A cell over several rows or columns; its text stands in the first of them, the others are empty.

    Rows count from the first of `header_rows`, rows and columns from 0.
    """

    row: int
    col: int
    row_count: int
    col_count: int


class TableResult(_Model):
    """One table as data; the header's cells, where it has one, are in `headers` and not in `rows`.

    Attributes:
        page_number: The page it stands on.
        table_index: Position among the tables of the page, from 0.
        rows: The text of every cell, row by row.
        headers: One name for each column: what stands above it in the header, joined.
        header_rows: The header as it is printed, row by row.
        spans: Its merged cells.
        box: Around it.
        caption: The text that names it (`Table 3: ...`).
        is_continuation: It goes on with a table of the page before.
        continuation_group_id: Name of the first of the tables that belong together, the same in all of them.
    """

    page_number: int
    table_index: int
    rows: list[list[str]] = []
    headers: list[str] | None = None
    header_rows: list[list[str]] = []
    spans: list[TableSpan] = []
    box: Box | None = None
    caption: str | None = None
    is_continuation: bool = False
    continuation_group_id: str | None = None


class ClassificationResult(_Model):
    """The class of the document, with the reasons."""

    pdf_type: PDFType
    confidence: float
    tier_used: ClassificationTier = ClassificationTier.RULE_BASED
    reasoning: str
    per_page_types: dict[int, PageType]
    signals: dict[str, float | int | str | bool] | None = None
    degraded: bool = False


class ParseStageResult(_Model):
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


class OCRStageResult(_Model):
    """What the OCR stage did."""

    pages_ocrd: int
    engine_used: str
    avg_confidence: float
    low_confidence_pages: list[int]
    ocr_duration_seconds: float
    engine_fallback_used: bool = False


class EmbedStageResult(_Model):
    """What the embedding stage did."""

    texts_embedded: int
    embedding_dimension: int
    embed_duration_seconds: float


class WrittenArtifacts(_Model):
    """Ids of everything that was written to a sink, so that the caller can take it back."""

    vector_point_ids: list[str] = []
    vector_collection: str | None = None
    db_table_names: list[str] = []


class ProcessingResult(_Model):
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
    chunks: list[Chunk] = []
    table_data: list[TableResult] = []
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
        quality = ExtractionQuality(
            printable_ratio=0.0,
            avg_words_per_page=0.0,
            pages_with_text=0,
            total_pages=0,
            extraction_method="none",
        )
        classification = ClassificationResult(
            pdf_type=PDFType.COMPLEX,
            confidence=0.0,
            reasoning=f"not classified: {error.code}",
            per_page_types={},
            degraded=True,
        )
        return cls(
            file_path=file_path,
            ingest_key=ingest_key,
            ingest_run_id=ingest_run_id,
            tenant_id=tenant_id,
            parse_result=ParseStageResult(
                pages_extracted=0,
                pages_skipped=0,
                skipped_reasons={},
                extraction_method="none",
                overall_quality=quality,
                parse_duration_seconds=0.0,
            ),
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
