"""Small repairs of a table that was found: signs in columns of their own, headers above its frame."""

from __future__ import annotations

from collections.abc import Sequence

from ingestkit_pdf.pdf.tables.caption import is_caption
from ingestkit_pdf.pdf.tables.model import Cell, Table
from ingestkit_pdf.pdf.tables.rows import cells_of_line
from ingestkit_pdf.pdf.tables.textlines import TextLine, joined

__all__ = ["add_header_above", "join_signs"]

_BEFORE = frozenset("$\u20ac\u00a3\u00a5") | {"US$", "CHF", "EUR", "USD", "Rs.", "("}
_AFTER = frozenset("%)\u2030*") | {")%", "%)"}
_MAX_LINES = 3  # of a header above a frame
_NEAR = 0.9  # heights of a line between the header and the frame


def join_signs(table: Table) -> None:
    """Put the signs of a column that has nothing else to the amounts beside it: `$` | `178` is `$ 178`."""
    for col in range(table.col_count - 1, -1, -1):
        texts = {cell.text for cell in table.cells if cell.col == cell.last_col == col}
        if not texts or table.col_count < 3:
            continue
        if col + 1 < table.col_count and texts <= _BEFORE:
            _join(table, col, col + 1)
        elif col > 1 and texts <= _AFTER:
            _join(table, col, col - 1)


def _join(table: Table, sign: int, amount: int) -> None:
    by_row = {cell.row: cell for cell in table.cells if cell.col == cell.last_col == amount}
    for cell in [cell for cell in table.cells if cell.col == cell.last_col == sign]:
        other = by_row.get(cell.row)
        if other is None:
            cell.col = cell.last_col = amount
            continue
        other.text = f"{cell.text} {other.text}" if sign < amount else f"{other.text} {cell.text}"
        table.cells.remove(cell)
    for cell in table.cells:
        if cell.col == cell.last_col:
            cell.col = cell.last_col = cell.col - (cell.col > sign)
        else:
            cell.last_col -= cell.last_col >= sign
            cell.col -= cell.col > sign
    table.col_count -= 1


def add_header_above(table: Table, bounds: Sequence[float], lines: Sequence[TextLine]) -> None:
    """Take lines of several cells directly above a frame into its table: the frame began below the header.

    Args:
        table: Whose frame it is.
        bounds: x between its columns.
        lines: What is left of the page, from top to bottom.
    """
    x0, top, x1, _ = table.box
    taken: list[TextLine] = []
    for line in reversed([line for line in lines if line.middle < top]):
        is_near = top - line.y1 <= _NEAR * line.height
        fits = line.x0 >= x0 - line.height and line.x1 <= x1 + line.height
        is_header = len(line.segments) > 1 and not is_caption(line.text)
        if not is_near or not fits or not is_header or len(taken) == _MAX_LINES:
            break
        taken.insert(0, line)
        top = line.y0
    cut = [cells_of_line(line, bounds) for line in taken]
    if not cut or max(len(item.cols) for item in cut) < 0.5 * table.col_count:
        return
    for cell in table.cells:
        cell.row += len(cut)
        cell.last_row += len(cut)
    above = [
        Cell(row, first, row, last, joined(run))
        for row, item in enumerate(cut)
        for first, last, run in item.cells
    ]
    table.cells = above + table.cells
    table.row_count += len(cut)
    table.header_rows += len(cut)
    table.row_edges = [(line.y0, line.y1) for line in taken] + table.row_edges
    table.box = (
        min(x0, *(line.x0 for line in taken)),
        top,
        max(x1, *(line.x1 for line in taken)),
        table.box[3],
    )
    table.words = [word for line in taken for word in line.words] + table.words
