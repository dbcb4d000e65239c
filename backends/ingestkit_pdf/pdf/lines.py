"""From MuPDF's blocks to lines: the one walk over the spans of a page, the hot path of the pipeline.

Coordinates inside the pipeline are whole hundredths of a point (see `mupdf.SCALE`), as MuPDF prints them;
the result has points.
"""

from __future__ import annotations

import re

from ingestkit_pdf.pdf.blocks import Block, Font
from ingestkit_pdf.pdf.mupdf import SCALE

__all__ = ["BOLD", "ITALIC", "MONO", "Fonts", "Line", "PageText", "Span", "is_right_to_left", "read_lines"]

BOLD, ITALIC, MONO = 1, 2, 4
"""Bits of a span's style."""

CELL_GAP = 1.5
"""Times the font size: a wider gap in a line is no space between words."""

TINY_SIZE = 1.5 * SCALE
"""Text smaller than this cannot be read on paper or screen at any usual zoom."""

_BOLD_NAME = re.compile(r"bold|black|heavy|demi|(?:^|\+)cm(?:bx|b|ssbx)|(?:^|\+)SFBX", re.IGNORECASE)
_MONO_NAME = re.compile(
    r"mono|courier|typewriter|consol|menlo|(?:^|\+)cm(?:tt|sltt)|(?:^|\+)SFTT", re.IGNORECASE
)
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LETTER_LTR = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u058f\u3040-\u9fff\uac00-\ud7a3]")


def is_right_to_left(text: str) -> bool:
    """True when most letters of `text` are Hebrew or Arabic."""
    if text.isascii():
        return False
    return len(_RTL.findall(text)) > len(_LETTER_LTR.findall(text))


Span = tuple[str, int, str, int, int, int]
"""Text, style bits, font name, font size, x0, x1."""


class Fonts:
    """Fonts of one document: the style bits of each name, read once."""

    __slots__ = ("styles",)

    def __init__(self) -> None:
        self.styles: dict[str, int] = {}

    def style(self, font: Font) -> int:
        """The style bits of a font as MuPDF describes it, with what its name says where the flags do not."""
        name = font.name
        style = 0
        if font.weight == "bold" or _BOLD_NAME.search(name):
            style |= BOLD
        if font.style == "italic":
            style |= ITALIC
        if font.family == "monospace" or _MONO_NAME.search(name):
            style |= MONO
        self.styles[name] = style
        return style


class Line:
    """One line of text as it is seen, made of the spans that stand side by side on one baseline.

    Attributes:
        x0, y0, x1, y1: Its box, in hundredths of a point.
        base: y of the baseline.
        text: The whole text, spans joined.
        size: Font size of the longest span, in hundredths of a point.
        style: The bits that all spans have in common.
        spans: Its spans, in order.
        cells: Pieces of text with a gap of more than two letters between them.
        upright: False for text that runs up or down the page.
        block: Index of MuPDF's block.
    """

    __slots__ = (
        "base",
        "block",
        "cells",
        "longest",
        "size",
        "spans",
        "style",
        "text",
        "upright",
        "x0",
        "x1",
        "y0",
        "y1",
    )

    def __init__(self, box: tuple[int, int, int, int], base: int, block: int) -> None:
        self.x0, self.y0, self.x1, self.y1 = box
        self.base = base
        self.block = block
        self.text = ""
        self.size = 0
        self.style = 0
        self.longest = -1
        self.spans: list[Span] = []
        self.cells = 1
        self.upright = True

    def parts(self) -> list[Line]:
        """The pieces of text with wide gaps between them, each as a line of its own."""
        parts: list[Line] = []
        for span in self.spans:
            text, style, _, size, x0, x1 = span
            if not parts or x0 - parts[-1].x1 > CELL_GAP * size:
                part = Line((x0, self.y0, x1, self.y1), self.base, self.block)
                part.text, part.size, part.style, part.longest = text, size, style, len(text)
                parts.append(part)
            else:
                parts[-1].extend(text, style, size, (x0, self.y0, x1, self.y1))
            parts[-1].spans.append(span)
        return parts

    def extend(self, text: str, style: int, size: int, box: tuple[int, int, int, int]) -> None:
        """Append a span's text, with a space where the gap before it is one; the caller keeps the span."""
        x0, y0, x1, y1 = box
        _, _, _, _, last_x0, last_x1 = self.spans[-1]
        gap = x0 - last_x1 if x0 >= last_x0 else last_x0 - x1  # else: right to left
        if gap > CELL_GAP * size:
            self.cells += 1
        if gap > 0.15 * size and not (self.text.endswith(" ") or text.startswith(" ")):
            self.text += " " + text
        else:
            self.text += text
        if not text.isspace():
            self.style &= style
            if len(text) > self.longest:
                self.size, self.longest = size, len(text)
        self.x0, self.y0 = min(self.x0, x0), min(self.y0, y0)
        self.x1, self.y1 = max(self.x1, x1), max(self.y1, y1)


class PageText:
    """Everything that one walk over a page's blocks found."""

    __slots__ = ("fonts", "images", "lines", "off_page_chars", "sizes", "tiny_chars")

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.images: list[tuple[int, int, int, int]] = []
        self.sizes: dict[int, int] = {}
        self.fonts: set[str] = set()
        self.off_page_chars = 0
        self.tiny_chars = 0


def read_lines(blocks: list[Block], width: float, height: float, fonts: Fonts) -> PageText:
    """Walk over a page's blocks once: lines with their spans, image boxes, counts for the profile.

    Args:
        blocks: As MuPDF prints them, see `mupdf.PageContent`.
        width: Of the page in points; `height` likewise.
        fonts: The document's fonts; grows.
    """
    page = PageText()
    corner = int(width * SCALE), int(height * SCALE)
    for number, block in enumerate(blocks):
        if block.type == "text":
            _read_block(page, block, number, corner, fonts)
        elif block.type == "image" and (box := block.bbox) is not None:
            page.images.append((box.x, box.y, box.x + box.w, box.y + box.h))
    for line in page.lines:
        if len(line.spans) > 1 and is_right_to_left(line.text):
            _turn(line)
    return page


def _read_block(page: PageText, block: Block, number: int, corner: tuple[int, int], fonts: Fonts) -> None:
    """Join the spans of one block to lines. Runs for every span of a document: no call that can be spared."""
    right, bottom = corner
    styles, sizes = fonts.styles, page.sizes
    line: Line | None = None
    for run in block.lines:
        box, text, font, base = run.bbox, run.text, run.font, run.y
        x0, y0 = box.x, box.y
        x1, y1 = x0 + box.w, y0 + box.h
        length = len(text)
        if x1 <= 0 or y1 <= 0 or x0 >= right or y0 >= bottom:
            page.off_page_chars += len(text.strip())
            continue
        size, name = font.size, font.name
        style = styles.get(name)
        if style is None:
            style = fonts.style(font)
        if line is not None and _continues(line, x0, x1, base, size):
            line.extend(text, style, size, (x0, y0, x1, y1))
        elif text.isspace():
            continue
        else:
            line = Line((x0, y0, x1, y1), base, number)
            line.text, line.size, line.style, line.longest = text, size, style, length
            line.upright = not (run.wmode or (length > 2 and y1 - y0 > 2 * (x1 - x0)))
            page.lines.append(line)
        line.spans.append((text, style, name, size, x0, x1))
        sizes[size] = sizes.get(size, 0) + length
        if size < TINY_SIZE:
            page.tiny_chars += length
        page.fonts.add(name)


def _turn(line: Line) -> None:
    """Order the spans of a right-to-left line from the right; Latin spans side by side keep their order."""
    ordered: list[Span] = []
    latin: list[Span] = []
    for span in sorted(line.spans, key=lambda item: -item[5]):
        if _LETTER_LTR.search(span[0]) and not _RTL.search(span[0]):
            latin.insert(0, span)
            continue
        ordered.extend(latin)
        latin = []
        ordered.append(span)
    line.spans = [*ordered, *latin]
    text = ""
    for (run, *_, x0, x1), before in zip(line.spans, [None, *line.spans], strict=False):
        apart = before is not None and max(x0, before[4]) - min(x1, before[5]) > 0.15 * line.size
        text += (" " if apart and not text.endswith(" ") and not run.startswith(" ") else "") + run
    line.text = text


def _continues(line: Line, x0: int, x1: int, base: int, size: int) -> bool:
    """True when a span stands on the line: beside what is there, on nearly the same baseline."""
    shift = base - line.base
    if shift > 0.4 * size or -shift > 0.6 * line.size:  # superscripts and subscripts stay with their line
        return False
    if not line.upright:
        return False
    _, _, _, last_size, last_x0, last_x1 = line.spans[-1]
    slack = 0.4 * max(size, last_size)
    return x0 >= last_x1 - slack or x1 <= last_x0 + slack
