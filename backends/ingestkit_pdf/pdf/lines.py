"""From MuPDF's blocks to lines: the one walk over the spans of a page, the hot path of the pipeline.

Coordinates inside the pipeline are whole hundredths of a point (see `mupdf.SCALE`), as MuPDF prints them;
the result has points.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from sys import intern

from ingestkit_pdf.pdf.blocks import Block, Element, Font
from ingestkit_pdf.pdf.letters import is_run_together
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.righttoleft import Span, is_right_to_left, turned

__all__ = [
    "BOLD",
    "GUTTER_GAP",
    "ITALIC",
    "MONO",
    "TINY_SIZE",
    "Fonts",
    "Line",
    "PageText",
    "Span",
    "is_right_to_left",
    "read_lines",
]

BOLD, ITALIC, MONO = 1, 2, 4
"""Bits of a span's style."""

CELL_GAP = 1.5
"""Times the font size: a wider gap in a line is no space between words."""

GUTTER_GAP = 0.8
"""Times the font size: a gap that is no wider is none between columns, wherever it recurs."""

_SPACE = 0.15  # of the font size: a wider gap between two runs is a space
_SPACE_ALONG = 0.2  # the same for text that runs up or down the page
_LOWERED, _RAISED = 0.4, 0.6  # of the font size: subscripts and superscripts are no further from their line
_OVERLAP = 0.4  # of the font size by which runs side by side may lie over each other
_LONG = 24  # letters: no word is longer
_TALL = 2  # times the font size: no upright letters are as high
_SLOPE = 0.4  # of the width that a run's box is high, when it runs at an angle
_SAME_PLACE = 20  # hundredths of a point

TINY_SIZE = 1.5 * SCALE
"""Text smaller than this cannot be read on paper or screen at any usual zoom."""

_BOLD_NAME = re.compile(r"bold|black|heavy|demi|(?:^|\+)cm(?:bx|b|ssbx)|(?:^|\+)SFBX", re.IGNORECASE)
_MONO_NAME = re.compile(
    r"mono|courier|typewriter|consol|menlo|(?:^|\+)cm(?:tt|sltt)|(?:^|\+)SFTT", re.IGNORECASE
)


class Fonts:
    """Fonts of one document: the style bits of each name, read once."""

    __slots__ = ("styles",)

    def __init__(self) -> None:
        self.styles: dict[str, int] = {}

    def style(self, font: Font) -> int:
        """The style bits of a font as MuPDF describes it, with what its name says where the flags do not."""
        style = _style(font.name, font.weight, font.style, font.family)
        self.styles[font.name] = style
        return style


@lru_cache(maxsize=1024)
def _style(name: str, weight: str, slant: str, family: str) -> int:
    style = 0
    if weight == "bold" or _BOLD_NAME.search(name):
        style |= BOLD
    if slant == "italic":
        style |= ITALIC
    if family == "monospace" or _MONO_NAME.search(name):
        style |= MONO
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
        gaps: How many gaps it has that are narrower than those, and wide enough for a gutter.
        upright: False for text that runs up or down the page, or across it at an angle.
        vertical: Letters stand one below the other, as in Japanese; it is not upright either.
        block: Index of MuPDF's block.
        role: What it is for, where tags or the layout model say so (see `roles.py`); else empty.
        area: Number of the area of the page that says so, from 1; 0 where none does.
    """

    __slots__ = (
        "area",
        "base",
        "block",
        "cells",
        "gaps",
        "longest",
        "role",
        "size",
        "spans",
        "style",
        "text",
        "upright",
        "vertical",
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
        self.gaps = 0
        self.upright = True
        self.vertical = False
        self.role = ""
        self.area = 0

    def parts(self, gap: float = CELL_GAP) -> list[Line]:
        """The pieces of text with gaps wider than so many times the font size between them, as lines."""
        parts: list[Line] = []
        for span in self.spans:
            text, style, _, size, x0, x1 = span
            if not parts or x0 - parts[-1].x1 > gap * size:
                part = Line((x0, self.y0, x1, self.y1), self.base, self.block)
                part.text, part.size, part.style, part.longest = text, size, style, len(text)
                part.role, part.area = self.role, self.area
                parts.append(part)
            else:
                parts[-1].extend(text, style, size, (x0, self.y0, x1, self.y1))
            parts[-1].spans.append(span)
        return parts

    def of(self, spans: Sequence[Span]) -> Line | None:
        """This line with some of its spans; None without any."""
        line: Line | None = None
        for span in spans:
            text, style, _, size, x0, x1 = span
            if line is None:
                line = Line((x0, self.y0, x1, self.y1), self.base, self.block)
                line.text, line.size, line.style, line.longest = text, size, style, len(text)
                line.upright, line.vertical = self.upright, self.vertical
                line.role, line.area = self.role, self.area
            else:
                line.extend(text, style, size, (x0, self.y0, x1, self.y1))
            line.spans.append(span)
        return line

    def extend(self, text: str, style: int, size: int, box: tuple[int, int, int, int]) -> None:
        """Append a span's text, with a space where the gap before it is one; the caller keeps the span."""
        x0, y0, x1, y1 = box
        _, _, _, _, last_x0, last_x1 = self.spans[-1]
        gap = x0 - last_x1 if x0 >= last_x0 else last_x0 - x1  # else: right to left
        em = size if size > self.size else self.size  # spaces of another font may have the size 0
        if gap > GUTTER_GAP * em:
            if gap > CELL_GAP * em:
                self.cells += 1
            else:
                self.gaps += 1
        if gap > _SPACE * em and self.text[-1:] != " " != text[:1]:
            self.text += " " + text
        else:
            self.text += text
        if not text.isspace():
            self.style &= style
            if len(text) > self.longest:
                self.size, self.longest = size, len(text)
        self.x0, self.y0 = x0 if x0 < self.x0 else self.x0, y0 if y0 < self.y0 else self.y0
        self.x1, self.y1 = x1 if x1 > self.x1 else self.x1, y1 if y1 > self.y1 else self.y1


class PageText:
    """Everything that one walk over a page's blocks found."""

    __slots__ = ("fonts", "images", "is_run_together", "lines", "off_page_chars", "sizes", "tiny_chars")

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.images: list[tuple[int, int, int, int]] = []
        self.sizes: dict[int, int] = {}
        self.fonts: set[str] = set()
        self.off_page_chars = 0
        self.tiny_chars = 0
        self.is_run_together = False


def read_lines(blocks: Sequence[Block], width: float, height: float, fonts: Fonts) -> PageText:
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
            first = len(page.lines)
            _read_block(page, block, number, corner, fonts)
            if type(block) is Element:
                for line in page.lines[first:]:
                    line.role, line.area = block.role, block.area
        elif block.type == "image" and (box := block.bbox) is not None:
            page.images.append((box.x, box.y, box.x + box.w, box.y + box.h))
    for line in page.lines:
        if len(line.spans) > 1 and is_right_to_left(line.text):
            line.spans, line.text, line.cells = turned(line.spans, line.size, CELL_GAP * line.size)
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
        size, name = font.size, intern(font.name)  # the parser gives every run a name of its own
        style = styles.get(name)
        if style is None:
            style = fonts.style(font)
        if line is not None and _continues(line, x0, x1, base, size):
            line.extend(text, style, size, (x0, y0, x1, y1))
        elif line is not None and (gap := _gap_along(line, text, x0, y0, y1)) is not None:
            line.upright = False
            line.text += " " + text if gap > _SPACE_ALONG * size and not line.vertical else text
            line.y0, line.y1 = min(line.y0, y0), max(line.y1, y1)
        elif text.isspace():
            continue
        else:
            line = Line((x0, y0, x1, y1), base, number)
            line.text, line.size, line.style, line.longest = text, size, style, length
            line.vertical = run.wmode > 0
            line.upright = not (run.wmode or (length > 2 and _runs_aslant(text, x1 - x0, y1 - y0, size)))
            page.lines.append(line)
        line.spans.append((text, style, name, size, x0, x1))
        sizes[size] = sizes.get(size, 0) + length
        if length > _LONG and not page.is_run_together:
            page.is_run_together = is_run_together(text)
        if size < TINY_SIZE:
            page.tiny_chars += len(text.strip())
        page.fonts.add(name)


def _runs_aslant(text: str, width: int, height: int, size: int) -> bool:
    """True for text that runs up or down the page, or across it at an angle; Arabic may be as high."""
    if height > 2 * width:
        return True
    return height > _TALL * size and height > _SLOPE * width and not is_right_to_left(text)


def _gap_along(line: Line, text: str, x0: int, y0: int, y1: int) -> int | None:
    """How far below or, turned, above the end of a line that is not upright a run stands; None: apart.

    A single letter right above a single letter makes a turned line of both.
    """
    if line.upright and not (len(text) == len(line.text) == 1 and 0 < line.y0 - y0 < line.size):
        return None
    if abs(x0 - line.x0) > (_SAME_PLACE if line.upright else 0.5 * line.size):
        return None
    gap = max(y0 - line.y1, -line.size if line.vertical else line.y0 - y1)
    return gap if -0.5 * line.size < gap < line.size else None


def _continues(line: Line, x0: int, x1: int, base: int, size: int) -> bool:
    """True when a span stands on the line: beside what is there, on nearly the same baseline."""
    shift = base - line.base
    if (
        shift > _LOWERED * size or -shift > _RAISED * line.size
    ):  # superscripts and subscripts stay with their line
        return False
    if not line.upright:
        return False
    _, _, _, last_size, last_x0, last_x1 = line.spans[-1]
    slack = _OVERLAP * max(size, last_size)
    return x0 >= last_x1 - slack or x1 <= last_x0 + slack
