"""Which rows of a table are its header, and what each column is called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestkit_pdf.pdf.tables.model import Cell, Table
from ingestkit_pdf.pdf.tables.rows import is_value

__all__ = ["column_names", "header_row_count"]

_YEAR = re.compile(r"(?:(?:19|20)\d\d(?:[/\-\u2013](?:\d\d){1,2})?|Q[1-4](?:\s+\d{4})?)\*?$")
_MAX_ROWS = 5  # of a header
_MAX_NAME = 80  # letters of the name of a column


def header_row_count(table: Table) -> int:
    """How many rows at the top name the columns: those before the first row with values.

    Where no row has values, the first one is the header if it has a short text for every column.
    """
    rows: list[list[Cell]] = [[] for _ in range(table.row_count)]
    for cell in table.cells:
        for row in range(cell.row, cell.last_row + 1):
            rows[row].append(cell)
    first = next((index for index, cells in enumerate(rows) if _has_values(cells, index)), None)
    limit = min(_MAX_ROWS, table.row_count - 1)
    if first is None:
        return 1 if _names_all(rows[0], table.col_count) and limit else 0
    if first <= limit:
        return first if first == 0 or not _only_titles(rows[:first]) else 0
    return 1 if _names_all(rows[0], table.col_count) else 0


def _has_values(cells: Sequence[Cell], row: int) -> bool:
    """True when cells beside the first column hold values; years in the first rows are names."""
    texts = [cell.text for cell in cells if cell.col > 0 and cell.text]
    if row < 2 and texts and all(_YEAR.match(text) or not is_value(text) for text in texts):
        return False
    return any(is_value(text) for text in texts)


def _names_all(cells: Sequence[Cell], cols: int) -> bool:
    covered = sum(cell.last_col - cell.col + 1 for cell in cells if cell.text)
    return covered >= cols - 1 and all(len(cell.text) <= _MAX_NAME for cell in cells)


def _only_titles(rows: Sequence[Sequence[Cell]]) -> bool:
    """True when the rows have text in one cell each: then they are titles, not names of columns."""
    return all(len(cells) <= 1 and all(cell.col == cell.last_col for cell in cells) for cells in rows)


def column_names(table: Table) -> list[str] | None:
    """One name for each column, the texts above it joined; None for a table without a header.

    A title over all columns is the name of none.
    """
    if not table.header_rows:
        return None
    names: list[list[str]] = [[] for _ in range(table.col_count)]
    for cell in table.cells:
        is_title = cell.col == 0 and cell.last_col == table.col_count - 1
        if cell.row < table.header_rows and not (is_title and cell.last_row < table.header_rows - 1):
            for col in range(cell.col, cell.last_col + 1):
                if cell.text and cell.text not in names[col]:
                    names[col].append(cell.text)
    return [" ".join(texts) for texts in names]
