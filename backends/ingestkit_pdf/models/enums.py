"""What a document, a page and a chunk can be, in words that JSON carries."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "ClassificationTier",
    "ContentType",
    "ExtractionQualityGrade",
    "FieldKind",
    "IngestionMethod",
    "PDFType",
    "PageStatus",
    "PageType",
]


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
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    FORM_FIELD = "form_field"
    IMAGE_DESCRIPTION = "image_description"
    FOOTER = "footer"
    HEADER = "header"


class FieldKind(StrEnum):
    """What kind of field of a form it is."""

    TEXT = "text"
    CHECKBOX = "checkbox"
    RADIO = "radio"
    CHOICE = "choice"
    BUTTON = "button"
    SIGNATURE = "signature"
    UNKNOWN = "unknown"
