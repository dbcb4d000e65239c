"""Which rows of a table are its header, and what each column is called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestkit_pdf.pdf.tables.model import Cell, Table
from ingestkit_pdf.pdf.tables.rows import is_value

__all__ = ["column_names", "header_row_count", "is_guessed", "title_of"]

_YEAR = re.compile(r"(?:(?:19|20)\d\d(?:[/\-\u2013](?:\d\d){1,2})?|Q[1-4](?:\s+\d{4})?)\*?$")
_MAX_ROWS = 5  # of a header
_MAX_NAME = 80  # letters of the name of a column
_MAX_GROUP = 40  # letters of what stands over several columns, for it to be written at each of them
_MAX_TEXT = 160  # letters of a text in a header; longer ones are what the table is about


def header_row_count(table: Table) -> int:
    """How many rows at the top name the columns.

    Those that are known to be header, else those before the first row with values. Where no row has values,
    the first one is the header if it has a short text for every column.
    """
    rows = _rows(table)
    limit = min(_MAX_ROWS, table.row_count - 1)
    count = table.header_rows or _rows_before_values(rows, table.col_count, limit)
    if any(len(cell.text) > _MAX_TEXT for cells in rows[:count] for cell in cells):
        return 0
    if 0 < count < limit and _names_columns(rows[:count], rows[count], table.col_count):
        count = min(max(cell.last_row for cell in rows[count]) + 1, limit)
    return count


def is_guessed(table: Table) -> bool:
    """True when no values below the header tell that it is one: it may be a row of the body."""
    return table.header_rows == 1 and not any(
        _has_values(cells, index) for index, cells in enumerate(_rows(table))
    )


def _rows(table: Table) -> list[list[Cell]]:
    rows: list[list[Cell]] = [[] for _ in range(table.row_count)]
    for cell in table.cells:
        for row in range(cell.row, cell.last_row + 1):
            rows[row].append(cell)
    return rows


def _rows_before_values(rows: Sequence[Sequence[Cell]], cols: int, limit: int) -> int:
    first = next((index for index, cells in enumerate(rows) if _has_values(cells, index)), None)
    if first is None or first > limit:
        return 1 if _names_all(rows[0], cols) and limit else 0
    return first if first == 0 or not _only_titles(rows[:first]) else 0


def _names_columns(header: Sequence[Sequence[Cell]], cells: Sequence[Cell], cols: int) -> bool:
    """True when a header says what groups of columns are about, or all of them, and these cells name each.

    There may be numbers among the names of columns in groups, as columns are counted, but words as well.
    """
    above = [cell for row in header for cell in row]
    named = {cell.col for cell in above if cell.col == cell.last_col}
    if 0 in named or 2 * len(named) >= cols:
        return False
    are_words = [not is_value(cell.text) for cell in cells if cell.col > 0]
    is_title = all(cell.last_col - cell.col == cols - 1 for cell in above)
    return any(are_words) and _names_all(cells, cols) and (all(are_words) or not is_title)


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


def title_of(table: Table) -> str | None:
    """What the header says over all columns: it is the name of none."""
    return " ".join([cell.text for cell in table.cells if _is_title(cell, table)]) or None


def _is_title(cell: Cell, table: Table) -> bool:
    return cell.col == 0 and cell.last_col == table.col_count - 1 and cell.last_row < table.header_rows


def column_names(table: Table) -> list[str] | None:
    """One name for each column, the texts above it joined; None for a table whose header names none.

    What stands over several columns is written at the first of them; at the others, too, where that is short
    and they have the name of a column that it does not stand over.
    """
    header = [cell for cell in table.cells if cell.row < table.header_rows and not _is_title(cell, table)]
    if not header:
        return None
    own = [
        " ".join([cell.text for cell in header if cell.col == cell.last_col == col])
        for col in range(table.col_count)
    ]
    names: list[list[str]] = [[] for _ in own]
    for cell in header:
        others = own[: cell.col] + own[cell.last_col + 1 :]
        for col in range(cell.col, cell.last_col + 1):
            tells_apart = len(cell.text) <= _MAX_GROUP and own[col] and own[col] in others
            if (col == cell.col or tells_apart) and cell.text not in names[col]:
                names[col].append(cell.text)
    return [" ".join(texts) for texts in names]
