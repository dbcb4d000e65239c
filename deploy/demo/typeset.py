"""Sets text on the pages of a PDF: headings and paragraphs that flow through columns and over pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pymupdf

__all__ = ["MARGIN", "PAGE_HEIGHT", "PAGE_WIDTH", "Typesetter", "wrap"]

PAGE_WIDTH, PAGE_HEIGHT = 595.0, 842.0  # A4, in points
MARGIN = 72.0
_GUTTER = 72.0
_LEADING = 1.35
BODY_SIZE = 10.5
HEADING_SIZES = {1: 20.0, 2: 14.0}


@cache
def _width(word: str, font: str, size: float) -> float:
    return float(pymupdf.get_text_length(word, fontname=font, fontsize=size))


def wrap(text: str, width: float, font: str, size: float) -> Iterator[str]:
    """The lines of `text` that fit into `width` points."""
    space = _width(" ", font, size)
    line: list[str] = []
    used = 0.0
    for word in text.split():
        needed = _width(word, font, size)
        if line and used + space + needed > width:
            yield " ".join(line)
            line, used = [word], needed
        else:
            used += needed + (space if line else 0.0)
            line.append(word)
    if line:
        yield " ".join(line)


@dataclass
class Typesetter:
    """Fills the columns of a page from top to bottom, then those of the next.

    Attributes:
        document: The document that pages are added to.
        columns: Columns on each page.
        furnish: Called with each new page and its number, counted from 1, for what stands on every page.
    """

    document: pymupdf.Document
    columns: int = 1
    furnish: Callable[[pymupdf.Page, int], None] | None = None

    def __post_init__(self) -> None:
        self.width = (PAGE_WIDTH - 2 * MARGIN - (self.columns - 1) * _GUTTER) / self.columns
        self.new_page()

    @property
    def page_number(self) -> int:
        """The page that is being filled, counted from 1."""
        return int(self.document.page_count)

    def new_page(self) -> None:
        """Go on at the top of a new page."""
        self.page = self.document.new_page(width=PAGE_WIDTH, height=PAGE_HEIGHT)
        self._column = 0
        self.y = MARGIN
        if self.furnish is not None:
            self.furnish(self.page, self.page_number)

    def heading(self, text: str, level: int) -> None:
        """A heading, kept together with the first lines below it."""
        size = HEADING_SIZES[level]
        self._make_room(size + 5 * BODY_SIZE * _LEADING)
        self.y += size * 0.6
        self._lines(text, "hebo", size)
        self.y += size * 0.3

    def paragraph(self, text: str) -> None:
        """A paragraph of body text."""
        self._lines(text, "tiro", BODY_SIZE)
        self.y += BODY_SIZE * 0.8

    def _lines(self, text: str, font: str, size: float) -> None:
        lines = list(wrap(text, self.width, font, size))
        while lines:
            self._make_room(size * _LEADING)
            fitting = max(1, int((PAGE_HEIGHT - MARGIN - self.y) / (size * _LEADING)))
            now, lines = lines[:fitting], lines[fitting:]
            start = (MARGIN + self._column * (self.width + _GUTTER), self.y + size * _LEADING)
            self.page.insert_text(start, now, fontname=font, fontsize=size, lineheight=_LEADING)
            self.y += len(now) * size * _LEADING

    def _make_room(self, height: float) -> None:
        if self.y + height <= PAGE_HEIGHT - MARGIN:
            return
        if self._column + 1 < self.columns:
            self._column += 1
            self.y = MARGIN
        else:
            self.new_page()
