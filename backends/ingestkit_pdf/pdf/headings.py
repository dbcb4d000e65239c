"""Which paragraphs are headings, and of which level: by the outline where there is one, else by fonts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingestkit_pdf.models import OutlineEntry
from ingestkit_pdf.pdf.lines import BOLD
from ingestkit_pdf.pdf.paragraphs import CODE, HEADING, ITEM, ROW, TEXT, Paragraph

__all__ = ["body_size", "mark_headings"]

_MAX_LINES = 4
_MAX_CHARS = 200
_FONT_LEVELS = 3
_OUTLINE_LEVELS = 6
_OUTLINE_SHARE = 0.3  # an outline of which fewer entries are found in the text says little about it
_NOT_WORD = re.compile(r"[\W_]+")
_LEADERS = "\u2026"
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})\.?\s+[^\W\d_]")
_CAPITALS = re.compile(r"(?:[IVX]{1,5}|\d{1,2})\.\s+[^a-z]{3,80}$")
_HAS_LETTER = re.compile(r"[^\W\d_]")


def body_size(sizes: dict[int, int]) -> int:
    """The font size most of the text is set in, in hundredths of a point; 0 without text."""
    merged: dict[int, int] = {}
    for size, count in sizes.items():
        key = round(size / 25) * 25
        merged[key] = merged.get(key, 0) + count
    return max(merged, key=lambda key: (merged[key], -key), default=0)


def mark_headings(
    paragraphs: Sequence[Paragraph], outline: Sequence[OutlineEntry], sizes: dict[int, int], ratio: float
) -> None:
    """Turn the paragraphs that are headings into headings, in place.

    Args:
        paragraphs: Of the whole document, in order.
        outline: The document's outline.
        sizes: Letters set in each font size.
        ratio: A heading is at least so many times as large as the body.
    """
    if outline and _mark_by_outline(paragraphs, outline):
        return
    _mark_by_fonts(paragraphs, body_size(sizes), ratio)


def _key(text: str) -> str:
    return _NOT_WORD.sub("", text).casefold()


def _mark_by_outline(paragraphs: Iterable[Paragraph], outline: Sequence[OutlineEntry]) -> bool:
    wanted: dict[str, list[OutlineEntry]] = {}
    for entry in outline:
        key = _key(entry.title)
        if key:
            wanted.setdefault(key, []).append(entry)
    found: list[tuple[Paragraph, int]] = []
    for paragraph in paragraphs:
        if (paragraph.kind in {ROW, CODE} and len(paragraph.pieces) > 2) or len(
            paragraph.pieces
        ) > _MAX_LINES:
            continue
        text = paragraph.text
        if len(text) > _MAX_CHARS or _LEADERS in text:
            continue
        level = _outline_level(_key(text), paragraph.page, wanted)
        if level:
            found.append((paragraph, level))
    if len(found) < _OUTLINE_SHARE * len(outline):
        return False
    for paragraph, level in found:
        paragraph.kind, paragraph.level = HEADING, min(level, _OUTLINE_LEVELS)
    return True


def _outline_level(key: str, page: int, wanted: dict[str, list[OutlineEntry]]) -> int:
    """Level of the entry that this text is the title of; outlines may lack its number. 0: none."""
    for candidate in (key, key.lstrip("0123456789")):
        for entry in wanted.get(candidate, ()):
            if entry.page_number is None or abs(entry.page_number - page) <= 1:
                return entry.level
    return 0


def _mark_by_fonts(paragraphs: Sequence[Paragraph], body: int, ratio: float) -> None:
    large = [paragraph for paragraph in paragraphs if _may_head(paragraph) and paragraph.size >= ratio * body]
    steps = sorted({round(paragraph.size / 50) for paragraph in large}, reverse=True)[:_FONT_LEVELS]
    levels = {step: level for level, step in enumerate(steps, start=1)}
    for paragraph in large:
        paragraph.level = levels.get(round(paragraph.size / 50), _FONT_LEVELS)
        paragraph.kind = HEADING
    for paragraph in paragraphs:
        if paragraph.kind in {TEXT, ITEM} and paragraph.size >= 0.95 * body:
            depth = _number_depth(paragraph)
            if depth:
                paragraph.kind, paragraph.level = HEADING, min(depth + bool(steps), _FONT_LEVELS)


def _number_depth(paragraph: Paragraph) -> int:
    """How deep a numbered heading in the body's own size is: bold (2.1 Method) or capitals (II. METHOD)."""
    text = paragraph.pieces[0][0]
    bold = _NUMBERED.match(text) if paragraph.style & BOLD else None
    if not (bold or _CAPITALS.match(text)) or not _may_head(paragraph):
        return 0
    return bold.group(1).count(".") + 1 if bold else 1


def _may_head(paragraph: Paragraph) -> bool:
    if paragraph.kind not in {TEXT, ITEM} or len(paragraph.pieces) > _MAX_LINES:
        return False
    text = paragraph.text
    return (
        1 < len(text) <= _MAX_CHARS
        and bool(_HAS_LETTER.search(text))
        and not text.endswith((",", ";"))
        and _LEADERS not in text
    )
