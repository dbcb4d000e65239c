"""What kind of page and document it is, how well its text came out, and what of it is not read yet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import (
    ClassificationResult,
    ExtractionQuality,
    PageResult,
    PageStatus,
    PageType,
    PDFType,
)
from ingestkit_pdf.pdf.garbled import has_wrong_letters
from ingestkit_pdf.pdf.images import joined_images, letters_on
from ingestkit_pdf.pdf.lines import Line, PageText

__all__ = [
    "METHOD",
    "PageProfile",
    "classify_document",
    "document_quality",
    "extraction_method",
    "image_coverage",
    "profile_page",
]

METHOD = "pymupdf_text"
"""How native text was extracted; text that OCR read has the engine's name."""

_TOC_LINE = re.compile(r"(?:(?:\.\s?){3,}|\u2026+)\s*(?:\d+|[ivxlc]+)\s*$", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"[\divxlc\s]", re.IGNORECASE)  # how such a line ends
_LEADERS = ("...", ". .", "\u2026")
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u2028\u2029]|\\(cid:\\d+\\)")
_LITTLE = 0.05  # of a page under images: whether they overlap makes no difference
_GRID = 24  # by so many fields images are laid over a page to tell how much they cover
_MIN_TABLE_ROWS = 6  # of pieces side by side, on a page that is mostly tables
_TABLE_SHARE = 0.5  # of the rows of such a page
_MAX_CELL = 40  # characters of a piece on average; longer ones are columns of prose
_MANY_PAGES = 0.8  # share of pages that makes a document one of text, or of scans
_DECORATION = 0.02  # images that cover less of a page with text on it are logos and bullets


@dataclass(slots=True)
class PageProfile:
    """The facts that a page is classified by, and the verdict.

    Attributes:
        chars: Characters of text; `words` likewise, counted by white space.
        printable: Share of the characters that are readable.
        coverage: Share of the page under images.
        page_type: The verdict.
        is_tabular: Half of its rows are short pieces side by side.
        lacks: The codes of what is missing, each with what that makes of the page.
    """

    chars: int = 0
    words: int = 0
    printable: float = 0.0
    coverage: float = 0.0
    page_type: PageType = PageType.TEXT
    is_tabular: bool = False
    lacks: dict[ErrorCode, PageStatus] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """What the page lacks, as codes."""
        return [code.value for code in self.lacks]

    @property
    def status(self) -> PageStatus:
        """What became of it: the worst of what it lacks."""
        return max(self.lacks.values(), key=_RANK.__getitem__, default=PageStatus.OK)

    def warn(self, code: ErrorCode, status: PageStatus = PageStatus.PARTIAL) -> None:
        """Note what the page lacks, and what that makes of it."""
        self.lacks[code] = max(status, self.lacks.get(code, status), key=_RANK.__getitem__)

    def measure(self, lines: Sequence[Line]) -> str:
        """Count the characters and words of these lines, and how many are readable; returns their text."""
        joined = "\n".join([line.text for line in lines])
        self.chars = len(joined.strip())
        self.words = len(joined.split())
        self.printable = _printable_ratio(joined)
        return joined


_RANK = {PageStatus.OK: 0, PageStatus.PARTIAL: 1, PageStatus.SKIPPED: 2, PageStatus.FAILED: 3}


def image_coverage(boxes: Sequence[tuple[int, int, int, int]], width: int, height: int) -> float:
    """Share of the page under images: exact for one, on a grid of 24 by 24 for several."""
    if not boxes or width <= 0 or height <= 0:
        return 0.0
    clipped = [(max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)) for x0, y0, x1, y1 in boxes]
    clipped = [box for box in clipped if box[2] > box[0] and box[3] > box[1]]
    total = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in clipped) / (width * height)
    if len(clipped) == 1 or total < _LITTLE:
        return min(total, 1.0)
    cells = [0] * _GRID
    for x0, y0, x1, y1 in clipped:
        first, last = round(x0 * _GRID / width), round(x1 * _GRID / width)
        mask = (1 << last) - (1 << first)
        for row in range(round(y0 * _GRID / height), round(y1 * _GRID / height)):
            cells[row] |= mask
    return min(total, sum(row.bit_count() for row in cells) / _GRID**2)


def profile_page(
    text: PageText, width: int, height: int, config: PDFProcessorConfig, *, has_fields: bool
) -> PageProfile:
    """Classify a page by its text, images and form fields, before its tables and pictures are read.

    A page with neither text nor images comes back as BLANK; whether it is painted, the caller finds out.
    """
    profile = PageProfile(coverage=image_coverage(text.images, width, height))
    joined = profile.measure(text.lines)
    _set_type(profile, text, joined, config, _unread_coverage(profile, text, (width, height), config))
    if has_fields:
        profile.page_type = PageType.FORM
    if profile.chars and (
        profile.printable < config.quality_min_printable_ratio
        or has_wrong_letters(
            joined,
            min_letters=config.garbled_min_letters,
            similarity=config.garbled_letter_similarity,
        )
    ):
        profile.warn(ErrorCode.W_PAGE_GARBLED_TEXT)
    return profile


def _unread_coverage(
    profile: PageProfile, text: PageText, size: tuple[int, int], config: PDFProcessorConfig
) -> float:
    """Share of the page under images that do not bring their text along, as a scan with its text does."""
    if profile.coverage < config.max_image_coverage_for_text or profile.chars <= config.ocr_image_max_chars:
        return profile.coverage
    unread = [
        box
        for box in joined_images(text.images, *size)
        if letters_on(box, text.lines) <= config.ocr_image_max_chars
    ]
    return min(image_coverage(unread, *size), profile.coverage)


def _set_type(
    profile: PageProfile, text: PageText, joined: str, config: PDFProcessorConfig, unread: float
) -> None:
    chars, coverage = profile.chars, profile.coverage
    if chars < config.scanned_max_chars and coverage > config.min_image_coverage_for_scanned:
        profile.page_type = PageType.SCANNED
        bare = chars < config.blank_max_chars
        profile.warn(ErrorCode.W_PAGE_NEEDS_OCR, PageStatus.SKIPPED if bare else PageStatus.PARTIAL)
    elif chars < config.blank_max_chars and not text.images:
        profile.page_type = PageType.BLANK if chars == 0 else PageType.TEXT
    elif unread >= config.max_image_coverage_for_text or (
        text.images and chars < config.min_chars_per_page and coverage > _DECORATION
    ):
        profile.page_type = PageType.MIXED
        bare = chars < config.blank_max_chars
        profile.warn(ErrorCode.W_PAGE_IMAGE_TEXT_NOT_READ, PageStatus.SKIPPED if bare else PageStatus.PARTIAL)
    elif text.images and not chars:
        profile.page_type = PageType.MIXED
        profile.warn(ErrorCode.W_PAGE_IMAGE_TEXT_NOT_READ, PageStatus.SKIPPED)
    elif any(mark in joined for mark in _LEADERS) and _is_contents(text.lines, config.toc_line_ratio):
        profile.page_type = PageType.TOC
    elif _is_table(text.lines):
        profile.page_type = PageType.TABLE_HEAVY
        profile.is_tabular = True


def _printable_ratio(text: str) -> float:
    """Share of the characters that are Unicode-printable and stand for something."""
    if not text:
        return 0.0
    if "\ufffd" not in text and "(cid:" not in text and text.replace("\n", " ").isprintable():
        return 1.0
    return 1.0 - sum(len(match) for match in _UNREADABLE.findall(text)) / len(text)


def _is_contents(lines: Sequence[Line], ratio: float) -> bool:
    if len(lines) < 3:
        return False
    leaders = sum(1 for line in lines if _PAGE_NUMBER.match(line.text[-1:]) and _TOC_LINE.search(line.text))
    return leaders > ratio * len(lines)


def _is_table(lines: Sequence[Line]) -> bool:
    """True when half of the rows of the page are three or more short pieces of text side by side."""
    if len(lines) < _MIN_TABLE_ROWS:
        return False
    rows: dict[int, int] = {}
    for line in lines:
        if line.upright and len(line.text) < _MAX_CELL * line.cells:
            row = line.base // 300
            rows[row] = rows.get(row, 0) + line.cells
    wide = sum(1 for cells in rows.values() if cells >= 3)
    return wide >= _MIN_TABLE_ROWS and wide >= _TABLE_SHARE * len({line.base // 300 for line in lines})


def document_quality(pages: Sequence[PageResult]) -> ExtractionQuality:
    """The pages' quality taken together, letters weighted."""
    chars = sum(page.char_count for page in pages)
    readable = sum(page.quality.printable_ratio * page.char_count for page in pages)
    words = sum(page.word_count for page in pages)
    return ExtractionQuality(
        printable_ratio=round(readable / chars, 6) if chars else 0.0,
        avg_words_per_page=round(words / len(pages), 3) if pages else 0.0,
        pages_with_text=sum(page.quality.pages_with_text for page in pages),
        total_pages=len(pages),
        extraction_method=extraction_method(pages),
    )


def extraction_method(pages: Sequence[PageResult]) -> str:
    """How the text of pages was extracted: by which means, joined by plus signs."""
    methods = {part for page in pages for part in page.quality.extraction_method.split("+")}
    return "+".join(sorted(methods)) or METHOD


_TEXTUAL = {PageType.TEXT, PageType.TOC, PageType.BLANK}


def classify_document(pages: Sequence[PageResult]) -> ClassificationResult:
    """The class that most pages belong to; COMPLEX where there is no such class."""
    types = {page.page_number: page.page_type for page in pages}
    counts = Counter(types.values())
    total = max(len(pages) - counts[PageType.BLANK], 1)
    text = sum(counts[kind] for kind in _TEXTUAL) - counts[PageType.BLANK]
    scanned = counts[PageType.SCANNED] + counts[PageType.VECTOR_ONLY]
    if text >= _MANY_PAGES * total or len(pages) == counts[PageType.BLANK]:
        kind, share = PDFType.TEXT_NATIVE, text / total
    elif scanned >= _MANY_PAGES * total:
        kind, share = PDFType.SCANNED, scanned / total
    else:
        kind, share = PDFType.COMPLEX, 1 - max(text, scanned) / total
    summary = ", ".join(f"{counts[kind]} {kind.value}" for kind in PageType if counts[kind])
    return ClassificationResult(
        pdf_type=kind,
        confidence=round(share, 4),
        reasoning=f"pages by type: {summary}",
        per_page_types=types,
        signals={kind.value: counts[kind] for kind in PageType if counts[kind]},
    )
