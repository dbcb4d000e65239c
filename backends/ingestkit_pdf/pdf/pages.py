"""One page: interpreted once, put in order, classified, and let go of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import ExtractionQuality, PageResult, PageStatus, PageType
from ingestkit_pdf.pdf.classify import METHOD, PageProfile, profile_page
from ingestkit_pdf.pdf.hidden import hidden_characters
from ingestkit_pdf.pdf.lines import Fonts, Line, read_lines
from ingestkit_pdf.pdf.mupdf import SCALE, Document, PageContent
from ingestkit_pdf.pdf.tables import TableEngine, recognise

__all__ = ["ReadPage", "failed_page", "page_result", "read_page"]


@dataclass(slots=True)
class ReadPage:
    """What is kept of a page until the whole document is known.

    Attributes:
        number: From 1.
        lines: Its lines, in the order of the content stream.
        width, height: In hundredths of a point.
        profile, result: Its verdict, and the part of the result that is known.
        sizes: Letters set in each font size.
    """

    number: int
    lines: list[Line]
    width: int
    height: int
    profile: PageProfile
    facts: dict[str, Any]
    sizes: dict[int, int]


def read_page(
    document: Document,
    index: int,
    fonts: Fonts,
    config: PDFProcessorConfig,
    *,
    has_fields: bool,
    engine: TableEngine | None = None,
) -> ReadPage:
    """Interpret page `index` (from 0), find its tables and classify it.

    Raises:
        ParserError: The page cannot be read.
        OutOfMemoryError: MuPDF was refused memory.
    """
    content = document.read_page(index)
    text = read_lines(content.blocks, content.width, content.height, fonts)
    width, height = int(content.width * SCALE), int(content.height * SCALE)
    tables = recognise(content, text.lines, index + 1, config, None if has_fields else engine)
    profile = profile_page(text, width, height, config, has_fields=has_fields, has_tables=bool(tables.count))
    if tables.gave_up and ErrorCode.W_PAGE_TABLES_AS_TEXT.value not in profile.warnings:
        profile.warn(ErrorCode.W_PAGE_TABLES_AS_TEXT)
    if profile.page_type is PageType.BLANK:
        _look_closer(profile, content, document, index)
    if hidden_characters(content, text):
        profile.warn(ErrorCode.W_PAGE_HIDDEN_TEXT, PageStatus.OK)
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
    return ReadPage(index + 1, tables.lines, width, height, profile, facts, text.sizes)


def _look_closer(profile: PageProfile, content: PageContent, document: Document, index: int) -> None:
    """Tell a blank page from one whose text is drawn as outlines, and from one whose content is lost."""
    if document.is_content_missing(index):
        profile.warn(ErrorCode.W_PAGE_FAILED, PageStatus.FAILED)
    elif content.is_marked():
        profile.page_type = PageType.VECTOR_ONLY
        profile.warn(ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY, PageStatus.SKIPPED)
    elif content.messages or content.errors:
        profile.warn(ErrorCode.W_PAGE_FAILED, PageStatus.FAILED)
    else:
        profile.warn(ErrorCode.W_PAGE_SKIPPED_BLANK, PageStatus.SKIPPED)


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
    profile = PageProfile(chars=0, words=0, printable=0.0, coverage=0.0, page_type=PageType.BLANK)
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
            extraction_method=METHOD,
        ),
        char_count=profile.chars,
        word_count=profile.words,
        image_coverage_ratio=round(profile.coverage, 4),
        is_multi_column=is_multi_column,
        warnings=profile.warnings,
        **page.facts,
    )
