"""Tables in the flow of a page: a table takes the place of the lines that it is made of."""

from __future__ import annotations

from collections.abc import Sequence

from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.tables.caption import find_caption_above, find_caption_below
from ingestkit_pdf.pdf.tables.model import ALL, Table
from ingestkit_pdf.pdf.tables.words import without_words

__all__ = ["TableLine", "with_tables"]

_IntBox = tuple[int, int, int, int]


class TableLine(Line):
    """Stands for a table among the lines of a page.

    Attributes:
        table: The table.
        number, index: Page number (from 1), and position among the tables of the page (from 0).
        caption: Its caption, where there is one.
        is_captioned_below: The caption stands below it, where it may be that of all parts of a table.
        rows: A line without text for every row, with the row's box.
        stands_out: Its first row is set in other type than the second.
    """

    __slots__ = ("caption", "index", "is_captioned_below", "number", "rows", "stands_out", "table")

    def __init__(self, table: Table, box: _IntBox, lines: Sequence[Line], number: int, index: int) -> None:
        first = lines[0]
        super().__init__(box, min(line.base for line in lines), first.block)
        self.size = sorted(line.size for line in lines)[len(lines) // 2]
        self.table = table
        self.number = number
        self.index = index
        self.caption: str | None = None
        self.rows = _row_lines(table, self)
        self.is_captioned_below = False
        self.stands_out = False


def _row_lines(table: Table, line: Line) -> list[Line]:
    """One line a row, as high as the row's cells."""
    rows = []
    for top, bottom in table.row_edges:
        row = Line((line.x0, int(top * SCALE), line.x1, int(bottom * SCALE)), int(bottom * SCALE), line.block)
        row.size = line.size
        rows.append(row)
    return rows


def with_tables(lines: Sequence[Line], tables: Sequence[Table], number: int) -> tuple[list[Line], list[Line]]:
    """The lines of page `number` with each table in the place of its first line, and what was taken of lines.

    Only the words that became cells are taken: what else stands in the box of a table stays a line. Tables
    with nothing between them stand in their own order.

    Args:
        lines: Of the page, in the order of the content stream.
        tables: In the order of reading.
        number: Of the page, from 1.
    """
    gone: dict[int, dict[int, set[int]]] = {}
    owners: dict[int, list[int]] = {}
    for index, table in enumerate(tables):
        for position, span, part in (word.source for word in table.words):
            gone.setdefault(position, {}).setdefault(span, set()).add(part)
            if index not in (known := owners.setdefault(position, [])):
                known.append(index)
    kept: list[Line] = []
    taken: list[Line] = []
    members: list[list[Line]] = [[] for _ in tables]
    places: dict[int, int] = {}
    for position, line in enumerate(lines):
        words = gone.get(position)
        if words is None:
            kept.append(line)
            continue
        for index in owners[position]:
            members[index].append(line)
            places.setdefault(index, len(kept))
        is_whole = ALL in words or len(words) == len(line.spans)
        taken.append(line if is_whole else line.of([line.spans[span] for span in sorted(words)]) or line)
        rest = without_words(line, words)
        if rest is not None:
            kept.append(rest)
    found = [
        TableLine(tables[index], _scaled(tables[index]), members[index], number, index)
        for index in sorted(places)
    ]
    for line in found:
        box = (line.x0, line.y0, line.x1, line.y1)
        line.caption = find_caption_above(box, kept)
        if line.caption is None:
            line.caption = find_caption_below(box, kept)
            line.is_captioned_below = line.caption is not None
        line.stands_out = line.table.header_rows == 1 and _stands_out(line.table, lines)
    for line in sorted(found, key=lambda line: (places[line.index], line.index), reverse=True):
        kept.insert(places[line.index], line)
    return kept, taken


def _stands_out(table: Table, lines: Sequence[Line]) -> bool:
    first: set[tuple[int, int]] = set()
    second: set[tuple[int, int]] = set()
    bottom = table.row_edges[1][1]
    for _, y0, _, y1, _, (number, index, _) in table.words:
        middle = (y0 + y1) / 2
        if middle <= bottom and index != ALL:
            _, style, _, size, _, _ = lines[number].spans[index]
            (first if middle <= table.row_edges[0][1] else second).add((style, size))
    return not first & second


def _scaled(table: Table) -> _IntBox:
    x0, y0, x1, y1 = table.box
    return int(x0 * SCALE), int(y0 * SCALE), int(x1 * SCALE), int(y1 * SCALE)
