"""The result of one document and its parts: frozen pydantic models, the same in Python and in JSON.

Units: boxes and page sizes are PDF points (1/72 inch) with the origin at the top left of the page as
it is displayed; page numbers count from 1; durations are seconds; ratios lie between 0 and 1.
"""

from ingestkit_pdf.models.annotations import Annotation, Link
from ingestkit_pdf.models.base import Box
from ingestkit_pdf.models.content import Chunk, Heading, PageBox, TableResult, TableSpan
from ingestkit_pdf.models.document import Attachment, DocumentMetadata, OutlineEntry
from ingestkit_pdf.models.enums import (
    ClassificationTier,
    ContentType,
    ExtractionQualityGrade,
    FieldKind,
    IngestionMethod,
    PageStatus,
    PageType,
    PDFType,
)
from ingestkit_pdf.models.forms import FormField, Signature
from ingestkit_pdf.models.page import ExtractionQuality, OcrWord, PageOcr, PageResult
from ingestkit_pdf.models.progress import JobOutcome, JobProgress, ProgressEvent
from ingestkit_pdf.models.result import ProcessingResult
from ingestkit_pdf.models.stages import (
    ClassificationResult,
    ClassificationStageResult,
    EmbedStageResult,
    OCRStageResult,
    ParseStageResult,
    WrittenArtifacts,
)

__all__ = [
    "Annotation",
    "Attachment",
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
    "FieldKind",
    "FormField",
    "Heading",
    "IngestionMethod",
    "JobOutcome",
    "JobProgress",
    "Link",
    "OCRStageResult",
    "OcrWord",
    "OutlineEntry",
    "PDFType",
    "PageBox",
    "PageOcr",
    "PageResult",
    "PageStatus",
    "PageType",
    "ParseStageResult",
    "ProcessingResult",
    "ProgressEvent",
    "Signature",
    "TableResult",
    "TableSpan",
    "WrittenArtifacts",
]
