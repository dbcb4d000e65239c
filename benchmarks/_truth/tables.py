"""Tables: the ICDAR 2013 truth and its measure, the adjacency relations of cells.

The measure is that of M. Göbel, T. Hassan, E. Oro, G. Orsi: "A Methodology for Evaluating Algorithms for
Table Understanding in PDF Documents" (DocEng 2012): every cell with content is paired with its nearest
neighbours with content to the right and below; precision and recall count the pairs that both sides have.
It needs no alignment of regions, punishes invented tables, and takes part of a table for what it is worth.
"""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cell", "Score", "Table", "from_rows", "icdar_documents", "icdar_tables", "mean", "score"]

_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_SINGLE = re.compile("[\u2018\u2019\u201a\u2032\u00b4`]")
_DOUBLE = re.compile("[\u201c\u201d\u201e\u2033]")
_NOTHING = re.compile("[\\s\u00ad\u200b-\u200f\ufeff\x00-\x1f]+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its first and last row and column, and its text."""

    row: int
    col: int
    last_row: int
    last_col: int
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a table on one page (from 1)."""

    page: int
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Score:
    """Pairs that are right, that were found, and that are true."""

    right: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the found pairs that are true; 0 where nothing was found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that were found."""
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        total = self.found + self.true
        return 2 * self.right / total if total else 0.0


Relation = tuple[int, str, str, bool]
"""Page, text of a cell, text of its neighbour, whether that stands to the right (else below)."""


def normal(text: str) -> str:
    """The text without white space, with one kind of dash and quote, compatibility forms resolved."""
    text = unicodedata.normalize("NFKC", text)
    text = _DOUBLE.sub('"', _SINGLE.sub("'", _DASHES.sub("-", text)))
    return _NOTHING.sub("", text)


def from_rows(page: int, rows: Sequence[Sequence[str | None]]) -> Table:
    """A table from rows of text; None and empty text are blank cells."""
    cells = [
        Cell(r, c, r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row) if text is not None
    ]
    return Table(page, cells)


def relations(table: Table) -> Counter[Relation]:
    """Every cell with its nearest neighbours with content, to the right and below, each pair once."""
    place: dict[tuple[int, int], Cell] = {}
    for cell in table.cells:
        if normal(cell.text):
            for row in range(cell.row, cell.last_row + 1):
                for col in range(cell.col, cell.last_col + 1):
                    place[row, col] = cell
    if not place:
        return Counter()
    rows, cols = max(row for row, _ in place) + 1, max(col for _, col in place) + 1
    pairs: set[tuple[Cell, Cell, bool]] = set()
    for (row, col), cell in place.items():
        for steps, is_right in (
            (((row, c) for c in range(col + 1, cols)), True),
            (((r, col) for r in range(row + 1, rows)), False),
        ):
            neighbour = next((place[step] for step in steps if step in place), None)
            if neighbour is not None and neighbour is not cell:
                pairs.add((cell, neighbour, is_right))
    return Counter((table.page, normal(a.text), normal(b.text), right) for a, b, right in pairs)


def score(found: Iterable[Table], truth: Iterable[Table]) -> Score:
    """Compare the tables of one document with the true ones."""
    ours: Counter[Relation] = Counter()
    theirs: Counter[Relation] = Counter()
    for table in found:
        ours += relations(table)
    for table in truth:
        theirs += relations(table)
    return Score((ours & theirs).total(), ours.total(), theirs.total())


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean; 0 of nothing."""
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0


def icdar_documents(corpus: Path) -> list[Path]:
    """The PDFs of the corpus that have a truth of tables, in order."""
    folder = corpus / "truth" / "icdar2013-tables"
    return sorted(path for path in folder.glob("*.pdf") if path.with_name(f"{path.stem}-str.xml").is_file())


def icdar_tables(pdf: Path) -> list[Table]:
    """The true tables of a document: cells from `-str.xml`, pages from there or from `-reg.xml`."""
    regions = ET.parse(pdf.with_name(f"{pdf.stem}-reg.xml")).getroot()
    pages = [int(region.get("page") or 0) for region in regions.iter("region")]
    tables = []
    structure = ET.parse(pdf.with_name(f"{pdf.stem}-str.xml")).getroot()
    for index, region in enumerate(structure.iter("region")):
        page = int(region.get("page") or (pages[index] if index < len(pages) else 0))
        tables.append(Table(page, [_cell(cell) for cell in region.iter("cell")]))
    return tables


def _cell(cell: ET.Element) -> Cell:
    row, col = int(cell.get("start-row") or 0), int(cell.get("start-col") or 0)
    last_row, last_col = int(cell.get("end-row") or row), int(cell.get("end-col") or col)
    return Cell(row, col, last_row, last_col, cell.findtext("content") or "")
