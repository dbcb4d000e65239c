"""A table as the rows of a Markdown pipe table, and as `TableResult`."""

from __future__ import annotations

import re

from ingestkit_pdf.models import TableResult, TableSpan
from ingestkit_pdf.pdf.tables.flow import TableLine
from ingestkit_pdf.pdf.tables.header import column_names, title_of
from ingestkit_pdf.pdf.tables.model import Table

__all__ = ["markdown_rows", "table_name", "table_result"]

_PIPE = re.compile(r"(\\*)\|")  # with the backslashes before it: an odd one would escape the escape


def markdown_rows(table: Table) -> list[str]:
    """One line of Markdown for each row; the header's lines are the first, or an empty one.

    A pipe table has exactly one header row: the names of the columns, with the texts of all header rows above
    them joined. A title over all columns stands above it.
    """
    names = column_names(table) or [""] * table.col_count
    rule = "|" + " --- |" * table.col_count
    title = title_of(table)
    above = f"{_one_line(title)}\n\n" if title else ""
    return [f"{above}{_row(names)}\n{rule}", *(_row(row) for row in table.grid()[table.header_rows :])]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join([_escaped(_one_line(cell)) for cell in cells]) + " |"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return _PIPE.sub(r"\1\1\\|", text) if "|" in text else text


def table_name(page_number: int, index: int) -> str:
    """The name of a table in `ProcessingResult.tables`."""
    return f"page-{page_number}-table-{index + 1}"


def table_result(line: TableLine, *, is_continuation: bool, group: str | None) -> TableResult:
    """The table's part of the result."""
    table = line.table
    grid = table.grid()
    return TableResult(
        page_number=line.number,
        table_index=line.index,
        rows=grid[table.header_rows :],
        headers=column_names(table),
        header_rows=grid[: table.header_rows],
        spans=[
            TableSpan(
                row=cell.row,
                col=cell.col,
                row_count=cell.last_row - cell.row + 1,
                col_count=cell.last_col - cell.col + 1,
            )
            for cell in table.cells
            if cell.last_row > cell.row or cell.last_col > cell.col
        ],
        box=tuple(round(value, 2) for value in table.box),
        caption=line.caption or title_of(table),
        is_continuation=is_continuation,
        continuation_group_id=group,
    )
