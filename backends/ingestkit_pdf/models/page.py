"""What became of one page."""

from __future__ import annotations

from pydantic import computed_field

from ingestkit_pdf.errors import IngestError
from ingestkit_pdf.models.base import Box, Model
from ingestkit_pdf.models.enums import ExtractionQualityGrade, PageStatus, PageType

__all__ = ["ExtractionQuality", "OcrWord", "PageOcr", "PageResult"]


class ExtractionQuality(Model):
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


class OcrWord(Model):
    """A word that OCR read: its box on the page as it is displayed, and how sure the engine is, 0 to 1."""

    text: str
    box: Box
    confidence: float


class PageOcr(Model):
    """What OCR read on a page.

    Attributes:
        engine: That read it.
        confidence: Mean of its words, longer ones counting more.
        word_count: Words that are in the page's text.
        area_count: Images that were read; 0 where the page was, as a whole.
        dpi: At which it was painted; less than `ocr_dpi` on very large pages.
        turned_degrees: By how much the page was turned clockwise to stand upright. Boxes are those of the
            page as it is displayed.
        language: That the engine read it as, where there is only one.
        script: Of most letters: `Latin`, `Cyrillic`, `Han`, ...
        words: Those that are in the page's text, in the order they were read; empty without `ocr_words`.
    """

    engine: str
    confidence: float
    word_count: int
    area_count: int = 0
    dpi: int
    turned_degrees: float = 0.0
    language: str | None = None
    script: str | None = None
    words: list[OcrWord] = []


class PageResult(Model):
    """What became of one page.

    `language` is that of its text as it was detected, an ISO 639 code (`de`); None where nothing tells it.
    """

    page_number: int
    label: str | None = None
    status: PageStatus
    page_type: PageType
    quality: ExtractionQuality
    width: float = 0.0
    height: float = 0.0
    rotation: int = 0
    language: str | None = None
    char_count: int = 0
    word_count: int = 0
    image_count: int = 0
    image_coverage_ratio: float = 0.0
    font_count: int = 0
    has_form_fields: bool = False
    is_multi_column: bool = False
    ocr: PageOcr | None = None
    warnings: list[str] = []
    error: IngestError | None = None
