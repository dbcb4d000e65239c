"""One page: interpreted once, put in order, classified, and let go of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import ExtractionQuality, PageResult, PageStatus, PageType
from ingestkit_pdf.pdf.classify import METHOD, PageProfile, profile_page
from ingestkit_pdf.pdf.doubles import without_doubles
from ingestkit_pdf.pdf.hidden import take_hidden
from ingestkit_pdf.pdf.language import language_sample
from ingestkit_pdf.pdf.letters import put_right
from ingestkit_pdf.pdf.lines import Fonts, Line, PageText, read_lines
from ingestkit_pdf.pdf.links import PageLink, read_links
from ingestkit_pdf.pdf.mupdf import SCALE, Document, PageContent
from ingestkit_pdf.pdf.ocr import Ocr, PageReading, Turn, what_to_read
from ingestkit_pdf.pdf.roles import ask_model
from ingestkit_pdf.pdf.tables import TableEngine, recognise
from ingestkit_pdf.pdf.tags import page_blocks
from ingestkit_pdf.pdf.upside import is_upside_down, turn_over
from ingestkit_pdf.pdf.widgets import field_boxes

__all__ = ["ReadPage", "failed_page", "page_result", "read_page"]


_MIN_OUTLINES = 10
"""Painted paths of a page with hardly any text that may be letters; fewer are rules, frames and grounds."""


@dataclass(slots=True)
class ReadPage:
    """What is kept of a page until the whole document is known.

    Attributes:
        number: From 1.
        lines: Its lines, in the order of the content stream.
        width, height: In hundredths of a point; of the turned page where there is one.
        profile, result: Its verdict, and the part of the result that is known.
        sizes: Letters set in each font size.
        links: Where it leads.
        sample: Text that its language is told by.
        turn: It was turned to be read, and the lines are those of the turned page.
        ocr_seconds: What OCR took.
    """

    number: int
    lines: list[Line]
    width: int
    height: int
    profile: PageProfile
    facts: dict[str, Any]
    sizes: dict[int, int]
    links: list[PageLink] = field(default_factory=list)
    sample: str = ""
    turn: Turn | None = None
    ocr_seconds: float = 0.0


def read_page(
    document: Document,
    index: int,
    fonts: Fonts,
    config: PDFProcessorConfig,
    *,
    has_fields: bool,
    engine: TableEngine | None = None,
    ocr: Ocr | None = None,
    is_tagged: bool = False,
    has_model: bool = False,
) -> ReadPage:
    """Interpret page `index` (from 0), classify it, read its pictures where it needs that, find its tables.

    Args:
        document: The document; `fonts` those of it, so far.
        config: The configuration.
        has_fields: The page has fields to be filled in.
        engine: What finds its tables.
        ocr: What reads its pictures.
        is_tagged: The document has a structure of its own, and it is to be used.
        has_model: The layout model may be asked what its lines are for.

    Raises:
        ParserError: The page cannot be read.
        OutOfMemoryError: MuPDF was refused memory.
    """
    content = document.read_page(index)
    text = _read_text(content, fonts, is_tagged=is_tagged)
    hidden = take_hidden(content, text, keep=config.keep_hidden_text)
    width, height = int(content.width * SCALE), int(content.height * SCALE)
    profile = profile_page(text, width, height, config, has_fields=has_fields)
    if profile.page_type is PageType.BLANK:
        _look_closer(profile, content, document, index)
    elif profile.page_type is PageType.TEXT and profile.chars < config.blank_max_chars:
        _look_for_outlines(profile, content)
    if hidden:
        profile.warn(ErrorCode.W_PAGE_HIDDEN_TEXT, PageStatus.OK)
    reading = None
    if ocr is not None and (need := what_to_read(profile, text.images, text.lines, (width, height), config)):
        reading = ocr.read(content, text.lines, need)
        _take(reading, need.lack, profile, text)
    if reading is None and is_upside_down(text.lines):
        turn_over(text.lines, width, height)
        reading = PageReading(text.lines, turn=Turn(180, -width, -height, width, height))
    is_turned = reading is not None and reading.turn is not None
    seen = content if reading is None else reading.seen(content)
    fields = field_boxes(document, index) if has_fields else []
    if fields and is_turned:  # they stand where the page is seen, not where it was read
        engine = None
    tables = recognise(seen, text.lines, index + 1, config, engine, fields=fields)
    if has_model and not is_turned:  # the model sees the page as it is
        ask_model(content, tables.lines)
    if tables.gave_up or (profile.is_tabular and not tables.count):
        profile.warn(ErrorCode.W_PAGE_TABLES_AS_TEXT)
    if content.errors and profile.status is not PageStatus.FAILED:
        profile.warn(ErrorCode.W_PAGE_FAILED, PageStatus.PARTIAL if profile.chars else PageStatus.FAILED)
    for size, count in tables.sizes.items():
        text.sizes[size] = max(text.sizes.get(size, 0) - count, 0)
    facts: dict[str, Any] = {
        "width": round(content.width, 2),
        "height": round(content.height, 2),
        "rotation": content.rotation,
        "image_count": len(text.images),
        "font_count": len(text.fonts),
        "has_form_fields": has_fields,
    }
    if profile.status is PageStatus.FAILED:
        facts["error"] = _page_error(index + 1)
    links = read_links(content, limit=config.max_links)
    sample = language_sample(text.lines, config)  # of tables, too
    page = ReadPage(index + 1, tables.lines, width, height, profile, facts, text.sizes, links, sample)
    return page if reading is None else _read_by_ocr(page, reading)


def _take(reading: PageReading, lack: ErrorCode, profile: PageProfile, text: PageText) -> None:
    """Let what was read count as the page's text, and say what is still missing."""
    if reading.is_answered:
        del profile.lacks[lack]
        profile.lacks.pop(ErrorCode.W_PAGE_IMAGE_TEXT_NOT_READ, None)  # of a garbled page that was read
    if reading.is_doubtful:
        profile.warn(ErrorCode.W_PAGE_LOW_OCR_CONFIDENCE)
    if reading.read:
        if lack is ErrorCode.W_PAGE_GARBLED_TEXT:
            text.sizes.clear()
        text.lines = reading.lines
        profile.measure(text.lines)
        for line in reading.read:
            text.sizes[line.size] = text.sizes.get(line.size, 0) + len(line.text)
    elif reading.is_answered and not profile.chars:
        profile.warn(ErrorCode.W_PAGE_OCR_EMPTY, PageStatus.SKIPPED)


def _read_by_ocr(page: ReadPage, reading: PageReading) -> ReadPage:
    """Add what the result says of the reading."""
    page.facts["ocr"] = reading.facts
    page.ocr_seconds = reading.seconds
    if reading.turn is not None:
        page.turn = reading.turn
        page.width, page.height = int(reading.turn.width), int(reading.turn.height)
    if reading.error is not None:
        code, message = reading.error
        page.facts["error"] = IngestError(code=code, message=message, stage="ocr", page_number=page.number)
    return page


def _read_text(content: PageContent, fonts: Fonts, *, is_tagged: bool) -> PageText:
    """The lines of a page; once more where words came without the spaces between them."""
    blocks = page_blocks(content) if is_tagged else content.blocks
    text = read_lines(blocks, content.width, content.height, fonts)
    if text.is_run_together:
        put_right(blocks, content.letters())
        text = read_lines(blocks, content.width, content.height, fonts)
    text.lines = without_doubles(text.lines)
    return text


def _look_closer(profile: PageProfile, content: PageContent, document: Document, index: int) -> None:
    """Tell a blank page from one whose text is drawn as outlines, and from one whose content is lost."""
    if document.is_content_missing(index):
        profile.warn(ErrorCode.W_PAGE_FAILED, PageStatus.FAILED)
    elif content.is_marked():
        profile.page_type = PageType.VECTOR_ONLY
        profile.warn(ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY, PageStatus.SKIPPED)
    elif content.errors or document.has_complaints(index):
        profile.warn(ErrorCode.W_PAGE_FAILED, PageStatus.FAILED)
    else:
        profile.warn(ErrorCode.W_PAGE_SKIPPED_BLANK, PageStatus.SKIPPED)


def _look_for_outlines(profile: PageProfile, content: PageContent) -> None:
    """Tell a page with hardly any text from one whose text is drawn as outlines, but for its number."""
    if content.vector_count >= _MIN_OUTLINES:
        profile.page_type = PageType.VECTOR_ONLY
        profile.warn(ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY)


def _page_error(number: int) -> IngestError:
    """The error of a page that could not be read."""
    return IngestError(
        code=ErrorCode.E_PARSE_PAGE,
        message="the page could not be read: its objects or its content are broken",
        stage="parse",
        page_number=number,
    )


def failed_page(number: int) -> ReadPage:
    """Stands for a page that could not be read at all."""
    profile = PageProfile(page_type=PageType.BLANK)
    profile.warn(ErrorCode.W_PAGE_FAILED, PageStatus.FAILED)
    return ReadPage(number, [], 0, 0, profile, {"error": _page_error(number)}, {})


def page_result(page: ReadPage, label: str | None, *, is_multi_column: bool) -> PageResult:
    """The page's part of the result."""
    profile = page.profile
    return PageResult(
        page_number=page.number,
        label=label,
        status=profile.status,
        page_type=profile.page_type,
        quality=ExtractionQuality(
            printable_ratio=round(profile.printable, 6),
            avg_words_per_page=float(profile.words),
            pages_with_text=int(profile.chars > 0),
            total_pages=1,
            extraction_method=_method(page),
        ),
        char_count=profile.chars,
        word_count=profile.words,
        image_coverage_ratio=round(profile.coverage, 4),
        is_multi_column=is_multi_column,
        warnings=profile.warnings,
        **page.facts,
    )


def _method(page: ReadPage) -> str:
    """By which means its text was extracted."""
    ocr = page.facts.get("ocr")
    if ocr is None or not ocr.word_count:
        return METHOD
    is_all = ocr.word_count >= page.profile.words
    return str(ocr.engine) if is_all else f"{METHOD}+{ocr.engine}"
