"""What table recognition works on and what it gives: words, rules, cells, tables. Boxes are in points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import PageContent

__all__ = [
    "ALL",
    "Box",
    "Cell",
    "OutOfTimeError",
    "PageInk",
    "Rule",
    "Source",
    "Table",
    "TableEngine",
    "Vector",
    "Word",
]

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in points, the origin at the top left."""


class OutOfTimeError(Exception):
    """A page took longer than the configuration allows."""


Source = tuple[int, int, int]
"""Index of a line of the page, of a span in it, and of a word in that; `ALL` for all of them."""

ALL = -1  # in the place of an index: all of them


class Word(NamedTuple):
    """A word, or a run of words that certainly stand in one cell; `source` is where the lines have it."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str
    source: Source = (0, 0, ALL)


class Vector(NamedTuple):
    """A painted path, or one rectangle or segment of it.

    Attributes:
        x0, y0, x1, y1: Its box.
        is_stroked: Drawn as a line, else filled.
        is_white: Painted in white: it covers, it does not show.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    is_stroked: bool
    is_white: bool


class Rule(NamedTuple):
    """A straight line: at `at` (y of a horizontal one, x of a vertical one), from `start` to `end`."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class PageInk:
    """What a page shows, as far as tables are concerned; `vectors` are `Vector` or tuples like it."""

    width: float
    height: float
    words: list[Word]
    vectors: Sequence[tuple[float, float, float, float, bool, bool]]


@dataclass(slots=True)
class Cell:
    """A cell: the rows and columns it spans (first and last, from 0) and its text."""

    row: int
    col: int
    last_row: int
    last_col: int
    text: str


@dataclass(slots=True)
class Table:
    """One table on one page.

    Attributes:
        box: Around its cells and rules.
        cells: Those with text, from top to bottom and left to right.
        row_count, col_count: Of its grid.
        header_rows: How many rows at the top are header.
        words: The words that became its cells.
        row_edges: Top and bottom of each row.
        col_bounds: x between each two columns.
    """

    box: Box
    cells: list[Cell]
    row_count: int
    col_count: int
    header_rows: int = 0
    words: list[Word] = field(default_factory=list)
    row_edges: list[tuple[float, float]] = field(default_factory=list)
    col_bounds: list[float] = field(default_factory=list)

    def mirror(self) -> None:
        """Count the columns from the right, as tables in Hebrew and Arabic are read."""
        for cell in self.cells:
            cell.col, cell.last_col = self.col_count - 1 - cell.last_col, self.col_count - 1 - cell.col
        self.cells.sort(key=lambda cell: (cell.row, cell.col))

    def grid(self) -> list[list[str]]:
        """The text of every cell at its first row and column; what a cell spans besides is empty."""
        rows = [[""] * self.col_count for _ in range(self.row_count)]
        for cell in self.cells:
            rows[cell.row][cell.col] = cell.text
        return rows


class TableEngine(Protocol):
    """Finds the tables of one page."""

    def find(self, content: PageContent, lines: Sequence[Line]) -> list[Table]:
        """The tables from top to bottom; none where there are none.

        Args:
            content: The page, interpreted.
            lines: Its lines.

        Raises:
            OutOfTimeError: The page takes longer than it may.
        """
        ...
