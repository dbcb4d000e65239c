"""Tables in the flow of a page: a table takes the place of the lines that it is made of."""

from __future__ import annotations

from collections.abc import Sequence

from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.tables.caption import find_caption
from ingestkit_pdf.pdf.tables.model import Table

__all__ = ["TableLine", "with_tables"]

_SLACK = 100  # hundredths of a point by which a line may stick out of its table

_IntBox = tuple[int, int, int, int]


class TableLine(Line):
    """Stands for a table among the lines of a page.

    Attributes:
        table: The table.
        number, index: Page number (from 1), and position among the tables of the page (from 0).
        caption: Its caption, where there is one.
        rows: A line without text for every row, with the row's box.
    """

    __slots__ = ("caption", "index", "number", "rows", "table")

    def __init__(self, table: Table, box: _IntBox, lines: Sequence[Line], number: int, index: int) -> None:
        first = lines[0]
        super().__init__(box, min(line.base for line in lines), first.block)
        self.size = sorted(line.size for line in lines)[len(lines) // 2]
        self.table = table
        self.number = number
        self.index = index
        self.caption: str | None = None
        self.rows = _row_lines(table, self)


def _row_lines(table: Table, line: Line) -> list[Line]:
    """One line a row, as high as the row's cells."""
    rows = []
    for top, bottom in table.row_edges:
        row = Line((line.x0, int(top * SCALE), line.x1, int(bottom * SCALE)), int(bottom * SCALE), line.block)
        row.size = line.size
        rows.append(row)
    return rows


def with_tables(lines: Sequence[Line], tables: Sequence[Table], number: int) -> tuple[list[Line], list[Line]]:
    """The lines of page `number` with each table in the place of its first line, and the lines it took."""
    kept: list[Line] = []
    taken: list[list[Line]] = [[] for _ in tables]
    places: dict[int, int] = {}
    boxes = [_scaled(table) for table in tables]
    for line in lines:
        rest: Line | None = line
        for index, box in enumerate(boxes):
            if rest is None or not _touches(rest, box):
                continue
            taken[index].append(rest)
            places.setdefault(index, len(kept))
            rest = _outside(rest, box)
        if rest is not None:
            kept.append(rest)
    found = [
        TableLine(tables[index], boxes[index], taken[index], number, order)
        for order, index in enumerate(sorted(places))
    ]
    for line, place in sorted(
        zip(found, (places[index] for index in sorted(places)), strict=True), key=lambda item: -item[1]
    ):
        line.caption = find_caption((line.x0, line.y0, line.x1, line.y1), kept)
        kept.insert(place, line)
    return kept, [line for members in taken for line in members]


def _scaled(table: Table) -> _IntBox:
    x0, y0, x1, y1 = table.box
    return int(x0 * SCALE), int(y0 * SCALE), int(x1 * SCALE), int(y1 * SCALE)


def _touches(line: Line, box: _IntBox) -> bool:
    middle = (line.y0 + line.y1) // 2
    return box[1] - _SLACK <= middle <= box[3] + _SLACK and line.x0 < box[2] and line.x1 > box[0]


def _outside(line: Line, box: _IntBox) -> Line | None:
    """What of a line stands beside the table: None when all of it is inside."""
    if line.x0 >= box[0] - _SLACK and line.x1 <= box[2] + _SLACK:
        return None
    return line.of(
        [span for span in line.spans if not box[0] - _SLACK <= (span[4] + span[5]) // 2 <= box[2] + _SLACK]
    )
